/* An attempt that was answered is reset at once (SO_LINGER), so that it costs the system little. */
#include "control/run/client_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { ATTEMPTS_MAX = 1024, POLL_MS = 20 };

struct attempts {
    struct pollfd fds[ATTEMPTS_MAX];
    size_t nodes[ATTEMPTS_MAX];
    size_t count, open_count;
};

static void attempt_end(int *fd)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    rift_close_fd(fd);
}

static void attempt_begin(struct attempts *attempts, struct client_probe *probe, size_t node,
                          const char *address, uint16_t port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    if (attempts->count == ATTEMPTS_MAX ||
        (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1))
        return;
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (is_v6)
        connect(fd, (struct sockaddr *)&v6, sizeof v6);
    else
        connect(fd, (struct sockaddr *)&v4, sizeof v4);
    attempts->nodes[attempts->count] = node;
    attempts->fds[attempts->count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
    attempts->open_count++;
    probe->nodes[node].tried++;
}

/* Takes the answers that come until a time, or until all have. */
static void attempts_wait(struct attempts *attempts, struct client_probe *probe, int64_t until_ns)
{
    while (attempts->open_count > 0 && rift_clock_now() < until_ns) {
        int ms = rift_clock_poll_ms(until_ns);
        if (poll(attempts->fds, attempts->count, ms < POLL_MS ? ms : POLL_MS) <= 0)
            continue;
        for (size_t i = 0; i < attempts->count; i++) {
            if (attempts->fds[i].fd < 0 || !attempts->fds[i].revents)
                continue;
            probe->nodes[attempts->nodes[i]].answered++;
            attempts->open_count--;
            attempt_end(&attempts->fds[i].fd);
        }
    }
}

static void attempts_begin(struct attempts *attempts, struct client_probe *probe,
                           const struct cluster *cluster, const struct rift_node_set *nodes,
                           const json_t *ports)
{
    for (size_t n = 0; n < cluster->node_count; n++)
        for (size_t i = 0; rift_node_set_has(nodes, n) && i < json_array_size(ports); i++) {
            const char *text = json_string_value(json_array_get(ports, i));
            long port = text ? strtol(text, NULL, 10) : 0;
            if (port > 0 && port <= UINT16_MAX)
                attempt_begin(attempts, probe, n, cluster->addresses[n], (uint16_t)port);
        }
}

void client_probe_run(struct client_probe *probe, const struct cluster *cluster,
                      const struct rift_node_set *nodes, const json_t *ports, int64_t spread_ms,
                      int64_t wait_ms)
{
    CLEANUP(rift_free) struct attempts *attempts = rift_calloc(1, sizeof *attempts);
    int rounds = spread_ms > 0 ? CLIENT_PROBE_SPREAD : 1;
    int64_t start_ns = rift_clock_now();
    probe->node_count = cluster->node_count;
    probe->nodes = rift_calloc(cluster->node_count, sizeof *probe->nodes);
    for (int round = 0; round < rounds; round++) {
        int64_t at_ns = start_ns + spread_ms * RIFT_MS * round / rounds;
        attempts_wait(attempts, probe, at_ns);
        rift_clock_sleep_until(at_ns);
        attempts_begin(attempts, probe, cluster, nodes, ports);
    }
    attempts_wait(attempts, probe, rift_clock_now() + wait_ms * RIFT_MS);
    for (size_t i = 0; i < attempts->count; i++)
        if (attempts->fds[i].fd >= 0)
            attempt_end(&attempts->fds[i].fd);
}

void client_probe_finish(struct client_probe *probe)
{
    free(probe->nodes);
    *probe = (struct client_probe){0};
}

static struct client_answers answers_of(const struct client_probe *probe, size_t node)
{
    return node < probe->node_count ? probe->nodes[node] : (struct client_answers){0};
}

bool client_probe_all_answer(const struct client_probe *probe, const struct client_probe *before,
                             const struct rift_node_set *nodes)
{
    for (size_t n = 0; n < probe->node_count; n++)
        if (rift_node_set_has(nodes, n) &&
            answers_of(probe, n).answered < answers_of(before, n).answered)
            return false;
    return true;
}

bool client_probe_describe_cut(const struct client_probe *before, const struct client_probe *during,
                               size_t node, bool flaps, struct rift_text *text)
{
    struct client_answers was = answers_of(before, node), is = answers_of(during, node);
    rift_text_printf(text, "%d of %d connection attempts of ours are answered", is.answered,
                     is.tried);
    if (was.answered < was.tried || was.tried == 0)
        rift_text_printf(text, ", but %d of %d before too", was.answered, was.tried);
    if (was.answered == 0 || is.tried == 0)
        return false;
    return flaps ? was.answered == was.tried && is.answered > 0 && is.answered < is.tried
                 : is.answered == 0;
}

bool client_probe_describe_healed(const struct client_probe *before,
                                  const struct client_probe *after, size_t node,
                                  struct rift_text *text)
{
    struct client_answers was = answers_of(before, node), is = answers_of(after, node);
    rift_text_printf(text, "%d of %d connection attempts of ours are answered", is.answered,
                     is.tried);
    return is.answered >= was.answered;
}
