/* The agent's ways to die, at random moments of injects and heals: afterwards traffic flows within
 * the lease, and the next contact leaves nothing. And what it answers to questions asked twice. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/rng.h"
#include "tests/lib/namespaces.h"
#include "tests/lib/toy_system.h"

enum { LEASE_MS = 1500, ROUNDS = 24, ALIVE_MS = 10000 };

static struct namespaces *spaces;
static struct test_host *n1, *n2;

static int group_up(void **state)
{
    (void)state;
    spaces = namespaces_up(2);
    n1 = spaces ? &spaces->hosts[0] : NULL;
    n2 = spaces ? &spaces->hosts[1] : NULL;
    return 0;
}

static int group_down(void **state)
{
    (void)state;
    namespaces_down(spaces);
    return 0;
}

static bool is_heard_by_n1(int patience_ms)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7100)};
    inet_pton(AF_INET, n1->address, &to.sin_addr);
    int in = host_socket(spaces, n1, AF_INET, SOCK_DGRAM);
    int out = host_socket(spaces, n2, AF_INET, SOCK_DGRAM);
    assert_int_equal(0, bind(in, (struct sockaddr *)&to, sizeof to));
    int64_t deadline = rift_clock_now() + patience_ms * RIFT_MS;
    bool heard = false;
    for (int asked = 0; !heard && (asked < 5 || rift_clock_now() < deadline); asked++) {
        struct pollfd poll_fd = {.fd = in, .events = POLLIN};
        sendto(out, "x", 1, 0, (struct sockaddr *)&to, sizeof to);
        heard = poll(&poll_fd, 1, 10) == 1;
    }
    close(in);
    close(out);
    return heard;
}

static json_t *cut_args(const char *id)
{
    return json_pack("{s:s, s:s, s:{}, s:[{s:s, s:[s]}]}", "id", id, "fault", "partition",
                     "options", "peers", "name", "n2", "addresses", n2->address);
}

static json_t *pause_args(const char *id)
{
    return json_pack("{s:s, s:s, s:{}}", "id", id, "fault", "pause", "options");
}

/* A few faults on and off, without waiting for replies, so that the kill lands anywhere. */
static void stir(struct rift_rng *rng)
{
    for (int i = 0; i < 6; i++) {
        char id[16];
        snprintf(id, sizeof id, "f%d", i);
        bool is_cut = rift_rng_below(rng, 2) == 0;
        agent_send(&n1->agent, "inject", is_cut ? cut_args(id) : pause_args(id));
        if (rift_rng_below(rng, 3) == 0)
            agent_send(&n1->agent, "heal", json_pack("{s:s}", "id", id));
    }
}

enum death { DEATH_AGENT, DEATH_GUARDIAN, DEATH_BOTH, DEATH_CONNECTION, DEATH_SIGNAL, DEATH_KINDS };

static void die(enum death death)
{
    if (death == DEATH_BOTH)
        agent_kill_both(&n1->agent);
    if (death == DEATH_GUARDIAN)
        kill(guardian_pid(&n1->agent), SIGKILL);
    if (death == DEATH_AGENT)
        kill(agent_pid(&n1->agent), SIGKILL);
    if (death == DEATH_SIGNAL)
        kill(guardian_pid(&n1->agent), SIGTERM);
    if (death == DEATH_CONNECTION)
        close(n1->agent.in);
}

static void assert_nothing_is_left(void)
{
    char *output = NULL;
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    json_decref(agent_must(&n1->agent, "quit", NULL));
    agent_forget(&n1->agent);
    host_agent_by_hand(n1, &output, "--leftovers");
    /* Other tests of this machine may run agents of their own, which are listed as processes. */
    assert_null(strstr(output, "filter"));
    assert_null(strstr(output, "ledger"));
    assert_null(strstr(output, "cgroup"));
    assert_null(strstr(output, "lock"));
    assert_null(strstr(output, "record"));
    free(output);
    assert_int_equal(0, HOST_RUN(n1, &output, "tc", "qdisc", "show", "dev", "eth0"));
    assert_null(strstr(output, "clsact"));
    free(output);
}

/* By the state that /proc tells (proc(5)): how fast the toy works is the machine's affair. */
static bool is_any_stopped(void)
{
    struct rift_cgroup cgroup;
    pid_t pids[RIFT_CGROUP_PIDS_MAX];
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    size_t count = rift_cgroup_pids(&cgroup, pids, RIFT_CGROUP_PIDS_MAX), stopped = 0;
    for (size_t i = 0; i < count; i++) {
        char path[64], line[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pids[i]);
        FILE *file = fopen(path, "re");
        const char *name_end = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
        stopped += name_end && (name_end[2] == 'T' || name_end[2] == 't');
        if (file)
            fclose(file);
    }
    assert_true(count > 0);
    return stopped > 0;
}

static void whatever_dies_and_whenever_the_node_is_whole_within_the_lease(void **state)
{
    (void)state;
    namespaces_need(spaces);
    const char *given = getenv("RIFT_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20;
    struct rift_rng rng;
    rift_rng_init(&rng, seed);
    print_message("seed %llu (RIFT_TEST_SEED)\n", (unsigned long long)seed);
    for (int round = 0; round < ROUNDS; round++) {
        assert_true(host_agent_start(n1, "guardian", LEASE_MS));
        toy_configure(n1, 0, "none");
        toy_start(n1);
        assert_true(is_heard_by_n1(2000));
        enum death death = (enum death)(round % DEATH_KINDS);
        int64_t lease_start = rift_clock_now();
        json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", LEASE_MS)));
        stir(&rng);
        rift_clock_sleep_until(rift_clock_now() + rift_rng_between(&rng, 0, 60) * RIFT_MS);
        die(death);
        rift_clock_sleep_until(lease_start + (LEASE_MS + 50) * RIFT_MS);
        assert_true(is_heard_by_n1(100));
        assert_false(is_any_stopped());
        assert_true(toy_is_alive(n1, ALIVE_MS));
        if (death == DEATH_CONNECTION)
            n1->agent.in = open("/dev/null", 1);
        agent_forget(&n1->agent);
        assert_true(host_agent_start(n1, "guardian", LEASE_MS));
        assert_nothing_is_left();
    }
}

static void the_check_for_leftovers_finds_what_is_planted(void **state)
{
    (void)state;
    namespaces_need(spaces);
    char *output, path[256];
    assert_true(host_agent_start(n1, "planted", LEASE_MS));
    toy_configure(n1, 0, "none");
    toy_start(n1);
    json_decref(agent_must(&n1->agent, "inject", cut_args("planted")));
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    /* Without its ledger entry the filter is one that only a look at the kernel can find. */
    snprintf(path, sizeof path, "%s/ledger/planted.json", n1->state);
    assert_int_equal(0, unlink(path));
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--leftovers"));
    assert_says(output, "filter: 1 on eth0 ingress");
    assert_non_null(strstr(output, n1->cgroup));
    assert_says(output, "agent.lock");
    free(output);
    assert_int_equal(0, host_agent_by_hand(n1, &output, "--purge"));
    free(output);
    host_agent_by_hand(n1, &output, "--leftovers");
    assert_null(strstr(output, "filter"));
    assert_null(strstr(output, "cgroup"));
    assert_null(strstr(output, "file"));
    free(output);
    /* Without the ledger nobody knows whose this is, so it stayed. */
    assert_int_equal(0, HOST_RUN(n1, NULL, "tc", "qdisc", "del", "dev", "eth0", "clsact"));
}

static bool is_there(const char *suffix)
{
    char path[256];
    snprintf(path, sizeof path, "%s%s", n1->state, suffix);
    return access(path, F_OK) == 0;
}

/* A toy system that an earlier session left running; the caller's session has begun. */
static void come_after_a_dead_run(bool keeps_data)
{
    assert_true(host_agent_start(n1, "dead", LEASE_MS));
    toy_configure_kept(n1, keeps_data);
    toy_start(n1);
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_true(toy_is_alive(n1, ALIVE_MS));
    assert_true(is_there("-data/toy") && is_there("/system.json") && is_there("/logs/toy.log"));
    assert_true(host_agent_start(n1, "next", LEASE_MS));
}

static void quit(void)
{
    json_decref(agent_must(&n1->agent, "quit", NULL));
    agent_forget(&n1->agent);
}

static void what_a_dead_run_left_is_removed_by_the_next_session(void **state)
{
    (void)state;
    namespaces_need(spaces);
    come_after_a_dead_run(false);
    assert_true(toy_is_still(n1, 100));
    assert_false(is_there("-data/toy") || is_there("/system.json") || is_there("/logs"));
    /* Nothing is configured, so nothing is to be done. */
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    json_decref(agent_must(&n1->agent, "system.remove", NULL));
    quit();
}

static void data_that_are_to_be_kept_stay_until_the_next_run_or_a_purge(void **state)
{
    (void)state;
    namespaces_need(spaces);
    char *output;
    come_after_a_dead_run(true);
    assert_true(toy_is_still(n1, 100));
    assert_true(is_there("-data/toy/parent") && is_there("/system.json"));
    toy_configure_kept(n1, true);
    assert_false(is_there("-data/toy"));
    toy_start(n1);
    quit();
    assert_int_equal(0, host_agent_by_hand(n1, NULL, "--heal"));
    assert_true(toy_is_still(n1, 100));
    assert_true(is_there("-data/toy/parent"));
    assert_int_equal(1, host_agent_by_hand(n1, &output, "--leftovers"));
    assert_says(output, "data: ");
    assert_says(output, "system.json");
    free(output);
    assert_int_equal(0, host_agent_by_hand(n1, NULL, "--purge"));
    assert_false(is_there("-data/toy") || is_there("/system.json"));
}

static void a_heal_by_hand_ends_and_removes_the_system_of_a_dead_run(void **state)
{
    (void)state;
    namespaces_need(spaces);
    assert_true(host_agent_start(n1, "dead", LEASE_MS));
    toy_configure(n1, 0, "none");
    toy_start(n1);
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_int_equal(0, host_agent_by_hand(n1, NULL, "--heal"));
    assert_true(toy_is_still(n1, 100));
    assert_false(is_there("-data/toy") || is_there("/system.json") || is_there("/logs"));
}

static void a_second_run_is_refused_and_learns_who_holds_the_node(void **state)
{
    (void)state;
    namespaces_need(spaces);
    assert_true(host_agent_start(n1, "run-a", 2000));
    struct test_agent first = n1->agent;
    assert_false(host_agent_start(n1, "run-b", 2000));
    agent_forget(&n1->agent);
    /* The same session again: the first agent is ended, and what it had on is healed. */
    n1->agent = first;
    json_decref(agent_must(&n1->agent, "inject", cut_args("held")));
    first = n1->agent;
    assert_true(host_agent_start(n1, "run-a", 2000));
    assert_true(is_heard_by_n1(100));
    agent_forget(&first);
    json_decref(agent_must(&n1->agent, "quit", NULL));
    agent_forget(&n1->agent);
}

/* Sends one request twice, by hand. */
static json_t *ask_again(struct test_agent *agent, int64_t id, const char *verb, json_t *args)
{
    agent->next_id = id - 1;
    assert_int_equal(id, agent_send(agent, verb, args));
    return agent_wait(agent, id);
}

static json_t *touch_args(const char *path)
{
    return json_pack("{s:[s, s, s, s]}", "argv", "sh", "-c", "echo x >> \"$0\"", path);
}

static void no_request_is_carried_out_twice(void **state)
{
    (void)state;
    namespaces_need(spaces);
    char path[256];
    snprintf(path, sizeof path, "%s-counted", n1->state);
    assert_true(host_agent_start(n1, "twice", 3000));
    int64_t id = n1->agent.next_id + 1;
    json_decref(agent_must(&n1->agent, "exec", touch_args(path)));
    int64_t later = n1->agent.next_id;
    json_t *reply = ask_again(&n1->agent, id, "exec", touch_args(path));
    assert_non_null(json_object_get(reply, "ok"));
    json_decref(reply);
    n1->agent.next_id = later;

    /* The next agent knows it as well; one that had begun is answered as lost. */
    int64_t begun = agent_send(&n1->agent, "exec", json_pack("{s:[s, s]}", "argv", "sleep", "20"));
    rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS);
    kill(agent_pid(&n1->agent), SIGKILL);
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "twice", 3000));
    assert_true(json_is_true(json_object_get(n1->agent.hello, "resumed")));
    later = n1->agent.next_id;
    reply = ask_again(&n1->agent, id, "exec", touch_args(path));
    assert_non_null(json_object_get(reply, "ok"));
    json_decref(reply);
    reply = ask_again(&n1->agent, begun, "exec", touch_args(path));
    const char *code = NULL;
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "code", &code));
    assert_string_equal("cancelled", code);
    json_decref(reply);
    n1->agent.next_id = later;

    FILE *file = fopen(path, "r");
    char text[16] = "";
    assert_non_null(file);
    assert_int_equal(2, fread(text, 1, sizeof text, file));
    fclose(file);
    unlink(path);
    json_decref(agent_must(&n1->agent, "quit", NULL));
    agent_forget(&n1->agent);
}

static void garbage_on_the_wire_ends_the_agent_and_heals(void **state)
{
    (void)state;
    namespaces_need(spaces);
    assert_true(host_agent_start(n1, "garbage", 30000));
    json_decref(agent_must(&n1->agent, "inject", cut_args("garbage")));
    assert_false(is_heard_by_n1(100));
    assert_int_equal(8, write(n1->agent.in, "\xff\xff\xff\xffgarb", 8));
    assert_true(is_heard_by_n1(1000));
    agent_forget(&n1->agent);
}

/* What a test keeps that is killed below; told through a pipe. */
struct kept {
    char cgroup[64], state[128];
};

/* Never returns: it is killed. */
static void keep_a_toy(int fd)
{
    struct kept kept;
    struct namespaces *own = namespaces_up(1);
    if (own && host_agent_start(&own->hosts[0], "killed", 30000)) {
        toy_configure(&own->hosts[0], 0, "none");
        toy_start(&own->hosts[0]);
        memcpy(kept.cgroup, own->hosts[0].cgroup, sizeof kept.cgroup);
        memcpy(kept.state, own->hosts[0].state, sizeof kept.state);
        ssize_t ignored = write(fd, &kept, sizeof kept);
        (void)ignored;
    }
    for (;;)
        pause();
}

static void a_test_that_is_killed_leaves_no_system(void **state)
{
    (void)state;
    namespaces_need(spaces);
    int ends[2];
    struct kept kept;
    struct rift_cgroup cgroup;
    assert_int_equal(0, pipe(ends));
    pid_t test = fork();
    assert_true(test >= 0);
    if (test == 0)
        keep_a_toy(ends[1]);
    struct pollfd told = {.fd = ends[0], .events = POLLIN};
    bool is_told = poll(&told, 1, ALIVE_MS * 2) == 1 &&
                   read(ends[0], &kept, sizeof kept) == (ssize_t)sizeof kept;
    if (is_told)
        assert_int_equal(0, rift_cgroup_open(kept.cgroup, &cgroup, NULL));
    pid_t pid;
    bool was_there = is_told && rift_cgroup_pids(&cgroup, &pid, 1) == 1;
    kill(test, SIGKILL);
    waitpid(test, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    assert_true(was_there);
    int64_t deadline = rift_clock_now() + ALIVE_MS * RIFT_MS;
    while ((rift_cgroup_exists(&cgroup) || access(kept.state, F_OK) == 0) &&
           rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    assert_false(rift_cgroup_exists(&cgroup));
    assert_int_equal(-1, access(kept.state, F_OK));
}

/* A test that failed holds the host no longer. */
static int end(void **state)
{
    (void)state;
    if (!n1 || n1->agent.pid <= 0)
        return 0;
    char *output = NULL;
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    host_agent_by_hand(n1, &output, "--purge");
    free(output);
    return 0;
}

#define CASE(test) cmocka_unit_test_teardown(test, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_test_that_is_killed_leaves_no_system),
        CASE(a_second_run_is_refused_and_learns_who_holds_the_node),
        CASE(no_request_is_carried_out_twice),
        CASE(garbage_on_the_wire_ends_the_agent_and_heals),
        CASE(the_check_for_leftovers_finds_what_is_planted),
        CASE(what_a_dead_run_left_is_removed_by_the_next_session),
        CASE(data_that_are_to_be_kept_stay_until_the_next_run_or_a_purge),
        CASE(a_heal_by_hand_ends_and_removes_the_system_of_a_dead_run),
        CASE(whatever_dies_and_whenever_the_node_is_whole_within_the_lease),
    };
    return cmocka_run_group_tests(tests, group_up, group_down);
}
