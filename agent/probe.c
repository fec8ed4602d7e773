/* One socket sends, receives and echoes. A datagram names its sender, so that the counts are right
 * where a host has many addresses or sits behind translation. */
#include "agent/probe.h"

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

enum { ROUNDS_MAX = 64, SENDERS_MAX = 64, PEERS_MAX = 64, ACTIVE_MAX = 8 };
enum { COUNT_MAX = 50, MS_MAX = 60000, READ_BURST = 256 };

static const char magic[8] = "riftprb1";

/* On the wire; numbers in network order. */
struct datagram {
    char magic[8];
    uint32_t token;
    uint32_t kind; /* 1: probe, 2: echo */
    uint32_t peer; /* the sender's number for the receiver, sent back in the echo */
    char sender[AGENT_WORD_SIZE];
    char pad[3];
    int64_t sent_ns; /* by the sender's clock, in its byte order: the echo brings it back */
};

enum { KIND_PROBE = 1, KIND_ECHO = 2 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* What arrived here in one round. */
struct received {
    uint32_t token; /* 0: free */
    size_t sender_count;
    struct {
        char name[AGENT_WORD_SIZE];
        char address[INET6_ADDRSTRLEN];
        int count;
    } senders[SENDERS_MAX];
};

/* A round that this agent sends. */
struct round {
    struct probe *probe;
    int64_t request_id; /* 0: free */
    uint32_t token;
    int left;
    int64_t interval_ns, wait_ns, start_ns;
    size_t peer_count;
    struct {
        char name[AGENT_WORD_SIZE];
        union address address;
        socklen_t size;
        int sent, echoed;
        int64_t trips_ns[COUNT_MAX];
    } peers[PEERS_MAX];
};

struct probe {
    struct agent *agent;
    int fd;
    int family;
    int port;
    struct received received[ROUNDS_MAX];
    size_t next_received;
    struct round rounds[ACTIVE_MAX];
};

static int probe_bind(struct probe *probe)
{
    union address any = {0};
    socklen_t size;
    if (probe->family == AF_INET6) {
        int off = 0;
        any.v6.sin6_family = AF_INET6;
        size = sizeof any.v6;
        setsockopt(probe->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    } else {
        any.v4.sin_family = AF_INET;
        size = sizeof any.v4;
    }
    if (bind(probe->fd, &any.any, size) || getsockname(probe->fd, &any.any, &size))
        return -1;
    probe->port = ntohs(probe->family == AF_INET6 ? any.v6.sin6_port : any.v4.sin_port);
    return 0;
}

static struct received *probe_received_for(struct probe *probe, uint32_t token, bool make)
{
    for (size_t i = 0; i < ROUNDS_MAX; i++)
        if (probe->received[i].token == token)
            return &probe->received[i];
    if (!make)
        return NULL;
    struct received *slot = &probe->received[probe->next_received++ % ROUNDS_MAX];
    memset(slot, 0, sizeof *slot);
    slot->token = token;
    return slot;
}

static void address_print(const union address *from, char text[INET6_ADDRSTRLEN])
{
    if (from->any.sa_family == AF_INET)
        inet_ntop(AF_INET, &from->v4.sin_addr, text, INET6_ADDRSTRLEN);
    else if (IN6_IS_ADDR_V4MAPPED(&from->v6.sin6_addr))
        inet_ntop(AF_INET, &from->v6.sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &from->v6.sin6_addr, text, INET6_ADDRSTRLEN);
}

static void probe_count(struct probe *probe, const struct datagram *datagram,
                        const union address *from)
{
    char address[INET6_ADDRSTRLEN] = "";
    struct received *round = probe_received_for(probe, ntohl(datagram->token), true);
    address_print(from, address);
    size_t i = 0;
    while (i < round->sender_count && (strcmp(round->senders[i].name, datagram->sender) != 0 ||
                                       strcmp(round->senders[i].address, address) != 0))
        i++;
    if (i == SENDERS_MAX)
        return;
    if (i == round->sender_count) {
        round->sender_count++;
        snprintf(round->senders[i].name, AGENT_WORD_SIZE, "%s", datagram->sender);
        snprintf(round->senders[i].address, INET6_ADDRSTRLEN, "%s", address);
    }
    round->senders[i].count++;
}

static void probe_take_echo(struct probe *probe, const struct datagram *datagram)
{
    for (size_t i = 0; i < ACTIVE_MAX; i++) {
        struct round *round = &probe->rounds[i];
        uint32_t peer = ntohl(datagram->peer);
        if (round->request_id && round->token == ntohl(datagram->token) &&
            peer < round->peer_count && round->peers[peer].echoed < round->peers[peer].sent)
            round->peers[peer].trips_ns[round->peers[peer].echoed++] =
                rift_clock_now() - datagram->sent_ns;
    }
}

static void probe_ready(void *context, short events)
{
    (void)events;
    struct probe *probe = context;
    for (int i = 0; i < READ_BURST; i++) {
        struct datagram datagram;
        union address from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(probe->fd, &datagram, sizeof datagram, MSG_TRUNC, &from.any, &size);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            continue; /* an ICMP error of an earlier send */
        if (n < 0)
            return;
        if (n != sizeof datagram || memcmp(datagram.magic, magic, sizeof magic) != 0 ||
            datagram.token == 0 || !memchr(datagram.sender, 0, sizeof datagram.sender))
            continue;
        if (datagram.kind == htonl(KIND_ECHO)) {
            probe_take_echo(probe, &datagram);
        } else if (datagram.kind == htonl(KIND_PROBE)) {
            probe_count(probe, &datagram, &from);
            datagram.kind = htonl(KIND_ECHO);
            sendto(probe->fd, &datagram, sizeof datagram, MSG_DONTWAIT, &from.any, size);
        }
    }
}

struct probe *probe_open(struct agent *agent, struct rift_error *err)
{
    struct probe *probe = rift_calloc(1, sizeof *probe);
    probe->agent = agent;
    probe->family = AF_INET6;
    probe->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0 || probe_bind(probe)) { /* a host without IPv6 */
        rift_close_fd(&probe->fd);
        probe->family = AF_INET;
        probe->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (probe->fd < 0 || probe_bind(probe)) {
            rift_fail_errno(err, RIFT_ERR_IO, "bind a UDP port for probes");
            probe_close(probe);
            return NULL;
        }
    }
    loop_watch(&agent->loop, probe->fd, POLLIN, probe_ready, probe);
    return probe;
}

void probe_close(struct probe *probe)
{
    if (!probe)
        return;
    rift_close_fd(&probe->fd);
    free(probe);
}

int probe_port(const struct probe *probe)
{
    return probe->port;
}

static int round_read_peer(struct round *round, int family, const json_t *json, size_t i,
                           struct rift_error *err)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *address = json_string_value(json_object_get(json, "address"));
    json_int_t port = json_integer_value(json_object_get(json, "port"));
    union address *to = &round->peers[i].address;
    struct in_addr v4;
    if (!name || !address || port < 1 || port > 65535)
        return rift_fail(err, RIFT_ERR_INVALID, "a peer needs 'name', 'address' and 'port'");
    snprintf(round->peers[i].name, AGENT_WORD_SIZE, "%s", name);
    bool is_v4 = inet_pton(AF_INET, address, &v4) == 1;
    if (family == AF_INET && is_v4) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_addr = v4;
        to->v4.sin_port = htons((uint16_t)port);
        round->peers[i].size = sizeof to->v4;
        return 0;
    }
    char mapped[INET6_ADDRSTRLEN + 8];
    snprintf(mapped, sizeof mapped, "%s%.45s", is_v4 ? "::ffff:" : "", address);
    if (family != AF_INET6 || inet_pton(AF_INET6, mapped, &to->v6.sin6_addr) != 1)
        return rift_fail(err, RIFT_ERR_INVALID, "peer '%s': cannot probe the address '%s'", name,
                         address);
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons((uint16_t)port);
    round->peers[i].size = sizeof to->v6;
    return 0;
}

static int compare_trips(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static void round_finish(void *context)
{
    struct round *round = context;
    json_t *peers = json_array();
    for (size_t i = 0; i < round->peer_count; i++) {
        int64_t *trips = round->peers[i].trips_ns;
        int echoed = round->peers[i].echoed;
        qsort(trips, (size_t)echoed, sizeof *trips, compare_trips);
        json_t *peer = json_pack("{s:s, s:i, s:i}", "name", round->peers[i].name, "sent",
                                 round->peers[i].sent, "echoed", echoed);
        if (echoed > 0)
            json_object_set_new(peer, "trip_ns", json_integer(trips[echoed / 2]));
        json_array_append_new(peers, peer);
    }
    json_t *ok = json_pack("{s:o, s:I, s:I}", "peers", peers, "start_ns",
                           (json_int_t)round->start_ns, "end_ns", (json_int_t)rift_clock_now());
    int64_t id = round->request_id;
    round->request_id = 0;
    agent_reply(round->probe->agent, id, ok, NULL);
    json_decref(ok);
}

static void round_send(void *context)
{
    struct round *round = context;
    struct probe *probe = round->probe;
    struct datagram datagram = {.token = htonl(round->token), .kind = htonl(KIND_PROBE)};
    memcpy(datagram.magic, magic, sizeof magic);
    snprintf(datagram.sender, sizeof datagram.sender, "%s", probe->agent->node);
    for (size_t i = 0; i < round->peer_count; i++) {
        datagram.peer = htonl((uint32_t)i);
        datagram.sent_ns = rift_clock_now();
        /* A send that fails counts as sent: what the peer got is counted there. */
        sendto(probe->fd, &datagram, sizeof datagram, MSG_DONTWAIT, &round->peers[i].address.any,
               round->peers[i].size);
        round->peers[i].sent++;
    }
    int64_t now = rift_clock_now();
    if (--round->left > 0)
        loop_timer_set(&probe->agent->loop, now + round->interval_ns, round_send, round);
    else
        loop_timer_set(&probe->agent->loop, now + round->wait_ns, round_finish, round);
}

static int round_read(struct round *round, int family, const json_t *args, struct rift_error *err)
{
    const json_t *peers = json_object_get(args, "peers");
    json_int_t token = json_integer_value(json_object_get(args, "token"));
    json_int_t count = json_integer_value(json_object_get(args, "count"));
    json_int_t interval = json_integer_value(json_object_get(args, "interval_ms"));
    json_int_t wait = json_integer_value(json_object_get(args, "wait_ms"));
    size_t peer_count = json_array_size(peers);
    if (token < 1 || token > INT32_MAX || count < 1 || count > COUNT_MAX || interval < 0 ||
        interval > MS_MAX || wait < 0 || wait > MS_MAX)
        return rift_fail(
            err, RIFT_ERR_INVALID,
            "'token' must be from 1 to 2^31-1, 'count' from 1 to %d, 'interval_ms' and "
            "'wait_ms' up to %d",
            COUNT_MAX, MS_MAX);
    if (peer_count == 0 || peer_count > PEERS_MAX)
        return rift_fail(err, RIFT_ERR_INVALID, "'peers' must be a list of 1 to %d", PEERS_MAX);
    round->token = (uint32_t)token;
    round->left = (int)count;
    round->interval_ns = interval * RIFT_MS;
    round->wait_ns = wait * RIFT_MS;
    round->peer_count = peer_count;
    for (size_t i = 0; i < peer_count; i++)
        if (round_read_peer(round, family, json_array_get(peers, i), i, err))
            return -1;
    return 0;
}

int probe_verb_pairs(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)ok;
    struct probe *probe = agent->probe;
    struct round *round = NULL;
    for (size_t i = 0; i < ACTIVE_MAX && !round; i++)
        if (!probe->rounds[i].request_id)
            round = &probe->rounds[i];
    if (!round)
        return rift_fail(err, RIFT_ERR_LIMIT, "%d rounds of probes are on already", ACTIVE_MAX);
    memset(round, 0, sizeof *round);
    round->probe = probe;
    if (round_read(round, probe->family, request->args, err))
        return -1;
    round->request_id = request->id;
    round->start_ns = rift_clock_now();
    round_send(round);
    return VERB_LATER;
}

int probe_verb_received(struct agent *agent, const struct request *request, json_t *ok,
                        struct rift_error *err)
{
    (void)err;
    json_int_t token = json_integer_value(json_object_get(request->args, "token"));
    const struct received *round =
        token > 0 ? probe_received_for(agent->probe, (uint32_t)token, false) : NULL;
    json_t *list = json_array();
    for (size_t i = 0; round && i < round->sender_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "name", round->senders[i].name,
                                              "address", round->senders[i].address, "received",
                                              round->senders[i].count));
    json_object_set_new(ok, "from", list);
    return 0;
}
