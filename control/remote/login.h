/* Proves to the host who we are: by a key file, by the keys that ssh-agent holds, or by a password
 * from a file. The agent is never forwarded: nothing asks for it. */
#ifndef CONTROL_REMOTE_LOGIN_H
#define CONTROL_REMOTE_LOGIN_H

#include "control/remote/session.h"

int rift_ssh_login(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err);

#endif
