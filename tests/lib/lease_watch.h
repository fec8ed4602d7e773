/* How long faults really held on lab hosts, to the millisecond, whatever the load of the machine.
 *
 * Datagrams go between the hosts, and the states of their processes are read, by net_probe.h.
 * Nothing is judged by when it was seen, only by when the datagram was sent and when the reading
 * began: a watcher that is starved sees less, and nothing wrong. A machine that is busy loses
 * datagrams by itself: so each host has another from which it is never cut, and a round counts for
 * it only if that one's datagram arrived. The times of hosts with a kernel of their own are
 * translated: what they say may be too late by the shortest time that an answer of theirs took,
 * never too early. */
#ifndef TESTS_LIB_LEASE_WATCH_H
#define TESTS_LIB_LEASE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/lab.h"

enum { LEASE_WATCH_HOSTS_MAX = 8, LEASE_WATCH_PERIOD_MS = 5, LEASE_WATCH_GUEST_PERIOD_MS = 20 };

struct lease_watch;

/* controls[i] is the host from which host i is never cut. */
struct lease_watch *lease_watch_start(const struct rift_lab_host *hosts, size_t count,
                                      const size_t *controls);
/* Goes on until each host was looked at in several rounds that count, begun after its until_ns. */
void lease_watch_end(struct lease_watch *watch, const int64_t *until_ns);
void lease_watch_destroy(struct lease_watch *watch);

/* The answers, once it has ended, by CLOCK_MONOTONIC, ns; 0: never.
 * Until when that host was cut from any other: when the last datagram was sent that was lost in at
 * least three rounds in a row, of those that count. */
int64_t lease_watch_cut_until(const struct lease_watch *watch, size_t host);
/* When the last reading began that found a process of that host, no agent, stopped by a signal or
 * by ptrace(2). */
int64_t lease_watch_stopped_until(const struct lease_watch *watch, size_t host);
/* Rounds that count for that host, begun at or after a time. */
size_t lease_watch_rounds_since(const struct lease_watch *watch, size_t host, int64_t since_ns);

#endif
