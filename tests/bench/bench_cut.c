/* A cut of a cluster into halves, measured from outside: how long after the command it is felt, and
 * how far apart its first and its last node are. Through the agents, which begin at an agreed
 * instant or at once, against one SSH exec of nft a node, all at the same time, over sessions that
 * are open already (the way it is done elsewhere, at its best).
 *
 * Datagrams go to each watched node from its opposite in the other half, 5000 a second; of a node
 * the moment is when the first one that did not arrive was sent, so exact to 0.2 ms. A sender for
 * every node would starve what is measured: WATCHED nodes are watched in each round, others in the
 * next, until each was ROUNDS_A_NODE times. All hosts share this machine's clock.
 *
 * usage: bench_cut [HOSTS [LEAD_MS]]; needs root. Prints a table; passes whatever it says. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/remote/ssh.h"
#include "control/run/cluster.h"
#include "lab/lab.h"
#include "tests/lib/build_folder.h"

enum {
    HOSTS = 50,
    HOSTS_MAX = 200,
    LEAD_MS = 2000, /* 50 hosts here share the processors of one; rift run begins with 600 for 50
                       nodes, and then goes by what they took */
    WATCHED = 10,
    ROUNDS_A_NODE = 2,
    INTERVAL_US = 200,
    BEFORE_MS = 100,
    AFTER_MS = 100,
    SENT_MAX = 120000,
    BUFFER_BYTES = 64 << 20,
    PORT = 7799,
    DEADLINE_MS = 30000,
    LEASE_MS = 60000,
    LATE_NS = 5000000, /* more than the clocks' error here */
};

enum way { AGENTS_AGREED, AGENTS_AT_ONCE, EXEC_NFT, WAYS };
static const char *const way_names[WAYS] = {"agents, agreed instant", "agents, at once",
                                            "an SSH exec of nft each"};

struct bench {
    const struct rift_lab_host *hosts;
    size_t count;
    int64_t lead_ns;
    struct cluster *cluster;
    struct rift_ssh *sessions[HOSTS_MAX];
    struct rift_node_settings settings[HOSTS_MAX];
    int sockets[HOSTS_MAX];
    size_t late_count; /* nodes that were ready only after the agreed instant, in all rounds */
};

static size_t opposite(const struct bench *bench, size_t node)
{
    return (node + bench->count / 2) % bench->count;
}

/* --- what is watched */

struct watch {
    const struct bench *bench;
    size_t nodes[WATCHED], count;
    atomic_bool is_over;
    size_t sent;
    int64_t *sent_ns;
};

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static int socket_of(const struct rift_lab_host *host)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)host->init_pid);
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int other = open(path, O_RDONLY | O_CLOEXEC);
    int bytes = BUFFER_BYTES;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    if (own < 0 || other < 0 || setns(other, CLONE_NEWNET))
        die(path);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) || setns(own, CLONE_NEWNET) ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
        die("a socket on a host");
    close(own);
    close(other);
    return fd;
}

/* Sends each number to every watched node, until told to stop. */
static void *send_all(void *context)
{
    struct watch *watch = context;
    const struct bench *bench = watch->bench;
    struct sched_param first = {.sched_priority = 10};
    pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
    struct sockaddr_in to[WATCHED];
    for (size_t i = 0; i < watch->count; i++) {
        to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(PORT)};
        inet_pton(AF_INET, bench->hosts[watch->nodes[i]].address, &to[i].sin_addr);
    }
    int64_t next_ns = rift_clock_now();
    for (; !atomic_load(&watch->is_over) && watch->sent < SENT_MAX; watch->sent++) {
        uint32_t number = (uint32_t)watch->sent;
        watch->sent_ns[watch->sent] = rift_clock_now();
        for (size_t i = 0; i < watch->count; i++)
            sendto(bench->sockets[opposite(bench, watch->nodes[i])], &number, sizeof number, 0,
                   (struct sockaddr *)&to[i], sizeof to[i]);
        next_ns += INTERVAL_US * 1000;
        rift_clock_sleep_until(next_ns);
    }
    return NULL;
}

/* When the first datagram after the last one that arrived was sent; -1: all arrived. */
static int64_t cut_at(const struct watch *watch, size_t node)
{
    int64_t last = -1;
    for (uint32_t number;
         recv(watch->bench->sockets[node], &number, sizeof number, 0) == sizeof number;)
        last = number > last ? number : last;
    return last + 1 < (int64_t)watch->sent ? watch->sent_ns[last + 1] : -1;
}

/* --- the ways to cut */

static bool is_across(const struct bench *bench, size_t a, size_t b)
{
    return (a < bench->count / 2) != (b < bench->count / 2);
}

static int cut_by_agents(struct bench *bench, int64_t start_ns, struct rift_error *err)
{
    struct rift_node_set all;
    json_t *args[HOSTS_MAX];
    CLEANUP(rift_free)
    struct cluster_reply *replies = rift_calloc(bench->count, sizeof *replies);
    cluster_all(bench->cluster, &all);
    for (size_t i = 0; i < bench->count; i++) {
        json_t *peers = json_array();
        for (size_t s = 0; s < bench->count; s++)
            if (is_across(bench, i, s))
                json_array_append_new(peers, json_pack("{s:s, s:[s]}", "name", bench->hosts[s].name,
                                                       "addresses", bench->hosts[s].address));
        args[i] = json_pack("{s:s, s:s, s:{}, s:o}", "id", "bench", "fault", "partition", "options",
                            "peers", peers);
        if (start_ns > 0)
            json_object_set_new(args[i], "start_ns",
                                json_integer(cluster_time_at_node(bench->cluster, i, start_ns)));
    }
    cluster_call(bench->cluster, &all, "inject", args, DEADLINE_MS, replies);
    for (size_t i = 0; i < bench->count && start_ns > 0; i++) {
        int64_t applied_ns = json_integer_value(json_object_get(replies[i].ok, "applied_ns"));
        bench->late_count +=
            applied_ns > cluster_time_at_node(bench->cluster, i, start_ns) + LATE_NS;
    }
    int rc = cluster_replies_check(bench->cluster, replies, err);
    cluster_replies_free(replies, bench->count);
    for (size_t i = 0; i < bench->count; i++)
        json_decref(args[i]);
    return rc;
}

static int heal_by_agents(struct bench *bench, struct rift_error *err)
{
    struct rift_node_set all;
    json_t *args = json_pack("{s:s}", "id", "bench");
    cluster_all(bench->cluster, &all);
    int rc = cluster_tell(bench->cluster, &all, "heal", args, DEADLINE_MS, err);
    json_decref(args);
    return rc;
}

struct exec {
    struct rift_ssh *ssh;
    char *script;
    struct rift_error err;
    int rc;
};

static void *exec_one(void *context)
{
    struct exec *exec = context;
    CLEANUP(rift_text_finish) struct rift_text output = {NULL, 0, 0};
    int status = -1;
    exec->rc = rift_ssh_run(exec->ssh, exec->script, rift_clock_now() + DEADLINE_MS * RIFT_MS,
                            &output, &status, &exec->err);
    if (exec->rc == 0 && status != 0)
        exec->rc = rift_fail(&exec->err, RIFT_ERR_IO, "nft: %s", output.data ? output.data : "?");
    return NULL;
}

/* A thread a node, as the clients of Jepsen's control do it. */
static int exec_everywhere(struct bench *bench, bool is_cut, struct rift_error *err)
{
    pthread_t threads[HOSTS_MAX];
    CLEANUP(rift_free) struct exec *execs = rift_calloc(bench->count, sizeof *execs);
    int rc = 0;
    for (size_t i = 0; i < bench->count; i++) {
        struct rift_text script = {NULL, 0, 0};
        rift_text_append(&script, "nft '");
        if (is_cut) {
            rift_text_append(&script, "table ip bench { chain in { type filter hook input priority "
                                      "0; ip saddr {");
            for (size_t s = 0; s < bench->count; s++)
                if (is_across(bench, i, s))
                    rift_text_printf(&script, "%s,", bench->hosts[s].address);
            rift_text_append(&script, "} drop; }; }'");
        } else {
            rift_text_append(&script, "delete table ip bench'");
        }
        execs[i] = (struct exec){.ssh = bench->sessions[i], .script = rift_text_take(&script)};
    }
    for (size_t i = 0; i < bench->count; i++)
        if (pthread_create(&threads[i], NULL, exec_one, &execs[i]) != 0)
            die("pthread_create");
    for (size_t i = 0; i < bench->count; i++) {
        pthread_join(threads[i], NULL);
        free(execs[i].script);
        if (execs[i].rc != 0) {
            rc = -1;
            *err = execs[i].err;
        }
    }
    return rc;
}

/* --- rounds */

struct figures {
    double *offset_ms; /* of each watched node, from the first one of its round */
    double *effect_ms; /* of each round, from the command to the last node */
    size_t offset_count, effect_count;
};

/* Until every watched node has gone deaf: nothing new came for AFTER_MS. */
static void settle(void)
{
    rift_clock_sleep_until(rift_clock_now() + AFTER_MS * RIFT_MS);
}

static int round_play(struct bench *bench, enum way way, size_t first, struct figures *figures,
                      struct rift_error *err)
{
    CLEANUP(rift_free) int64_t *sent_ns = rift_calloc(SENT_MAX, sizeof *sent_ns);
    struct watch watch = {.bench = bench, .sent_ns = sent_ns};
    pthread_t sender;
    char waste[64];
    for (; watch.count < WATCHED && watch.count < bench->count; watch.count++)
        watch.nodes[watch.count] = (first + watch.count * bench->count / WATCHED) % bench->count;
    for (size_t i = 0; i < bench->count; i++)
        while (recv(bench->sockets[i], waste, sizeof waste, 0) > 0)
            ;
    if (pthread_create(&sender, NULL, send_all, &watch) != 0)
        die("pthread_create");
    rift_clock_sleep_until(rift_clock_now() + BEFORE_MS * RIFT_MS);
    int64_t command_ns = rift_clock_now();
    int rc =
        way == EXEC_NFT
            ? exec_everywhere(bench, true, err)
            : cut_by_agents(bench, way == AGENTS_AGREED ? command_ns + bench->lead_ns : 0, err);
    rift_clock_sleep_until(command_ns + bench->lead_ns);
    settle();
    atomic_store(&watch.is_over, true);
    pthread_join(sender, NULL);
    struct rift_error heal_err;
    int healed = way == EXEC_NFT ? exec_everywhere(bench, false, &heal_err)
                                 : heal_by_agents(bench, &heal_err);
    if (rc == 0 && healed != 0)
        *err = heal_err;
    if (rc != 0 || healed != 0)
        return -1;
    int64_t at[WATCHED], first_ns = INT64_MAX, last_ns = 0;
    for (size_t i = 0; i < watch.count; i++) {
        at[i] = cut_at(&watch, watch.nodes[i]);
        if (at[i] < 0)
            return rift_fail(err, RIFT_ERR_IO, "%s was never cut",
                             bench->hosts[watch.nodes[i]].name);
        first_ns = at[i] < first_ns ? at[i] : first_ns;
        last_ns = at[i] > last_ns ? at[i] : last_ns;
    }
    for (size_t i = 0; i < watch.count; i++)
        figures->offset_ms[figures->offset_count++] = (double)(at[i] - first_ns) / 1e6;
    figures->effect_ms[figures->effect_count++] = (double)(last_ns - command_ns) / 1e6;
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(double *numbers, size_t count, double part)
{
    qsort(numbers, count, sizeof *numbers, compare);
    size_t at = (size_t)((double)count * part);
    return numbers[at < count ? at : count - 1];
}

static int measure(struct bench *bench, struct rift_error *err)
{
    size_t rounds = bench->count * ROUNDS_A_NODE / WATCHED;
    struct figures figures[WAYS];
    double spread[WAYS], effect[WAYS];
    for (int way = 0; way < WAYS; way++)
        figures[way] = (struct figures){.offset_ms = rift_calloc(rounds * WATCHED, sizeof(double)),
                                        .effect_ms = rift_calloc(rounds, sizeof(double))};
    int rc = 0;
    for (size_t round = 0; round < rounds && rc == 0; round++)
        for (int way = 0; way < WAYS && rc == 0; way++)
            rc = round_play(bench, (enum way)way, round, &figures[way], err);
    if (rc == 0)
        printf("%zu hosts in halves, %zu rounds, %d nodes watched in each; lead %.0f ms\n"
               "%-26s %12s %12s %12s %14s\n",
               bench->count, rounds, WATCHED, (double)bench->lead_ns / 1e6, "ms", "spread p50",
               "spread p99", "spread max", "to effect p50");
    for (int way = 0; way < WAYS && rc == 0; way++) {
        struct figures *f = &figures[way];
        double middle = quantile(f->offset_ms, f->offset_count, 0.5);
        spread[way] = quantile(f->offset_ms, f->offset_count, 0.99);
        effect[way] = quantile(f->effect_ms, f->effect_count, 0.5);
        printf("%-26s %12.2f %12.2f %12.2f %14.2f\n", way_names[way], middle, spread[way],
               f->offset_ms[f->offset_count - 1], effect[way]);
    }
    double floor_ms = INTERVAL_US / 1e3;
    if (rc == 0)
        printf("%zu of %zu times a node was ready only after the agreed instant\n",
               bench->late_count, rounds * bench->count);
    if (rc == 0)
        printf("p99 of the spread: 1 to %.0f (below %.1f ms counts as that)\n"
               "command to effect on the last node, at once: 1 to %.1f\n",
               spread[EXEC_NFT] /
                   (spread[AGENTS_AGREED] > floor_ms ? spread[AGENTS_AGREED] : floor_ms),
               floor_ms, effect[EXEC_NFT] / effect[AGENTS_AT_ONCE]);
    for (int way = 0; way < WAYS; way++) {
        free(figures[way].offset_ms);
        free(figures[way].effect_ms);
    }
    return rc;
}

/* What an agreed instant is worth between hosts with clocks of their own. */
static void print_clocks(const struct bench *bench)
{
    int64_t worst_ns = 0, bound_ns = 0;
    for (size_t i = 0; i < bench->count; i++) {
        int64_t error_ns;
        int64_t offset_ns = llabs(rift_node_clock_offset(bench->cluster->nodes[i], &error_ns));
        worst_ns = offset_ns > worst_ns ? offset_ns : worst_ns;
        bound_ns = error_ns > bound_ns ? error_ns : bound_ns;
    }
    printf("clock offsets, which are 0 here: measured at most %.3f ms, error bound at most %.3f "
           "ms; hosts with clocks of their own have that beside the spread\n",
           (double)worst_ns / 1e6, (double)bound_ns / 1e6);
}

static int open_all(struct bench *bench, const char *agent, struct rift_error *err)
{
    static const char *names[HOSTS_MAX + 1];
    for (size_t i = 0; i < bench->count; i++) {
        const struct rift_lab_host *host = &bench->hosts[i];
        names[i] = host->name;
        bench->settings[i] = (struct rift_node_settings){.name = host->name,
                                                         .address = host->address,
                                                         .port = host->port,
                                                         .user = host->user,
                                                         .key_file = host->key_file,
                                                         .known_hosts_file = host->known_hosts_file,
                                                         .faults = RIFT_NODE_FAULTS_ALLOWED,
                                                         .agent_binary = agent,
                                                         .connect_timeout_ms = DEADLINE_MS,
                                                         .lease_ms = LEASE_MS};
        bench->sockets[i] = socket_of(host);
    }
    bench->cluster = cluster_open(bench->settings, bench->count, names, err);
    for (size_t i = 0; bench->cluster && i < bench->count; i++) {
        bench->sessions[i] = rift_ssh_open(&bench->settings[i], NULL, err);
        if (!bench->sessions[i])
            return -1;
    }
    return bench->cluster ? 0 : -1;
}

static int run(struct rift_lab *lab, const char *agent, int64_t lead_ms, struct rift_error *err)
{
    CLEANUP(rift_free) struct bench *bench = rift_calloc(1, sizeof *bench);
    bench->hosts = rift_lab_hosts(lab, &bench->count);
    bench->lead_ns = lead_ms * RIFT_MS;
    int rc = open_all(bench, agent, err);
    if (rc == 0)
        rc = measure(bench, err);
    if (rc == 0)
        print_clocks(bench);
    for (size_t i = 0; i < bench->count; i++) {
        rift_ssh_close(bench->sessions[i]);
        close(bench->sockets[i]);
    }
    cluster_close(bench->cluster);
    return rc;
}

int main(int argc, char **argv)
{
    struct rift_error err = {.code = RIFT_ERR_NONE};
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : HOSTS;
    int64_t lead_ms = argc > 2 ? strtoll(argv[2], NULL, 10) : LEAD_MS;
    if (count < WATCHED || count > HOSTS_MAX || lead_ms < 0 || lead_ms > 10000) {
        fprintf(stderr, "bench_cut: %d to %d hosts, 0 to 10000 ms\n", WATCHED, HOSTS_MAX);
        return 2;
    }
    CLEANUP(rift_free) char *agent = rift_printf("%s/rift-agent", build_folder());
    struct rift_lab_request request = {
        .name = "bench-cut", .host_count = count, .deadline_ms = 4 * DEADLINE_MS};
    struct rift_lab *lab = rift_lab_up(&request, &err);
    int result = lab ? run(lab, agent, lead_ms, &err) : -1;
    if (result < 0)
        fprintf(stderr, "bench_cut: %s\n", err.text);
    rift_lab_close(lab);
    if (lab && rift_lab_down(request.name, &err) < 0)
        fprintf(stderr, "bench_cut: %s\n", err.text);
    return result < 0;
}
