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

enum { PROBE_PORT = 7799 };

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

void net_probe_open(struct net_probe *probe, const struct rift_lab_host *hosts, size_t count)
{
    assert_true(count <= NET_PROBE_HOSTS_MAX);
    *probe = (struct net_probe){.hosts = hosts, .count = count};
    for (size_t i = 0; i < count; i++)
        probe->sockets[i] = net_probe_socket(hosts[i].init_pid, PROBE_PORT);
}

void net_probe_close(struct net_probe *probe)
{
    for (size_t i = 0; i < probe->count; i++)
        close(probe->sockets[i]);
    probe->count = 0;
}

static size_t receive(struct net_probe *probe, size_t to, uint32_t round,
                      bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX])
{
    struct probe_datagram datagram;
    size_t count = 0;
    while (recv(probe->sockets[to], &datagram, sizeof datagram, 0) == (ssize_t)sizeof datagram) {
        /* What a cut held back for longer than its round is not counted. */
        if (datagram.round != round || datagram.from >= probe->count || passed[datagram.from][to])
            continue;
        passed[datagram.from][to] = true;
        count++;
    }
    return count;
}

size_t net_probe_round(struct net_probe *probe, int wait_ms,
                       bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX])
{
    static uint32_t round;
    round++;
    memset(passed, 0, sizeof(bool[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX]));
    for (size_t from = 0; from < probe->count; from++) {
        for (size_t to = 0; to < probe->count; to++) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PROBE_PORT)};
            struct probe_datagram datagram = {.round = round, .from = (uint32_t)from};
            inet_pton(AF_INET, probe->hosts[to].address, &address.sin_addr);
            if (from != to)
                sendto(probe->sockets[from], &datagram, sizeof datagram, 0,
                       (struct sockaddr *)&address, sizeof address);
        }
    }
    size_t pair_count = probe->count * (probe->count - 1), count = 0;
    int64_t deadline_ns = rift_clock_now() + wait_ms * RIFT_MS;
    while (count < pair_count && rift_clock_now() < deadline_ns) {
        struct pollfd fds[NET_PROBE_HOSTS_MAX];
        for (size_t i = 0; i < probe->count; i++)
            fds[i] = (struct pollfd){.fd = probe->sockets[i], .events = POLLIN};
        poll(fds, probe->count, rift_clock_poll_ms(deadline_ns));
        for (size_t to = 0; to < probe->count; to++)
            count += receive(probe, to, round, passed);
    }
    return count;
}
