/* One thread, one round each LEASE_WATCH_PERIOD_MS: a datagram for every ordered pair, then a look
 * at every host's processes. */
#include "tests/lib/lease_watch.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/net_probe.h"

enum { WATCH_PORT = 7801, ARRIVAL_MS = 500, ENOUGH = 5, LOST_IN_A_ROW = 3, ROUNDS_MAX = 20000 };
enum { RECEIVE_BYTES = 8 << 20 };

struct datagram {
    uint32_t round, from;
};

struct round {
    int64_t sent_ns[LEASE_WATCH_HOSTS_MAX][LEASE_WATCH_HOSTS_MAX];
    bool arrived[LEASE_WATCH_HOSTS_MAX][LEASE_WATCH_HOSTS_MAX];
    int64_t begin_ns;
    int64_t read_ns[LEASE_WATCH_HOSTS_MAX];
    bool is_stopped[LEASE_WATCH_HOSTS_MAX];
};

struct lease_watch {
    const struct rift_lab_host *hosts;
    size_t count;
    size_t controls[LEASE_WATCH_HOSTS_MAX];
    int sockets[LEASE_WATCH_HOSTS_MAX];
    struct round *rounds;
    size_t round_count;
    pthread_t thread;
    pthread_mutex_t lock; /* of the following */
    bool is_ending;
    int64_t until_ns[LEASE_WATCH_HOSTS_MAX];
};

static void send_all(struct lease_watch *watch, struct round *round)
{
    for (size_t from = 0; from < watch->count; from++) {
        for (size_t to = 0; to < watch->count; to++) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(WATCH_PORT)};
            struct datagram datagram = {.round = (uint32_t)watch->round_count,
                                        .from = (uint32_t)from};
            inet_pton(AF_INET, watch->hosts[to].address, &address.sin_addr);
            round->sent_ns[from][to] = rift_clock_now();
            /* What could not even be sent is not lost. */
            round->arrived[from][to] =
                from == to || sendto(watch->sockets[from], &datagram, sizeof datagram, 0,
                                     (struct sockaddr *)&address, sizeof address) < 0;
        }
    }
}

static void receive_all(struct lease_watch *watch)
{
    struct datagram datagram;
    for (size_t to = 0; to < watch->count; to++)
        while (recv(watch->sockets[to], &datagram, sizeof datagram, MSG_DONTWAIT) ==
               (ssize_t)sizeof datagram)
            if (datagram.round < watch->round_count && datagram.from < watch->count)
                watch->rounds[datagram.round].arrived[datagram.from][to] = true;
}

/* State T or t (proc(5)) in the third field of stat, behind the name in parentheses. Not of agents:
 * LeakSanitizer stops them when they end. */
static bool is_stopped(int folder, const char *pid)
{
    char path[300], line[512];
    snprintf(path, sizeof path, "%s/stat", pid);
    CLEANUP(rift_close_fd) int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (length <= 0)
        return false;
    line[length] = '\0';
    const char *name_end = strrchr(line, ')');
    return name_end && !strstr(line, "(rift-") && (name_end[2] == 'T' || name_end[2] == 't');
}

static bool has_stopped_process(const struct rift_lab_host *host)
{
    char path[64];
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/%d/root/proc", (int)host->init_pid);
    DIR *processes = opendir(path);
    for (struct dirent *entry; processes && !is_found && (entry = readdir(processes));)
        is_found =
            isdigit((unsigned char)entry->d_name[0]) && is_stopped(dirfd(processes), entry->d_name);
    if (processes)
        closedir(processes);
    return is_found;
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
    while (watch->round_count < ROUNDS_MAX && !is_enough(watch)) {
        struct round *round = &watch->rounds[watch->round_count];
        int64_t next_ns = rift_clock_now() + LEASE_WATCH_PERIOD_MS * RIFT_MS;
        round->begin_ns = rift_clock_now();
        send_all(watch, round);
        for (size_t i = 0; i < watch->count; i++) {
            round->read_ns[i] = rift_clock_now();
            round->is_stopped[i] = has_stopped_process(&watch->hosts[i]);
        }
        watch->round_count++;
        receive_all(watch);
        rift_clock_sleep_until(next_ns);
    }
    rift_clock_sleep_until(rift_clock_now() + ARRIVAL_MS * RIFT_MS);
    receive_all(watch);
    return NULL;
}

struct lease_watch *lease_watch_start(const struct rift_lab_host *hosts, size_t count,
                                      const size_t *controls)
{
    struct lease_watch *watch = rift_calloc(1, sizeof *watch);
    int size = RECEIVE_BYTES;
    assert_true(count <= LEASE_WATCH_HOSTS_MAX);
    watch->hosts = hosts;
    watch->count = count;
    memcpy(watch->controls, controls, count * sizeof *controls);
    watch->rounds = rift_calloc(ROUNDS_MAX, sizeof *watch->rounds);
    pthread_mutex_init(&watch->lock, NULL);
    for (size_t i = 0; i < count; i++) {
        watch->sockets[i] = net_probe_socket(hosts[i].init_pid, WATCH_PORT);
        setsockopt(watch->sockets[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    }
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
    for (size_t i = 0; i < watch->count; i++)
        close(watch->sockets[i]);
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
            lost_count = round->arrived[from][host] ? 0 : lost_count + 1;
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
