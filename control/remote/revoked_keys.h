/* Host keys that an owner has revoked (RevokedHostKeys of ssh_config(5)): a list of public keys, or
 * a KRL as ssh-keygen(1) makes it. */
#ifndef CONTROL_REMOTE_REVOKED_KEYS_H
#define CONTROL_REMOTE_REVOKED_KEYS_H

#include <stdbool.h>

#include "common/error.h"

/* The key is given as a public key file has it: its method, and base64. Fails where the file cannot
 * be read, as ssh takes no key then. */
int rift_revoked_keys_look(const char *path, const char *method, const char *encoded,
                           bool *is_revoked, struct rift_error *err);

#endif
