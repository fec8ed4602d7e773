/* Datagrams between lab hosts from outside. */
#include "tests/lib/net_probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "tests/lib/guest_probe.h"
#include "tests/lib/lab_hosts.h"

enum { RECEIVE_BYTES = 8 << 20 };

struct probe_datagram {
    uint32_t round;
    uint32_t from;
};

int net_probe_socket(pid_t init, uint16_t port)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)init);
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int other = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(own >= 0 && other >= 0);
    assert_int_equal(setns(other, CLONE_NEWNET), 0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int bound = fd >= 0 ? bind(fd, (struct sockaddr *)&any, sizeof any) : -1;
    assert_int_equal(setns(own, CLONE_NEWNET), 0);
    assert_int_equal(bound, 0);
    close(own);
    close(other);
    return fd;
}

static size_t socket_count(const struct net_probe *probe)
{
    return probe->session ? 1 : probe->count;
}

void net_probe_open(struct net_probe *probe, const struct rift_lab_host *hosts, size_t count,
                    uint16_t port)
{
    static uint32_t session_count;
    int size = RECEIVE_BYTES;
    assert_true(count <= NET_PROBE_HOSTS_MAX);
    *probe = (struct net_probe){.hosts = hosts, .count = count, .port = port};
    if (test_hosts_are_guests()) {
        probe->session = ++session_count;
        probe->sockets[0] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(probe->sockets[0] >= 0);
    }
    for (size_t i = 0; i < count && !probe->session; i++)
        probe->sockets[i] = net_probe_socket(hosts[i].init_pid, port);
    for (size_t i = 0; i < socket_count(probe); i++)
        setsockopt(probe->sockets[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
}

void net_probe_close(struct net_probe *probe)
{
    for (size_t i = 0; i < socket_count(probe) && probe->count > 0; i++)
        close(probe->sockets[i]);
    probe->count = 0;
}

static bool send_to(int fd, const void *data, size_t size, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    return sendto(fd, data, size, 0, (struct sockaddr *)&address, sizeof address) >= 0;
}

void net_probe_send(struct net_probe *probe, uint32_t round, size_t from,
                    int64_t sent_ns[NET_PROBE_HOSTS_MAX])
{
    memset(sent_ns, 0, NET_PROBE_HOSTS_MAX * sizeof *sent_ns);
    if (probe->session) {
        struct guest_probe_message go = {
            .kind = GUEST_PROBE_GO, .session = probe->session, .round = round};
        send_to(probe->sockets[0], &go, sizeof go, probe->hosts[from].address, GUEST_PROBE_PORT);
        return;
    }
    for (size_t to = 0; to < probe->count; to++) {
        struct probe_datagram datagram = {.round = round, .from = (uint32_t)from};
        int64_t now_ns = rift_clock_now();
        if (from != to && send_to(probe->sockets[from], &datagram, sizeof datagram,
                                  probe->hosts[to].address, probe->port))
            sent_ns[to] = now_ns;
    }
}

static bool take_from_guests(struct net_probe *probe, struct net_probe_event *event)
{
    struct guest_probe_message message;
    while (recv(probe->sockets[0], &message, sizeof message, 0) == (ssize_t)sizeof message) {
        if (message.session != probe->session || message.from >= probe->count ||
            message.to >= probe->count)
            continue;
        *event = (struct net_probe_event){
            .kind = message.kind == GUEST_PROBE_GOT ? NET_PROBE_ARRIVED : NET_PROBE_SENT,
            .round = message.round,
            .from = message.from,
            .to = message.to,
            .sent_ns = message.sent_ns,
            .looked_ns = message.looked_ns,
            .is_stopped = message.is_stopped,
        };
        return true;
    }
    return false;
}

static bool take_now(struct net_probe *probe, struct net_probe_event *event)
{
    struct probe_datagram datagram;
    if (probe->session)
        return take_from_guests(probe, event);
    for (size_t i = 0; i < probe->count; i++) {
        size_t to = (probe->next_socket + i) % probe->count;
        if (recv(probe->sockets[to], &datagram, sizeof datagram, 0) != (ssize_t)sizeof datagram ||
            datagram.from >= probe->count)
            continue;
        probe->next_socket = to;
        *event = (struct net_probe_event){
            .kind = NET_PROBE_ARRIVED, .round = datagram.round, .from = datagram.from, .to = to};
        return true;
    }
    return false;
}

bool net_probe_take(struct net_probe *probe, int64_t deadline_ns, struct net_probe_event *event)
{
    struct pollfd fds[NET_PROBE_HOSTS_MAX];
    while (!take_now(probe, event)) {
        for (size_t i = 0; i < socket_count(probe); i++)
            fds[i] = (struct pollfd){.fd = probe->sockets[i], .events = POLLIN};
        if (poll(fds, socket_count(probe), rift_clock_poll_ms(deadline_ns)) == 0)
            return false;
    }
    return true;
}

size_t net_probe_round(struct net_probe *probe, int wait_ms,
                       bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX])
{
    static uint32_t round;
    struct net_probe_event event;
    size_t pair_count = probe->count * (probe->count - 1), count = 0;
    round++;
    memset(passed, 0, sizeof(bool[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX]));
    for (size_t from = 0; from < probe->count; from++) {
        int64_t sent_ns[NET_PROBE_HOSTS_MAX];
        net_probe_send(probe, round, from, sent_ns);
    }
    int64_t deadline_ns = rift_clock_now() + wait_ms * RIFT_MS;
    while (count < pair_count && net_probe_take(probe, deadline_ns, &event)) {
        /* What a cut held back for longer than its round is not counted. */
        if (event.kind != NET_PROBE_ARRIVED || event.round != round || passed[event.from][event.to])
            continue;
        passed[event.from][event.to] = true;
        count++;
    }
    return count;
}
