/* Datagrams between lab hosts from outside: the test's own sockets, made inside the hosts' network
 * namespaces, so that what passes is observed by nothing of Rift's. */
#ifndef TESTS_LIB_NET_PROBE_H
#define TESTS_LIB_NET_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"

enum { NET_PROBE_HOSTS_MAX = 16 };

struct net_probe {
    int sockets[NET_PROBE_HOSTS_MAX];
    const struct rift_lab_host *hosts;
    size_t count;
};

/* A UDP socket on that port in the network namespace of the process; non-blocking. */
int net_probe_socket(pid_t init, uint16_t port);
void net_probe_open(struct net_probe *probe, const struct rift_lab_host *hosts, size_t count);
void net_probe_close(struct net_probe *probe);
/* One datagram for each ordered pair; passed[from][to] where it arrived within wait_ms. Returns how
 * many did. */
size_t net_probe_round(struct net_probe *probe, int wait_ms,
                       bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX]);

#endif
