/* Faults never outlive their owner: whatever is killed, at any moment, over SSH on five lab hosts.
 *
 * A process apart is the controller, so that it can be killed as well. While a partition, a pause
 * and a kill are on, the test kills agents, guardians, both, the controller, or cuts SSH, and
 * watches from outside: traffic by its own datagrams, the system by the heartbeat that it writes,
 * what is left by tc, /proc and the file system (that this search finds what is left is
 * test_node_remains' claim). RIFT_LONG=1 does 20 rounds of each kind.
 *
 * RIFT_TEST_DRIVER=uml does it on hosts with a kernel of their own, of another version and with
 * cgroup v2 only, and RIFT_TEST_DRIVER=systemd on such that have systemd too; there a program of
 * the tests' is the eye (guest_probe.h). A round takes them many times as long, so CTest does two
 * of them (RIFT_TEST_SHORT), unless RIFT_LONG is set. */
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "tests/lib/guest_probe.h"
#include "tests/lib/lab_hosts.h"
#include "tests/lib/lease_watch.h"
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
    /* What may lie between the strike and the last renewal of the lease that the agent took: one
     * that was on its way. The watch itself adds nothing (lease_watch.h). */
    MARGIN_MS = 100,
    PROBE_PORT = 7799,
    PROBE_MS = 300,
    BEAT_MS = 500,
    TRIES = 5,
    CALL_MS = 10000,
    CHILD_MS = 30000,
    BACK_MS = 5000,
};

#define BEAT_FILE "/var/lib/beat/beat"

enum victim { AGENT, GUARDIAN, BOTH, CONTROLLER, SSH };

/* For each host another one of its side of the cut. */
static const size_t same_side[HOSTS] = {1, 0, 3, 4, 2};
static struct rift_lab *lab;
static const struct rift_lab_host *hosts;
static struct net_probe probe;
static char before[HOSTS][NODE_STATE_SIZE];

static int up(void **state)
{
    (void)state;
    size_t count = 0;
    if (geteuid() != 0)
        return 0;
    lab = test_lab_up("matrix", HOSTS);
    hosts = rift_lab_hosts(lab, &count);
    if (test_hosts_are_guests())
        guest_probe_start(hosts, HOSTS, BEAT_FILE);
    net_probe_open(&probe, hosts, HOSTS, PROBE_PORT);
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
    if (result < 0) {
        rift_wrap(&err, "%s", verb);
        child_fail(out, err.text);
    }
}

static void child_start_system(struct rift_node *node, int out, const struct rift_lab_host *host)
{
    /* A read that times out waits without a process of its own. */
    static const char beat[] = "cd /var/lib/beat; mkfifo wait; exec 3<>wait; i=0; while :; do "
                               "i=$$((i+1)); echo $$i > beat; read -t 0.02 -u 3; done";
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
        if (!is_cleaner)
            child_start_system(nodes[i], out, &hosts[i]);
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
    pid_t pids[HOSTS][2]; /* agent and guardian, as test_host_pid counts */
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

/* What is between an agent and its controller, sshd, is no part of the claim: on a busy machine a
 * renewal of the lease would wait there until it is no longer of the moment before the strike. */
static void let_sshd_go_first(const struct rift_lab_host *host)
{
    CLEANUP(rift_free)
    char *script = rift_printf(
        "for p in /proc/[0-9]*; do [ $p/ns/pid -ef /proc/%d/ns/pid ] && read -r name <$p/comm && "
        "[ $name = sshd ] && [ $(ps -o comm= -p $(ps -o ppid= -p ${p#/proc/})) = sshd ] && { echo "
        "${p#/proc/} >/sys/fs/cgroup/cpu/cgroup.procs; chrt -f -p 1 ${p#/proc/}; }; done "
        "2>/dev/null; true",
        (int)host->init_pid);
    test_run(script, NULL, 0);
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
        int pid = (int)strtol(at, &end, 10);
        assert_true(end > at);
        controller->pids[i / 2][i % 2] = is_cleaner ? 0 : test_host_pid(&hosts[i / 2], pid);
        at = end;
    }
    for (size_t i = 0; i < HOSTS && !is_cleaner && !test_hosts_are_guests(); i++)
        let_sshd_go_first(&hosts[i]);
}

static void end_controller(struct controller *controller)
{
    running = NULL;
    waitpid(controller->pid, NULL, 0);
    close(controller->from);
    close(controller->to);
}

/* When the host's system last wrote; ns. */
static int64_t beat_time(const struct rift_lab_host *host)
{
    char path[64];
    struct stat facts = {.st_ino = 0};
    if (test_hosts_are_guests())
        return guest_probe_ask(host, GUEST_PROBE_LOOK, 0).file_ns;
    snprintf(path, sizeof path, "/proc/%d/root" BEAT_FILE, (int)host->init_pid);
    stat(path, &facts);
    return facts.st_mtim.tv_sec * RIFT_SECOND + facts.st_mtim.tv_nsec;
}

static bool beats_by(const struct rift_lab_host *host, int64_t deadline_ns)
{
    int64_t first_ns = beat_time(host);
    do {
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
        if (beat_time(host) != first_ns)
            return true;
    } while (rift_clock_now() < deadline_ns);
    return false;
}

static bool is_beating(const struct rift_lab_host *host)
{
    return beats_by(host, rift_clock_now() + BEAT_MS * RIFT_MS);
}

static bool are_faults_on(void)
{
    bool passed[NET_PROBE_HOSTS_MAX][NET_PROBE_HOSTS_MAX];
    bool are_on = net_probe_round(&probe, PROBE_MS, passed) == PASSING_PAIRS;
    for (size_t i = 0; i < HOSTS; i++)
        are_on = are_on && is_beating(&hosts[i]) == (i >= PAUSED_HOSTS && i != KILLED_HOST) &&
                 node_bpf_objects(&hosts[i]) == OBJECTS_OF_A_CUT;
    return are_on;
}

/* Of a guest on the way to it: on the bridge between its tap device and the lab. */
static int set_ssh_cut(const struct rift_lab_host *host, bool is_cut)
{
    static const char in_host[] =
        "nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'; "
        "nft "
        "add chain inet t o '{ type filter hook output priority 0; }'; nft add rule inet t i tcp "
        "dport 22 drop; nft add rule inet t o tcp sport 22 drop";
    static const char on_bridge[] =
        "add table netdev t; add chain netdev t i { type filter hook ingress device eth0 priority "
        "0; "
        "}; add chain netdev t o { type filter hook ingress device tap0 priority 0; }; add rule "
        "netdev t i tcp dport 22 drop; add rule netdev t o tcp sport 22 drop";
    if (!test_hosts_are_guests())
        return test_host_run(host, is_cut ? in_host : "nft delete table inet t", NULL, 0);
    CLEANUP(rift_free)
    char *script = rift_printf("nsenter -t %d -n nft '%s'", (int)host->init_pid,
                               is_cut ? on_bridge : "delete table netdev t");
    return test_run(script, NULL, 0);
}

static void kill_process(const struct rift_lab_host *host, pid_t pid)
{
    if (test_hosts_are_guests())
        guest_probe_ask(host, GUEST_PROBE_KILL, pid);
    else
        kill(pid, SIGKILL);
}

static int64_t ms_since(int64_t start_ns, int64_t end_ns)
{
    return end_ns > start_ns ? (end_ns - start_ns) / RIFT_MS : 0;
}

/* Strikes nodes, and notes when each was, or at the latest; the others' stay 0: on those the
 * controller, if it lives, goes on. */
static void strike(struct controller *controller, enum victim victim, struct rift_rng *rng,
                   int64_t struck_ns[HOSTS])
{
    uint64_t whom = 1 + rift_rng_below(rng, (1 << HOSTS) - 1);
    memset(struck_ns, 0, HOSTS * sizeof *struck_ns);
    if (victim == CONTROLLER) {
        kill(controller->pid, SIGKILL);
        for (size_t i = 0; i < HOSTS; i++)
            struck_ns[i] = rift_clock_now();
        return;
    }
    for (size_t i = 0; i < HOSTS; i++) {
        if (victim == SSH) {
            assert_int_equal(set_ssh_cut(&hosts[i], true), 0);
        } else if (whom >> i & 1) {
            if (victim != AGENT)
                kill_process(&hosts[i], controller->pids[i][1]);
            if (victim != GUARDIAN)
                kill_process(&hosts[i], controller->pids[i][0]);
        } else {
            continue;
        }
        struck_ns[i] = rift_clock_now();
    }
}

/* Faults of an owner whose last sign of life was at last_ns, where that is not 0. */
static void assert_ended_within_the_lease(struct lease_watch *watch, const int64_t last_ns[HOSTS],
                                          int round)
{
    int64_t until_ns[HOSTS];
    for (size_t i = 0; i < HOSTS; i++)
        until_ns[i] = last_ns[i] ? last_ns[i] + (LEASE_MS + MARGIN_MS) * RIFT_MS : 0;
    lease_watch_end(watch, until_ns);
    for (size_t i = 0; i < HOSTS; i++) {
        int64_t cut_ns = lease_watch_cut_until(watch, i);
        int64_t stopped_ns = lease_watch_stopped_until(watch, i);
        if (!last_ns[i])
            continue;
        if (lease_watch_rounds_since(watch, i, until_ns[i]) == 0)
            fail_msg("round %d: nothing reaches %s", round, hosts[i].name);
        print_message("round %d, %s: after the strike cut for %lld ms, stopped for %lld ms\n",
                      round, hosts[i].name, (long long)ms_since(last_ns[i], cut_ns),
                      (long long)ms_since(last_ns[i], stopped_ns));
        if (cut_ns > until_ns[i] || stopped_ns > until_ns[i])
            fail_msg("round %d: %s is not whole within the lease of %d ms", round, hosts[i].name,
                     LEASE_MS);
    }
    for (size_t i = 0; i < PAUSED_HOSTS; i++)
        if (last_ns[i] && !beats_by(&hosts[i], rift_clock_now() + BACK_MS * RIFT_MS))
            fail_msg("round %d: %s does not go on", round, hosts[i].name);
}

static void assert_nothing_is_left(int round)
{
    CLEANUP(rift_free) char *when = rift_printf("round %d", round);
    nodes_assert_clean(hosts, HOSTS, before, when);
}

static void quit(struct controller *controller)
{
    char line[256];
    assert_int_equal(write(controller->to, "q", 1), 1);
    read_line(controller, line, sizeof line);
    assert_string_equal(line, "closed\n");
}

/* The next contact. */
static void clean(void)
{
    struct controller cleaner;
    char line[256];
    start_controller(&cleaner, true);
    read_line(&cleaner, line, sizeof line);
    assert_string_equal(line, "closed\n");
    end_controller(&cleaner);
}

/* A controller whose faults are on. On a machine so loaded that leases run out while it lives, it
 * may take more than one. */
static void start_breaking(struct controller *controller)
{
    char line[256];
    for (int i = 0; i < TRIES; i++) {
        start_controller(controller, false);
        assert_int_equal(write(controller->to, "g", 1), 1);
        read_line(controller, line, sizeof line);
        if (strcmp(line, "injected 0\n") == 0 && are_faults_on())
            return;
        print_message("the faults do not hold (%.*s); another controller\n",
                      (int)strcspn(line, "\n"), line);
        quit(controller);
        end_controller(controller);
        clean();
    }
    fail_msg("%d controllers did not get their faults on", TRIES);
}

/* A strike at any moment while faults are on. */
static void strike_faults(struct controller *controller, enum victim victim, struct rift_rng *rng,
                          int round)
{
    int64_t struck_ns[HOSTS];
    start_breaking(controller);
    struct lease_watch *watch = lease_watch_start(hosts, HOSTS, same_side);
    rift_clock_sleep_until(rift_clock_now() + rift_rng_between(rng, 0, LEASE_MS * RIFT_MS));
    strike(controller, victim, rng, struck_ns);
    assert_ended_within_the_lease(watch, struck_ns, round);
    lease_watch_destroy(watch);
    assert_false(is_beating(&hosts[KILLED_HOST]));
    if (victim == SSH)
        for (size_t i = 0; i < HOSTS; i++)
            assert_int_equal(set_ssh_cut(&hosts[i], false), 0);
    if (victim != CONTROLLER)
        quit(controller);
}

/* A strike while faults are being applied. A controller that lives goes on, and has its faults
 * applied or heals what there is of them; then its last sign of life is its end. */
static void strike_injection(struct controller *controller, enum victim victim,
                             struct rift_rng *rng, int round)
{
    char line[256];
    int64_t last_ns[HOSTS];
    start_controller(controller, false);
    struct lease_watch *watch = lease_watch_start(hosts, HOSTS, same_side);
    assert_int_equal(write(controller->to, "g", 1), 1);
    rift_clock_sleep_until(rift_clock_now() + rift_rng_between(rng, 0, 40 * RIFT_MS));
    strike(controller, victim, rng, last_ns);
    if (victim != CONTROLLER && victim != SSH) {
        read_line(controller, line, sizeof line);
        quit(controller);
        for (size_t i = 0; i < HOSTS; i++)
            last_ns[i] = rift_clock_now();
    }
    assert_ended_within_the_lease(watch, last_ns, round);
    lease_watch_destroy(watch);
    if (victim == SSH) {
        for (size_t i = 0; i < HOSTS; i++)
            assert_int_equal(set_ssh_cut(&hosts[i], false), 0);
        read_line(controller, line, sizeof line);
        quit(controller);
    }
}

static void play(enum victim victim, struct rift_rng *rng, int round)
{
    struct controller controller;
    if (round % 2 == 0)
        strike_faults(&controller, victim, rng, round);
    else
        strike_injection(&controller, victim, rng, round);
    end_controller(&controller);
    clean();
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
        set_ssh_cut(&hosts[i], false);
    rift_clock_sleep_until(rift_clock_now() + 2 * LEASE_MS * RIFT_MS);
    start_controller(&cleaner, true);
    end_controller(&cleaner);
    return 0;
}

static bool is_short(void)
{
    return getenv("RIFT_TEST_SHORT") && !getenv("RIFT_LONG");
}

static void play_rounds(enum victim victim)
{
    struct rift_rng rng;
    int first = is_short() && victim == CONTROLLER; /* of the short form one strikes an injection */
    int count = getenv("RIFT_LONG") ? 20 : is_short() ? 1 : 2;
    if (!lab) {
        print_message("skipped: a lab needs root\n");
        skip();
    }
    test_agent_binary();
    rift_rng_init(&rng, (uint64_t)victim + 1);
    for (int round = first; round < first + count; round++)
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
        cmocka_unit_test_teardown(faults_end_when_agents_are_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_guardians_are_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_agents_and_guardians_are_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_the_controller_is_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_ssh_is_cut, clean_up),
        cmocka_unit_test_teardown(heal_with_purge_leaves_not_even_the_agent, clean_up),
    };
    const struct CMUnitTest few[] = {
        cmocka_unit_test_teardown(faults_end_when_agents_and_guardians_are_killed, clean_up),
        cmocka_unit_test_teardown(faults_end_when_the_controller_is_killed, clean_up),
    };
    return is_short() ? cmocka_run_group_tests(few, up, down)
                      : cmocka_run_group_tests(tests, up, down);
}
