/* One thread, one round each period: a datagram for every ordered pair, then a look at every host's
 * processes. Guests do both themselves when they are told to, and their answers come by and by. */
#include "tests/lib/lease_watch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/net_probe.h"
#include "tests/lib/stopped_process.h"

enum { WATCH_PORT = 7801, ARRIVAL_MS = 500, ENOUGH = 5, LOST_IN_A_ROW = 3, ROUNDS_MAX = 20000 };

struct round {
    int64_t sent_ns[LEASE_WATCH_HOSTS_MAX][NET_PROBE_HOSTS_MAX]; /* 0: was not sent */
    bool arrived[LEASE_WATCH_HOSTS_MAX][LEASE_WATCH_HOSTS_MAX];
    int64_t begin_ns;
    int64_t read_ns[LEASE_WATCH_HOSTS_MAX];
    bool is_stopped[LEASE_WATCH_HOSTS_MAX];
};

struct lease_watch {
    const struct rift_lab_host *hosts;
    size_t count;
    size_t controls[LEASE_WATCH_HOSTS_MAX];
    struct net_probe probe;
    struct round *rounds;
    size_t round_count;
    /* How far the machine's clock is ahead of a guest's, and at most the shortest way of an answer
     * more: a guest's times are translated with it when all have come. */
    int64_t ahead_ns[LEASE_WATCH_HOSTS_MAX];
    pthread_t thread;
    pthread_mutex_t lock; /* of the following */
    bool is_ending;
    int64_t until_ns[LEASE_WATCH_HOSTS_MAX];
};

static void take_answer(struct lease_watch *watch, const struct net_probe_event *event)
{
    struct round *round = &watch->rounds[event->round];
    int64_t ahead_ns = rift_clock_now() - event->looked_ns;
    for (size_t to = 0; to < watch->count; to++)
        round->sent_ns[event->from][to] = event->sent_ns;
    round->read_ns[event->from] = event->looked_ns;
    round->is_stopped[event->from] = event->is_stopped;
    if (ahead_ns < watch->ahead_ns[event->from])
        watch->ahead_ns[event->from] = ahead_ns;
}

static void take_all(struct lease_watch *watch, int64_t until_ns)
{
    struct net_probe_event event;
    while (net_probe_take(&watch->probe, until_ns, &event)) {
        if (event.round >= watch->round_count)
            continue;
        if (event.kind == NET_PROBE_SENT)
            take_answer(watch, &event);
        else
            watch->rounds[event.round].arrived[event.from][event.to] = true;
    }
}

static void translate(struct lease_watch *watch)
{
    for (size_t r = 0; r < watch->round_count; r++) {
        struct round *round = &watch->rounds[r];
        for (size_t i = 0; i < watch->count; i++) {
            for (size_t to = 0; to < watch->count; to++)
                round->sent_ns[i][to] += round->sent_ns[i][to] ? watch->ahead_ns[i] : 0;
            round->read_ns[i] += round->read_ns[i] ? watch->ahead_ns[i] : 0;
        }
    }
}

static void look_at_processes(struct lease_watch *watch, struct round *round)
{
    char path[64];
    for (size_t i = 0; i < watch->count; i++) {
        snprintf(path, sizeof path, "/proc/%d/root/proc", (int)watch->hosts[i].init_pid);
        round->read_ns[i] = rift_clock_now();
        round->is_stopped[i] = stopped_process_is_in(path, NULL);
    }
}

static bool is_enough(struct lease_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool is_enough = watch->is_ending;
    for (size_t i = 0; i < watch->count && is_enough; i++)
        is_enough = lease_watch_rounds_since(watch, i, watch->until_ns[i]) >= ENOUGH;
    pthread_mutex_unlock(&watch->lock);
    return is_enough;
}

static void *watch_run(void *context)
{
    struct lease_watch *watch = context;
    bool are_guests = test_hosts_are_guests();
    int period_ms = are_guests ? LEASE_WATCH_GUEST_PERIOD_MS : LEASE_WATCH_PERIOD_MS;
    while (watch->round_count < ROUNDS_MAX && !is_enough(watch)) {
        struct round *round = &watch->rounds[watch->round_count++];
        round->begin_ns = rift_clock_now();
        for (size_t from = 0; from < watch->count; from++)
            net_probe_send(&watch->probe, (uint32_t)(round - watch->rounds), from,
                           round->sent_ns[from]);
        if (!are_guests)
            look_at_processes(watch, round);
        take_all(watch, round->begin_ns + period_ms * RIFT_MS);
    }
    take_all(watch, rift_clock_now() + ARRIVAL_MS * RIFT_MS);
    if (are_guests)
        translate(watch);
    return NULL;
}

struct lease_watch *lease_watch_start(const struct rift_lab_host *hosts, size_t count,
                                      const size_t *controls)
{
    struct lease_watch *watch = rift_calloc(1, sizeof *watch);
    assert_true(count <= LEASE_WATCH_HOSTS_MAX);
    watch->hosts = hosts;
    watch->count = count;
    memcpy(watch->controls, controls, count * sizeof *controls);
    watch->rounds = rift_calloc(ROUNDS_MAX, sizeof *watch->rounds);
    for (size_t i = 0; i < count; i++)
        watch->ahead_ns[i] = INT64_MAX;
    pthread_mutex_init(&watch->lock, NULL);
    net_probe_open(&watch->probe, hosts, count, WATCH_PORT);
    assert_int_equal(pthread_create(&watch->thread, NULL, watch_run, watch), 0);
    return watch;
}

void lease_watch_end(struct lease_watch *watch, const int64_t *until_ns)
{
    pthread_mutex_lock(&watch->lock);
    memcpy(watch->until_ns, until_ns, watch->count * sizeof *until_ns);
    watch->is_ending = true;
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    net_probe_close(&watch->probe);
}

void lease_watch_destroy(struct lease_watch *watch)
{
    pthread_mutex_destroy(&watch->lock);
    free(watch->rounds);
    free(watch);
}

static bool counts(const struct lease_watch *watch, size_t round, size_t host)
{
    return watch->rounds[round].arrived[watch->controls[host]][host];
}

int64_t lease_watch_cut_until(const struct lease_watch *watch, size_t host)
{
    int64_t last_ns = 0;
    for (size_t from = 0; from < watch->count; from++) {
        size_t lost_count = 0;
        for (size_t r = 0; r < watch->round_count; r++) {
            if (!counts(watch, r, host))
                continue;
            const struct round *round = &watch->rounds[r];
            /* What could not even be sent is not lost. */
            bool is_lost = round->sent_ns[from][host] && !round->arrived[from][host];
            lost_count = is_lost && from != host ? lost_count + 1 : 0;
            if (lost_count >= LOST_IN_A_ROW && round->sent_ns[from][host] > last_ns)
                last_ns = round->sent_ns[from][host];
        }
    }
    return last_ns;
}

int64_t lease_watch_stopped_until(const struct lease_watch *watch, size_t host)
{
    int64_t last_ns = 0;
    for (size_t r = 0; r < watch->round_count; r++)
        if (watch->rounds[r].is_stopped[host])
            last_ns = watch->rounds[r].read_ns[host];
    return last_ns;
}

size_t lease_watch_rounds_since(const struct lease_watch *watch, size_t host, int64_t since_ns)
{
    size_t count = 0;
    for (size_t r = watch->round_count; r > 0 && watch->rounds[r - 1].begin_ns >= since_ns; r--)
        count += counts(watch, r - 1, host);
    return count;
}
