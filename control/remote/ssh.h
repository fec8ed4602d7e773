/* One SSH session: connected, host key checked, logged in; commands and channels over it.
 *
 * libssh2 without blocking, so that every wait has a deadline. A session belongs to one thread. */
#ifndef CONTROL_REMOTE_SSH_H
#define CONTROL_REMOTE_SSH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <libssh2.h>

#include "common/error.h"
#include "common/text.h"
#include "control/remote/node.h"

/* What else the thread has to look after while it waits for the network. */
struct rift_ssh_idle {
    /* Returns the monotonic time at which it wants to be called again, or a negative number to give
     * up the wait. */
    int64_t (*look)(void *context);
    void *context;
    int wake_fd; /* readable: look at once; -1: none */
};

struct rift_ssh {
    int fd;
    LIBSSH2_SESSION *session;
    const struct rift_node_settings *settings;
    const struct rift_ssh_idle *idle; /* or NULL */
    char label[192];                  /* "n1 (10.0.0.1 port 22)" */
    char local_address[64];           /* ours on this connection, numeric; "" behind a proxy */
    pid_t proxy_pid;                  /* of the proxy command; 0: none */
    int proxy_words;                  /* what it writes to stderr, or -1 */
};

/* settings and idle must outlive the session. NULL with an error that names the node and says what
 * to do: unreachable, unknown or changed host key, refused key, RSA key. */
struct rift_ssh *rift_ssh_open(const struct rift_node_settings *settings,
                               const struct rift_ssh_idle *idle, struct rift_error *err);
void rift_ssh_close(struct rift_ssh *ssh);

/* Waits until the session can make progress. */
int rift_ssh_wait(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err);
/* An error that names the node and holds libssh2's last words. */
int rift_ssh_fail(struct rift_ssh *ssh, enum rift_error_code code, const char *what,
                  struct rift_error *err);

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

/* host_key.c. RIFT_ERR_CONFLICT and *wanted_methods, where known_hosts knows this host by a key of
 * another kind than the server offered: connect again with those methods. */
int rift_ssh_check_host_key(struct rift_ssh *ssh, const char **wanted_methods,
                            struct rift_error *err);
/* login.c */
int rift_ssh_login(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err);

#endif
