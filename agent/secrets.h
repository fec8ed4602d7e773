/* Files of the system's that nobody else may read, in RIFT_SECRETS_FOLDER. */
#ifndef AGENT_SECRETS_H
#define AGENT_SECRETS_H

#include <sys/types.h>

#include <jansson.h>

#include "common/error.h"

/* Writes them, {name: base64}, as root's; those that were there go. NULL: none. */
int secrets_put(const json_t *secrets, struct rift_error *err);
/* Makes them that user's, who runs the system. */
int secrets_give(uid_t uid, gid_t gid, struct rift_error *err);
/* None there: success. */
int secrets_remove(struct rift_error *err);

#endif
