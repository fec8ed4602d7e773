/* kill with signals that a system may handle, and the crash loop, as an outsider sees them: by what
 * the system writes into its data folder, and by its pids. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "tests/lib/toy_host.h"

/* Each start adds a line to starts, and its pid to pid; the recipe makes $ of $$. */
static const char head[] = "echo x >> starts; echo $$$$ > pid; ";
static const char loop[] = "while :; do echo x >> parent; sleep 0.005; done";

/* No test is about the lease, and a busy machine takes long; a system that goes on does so at once,
 * as far as the machine lets it. */
enum { LEASE_MS = 120000, GROWS_MS = 10000 };

static int agent_up(void **state)
{
    (void)state;
    return n1 && !host_agent_start(n1, "kill", LEASE_MS) ? -1 : 0;
}

/* A system of one process of the recipe, a shell. */
static void start_system(const char *before)
{
    CLEANUP(rift_free) char *data = rift_printf("%s-data/shell", n1->state);
    CLEANUP(rift_free) char *parent = rift_printf("%s/parent", data);
    CLEANUP(rift_free) char *program = rift_printf("%s%s%s", head, before, loop);
    json_t *process =
        json_pack("{s:s, s:[s, s, s], s:s, s:{s:[s, s, s]}}", "name", "shell", "command", "/bin/sh",
                  "-c", program, "working_folder", data, "ready", "command", "test", "-s", parent);
    json_t *recipe = json_pack("{s:s, s:[s], s:[o], s:{s:i}}", "name", "shell", "data_folders",
                               data, "processes", process, "stop", "grace_ms", 300);
    json_t *node =
        json_pack("{s:s, s:s, s:i}", "name", n1->name, "address", n1->address, "index", 1);
    json_t *context = json_pack("{s:o, s:[O], s:{}}", "node", node, "nodes", node, "options");
    json_decref(
        agent_must(&n1->agent, "system.configure",
                   json_pack("{s:o, s:o, s:b}", "recipe", recipe, "context", context, "lab", 1)));
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    toy_start(n1);
}

static long number_in(const char *file)
{
    CLEANUP(rift_free) char *path = rift_printf("%s-data/shell/%s", n1->state, file);
    FILE *stream = fopen(path, "r");
    long number = 0;
    if (stream && fscanf(stream, "%ld", &number) != 1)
        number = 0;
    if (stream)
        fclose(stream);
    return number;
}

/* Lines of a file of the system. */
static long lines_of(const char *file)
{
    CLEANUP(rift_free) char *path = rift_printf("%s-data/shell/%s", n1->state, file);
    FILE *stream = fopen(path, "r");
    long lines = 0;
    for (int c; stream && (c = getc(stream)) != EOF;)
        lines += c == '\n';
    if (stream)
        fclose(stream);
    return lines;
}

static void wait_ms(int ms)
{
    rift_clock_sleep_until(rift_clock_now() + ms * RIFT_MS);
}

static bool grows(const char *file, int for_ms)
{
    long before = lines_of(file);
    int64_t deadline = rift_clock_now() + for_ms * RIFT_MS;
    while (lines_of(file) == before && rift_clock_now() < deadline)
        wait_ms(10);
    return lines_of(file) > before;
}

/* The agent's words, and whether it says that it is observed; within the time that a controller
 * gives it. */
static bool observed(const char *id, char words[256])
{
    int64_t asked = rift_clock_now();
    json_t *ok =
        agent_must(&n1->agent, "observe", json_pack("{s:s, s:i}", "id", id, "for_ms", 300));
    assert_true(rift_clock_now() - asked < 2 * RIFT_SECOND);
    bool is = json_is_true(json_object_get(ok, "observed"));
    snprintf(words, 256, "%s", json_string_value(json_object_get(ok, "how")));
    print_message("  %d: %s\n", is, words);
    json_decref(ok);
    return is;
}

static void every_signal_that_ends_a_process_ends_the_system(void **state)
{
    (void)state;
    NEED_HOST();
    static const char *const signals[] = {"KILL", "TERM", "INT",  "QUIT", "ABRT", "SEGV",
                                          "BUS",  "SYS",  "TRAP", "XCPU", "PIPE", "ALRM"};
    char words[256];
    start_system("");
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        long pid = number_in("pid");
        inject("k", "kill", json_pack("{s:s}", "signal", signals[i]));
        assert_true(observed("k", words));
        /* A shell outlives a SIGINT that the command which it waits for did not get. */
        if (strcmp(signals[i], "INT") != 0) {
            assert_non_null(strstr(words, "/proc has 0 of"));
            assert_false(grows("parent", 100));
        }
        heal("k");
        assert_true(grows("parent", GROWS_MS));
        assert_int_not_equal(pid, number_in("pid"));
    }
}

/* It would be down a second after the heal, with nobody to start it. */
static void a_system_that_takes_its_time_to_end_is_told_of_and_runs_after_the_heal(void **state)
{
    (void)state;
    NEED_HOST();
    char words[256];
    start_system("trap 'sleep 4; exit 0' TERM; ");
    long pid = number_in("pid");
    inject("k", "kill", json_pack("{s:s}", "signal", "TERM"));
    int64_t deadline = rift_clock_now() + 3 * RIFT_SECOND;
    do
        assert_true(observed("k", words));
    while (!strstr(words, "1 have taken SIGTERM and are still there") &&
           rift_clock_now() < deadline);
    assert_says(words, "1 have taken SIGTERM and are still there");
    heal("k");
    assert_true(grows("parent", GROWS_MS));
    assert_int_not_equal(pid, number_in("pid"));
    wait_ms(4500);
    assert_true(grows("parent", GROWS_MS));
    assert_int_equal(2, lines_of("starts"));
}

/* Whether the process of which `name` has the pid is there and no zombie. */
static bool is_there(const char *name)
{
    return number_in(name) > 0 && kill((pid_t)number_in(name), 0) == 0 &&
           rift_process_state((pid_t)number_in(name)) != 'Z';
}

/* Of a parent and two helpers the helper is hit that the pattern names; the rest goes on, also
 * after the heal. */
static void one_process_is_killed_and_the_others_go_on(void **state)
{
    (void)state;
    NEED_HOST();
    char words[256];
    /* By its name it is known once it has begun its program. */
    start_system(
        "tail -f /dev/null & echo $$! > tail; sleep 7777 & echo $$! > sleep; "
        "for p in tail sleep; do until grep -qx $$p /proc/$$(cat $$p)/comm; do sleep 0.01; "
        "done; done; ");
    long pid = number_in("pid");
    assert_true(is_there("tail") && is_there("sleep"));
    static const char *const patterns[] = {"tail", "sleep 77*"};
    for (size_t i = 0; i < 2; i++) {
        inject("k", "kill", json_pack("{s:s}", "process", patterns[i]));
        assert_true(observed("k", words));
        assert_non_null(strstr(words, "/proc has 0 of the 1 processes"));
        CLEANUP(rift_free)
        char *whom = rift_printf("process %ld, '%s", number_in(i == 0 ? "tail" : "sleep"),
                                 i == 0 ? "tail -f /dev/null'" : "sleep 7777'");
        assert_non_null(strstr(words, whom));
        assert_false(is_there(i == 0 ? "tail" : "sleep"));
        assert_int_equal(i == 0, is_there("sleep"));
        heal("k");
        assert_true(grows("parent", GROWS_MS));
        assert_int_equal(pid, number_in("pid"));
    }
    assert_int_equal(1, lines_of("starts"));
    json_t *reply = agent_ask(
        &n1->agent, "inject",
        json_pack("{s:s, s:s, s:{s:s}}", "id", "k", "fault", "kill", "options", "process", "tail"));
    const char *text = "";
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
    assert_non_null(strstr(text, "the system has no process 'tail'"));
    json_decref(reply);
    /* The one that the recipe started: the system is started again. */
    inject("k", "kill", json_pack("{s:s, s:i}", "process", "any", "pick", 0));
    assert_true(observed("k", words));
    heal("k");
    assert_true(grows("parent", GROWS_MS));
}

/* How far ahead the clock is that the system's only bent process sees; 0: none is bent. */
static double shown_ahead_s(void)
{
    json_t *ok = agent_must(&n1->agent, "system.clock", NULL);
    const json_t *process = json_array_get(json_object_get(ok, "processes"), 0);
    double ahead_s = (double)json_integer_value(json_object_get(process, "ahead_ns")) / 1e9;
    json_decref(ok);
    return ahead_s;
}

/* Long before the lease is renewed. */
static void a_system_that_was_started_again_sees_the_bent_clock(void **state)
{
    (void)state;
    NEED_HOST();
    json_t *clock = json_pack("{s:s, s:i}", "of", "process", "offset_ms", 3600000);
    if (!can_inject("clock", json_incref(clock))) {
        json_decref(clock);
        skip();
    }
    start_system("");
    inject("c", "clock", clock);
    assert_true(shown_ahead_s() > 3599 && shown_ahead_s() < 3601);
    long pid = number_in("pid");
    inject("k", "kill", NULL);
    heal("k");
    assert_true(grows("parent", GROWS_MS));
    assert_int_not_equal(pid, number_in("pid"));
    int64_t deadline = rift_clock_now() + GROWS_MS * RIFT_MS;
    while (shown_ahead_s() < 3599 && rift_clock_now() < deadline)
        wait_ms(50);
    assert_true(shown_ahead_s() > 3599 && shown_ahead_s() < 3601);
    heal("c");
    assert_true(shown_ahead_s() < 1);
    assert_true(grows("parent", GROWS_MS));
}

/* As /proc/PID/limits has it; "" where the process is gone. */
static void descriptors_of(const char *name, char line[160])
{
    CLEANUP(rift_free) char *path = rift_printf("/proc/%ld/limits", number_in(name));
    FILE *file = fopen(path, "r");
    line[0] = 0;
    while (file && fgets(line, 160, file) && strncmp(line, "Max open files", 14) != 0)
        line[0] = 0;
    if (file)
        fclose(file);
}

/* Without CAP_SYS_RESOURCE, as here in a container, root may not set the limits of others. */
static void a_system_of_another_user_runs_out_of_descriptors_too(void **state)
{
    (void)state;
    NEED_HOST();
    char before[160], meanwhile[160], after[160], words[256];
    start_system("setpriv --reuid=65534 --regid=65534 --clear-groups sleep 7777 & echo $$! > "
                 "theirs; until grep -q '^Uid:.65534' /proc/$$!/status; do sleep 0.01; done; ");
    descriptors_of("theirs", before);
    assert_non_null(strstr(before, "Max open files"));
    inject("f", "fd-limit", json_pack("{s:i}", "leave", 0));
    descriptors_of("theirs", meanwhile);
    assert_true(observed("f", words));
    heal("f");
    descriptors_of("theirs", after);
    assert_string_not_equal(before, meanwhile);
    assert_string_equal(before, after);
    assert_true(grows("parent", GROWS_MS));
}

static void a_system_that_ignores_the_signal_was_not_hit(void **state)
{
    (void)state;
    NEED_HOST();
    char words[256];
    start_system("trap '' TERM USR1; ");
    long pid = number_in("pid");
    inject("k", "kill", json_pack("{s:s}", "signal", "USR1"));
    assert_false(observed("k", words));
    heal("k");
    assert_true(grows("parent", GROWS_MS));
    assert_int_equal(pid, number_in("pid"));
    inject("k", "kill", json_pack("{s:s}", "signal", "TERM"));
    assert_false(observed("k", words));
    assert_true(grows("parent", GROWS_MS));
    heal("k");
    assert_true(grows("parent", GROWS_MS));
    assert_int_not_equal(pid, number_in("pid")); /* it was to end */
}

static void a_signal_that_is_handled_leaves_the_system_alone(void **state)
{
    (void)state;
    NEED_HOST();
    char words[256];
    start_system("trap 'echo x >> hups' HUP; ");
    long pid = number_in("pid");
    inject("k", "kill", json_pack("{s:s}", "signal", "HUP"));
    for (int i = 0; i < 1000 && lines_of("hups") == 0; i++)
        wait_ms(10);
    assert_int_equal(1, lines_of("hups"));
    assert_true(observed("k", words));
    heal("k");
    assert_true(grows("parent", GROWS_MS));
    assert_int_equal(pid, number_in("pid"));
    assert_int_equal(1, lines_of("starts"));
}

static void a_killed_system_is_started_again_while_the_window_goes_on(void **state)
{
    (void)state;
    NEED_HOST();
    char words[256];
    start_system("");
    int64_t start = rift_clock_now();
    inject("k", "kill", json_pack("{s:f}", "restart_after_s", 2.0));
    assert_true(observed("k", words));
    assert_false(grows("parent", 300));
    assert_true(grows("parent", GROWS_MS));
    assert_true(rift_clock_now() - start >= 2000 * RIFT_MS);
    json_decref(
        agent_must(&n1->agent, "system.wait_ready", json_pack("{s:i}", "deadline_ms", 20000)));
    wait_ms(300); /* a start that is not done yet would be ended by the heal, and done again */
    long pid = number_in("pid");
    heal("k");
    wait_ms(500);
    assert_true(grows("parent", GROWS_MS));
    assert_int_equal(pid, number_in("pid")); /* what runs is let be */
    assert_int_equal(2, lines_of("starts"));
}

static void a_crash_loop_goes_on_until_it_is_healed(void **state)
{
    (void)state;
    NEED_HOST();
    char words[256];
    start_system("");
    json_t *options = json_pack("{s:f, s:f}", "restart_after_s", 0.2, "again_after_s", 0.4);
    inject("k", "kill", json_incref(options));
    int64_t begin = rift_clock_now();
    for (int i = 0; i < 12 || (lines_of("starts") < 4 && i < 80); i++) {
        wait_ms(250);
        assert_true(observed("k", words));
    }
    long starts = lines_of("starts");
    int64_t took_ms = (rift_clock_now() - begin) / RIFT_MS;
    print_message("  %ld starts in %lld ms\n", starts, (long long)took_ms);
    assert_in_range(starts, 4, 2 + took_ms / 600); /* one before it, and at most one each 0.6 s */
    heal("k");
    assert_true(grows("parent", GROWS_MS));
    wait_ms(200);
    starts = lines_of("starts");
    wait_ms(1500);
    assert_int_equal(starts, lines_of("starts"));
    assert_true(grows("parent", GROWS_MS));
    /* And with the agent: as it is then it stays. */
    inject("k", "kill", options);
    wait_ms(700);
    agent_kill_both(&n1->agent);
    wait_ms(1000);
    starts = lines_of("starts");
    wait_ms(1500);
    assert_int_equal(starts, lines_of("starts"));
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "kill", LEASE_MS));
}

static void a_stop_ends_what_joins_the_group_late_too(void **state)
{
    (void)state;
    NEED_HOST();
    struct rift_cgroup cgroup;
    start_system("");
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    CLEANUP(rift_free)
    char *joiners = rift_printf("for i in $(seq 60); do (echo $BASHPID >%s/cgroup.procs && exec "
                                "sleep 5) & sleep 0.01; done >/dev/null 2>&1 &",
                                rift_cgroup_folder(&cgroup));
    assert_int_equal(0, HOST_RUN(n1, NULL, "/bin/bash", "-c", joiners));
    wait_ms(100);
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    assert_false(rift_cgroup_exists(&cgroup));
}

/* Shells of the system that are not another one's children, which every program is for a moment. */
static size_t count_shells(void)
{
    struct rift_cgroup cgroup;
    pid_t pids[RIFT_CGROUP_PIDS_MAX];
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    size_t count = rift_cgroup_pids(&cgroup, pids, RIFT_CGROUP_PIDS_MAX), shells = 0;
    for (size_t i = 0; i < count; i++) {
        pid_t parent = rift_process_parent(pids[i]);
        bool is_child = parent == 0; /* it is gone */
        for (size_t j = 0; j < count; j++)
            is_child = is_child || pids[j] == parent;
        shells += !is_child;
    }
    return shells;
}

/* Whatever the loop was about to do, or was at. */
static void after_the_heal_of_a_crash_loop_one_system_runs_and_stays(void **state)
{
    (void)state;
    NEED_HOST();
    start_system("");
    for (int round = 0; round < 16; round++) {
        inject("k", "kill",
               json_pack("{s:f, s:f}", "restart_after_s", 0.05, "again_after_s", 0.02));
        wait_ms(40 + 7 * round);
        heal("k");
        assert_true(grows("parent", GROWS_MS));
        long starts = lines_of("starts");
        wait_ms(200);
        assert_int_equal(starts, lines_of("starts"));
        assert_int_equal(1, count_shells());
    }
}

static void what_is_left_of_a_system_is_started_anew_at_the_heal(void **state)
{
    (void)state;
    NEED_HOST();
    start_system("(while :; do echo x >> child; sleep 0.005; done) & ");
    inject("f", "fd-limit", json_pack("{s:i}", "leave", 100));
    assert_true(number_in("pid") > 1);
    kill((pid_t)number_in("pid"), SIGKILL); /* the system's own doing, as far as we know */
    wait_ms(100);
    assert_false(grows("parent", 200));
    assert_true(grows("child", GROWS_MS));
    heal("f");
    assert_true(grows("parent", GROWS_MS));
    assert_true(grows("child", GROWS_MS));
    assert_int_equal(2, lines_of("starts"));
}

static void options_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    NEED_HOST();
    start_system("");
    json_t *const bad[] = {json_pack("{s:i}", "again_after_s", 1),
                           json_pack("{s:i}", "restart_after_s", -1),
                           json_pack("{s:s}", "signal", "STOP")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *reply =
            agent_ask(&n1->agent, "inject",
                      json_pack("{s:s, s:s, s:o}", "id", "k", "fault", "kill", "options", bad[i]));
        assert_non_null(json_object_get(reply, "error"));
        json_decref(reply);
    }
    assert_true(grows("parent", GROWS_MS));
    assert_int_equal(1, lines_of("starts"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, agent_up, toy_host_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_signal_that_ends_a_process_ends_the_system),
        CASE(a_system_that_takes_its_time_to_end_is_told_of_and_runs_after_the_heal),
        CASE(one_process_is_killed_and_the_others_go_on),
        CASE(a_system_of_another_user_runs_out_of_descriptors_too),
        CASE(a_system_that_was_started_again_sees_the_bent_clock),
        CASE(a_system_that_ignores_the_signal_was_not_hit),
        CASE(a_signal_that_is_handled_leaves_the_system_alone),
        CASE(a_killed_system_is_started_again_while_the_window_goes_on),
        CASE(a_crash_loop_goes_on_until_it_is_healed),
        CASE(after_the_heal_of_a_crash_loop_one_system_runs_and_stays),
        CASE(what_is_left_of_a_system_is_started_anew_at_the_heal),
        CASE(a_stop_ends_what_joins_the_group_late_too),
        CASE(options_that_mean_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}
