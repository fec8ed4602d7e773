/* Datagrams between lab hosts from outside, so that what passes is observed by nothing of Rift's:
 * by the test's own sockets, made inside the hosts' network namespaces, or, where hosts have a
 * kernel of their own, by a program of the tests' (guest_probe.h), which the test must have
 * started. */
#ifndef TESTS_LIB_NET_PROBE_H
#define TESTS_LIB_NET_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"

enum { NET_PROBE_HOSTS_MAX = 16 };

struct net_probe {
    int sockets[NET_PROBE_HOSTS_MAX]; /* of guests: one, on the machine */
    const struct rift_lab_host *hosts;
    size_t count, next_socket;
    uint16_t port;
    uint32_t session; /* of guests: what others asked for is not taken */
};

/* A UDP socket on that port in the network namespace of the process; non-blocking. */
int net_probe_socket(pid_t init, uint16_t port);
/* Two that are open at one time have ports of their own. */
void net_probe_open(struct net_probe *probe, const struct rift_lab_host *hosts, size_t count,
                    uint16_t port);
void net_probe_close(struct net_probe *probe);
/* One datagram for each ordered pair; passed[from][to] where it arrived within wait_ms. Returns how
 * many did. */
size_t net_probe_round(struct net_probe *probe, int wait_ms,
                       bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX]);

/* --- one by one, for those who want to know when */

/* One datagram from that host to every other one; sent_ns says when, by CLOCK_MONOTONIC, 0: could
 * not be sent. Of a guest that stays 0: it says so itself. */
void net_probe_send(struct net_probe *probe, uint32_t round, size_t from,
                    int64_t sent_ns[NET_PROBE_HOSTS_MAX]);

struct net_probe_event {
    enum { NET_PROBE_ARRIVED, NET_PROBE_SENT } kind;
    uint32_t round;
    size_t from, to;
    /* Of NET_PROBE_SENT, which only guests say, by the guest's clock (guest_probe.h). */
    int64_t sent_ns, looked_ns;
    bool is_stopped;
};

/* Waits for one until deadline_ns; false where none came. */
bool net_probe_take(struct net_probe *probe, int64_t deadline_ns, struct net_probe_event *event);

#endif
