/* Attempts are not waited for: each look tells what became of the one before. */
#include "nemesis/faults/network/tcp_look.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/network/tcp_sockets.h"

enum { CONNECTIONS_MAX = 256, DEFAULT_PORT = 22 };
/* Longer than a round trip takes, shorter than TCP's first repetition. */
enum { SILENT_MS = 100, AGAIN_MS = 800 };

/* An attempt to connect to a peer. */
struct attempt {
    int fd; /* -1: none */
    int64_t since_ns;
    bool is_silent; /* as the last one that told found it */
};

struct connection {
    uint64_t cookie, segments_in;
};

struct rift_tcp_look {
    struct rift_match match;
    size_t peer_count;
    struct attempt *attempts; /* of each peer */
    struct connection old[CONNECTIONS_MAX];
    size_t old_count;
    int64_t since_ns, hits; /* of the segments_in */
};

static int64_t hits_of(const json_t *peers, size_t i)
{
    return json_integer_value(json_object_get(json_array_get(peers, i), "hit"));
}

static int64_t hits_of_all(const json_t *peers)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(peers); i++)
        sum += hits_of(peers, i);
    return sum;
}

/* --- connections that were there */

struct collection {
    const struct rift_target *target;
    const struct rift_match *match;
    struct connection *list;
    size_t count;
};

static void collect(const struct rift_tcp_socket *socket, void *context)
{
    struct collection *all = context;
    if (all->count == CONNECTIONS_MAX || (!rift_match_has_port(all->match, socket->local_port) &&
                                          !rift_match_has_port(all->match, socket->remote_port)))
        return;
    for (size_t i = 0; i < all->target->peer_count; i++)
        for (const char *const *a = all->target->peers[i].addresses; *a; a++) {
            unsigned char bytes[16] = {[10] = 0xff, [11] = 0xff};
            if (inet_pton(AF_INET6, *a, bytes) != 1)
                inet_pton(AF_INET, *a, bytes + 12);
            if (memcmp(bytes, socket->remote, sizeof bytes) != 0)
                continue;
            all->list[all->count++] =
                (struct connection){.cookie = socket->cookie, .segments_in = socket->segments_in};
            return;
        }
}

static int look_at_old(struct rift_tcp_look *look, const struct rift_target *target,
                       const json_t *peers, bool *is_observed, char how[160],
                       struct rift_error *err)
{
    struct connection now[CONNECTIONS_MAX];
    struct collection all = {.target = target, .match = &look->match, .list = now};
    int64_t time_ns = rift_clock_now(), hits = hits_of_all(peers);
    size_t still = 0, moved = 0;
    if (rift_tcp_sockets_visit(collect, &all, err))
        return -1;
    for (size_t i = 0; i < look->old_count; i++)
        for (size_t j = 0; j < all.count; j++) {
            if (look->old[i].cookie != now[j].cookie)
                continue;
            still += look->old[i].segments_in == now[j].segments_in;
            moved += look->old[i].segments_in != now[j].segments_in;
            if (look->since_ns == 0 || look->old[i].segments_in != now[j].segments_in)
                look->old[i].segments_in = now[j].segments_in;
        }
    *is_observed = look->since_ns > 0 && moved == 0 && still > 0 && hits > look->hits &&
                   time_ns - look->since_ns >= SILENT_MS * RIFT_MS;
    snprintf(how, 160, "of %zu connections from before, %zu were given nothing; %lld dropped",
             still + moved, look->since_ns ? still : 0, (long long)hits);
    if (look->since_ns == 0 || moved > 0) {
        look->since_ns = time_ns;
        look->hits = hits;
    }
    return 0;
}

/* Where there were none before, as of a system's that come and go, or there are too many, the
 * segments alone tell. */
static int look_for_lost(const struct rift_tcp_look *look, const struct rift_target *target,
                         const json_t *peers, bool *is_observed, char how[160],
                         struct rift_error *err)
{
    struct connection now[CONNECTIONS_MAX];
    struct collection all = {.target = target, .match = &look->match, .list = now};
    size_t lost = 0;
    if (rift_tcp_sockets_visit(collect, &all, err))
        return -1;
    for (size_t i = 0; i < look->old_count; i++) {
        size_t j = 0;
        while (j < all.count && now[j].cookie != look->old[i].cookie)
            j++;
        lost += j == all.count;
    }
    bool may_tell = look->old_count > 0 && all.count < CONNECTIONS_MAX;
    *is_observed = hits_of_all(peers) > 0 && (lost > 0 || !may_tell);
    snprintf(how, 160, "%lld segments made a RST; of %zu connections from before %zu are no more",
             (long long)hits_of_all(peers), look->old_count, lost);
    return 0;
}

/* --- attempts */

static void attempt_end(struct attempt *attempt)
{
    /* No goodbye, which would be held back as well. */
    struct linger at_once = {.l_onoff = 1};
    if (attempt->fd >= 0)
        setsockopt(attempt->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    rift_close_fd(&attempt->fd);
}

static void attempt_begin(struct attempt *attempt, const char *address, uint16_t port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    if (!is_v6)
        inet_pton(AF_INET, address, &v4.sin_addr);
    attempt->fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (attempt->fd < 0)
        return;
    attempt->since_ns = rift_clock_now();
    if (is_v6)
        connect(attempt->fd, (struct sockaddr *)&v6, sizeof v6);
    else
        connect(attempt->fd, (struct sockaddr *)&v4, sizeof v4);
}

static void attempt_look(struct attempt *attempt, const struct rift_match *match, int64_t hits)
{
    if (attempt->fd < 0)
        return;
    struct pollfd poll_fd = {.fd = attempt->fd, .events = POLLOUT};
    int64_t age_ns = rift_clock_now() - attempt->since_ns;
    if (poll(&poll_fd, 1, 0) > 0) {
        /* In a cut that comes and goes an answer says nothing against it. */
        if (match->period_us == 0)
            attempt->is_silent = false;
        attempt_end(attempt);
    } else if (age_ns >= SILENT_MS * RIFT_MS) {
        attempt->is_silent = hits > 0;
        if (age_ns >= AGAIN_MS * RIFT_MS)
            attempt_end(attempt);
    }
}

static void look_by_attempts(struct rift_tcp_look *look, const struct rift_target *target,
                             const json_t *peers, bool *is_observed, char how[160])
{
    uint16_t port = look->match.port_count ? look->match.ports[0].low : DEFAULT_PORT;
    size_t silent = 0;
    for (size_t i = 0; i < look->peer_count; i++) {
        struct attempt *attempt = &look->attempts[i];
        attempt_look(attempt, &look->match, hits_of(peers, i));
        if (attempt->fd < 0)
            attempt_begin(attempt, target->peers[i].addresses[0], port);
        silent += attempt->is_silent;
    }
    *is_observed = silent == look->peer_count;
    snprintf(how, 160, "port %d of %zu of %zu peers does not answer; %lld dropped", port, silent,
             look->peer_count, (long long)hits_of_all(peers));
}

struct rift_tcp_look *rift_tcp_look_create(const struct rift_target *target,
                                           const struct rift_match *match, struct rift_error *err)
{
    struct rift_tcp_look *look = rift_calloc(1, sizeof *look);
    look->match = *match;
    look->peer_count = target->peer_count;
    look->attempts = rift_calloc(target->peer_count, sizeof *look->attempts);
    for (size_t i = 0; i < look->peer_count; i++)
        look->attempts[i].fd = -1;
    struct collection all = {.target = target, .match = match, .list = look->old};
    if ((match->connections == RIFT_MATCH_ESTABLISHED || match->every_second) &&
        rift_tcp_sockets_visit(collect, &all, err)) {
        rift_tcp_look_destroy(look);
        return NULL;
    }
    look->old_count = all.count;
    return look;
}

void rift_tcp_look_destroy(struct rift_tcp_look *look)
{
    if (!look)
        return;
    for (size_t i = 0; i < look->peer_count; i++)
        attempt_end(&look->attempts[i]);
    free(look->attempts);
    free(look);
}

int rift_tcp_look(struct rift_tcp_look *look, const struct rift_target *target, const json_t *peers,
                  bool *is_observed, char how[160], struct rift_error *err)
{
    if (look->match.every_second)
        return look_for_lost(look, target, peers, is_observed, how, err);
    if (look->match.connections == RIFT_MATCH_ESTABLISHED)
        return look_at_old(look, target, peers, is_observed, how, err);
    look_by_attempts(look, target, peers, is_observed, how);
    return 0;
}
