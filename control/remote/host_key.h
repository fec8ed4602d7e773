/* Is the host the one that known_hosts remembers? */
#ifndef CONTROL_REMOTE_HOST_KEY_H
#define CONTROL_REMOTE_HOST_KEY_H

#include "control/remote/session.h"

/* RIFT_ERR_CONFLICT and *wanted_methods, where known_hosts knows this host by a key of
 * another kind than the server offered: connect again with those methods. */
int rift_ssh_check_host_key(struct rift_ssh *ssh, const char **wanted_methods,
                            struct rift_error *err);

#endif
