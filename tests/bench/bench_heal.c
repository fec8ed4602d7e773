/* How long after the command a fault on links is over, measured from outside, on a host whose
 * processors are busy and whose network is being changed by others: many faults are on at once, and
 * agents of two more hosts, which share the kernel's lock of all network devices, do and undo some
 * all the time.
 *
 * Each fault takes all datagrams of one port, where they arrive (partition) or where they are sent
 * (link); one goes to each port each millisecond, after and before one each to ports that no fault
 * takes: what a busy machine loses by itself does not count. A fault is over when the last of three
 * in a row was sent that did not arrive.
 *
 * usage: bench_heal [BUSY [ROUNDS]]; needs root. Prints a table; passes whatever it says. */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "tests/lib/namespaces.h"

enum {
    BUSY = 40,
    HELPERS_MAX = 1024,
    ROUNDS = 5,
    FAULTS = 16,
    PORTS = FAULTS + 4, /* the last ones are no fault's: two for each direction */
    PORT = 7400,
    OTHER_PORT = 7500,
    COMMANDS_EVERY_MS = 5,
    LINK_MAKERS = 4,
    OTHERS_PAUSE_MS = 20,
    LEASE_MS = 60000,
    TICKS_MAX = 60000,
    IN_A_ROW = 3,
    BEHIND = 50, /* that may still be on their way */
    AFTER_MS = 1000,
    BUFFER_BYTES = 8 << 20,
};

enum way { EACH, ALL, AMONG_INJECTS, WAYS };
static const char *const way_names[WAYS] = {"a heal for each", "one heal of all",
                                            "heals among injects"};

struct probe {
    int from[PORTS], to[PORTS];
    struct sockaddr_storage at[PORTS];
    socklen_t size;
    atomic_bool is_over;
    _Atomic uint32_t ticks;
    int64_t sent_ns[TICKS_MAX];
    atomic_bool arrived[TICKS_MAX][PORTS];
};

static struct namespaces *spaces;
static struct probe probe;

/* --- what is watched */

static void probe_take(void)
{
    for (int i = 0; i < PORTS; i++) {
        uint32_t came;
        while (recv(probe.to[i], &came, sizeof came, MSG_DONTWAIT) == sizeof came)
            if (came < probe.ticks)
                probe.arrived[came][i] = true;
    }
}

static void *probe_run(void *context)
{
    (void)context;
    rift_process_hurry(2);
    int64_t begin = rift_clock_now();
    for (uint32_t tick = 0; tick < TICKS_MAX && !probe.is_over; tick++) {
        rift_clock_sleep_until(begin + tick * RIFT_MS);
        probe.sent_ns[tick] = rift_clock_now();
        for (int n = 0; n < PORTS; n++) {
            int i = (n + FAULTS + 2) % PORTS;
            sendto(probe.from[i], &tick, sizeof tick, MSG_DONTWAIT, (struct sockaddr *)&probe.at[i],
                   probe.size);
        }
        probe.ticks = tick + 1;
        probe_take();
    }
    rift_clock_sleep_until(rift_clock_now() + AFTER_MS * RIFT_MS);
    probe_take();
    return NULL;
}

static void probe_open(void)
{
    for (int i = 0; i < PORTS; i++) {
        struct test_host *from = &spaces->hosts[i % 2 == 0], *to = &spaces->hosts[i % 2];
        int size = BUFFER_BYTES;
        probe.from[i] = host_socket(spaces, from, AF_INET, SOCK_DGRAM);
        probe.to[i] = host_socket(spaces, to, AF_INET, SOCK_DGRAM);
        setsockopt(probe.to[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        host_bind(probe.to[i], to, AF_INET, (uint16_t)(PORT + i));
        probe.at[i] = host_sockaddr(to, AF_INET, (uint16_t)(PORT + i), &probe.size);
    }
}

static bool counts(uint32_t tick, int fault)
{
    int first = FAULTS + fault % 2;
    return probe.arrived[tick][first] && probe.arrived[tick][first + 2];
}

static bool is_lost(int fault)
{
    uint32_t ticks = probe.ticks, lost = 0;
    for (uint32_t tick = ticks > BEHIND ? ticks - BEHIND : 0; tick > 0 && lost < IN_A_ROW; tick--)
        if (counts(tick - 1, fault)) {
            if (probe.arrived[tick - 1][fault])
                return false;
            lost++;
        }
    return lost == IN_A_ROW;
}

static int64_t over_ns(int fault)
{
    int64_t last_ns = 0;
    int lost = 0;
    for (uint32_t tick = probe.ticks; tick > 0 && lost < IN_A_ROW; tick--) {
        if (!counts(tick - 1, fault))
            continue;
        lost = probe.arrived[tick - 1][fault] ? 0 : lost + 1;
        if (lost == 1)
            last_ns = probe.sent_ns[tick - 1];
    }
    return last_ns;
}

/* --- who keeps the host busy */

static pid_t children[HELPERS_MAX];
static size_t child_count;

static pid_t fork_bound(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
    } else {
        children[child_count++] = pid;
    }
    return pid;
}

static json_t *fault_args(const char *id, int number, int port, const struct test_host *peer)
{
    bool is_partition = number % 2 == 0;
    char ports[16];
    snprintf(ports, sizeof ports, "%d", port);
    json_t *options = json_pack("{s:[s], s:s}", "ports", ports, "protocol", "udp");
    if (!is_partition)
        json_object_set_new(options, "loss_percent", json_integer(100));
    return json_pack("{s:s, s:s, s:o, s:[{s:s, s:[s]}]}", "id", id, "fault",
                     is_partition ? "partition" : "link", "options", options, "peers", "name",
                     peer->name, "addresses", peer->address);
}

static void others_run(struct test_host *host)
{
    if (fork_bound() != 0)
        return;
    for (int i = 0;; i++) {
        json_decref(agent_ask(&host->agent, "inject",
                              fault_args("other", i, OTHER_PORT, &spaces->hosts[0])));
        json_decref(agent_ask(&host->agent, "heal", json_pack("{s:s}", "id", "other")));
        /* They hurry: without a pause nothing would be left to deliver datagrams. */
        rift_clock_sleep_until(rift_clock_now() + OTHERS_PAUSE_MS * RIFT_MS);
    }
}

/* Whoever holds the kernel's lock and gets no processor keeps it from those that hurry. */
static void links_come_and_go(struct test_host *host, int number)
{
    if (fork_bound() != 0)
        return;
    char name[16], peer[16];
    snprintf(name, sizeof name, "a%d", number);
    snprintf(peer, sizeof peer, "b%d", number);
    for (;;) {
        HOST_RUN(host, NULL, "ip", "link", "add", name, "type", "veth", "peer", "name", peer);
        HOST_RUN(host, NULL, "ip", "link", "del", name);
    }
}

static void burn(void)
{
    if (fork_bound() != 0)
        return;
    for (volatile unsigned long count = 0;; count = count + 1) {
    }
}

/* --- a round */

static int compare(const void *a, const void *b)
{
    const double *one = a, *other = b;
    return *one < *other ? -1 : *one > *other;
}

static void wait_until_lost(void)
{
    int64_t deadline = rift_clock_now() + 30 * RIFT_SECOND;
    for (int i = 0; i < FAULTS; i++)
        while (!is_lost(i)) {
            if (rift_clock_now() > deadline)
                fail_msg("fault %d is not felt", i);
            rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
        }
}

static void round_play(enum way way, double late_ms[FAULTS], double *answered_ms)
{
    struct test_agent *agent = &spaces->hosts[0].agent;
    int64_t told_ns[FAULTS], ids[2 * FAULTS];
    size_t asked = 0;
    pthread_t thread;
    char id[16];
    for (int i = 0; i < FAULTS; i++) {
        snprintf(id, sizeof id, "f%d", i);
        json_decref(agent_must(agent, "inject", fault_args(id, i, PORT + i, &spaces->hosts[1])));
    }
    memset(probe.arrived, 0, sizeof probe.arrived);
    probe.ticks = 0;
    probe.is_over = false;
    assert_int_equal(pthread_create(&thread, NULL, probe_run, NULL), 0);
    wait_until_lost();
    int64_t begin = rift_clock_now();
    for (int i = 0; i < FAULTS; i++) {
        char other[16];
        snprintf(id, sizeof id, "f%d", i);
        snprintf(other, sizeof other, "g%d", i);
        if (way == AMONG_INJECTS)
            ids[asked++] = agent_send(agent, "inject",
                                      fault_args(other, i, OTHER_PORT + i, &spaces->hosts[1]));
        if (way == AMONG_INJECTS)
            rift_clock_sleep_until(rift_clock_now() + COMMANDS_EVERY_MS * RIFT_MS);
        told_ns[i] = way == ALL ? begin : rift_clock_now();
        if (way != ALL)
            ids[asked++] = agent_send(agent, "heal", json_pack("{s:s}", "id", id));
    }
    if (way == ALL)
        ids[asked++] = agent_send(agent, "heal_all", json_object());
    for (size_t i = 0; i < asked; i++) {
        json_t *reply = agent_wait(agent, ids[i]);
        if (!json_object_get(reply, "ok"))
            fail_msg("%s", json_dumps(reply, JSON_ENCODE_ANY));
        json_decref(reply);
    }
    *answered_ms = (double)(rift_clock_now() - begin) / 1e6;
    rift_clock_sleep_until(rift_clock_now() + AFTER_MS * RIFT_MS);
    probe.is_over = true;
    pthread_join(thread, NULL);
    json_decref(agent_must(agent, "heal_all", NULL));
    for (int i = 0; i < FAULTS; i++) {
        int64_t over = over_ns(i);
        late_ms[i] = over > told_ns[i] ? (double)(over - told_ns[i]) / 1e6 : 0;
    }
}

int main(int argc, char **argv)
{
    int busy = argc > 1 ? (int)strtol(argv[1], NULL, 10) : BUSY;
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : ROUNDS;
    spaces = namespaces_up(3);
    if (!spaces)
        return 1;
    for (int i = 0; i < 3; i++)
        if (!host_agent_start(&spaces->hosts[i], "bench", LEASE_MS))
            return 1;
    probe_open();
    others_run(&spaces->hosts[1]);
    others_run(&spaces->hosts[2]);
    for (int i = 0; i < LINK_MAKERS; i++)
        links_come_and_go(&spaces->hosts[2], i);
    for (int i = 0; i < busy; i++)
        burn();
    rift_process_hurry(1);
    printf("%d faults, %d busy processes; ms from the command to the end of the effect\n"
           "%-22s %8s %8s %8s   %s\n",
           FAULTS, busy, "", "median", "p90", "worst", "all answered (median)");
    for (int way = 0; way < WAYS; way++) {
        size_t count = (size_t)(rounds * FAULTS);
        CLEANUP(rift_free) double *late_ms = rift_calloc(count, sizeof *late_ms);
        CLEANUP(rift_free) double *answered = rift_calloc((size_t)rounds, sizeof *answered);
        for (int i = 0; i < rounds; i++) {
            round_play((enum way)way, late_ms + i * FAULTS, &answered[i]);
            json_decref(agent_must(&spaces->hosts[0].agent, "lease",
                                   json_pack("{s:i}", "lease_ms", LEASE_MS)));
        }
        qsort(late_ms, count, sizeof *late_ms, compare);
        qsort(answered, (size_t)rounds, sizeof *answered, compare);
        printf("%-22s %8.1f %8.1f %8.1f   %.0f\n", way_names[way], late_ms[count / 2],
               late_ms[count * 9 / 10], late_ms[count - 1], answered[rounds / 2]);
        fflush(stdout);
    }
    while (child_count > 0)
        kill(children[--child_count], SIGKILL);
    namespaces_down(spaces);
    return 0;
}
