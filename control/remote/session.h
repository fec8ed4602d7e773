/* One SSH session, as all that work on it see it, and the wait they share.
 *
 * libssh2 without blocking, so that every wait has a deadline. A session belongs to one thread. */
#ifndef CONTROL_REMOTE_SESSION_H
#define CONTROL_REMOTE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <libssh2.h>

#include "common/error.h"
#include "control/remote/node_settings.h"

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

/* When a step of connecting is given up: after least_ms, or later where the node's owner waits
 * longer for a connection. */
int64_t rift_ssh_step_deadline(const struct rift_node_settings *settings, int64_t least_ms);
/* Waits until the session can make progress. */
int rift_ssh_wait(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err);
/* An error that names the node and holds libssh2's last words. */
int rift_ssh_fail(struct rift_ssh *ssh, enum rift_error_code code, const char *what,
                  struct rift_error *err);

#endif
