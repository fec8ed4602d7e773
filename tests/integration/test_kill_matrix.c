/* Faults never outlive their owner: whatever is killed, at any moment, over SSH on five lab hosts.
 *
 * A process apart is the controller, so that it can be killed as well. While a partition, a pause
 * and a kill are on, the test kills agents, guardians, both, the controller, or cuts SSH, and
 * watches from outside: traffic by its own datagrams, the system by the heartbeat that it writes,
 * what is left by tc, /proc and the file system. RIFT_LONG=1 does 20 rounds of each kind. */
#include <linux/bpf.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/net_probe.h"
#include "tests/lib/node_remains.h"

enum {
    HOSTS = 5,
    PASSING_PAIRS = 2 + 6, /* within {n1, n2} and within {n3, n4, n5} */
    FIRST_OF_MAJORITY = 2,
    PAUSED_HOSTS = 2,     /* n1, n2 */
    KILLED_HOST = 4,      /* n5 */
    OBJECTS_OF_A_CUT = 3, /* a program and two maps */
    LEASE_MS = 1500,
    SLACK_MS = 1500, /* to look at a loaded machine; and what a new login takes */
    CALL_MS = 10000,
    CHILD_MS = 30000,
    GONE_MS = 5000,
};

enum victim { AGENT, GUARDIAN, BOTH, CONTROLLER, SSH };

static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static struct net_probe probe;
static char before[HOSTS][NODE_STATE_SIZE], after[NODE_STATE_SIZE];

static int up(void **state)
{
    (void)state;
    size_t count = 0;
    if (geteuid() != 0)
        return 0;
    lab = test_lab_up("matrix", HOSTS);
    hosts = rift_lab_hosts(lab, &count);
    net_probe_open(&probe, hosts, HOSTS);
    for (size_t i = 0; i < HOSTS; i++)
        node_state_read(&hosts[i], before[i]);
    return 0;
}

static int down(void **state)
{
    net_probe_close(&probe);
    rift_lab_close(lab);
    return test_labs_down(state);
}

/* --- the controller, a process of its own */

static _Noreturn void child_fail(int out, const char *text)
{
    dprintf(out, "error %s\n", text);
    _exit(1);
}

static void child_call(struct rift_node *node, int out, const char *verb, json_t *args)
{
    struct rift_error err;
    int result = rift_node_call(node, verb, args, CALL_MS, NULL, &err);
    json_decref(args);
    if (result < 0)
        child_fail(out, err.text);
}

static void child_start_system(struct rift_node *node, int out, const struct rift_lab_host *host)
{
    static const char beat[] =
        "i=0; while :; do i=$$((i+1)); echo $$i > /var/lib/beat/beat; sleep 0.02; done";
    json_t *self = json_pack("{s:s,s:s,s:i}", "name", host->name, "address", host->address, "index",
                             (int)strtol(host->name + 1, NULL, 10));
    json_t *recipe =
        json_pack("{s:s,s:[s],s:[{s:s,s:[s,s,s]}]}", "name", "beat", "data_folders",
                  "/var/lib/beat", "processes", "name", "beat", "command", "/bin/bash", "-c", beat);
    json_t *context =
        json_pack("{s:O,s:[o],s:{},s:{}}", "node", self, "nodes", self, "options", "artifacts");
    child_call(node, out, "system.configure",
               json_pack("{s:o,s:o,s:b}", "recipe", recipe, "context", context, "lab", 1));
    child_call(node, out, "system.start", json_pack("{s:i}", "deadline_ms", CALL_MS));
}

struct answers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int open_count, failed_count;
};

static void count_answer(void *context, const json_t *reply, const struct rift_error *error)
{
    struct answers *answers = context;
    (void)reply;
    pthread_mutex_lock(&answers->lock);
    answers->open_count--;
    answers->failed_count += error != NULL;
    pthread_cond_signal(&answers->changed);
    pthread_mutex_unlock(&answers->lock);
}

static void child_send(struct rift_node *node, int out, struct answers *answers, const char *verb,
                       json_t *args)
{
    struct rift_error err;
    pthread_mutex_lock(&answers->lock);
    answers->open_count++;
    pthread_mutex_unlock(&answers->lock);
    if (rift_node_send(node, verb, args, CALL_MS, count_answer, answers, &err) < 0)
        child_fail(out, err.text);
    json_decref(args);
}

static int child_wait(struct answers *answers)
{
    pthread_mutex_lock(&answers->lock);
    while (answers->open_count > 0)
        pthread_cond_wait(&answers->changed, &answers->lock);
    int failed_count = answers->failed_count;
    pthread_mutex_unlock(&answers->lock);
    return failed_count;
}

static json_t *peers_across(size_t own)
{
    json_t *peers = json_array();
    for (size_t i = 0; i < HOSTS; i++)
        if ((i < FIRST_OF_MAJORITY) != (own < FIRST_OF_MAJORITY))
            json_array_append_new(peers,
                                  json_pack("{s:s,s:[s,s]}", "name", hosts[i].name, "addresses",
                                            hosts[i].address, hosts[i].address6));
    return peers;
}

static json_t *fault(const char *id, const char *name)
{
    return json_pack("{s:s,s:s,s:{}}", "id", id, "fault", name, "options");
}

/* As a run does it: where a fault could not be applied everywhere, all is healed. */
static void child_inject(struct rift_node **nodes, int out)
{
    struct answers answers = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};
    for (size_t i = 0; i < HOSTS; i++) {
        json_t *cut = fault("cut", "partition");
        json_object_set_new(cut, "peers", peers_across(i));
        child_send(nodes[i], out, &answers, "inject", cut);
        if (i < PAUSED_HOSTS)
            child_send(nodes[i], out, &answers, "inject", fault("pause", "pause"));
        if (i == KILLED_HOST)
            child_send(nodes[i], out, &answers, "inject", fault("kill", "kill"));
    }
    if (child_wait(&answers) > 0) {
        for (size_t i = 0; i < HOSTS; i++)
            child_send(nodes[i], out, &answers, "heal_all", json_object());
        child_wait(&answers);
    }
    dprintf(out, "injected %d\n", answers.failed_count);
}

static _Noreturn void be_controller(int out, int in, bool is_cleaner)
{
    struct rift_node *nodes[HOSTS];
    struct rift_error err;
    char word = 0;
    for (size_t i = 0; i < HOSTS; i++) {
        struct rift_node_settings settings = test_node_settings(&hosts[i]);
        settings.lease_ms = LEASE_MS;
        nodes[i] = rift_node_start(&settings);
    }
    for (size_t i = 0; i < HOSTS; i++)
        if (rift_node_wait(nodes[i], &err) < 0)
            child_fail(out, err.text);
    CLEANUP(rift_text_finish) struct rift_text pids = {NULL, 0, 0};
    for (size_t i = 0; i < HOSTS; i++) {
        json_t *hello = rift_node_hello(nodes[i]);
        rift_text_printf(&pids, " %lld %lld",
                         (long long)json_integer_value(json_object_get(hello, "pid")),
                         (long long)json_integer_value(json_object_get(hello, "guardian_pid")));
        json_decref(hello);
        if (is_cleaner) {
            child_call(nodes[i], out, "system.stop", json_pack("{s:i}", "deadline_ms", CALL_MS));
            child_call(nodes[i], out, "system.wipe", json_object());
        } else {
            child_start_system(nodes[i], out, &hosts[i]);
        }
    }
    dprintf(out, "open%s\n", pids.data);
    if (!is_cleaner && read(in, &word, 1) == 1 && word == 'g')
        child_inject(nodes, out);
    if (!is_cleaner && read(in, &word, 1) != 1)
        _exit(1);
    for (size_t i = 0; i < HOSTS; i++)
        rift_node_close(nodes[i]);
    dprintf(out, "closed\n");
    _exit(0);
}

/* --- the test's side of it */

struct controller {
    pid_t pid;
    int from, to;
    int pids[HOSTS][2]; /* agent and guardian, as the host counts */
};

static struct controller *running;

static void read_line(struct controller *controller, char *line, size_t size)
{
    int64_t deadline_ns = rift_clock_now() + CHILD_MS * RIFT_MS;
    for (size_t used = 0; used + 1 < size;) {
        struct pollfd poll_fd = {.fd = controller->from, .events = POLLIN};
        if (poll(&poll_fd, 1, rift_clock_poll_ms(deadline_ns)) <= 0 ||
            read(controller->from, line + used, 1) != 1)
            fail_msg("the controller says nothing more");
        line[used + 1] = '\0';
        if (line[used++] == '\n')
            break;
    }
    if (strncmp(line, "error", 5) == 0)
        fail_msg("controller: %s", line);
}

static void start_controller(struct controller *controller, bool is_cleaner)
{
    int from[2], to[2];
    char line[1024];
    assert_int_equal(pipe(from), 0);
    assert_int_equal(pipe(to), 0);
    controller->pid = fork();
    assert_true(controller->pid >= 0);
    if (controller->pid == 0) {
        close(from[0]);
        close(to[1]);
        be_controller(from[1], to[0], is_cleaner);
    }
    close(from[1]);
    close(to[0]);
    running = controller;
    controller->from = from[0];
    controller->to = to[1];
    read_line(controller, line, sizeof line);
    const char *at = line + strlen("open");
    for (int i = 0; i < 2 * HOSTS; i++) {
        char *end = NULL;
        controller->pids[i / 2][i % 2] = (int)strtol(at, &end, 10);
        assert_true(end > at);
        at = end;
    }
}

static void end_controller(struct controller *controller)
{
    running = NULL;
    waitpid(controller->pid, NULL, 0);
    close(controller->from);
    close(controller->to);
}

static void beat_time(const struct rift_lab_host *host, struct timespec *time)
{
    char path[64];
    struct stat facts = {.st_ino = 0};
    snprintf(path, sizeof path, "/proc/%d/root/var/lib/beat/beat", (int)host->init_pid);
    stat(path, &facts);
    *time = facts.st_mtim;
}

/* Whether the system's heart beats within 300 ms. */
static bool is_beating(const struct rift_lab_host *host)
{
    struct timespec first, now;
    beat_time(host, &first);
    for (int i = 0; i < 30; i++) {
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
        beat_time(host, &now);
        if (now.tv_sec != first.tv_sec || now.tv_nsec != first.tv_nsec)
            return true;
    }
    return false;
}

static void assert_faults_are_on(void)
{
    bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX];
    assert_int_equal(net_probe_round(&probe, 100, passed), PASSING_PAIRS);
    for (size_t i = 0; i < HOSTS; i++) {
        assert_int_equal(is_beating(&hosts[i]), i >= PAUSED_HOSTS && i != KILLED_HOST);
        assert_int_equal(node_bpf_objects(&hosts[i]), OBJECTS_OF_A_CUT);
    }
}

static void set_ssh_cut(bool is_cut)
{
    for (size_t i = 0; i < HOSTS; i++) {
        int result = test_host_run(
            &hosts[i],
            is_cut ? "nft add table inet t; nft add chain inet t i '{ type filter hook input "
                     "priority 0; }'; nft add chain inet t o '{ type filter hook output priority "
                     "0; }'; nft add rule inet t i tcp dport 22 drop; nft add rule inet t o tcp "
                     "sport 22 drop"
                   : "nft delete table inet t",
            NULL, 0);
        assert_int_equal(result, 0);
    }
}

/* Returns the set of nodes that are struck. On the others the controller, if it lives, goes on. */
static uint64_t strike(struct controller *controller, enum victim victim, struct rift_rng *rng)
{
    if (victim == CONTROLLER)
        kill(controller->pid, SIGKILL);
    if (victim == SSH)
        set_ssh_cut(true);
    if (victim == CONTROLLER || victim == SSH)
        return (1 << HOSTS) - 1;
    uint64_t whom = 1 + rift_rng_below(rng, (1 << HOSTS) - 1);
    for (size_t i = 0; i < HOSTS; i++) {
        char script[64];
        int agent = controller->pids[i][0], guardian = controller->pids[i][1];
        if (!(whom >> i & 1))
            continue;
        if (victim == BOTH)
            snprintf(script, sizeof script, "kill -9 %d %d", guardian, agent);
        else
            snprintf(script, sizeof script, "kill -9 %d", victim == AGENT ? agent : guardian);
        test_host_run(&hosts[i], script, NULL, 0);
    }
    return whom;
}

/* How many pairs towards a struck node do not pass: who receives is who drops. */
static size_t count_cut_pairs(uint64_t struck)
{
    bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX];
    size_t count = 0;
    net_probe_round(&probe, 50, passed);
    for (size_t from = 0; from < HOSTS; from++)
        for (size_t to = 0; to < HOSTS; to++)
            count += from != to && (struck >> to & 1) && !passed[from][to];
    return count;
}

static void assert_ended_within_the_lease(uint64_t struck, int64_t struck_ns, int round)
{
    int64_t deadline_ns = struck_ns + (LEASE_MS + SLACK_MS) * RIFT_MS;
    size_t count;
    while ((count = count_cut_pairs(struck)) > 0)
        if (rift_clock_now() > deadline_ns)
            fail_msg("round %d: %zu pairs to struck nodes %#llx do not pass", round, count,
                     (unsigned long long)struck);
    for (size_t i = 0; i < PAUSED_HOSTS; i++)
        while ((struck >> i & 1) && !is_beating(&hosts[i]))
            if (rift_clock_now() > deadline_ns + 300 * RIFT_MS)
                fail_msg("round %d: %s stands still", round, hosts[i].name);
}

/* Processes that were told to end take a moment on a loaded machine; what is left after GONE_MS
 * stays. */
static void assert_nothing_is_left(int round)
{
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    int64_t gone_ns = rift_clock_now() + GONE_MS * RIFT_MS;
    size_t count = 0;
    do {
        rift_text_clear(&found);
        count = 0;
        for (size_t i = 0; i < HOSTS; i++) {
            node_state_read(&hosts[i], after);
            rift_text_printf(&found, "%s:\n", hosts[i].name);
            count += node_remains(before[i], after, &found);
        }
    } while (count > 0 && rift_clock_now() < gone_ns);
    if (count > 0) {
        print_error("%s", found.data);
        fail_msg("round %d: %zu things are left", round, count);
    }
    /* The kernel frees them a moment after their last holder. */
    int64_t deadline_ns = rift_clock_now() + 2 * RIFT_SECOND;
    for (size_t i = 0; i < HOSTS; i++) {
        while ((count = node_bpf_objects(&hosts[i])) > 0 && rift_clock_now() < deadline_ns)
            rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
        if (count > 0)
            fail_msg("round %d: %zu BPF objects of %s are left", round, count, hosts[i].name);
    }
}

static void play(enum victim victim, struct rift_rng *rng, int round)
{
    struct controller controller, cleaner;
    char line[256];
    bool in_the_middle = round % 2 == 1;
    start_controller(&controller, false);
    assert_int_equal(write(controller.to, "g", 1), 1);
    if (in_the_middle) {
        rift_clock_sleep_until(rift_clock_now() + rift_rng_between(rng, 0, 40 * RIFT_MS));
    } else {
        read_line(&controller, line, sizeof line);
        assert_string_equal(line, "injected 0\n");
        assert_faults_are_on();
        rift_clock_sleep_until(rift_clock_now() + rift_rng_between(rng, 0, LEASE_MS * RIFT_MS));
    }
    uint64_t struck = strike(&controller, victim, rng);
    assert_ended_within_the_lease(struck, rift_clock_now(), round);
    if (!in_the_middle)
        assert_false(is_beating(&hosts[KILLED_HOST]));
    if (victim == SSH)
        set_ssh_cut(false);
    if (victim != CONTROLLER) {
        if (in_the_middle)
            read_line(&controller, line, sizeof line);
        assert_int_equal(write(controller.to, "q", 1), 1);
        read_line(&controller, line, sizeof line);
        assert_string_equal(line, "closed\n");
    }
    end_controller(&controller);
    start_controller(&cleaner, true);
    read_line(&cleaner, line, sizeof line);
    assert_string_equal(line, "closed\n");
    end_controller(&cleaner);
    assert_nothing_is_left(round);
}

/* After a failed test: the next one finds the nodes as they were. */
static int clean_up(void **state)
{
    struct controller cleaner;
    (void)state;
    if (!running)
        return 0;
    kill(running->pid, SIGKILL);
    waitpid(running->pid, NULL, 0);
    for (size_t i = 0; i < HOSTS; i++)
        test_host_run(&hosts[i], "nft delete table inet t", NULL, 0);
    rift_clock_sleep_until(rift_clock_now() + 2 * LEASE_MS * RIFT_MS);
    start_controller(&cleaner, true);
    end_controller(&cleaner);
    return 0;
}

static void play_rounds(enum victim victim)
{
    struct rift_rng rng;
    int rounds = getenv("RIFT_LONG") ? 20 : 2;
    if (!lab) {
        print_message("skipped: a lab needs root\n");
        skip();
    }
    test_agent_binary();
    rift_rng_init(&rng, (uint64_t)victim + 1);
    for (int round = 0; round < rounds; round++)
        play(victim, &rng, round);
}

static void faults_end_when_agents_are_killed(void **state)
{
    (void)state;
    play_rounds(AGENT);
}

static void faults_end_when_guardians_are_killed(void **state)
{
    (void)state;
    play_rounds(GUARDIAN);
}

static void faults_end_when_agents_and_guardians_are_killed(void **state)
{
    (void)state;
    play_rounds(BOTH);
}

static void faults_end_when_the_controller_is_killed(void **state)
{
    (void)state;
    play_rounds(CONTROLLER);
}

static void faults_end_when_ssh_is_cut(void **state)
{
    (void)state;
    play_rounds(SSH);
}

static int plant_bpf_map(const char *tag)
{
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY};
    attr.key_size = attr.value_size = attr.max_entries = sizeof(uint32_t);
    snprintf(attr.map_name, sizeof attr.map_name, "rift_x_%s", tag);
    return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
}

/* Of its own host, and only of that one. */
static void the_search_finds_a_planted_bpf_object(void **state)
{
    (void)state;
    char tag[16];
    if (!lab)
        skip();
    test_host_run(&hosts[0], "printf %08x $(stat -Lc %i /proc/self/ns/net)", tag, sizeof tag);
    assert_int_equal(node_bpf_objects(&hosts[0]), 0);
    int fd = plant_bpf_map(tag);
    assert_true(fd >= 0);
    assert_int_equal(node_bpf_objects(&hosts[0]), 1);
    assert_int_equal(node_bpf_objects(&hosts[1]), 0);
    close(fd);
}

static void the_search_finds_what_is_planted(void **state)
{
    (void)state;
    CLEANUP(rift_text_finish) struct rift_text found = {NULL, 0, 0};
    if (!lab)
        skip();
    static const char *const kinds[] = {"qdisc eth0", "cgroup ", "mount /mnt", "process rift-hold",
                                        "file /var/lib/rift/ledger/x"};
    assert_int_equal(
        test_host_run(
            &hosts[0],
            "tc qdisc add dev eth0 clsact; g=/sys/fs/cgroup; [ -d $g/unified ] && "
            "g=$g/unified; mkdir $g/rift-system; mount -t tmpfs x /mnt; rm -r /run/mount; mkdir -p "
            "/var/lib/rift/ledger; touch /var/lib/rift/ledger/x; cp /bin/sleep "
            "/usr/local/bin/rift-hold; setsid /usr/local/bin/rift-hold 30 >/dev/null "
            "2>&1 </dev/null & sleep 0.2",
            NULL, 0),
        0);
    node_state_read(&hosts[0], after);
    size_t count = node_remains(before[0], after, &found);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strstr(found.data ? found.data : "", kinds[i]))
            fail_msg("not found: %s in:\n%s", kinds[i], found.data ? found.data : "");
    if (count != 5)
        fail_msg("%zu things instead of 5:\n%s", count, found.data);
    test_host_run(&hosts[0],
                  "tc qdisc del dev eth0 clsact; g=/sys/fs/cgroup; [ -d $g/unified ] && "
                  "g=$g/unified; rmdir $g/rift-system; umount /mnt; rm -r /run/mount /var/lib/rift "
                  "/usr/local/bin/rift-hold; for p in /proc/[0-9]*; do [ $(cat $p/comm) = "
                  "rift-hold ] && kill -9 ${p#/proc/}; done; sleep 0.1",
                  NULL, 0);
    node_state_read(&hosts[0], after);
    found.length = 0;
    assert_int_equal(node_remains(before[0], after, &found), 0);
}

static void heal_with_purge_leaves_not_even_the_agent(void **state)
{
    (void)state;
    char script[1024], output[64];
    struct controller controller;
    if (!lab)
        skip();
    test_agent_binary();
    start_controller(&controller, false);
    kill(controller.pid, SIGKILL);
    end_controller(&controller);
    snprintf(script, sizeof script, "%s heal --purge --lab %s", test_rift_binary(),
             test_lab_name("matrix"));
    assert_int_equal(test_run(script, NULL, 0), 0);
    for (size_t i = 0; i < HOSTS; i++) {
        test_host_run(&hosts[i], "ls -d /var/lib/rift/* /var/lib/rift 2>/dev/null | wc -l", output,
                      sizeof output);
        assert_string_equal(output, "0");
    }
    assert_nothing_is_left(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_is_planted),
        cmocka_unit_test(the_search_finds_a_planted_bpf_object),
        cmocka_unit_test_teardown(faults_end_when_agents_are_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_guardians_are_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_agents_and_guardians_are_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_the_controller_is_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_ssh_is_cut, clean_up),
        cmocka_unit_test_teardown(heal_with_purge_leaves_not_even_the_agent, clean_up),
    };
    return cmocka_run_group_tests(tests, up, down);
}
