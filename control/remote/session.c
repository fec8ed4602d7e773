/* One SSH session: the wait that all share, and its errors. */
#include "control/remote/session.h"

#include <poll.h>

#include "common/clock.h"

int rift_ssh_fail(struct rift_ssh *ssh, enum rift_error_code code, const char *what,
                  struct rift_error *err)
{
    char *words = NULL;
    libssh2_session_last_error(ssh->session, &words, NULL, 0);
    return rift_fail(err, code, "%s: %s: %s", ssh->label, what,
                     words && words[0] ? words : "no reason given");
}

int64_t rift_ssh_step_deadline(const struct rift_node_settings *settings, int64_t least_ms)
{
    int64_t most_ms =
        settings->connect_timeout_ms > least_ms ? settings->connect_timeout_ms : least_ms;
    return rift_clock_now() + most_ms * RIFT_MS;
}

int rift_ssh_wait(struct rift_ssh *ssh, int64_t deadline_ns, struct rift_error *err)
{
    int64_t until = deadline_ns;
    int64_t wanted = ssh->idle ? ssh->idle->look(ssh->idle->context) : deadline_ns;
    if (wanted < 0)
        return rift_fail(err, RIFT_ERR_CANCELLED, "%s: given up", ssh->label);
    if (rift_clock_now() >= deadline_ns)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "%s: no answer in time", ssh->label);
    until = wanted < until ? wanted : until;
    int directions = ssh->session ? libssh2_session_block_directions(ssh->session) : 0;
    struct pollfd fds[2] = {{.fd = ssh->fd}, {.fd = ssh->idle ? ssh->idle->wake_fd : -1}};
    fds[0].events = POLLIN;
    if (!ssh->session || (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND))
        fds[0].events |= POLLOUT;
    fds[1].events = POLLIN;
    poll(fds, 2, rift_clock_poll_ms(until));
    return 0;
}
