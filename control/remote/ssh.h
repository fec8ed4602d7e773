/* Opens and closes SSH sessions; commands and channels over one. */
#ifndef CONTROL_REMOTE_SSH_H
#define CONTROL_REMOTE_SSH_H

#include "common/text.h"
#include "control/remote/session.h"

/* settings and idle must outlive the session. NULL with an error that names the node and says what
 * to do: unreachable, unknown or changed host key, refused key, RSA key. */
struct rift_ssh *rift_ssh_open(const struct rift_node_settings *settings,
                               const struct rift_ssh_idle *idle, struct rift_error *err);
void rift_ssh_close(struct rift_ssh *ssh);

/* Starts command on a channel of its own. */
LIBSSH2_CHANNEL *rift_ssh_start(struct rift_ssh *ssh, const char *command, int64_t deadline_ns,
                                struct rift_error *err);
/* Whether something of the channel lies in libssh2's queue. Reading one stream queues what came of
 * the others, and then no poll(2) tells of it: ask before each wait for more. */
bool rift_ssh_has_unread(LIBSSH2_CHANNEL *channel);
/* Runs script with /bin/sh to its end; output is its stdout, then its stderr. *status is its exit
 * code. */
int rift_ssh_run(struct rift_ssh *ssh, const char *script, int64_t deadline_ns,
                 struct rift_text *output, int *status, struct rift_error *err);
/* Closes and frees the channel, within a short time of its own. Safe on NULL. */
void rift_ssh_end_channel(struct rift_ssh *ssh, LIBSSH2_CHANNEL *channel);

/* Appends text as one word of a shell. */
void rift_shell_quote(struct rift_text *out, const char *text);

#endif
