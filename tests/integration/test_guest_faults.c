/* What only a host with a kernel of its own has: netem, and a wall clock that is the host's. A few
 * rows of the table of faults, and a run whose report shows every node's clock. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/cli/command.h"
#include "tests/integration/fault_measure.h"
#include "tests/integration/fault_play.h"
#include "tests/integration/fault_rows.h"
#include "tests/lib/build_folder.h"
#include "tests/lib/lab_case.h"
#include "tests/lib/node_remains.h"

enum { OUTPUT_SIZE = 1 << 16, HOUR_MS = 3600000, NEAR_MS = 1000 };
/* LATE_MS: for what waits in a process, not in the kernel; LATEST_MS: of a guest that waits for a
 * processor itself. */
enum { LEASE_MS = 3000, LATE_MS = 300, LATEST_MS = 5000, CALL_MS = 30000 };

#define HANDED "/sys/fs/cgroup/cgroup.subtree_control"
#define GROUP  "/sys/fs/cgroup/rift-system"

static char before[NODE_STATE_SIZE], output[OUTPUT_SIZE];

static int up(void **state)
{
    (void)state;
    setenv("RIFT_TEST_DRIVER", "uml", 1);
    if (case_up("guest", 2, NULL) < 0)
        return -1;
    CLEANUP(rift_free)
    char *witness = rift_printf("%s/fault_witness", build_folder());
    for (size_t i = 0; case_hosts && i < 2; i++)
        if (!fault_witness_start(&case_hosts[i], witness))
            return -1;
    if (case_hosts)
        node_state_read(&case_hosts[1], before);
    return 0;
}

static const struct fault_row *find_row(const char *fault, const char *asked)
{
    for (size_t i = 0; i < fault_row_count; i++)
        if (strcmp(fault_rows[i].fault, fault) == 0 && strcmp(fault_rows[i].asked, asked) == 0)
            return &fault_rows[i];
    fail_msg("the table has no row %s, %s", fault, asked);
    return NULL;
}

static void play_row(const char *fault, const char *asked)
{
    const struct fault_row *row = find_row(fault, asked);
    struct fault_bench bench = {.hit = &case_hosts[1], .peer = &case_hosts[0]};
    char cell[FAULT_CELL_SIZE] = "";
    bool is_fine = fault_play(row, &bench, before, cell);
    print_message("%s, %s: %s: %s\n", row->fault, row->asked, row->what, cell);
    if (!is_fine || !strstr(cell, "→"))
        fail_msg("%s", cell);
}

static void netem_delays_loses_and_keeps_a_rate(void **state)
{
    (void)state;
    case_need_lab();
    play_row("link", "delay 50 ms by netem");
    play_row("link", "loss 30 % by netem");
    play_row("link", "delay 50 +- 40 ms, correlation 90 %");
    if (getenv("RIFT_LONG")) /* the whole table is ./dev faults */
        play_row("link", "10 Mbit/s");
}

/* Of the test that runs. */
static struct rift_node *opened;
static pid_t controller;

static struct rift_node *open_guest_for(int64_t lease_ms)
{
    struct rift_error err = {0};
    struct rift_node_settings settings = test_node_settings(&case_hosts[1]);
    settings.lease_ms = lease_ms ? lease_ms : settings.lease_ms;
    opened = rift_node_open(&settings, &err);
    if (!opened)
        fail_msg("%s", err.text);
    return opened;
}

static struct rift_node *open_guest(void)
{
    return open_guest_for(0);
}

static void close_guest(void)
{
    rift_node_close(opened);
    opened = NULL;
}

static void end_controller(void)
{
    kill(controller, SIGKILL);
    waitpid(controller, NULL, 0);
    controller = 0;
}

/* After each test: one that failed holds the node no longer, and leaves nothing on it. */
static int end(void **state)
{
    (void)state;
    bool has_failed = controller > 0 || opened;
    if (controller > 0)
        end_controller();
    close_guest();
    if (has_failed)
        test_host_run(&case_hosts[1],
                      "touch /tmp/end; $(ls -t /var/lib/rift/rift-agent-* | head -n 1) --heal; "
                      "rm /tmp/end; rmdir " GROUP "; echo +memory >" HANDED
                      "; modprobe -r nf_conntrack",
                      NULL, 0);
    return 0;
}

/* What the node's trial of a link says of how it does that, or why it cannot. */
static void assert_link_is_tried(struct rift_node *node, const char *options, const char *words)
{
    struct rift_error err;
    json_t *ability = NULL;
    const struct fault_row row = {.fault = "link", .options = options};
    json_t *args = fault_play_args(&row, &case_hosts[0]);
    if (rift_node_call(node, "probe_fault", args, CALL_MS, &ability, &err) < 0)
        fail_msg("%s", err.text);
    bool can = json_is_true(json_object_get(ability, "can"));
    const char *said = json_string_value(json_object_get(ability, can ? "backend" : "why"));
    if (!strstr(said, words))
        fail_msg("%s: '%s' is not '%s'", options, said, words);
    json_decref(ability);
    json_decref(args);
}

/* netem would cut the jitter to 2.147 s, and draw each delay anew, and say nothing. */
static void what_netem_cannot_the_line_does(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_node *node = open_guest();
    assert_link_is_tried(node, "{\"delay_ms\": 9000, \"jitter_ms\": 2147}", "netem below HTB");
    assert_link_is_tried(node, "{\"delay_ms\": 9000, \"jitter_ms\": 2148}", "the delay line");
    assert_link_is_tried(node, "{\"by\": \"netem\", \"delay_ms\": 9000, \"jitter_ms\": 2148}",
                         "2147 ms at most");
    assert_link_is_tried(node,
                         "{\"by\": \"netem\", \"delay_ms\": 9, \"jitter_ms\": 1, "
                         "\"delay_correlation_percent\": 1}",
                         "independent");
    close_guest();
}

static void the_clock_of_host_or_system_jumps_and_drifts(void **state)
{
    (void)state;
    case_need_lab();
    play_row("clock", "the host's, +1 h");
    play_row("clock", "the host's, 5 % fast");
    /* This kernel's vDSO has neither the address nor the unused end of this machine's. */
    play_row("clock", "the system's, +1 h");
}

static void a_full_connection_table_takes_nothing_new_and_keeps_what_it_has(void **state)
{
    (void)state;
    case_need_lab();
    play_row("conntrack-full", "no room for new connections");
    if (getenv("RIFT_LONG"))
        play_row("conntrack-full", "what is known goes on");
}

static void an_oom_kill_comes_where_there_is_swap(void **state)
{
    (void)state;
    case_need_lab();
    static const char swapped[] = "grep ^pswpout /proc/vmstat";
    char first[64], last[64];
    assert_int_equal(test_host_run(&case_hosts[1], swapped, first, sizeof first), 0);
    play_row("oom-kill", "the same where there is swap");
    assert_int_equal(test_host_run(&case_hosts[1], swapped, last, sizeof last), 0);
    assert_string_equal(last, first); /* what is swapped out is not killed */
}

static void a_disk_is_slowed_by_v2_which_hands_down_no_more_after_it(void **state)
{
    (void)state;
    case_need_lab();
    char first[128], last[128];
    assert_int_equal(test_host_run(&case_hosts[1], "cat " HANDED, first, sizeof first), 0);
    assert_string_equal(first, "memory");
    play_row("disk-rate", "200 KiB/s");
    assert_int_equal(test_host_run(&case_hosts[1], "cat " HANDED, last, sizeof last), 0);
    assert_string_equal(last, first);
}

/* A controller that injects the fault, says the pids of agent and guardian, and stays. */
static _Noreturn void be_controller(const struct fault_row *row, int out)
{
    struct rift_error err;
    struct rift_node_settings settings = test_node_settings(&case_hosts[1]);
    settings.lease_ms = LEASE_MS;
    struct rift_node *node = rift_node_open(&settings, &err);
    json_t *args = fault_play_args(row, &case_hosts[0]);
    if (!node || rift_node_call(node, "inject", args, CALL_MS, NULL, &err) < 0) {
        dprintf(out, "%s\n", err.text);
        _exit(1);
    }
    json_t *hello = rift_node_hello(node);
    dprintf(out, "%lld %lld\n", (long long)json_integer_value(json_object_get(hello, "pid")),
            (long long)json_integer_value(json_object_get(hello, "guardian_pid")));
    for (;;)
        pause();
}

/* Whoever could end the fault, or make contact anew, is gone: what is left is the kernel, and the
 * process apart that keeps the clock. */
static void lose_everyone(const struct fault_row *row)
{
    int ends[2];
    char line[256] = "";
    assert_int_equal(pipe(ends), 0);
    controller = fork();
    assert_true(controller >= 0);
    if (controller == 0)
        be_controller(row, ends[1]);
    close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    int agent = 0, guardian = 0;
    bool is_said = fgets(line, sizeof line, said) != NULL;
    fclose(said);
    if (!is_said || sscanf(line, "%d %d", &agent, &guardian) != 2)
        fail_msg("inject: %s", line);
    struct fault_bench bench = {
        .hit = &case_hosts[1], .peer = &case_hosts[0], .phase = FAULT_DURING};
    double seen = row->measure(&bench);
    kill(controller, SIGSTOP);
    snprintf(line, sizeof line, "kill -STOP %d %d; kill -9 %d %d", guardian, agent, guardian,
             agent);
    assert_int_equal(test_host_run(&case_hosts[1], line, NULL, 0), 0);
    if (seen < row->hit[0] || seen > row->hit[1])
        fail_msg("%s, %s: %.3f while it was on", row->fault, row->asked, seen);
}

static void play_lease(const char *fault, const char *asked)
{
    const struct fault_row *row = find_row(fault, asked);
    struct fault_bench bench = {
        .hit = &case_hosts[1], .peer = &case_hosts[0], .phase = FAULT_BEFORE};
    char cell[FAULT_CELL_SIZE] = "";
    double base = row->measure(&bench);
    lose_everyone(row);
    rift_clock_sleep_until(rift_clock_now() + (LEASE_MS + LATE_MS) * RIFT_MS);
    bench.phase = FAULT_AFTER;
    int64_t latest_ns = rift_clock_now() + LATEST_MS * RIFT_MS;
    double seen = row->measure(&bench);
    while ((seen < row->base[0] || seen > row->base[1]) && rift_clock_now() < latest_ns)
        seen = row->measure(&bench);
    end_controller();
    print_message("%s, %s: %.3f before, %.3f after the lease\n", row->fault, row->asked, base,
                  seen);
    open_guest(); /* the next contact */
    close_guest();
    fault_play_remains(&case_hosts[1], before, cell);
    assert_string_equal(cell, "");
    assert_true(seen >= row->base[0] && seen <= row->base[1]);
}

static void they_end_with_the_lease_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    case_need_lab();
    play_lease("link", "loss 30 % by netem");
    play_lease("clock", "the host's, +1 h");
}

/* What the node's trial of the fault says once the script has run there. */
static void assert_cannot(struct rift_node *node, const char *fault, const char *script,
                          const char *why)
{
    struct rift_error err;
    json_t *args = json_pack("{s:s, s:{}}", "fault", fault, "options");
    json_t *ability = NULL;
    test_host_run(&case_hosts[1], script, NULL, 0);
    if (rift_node_call(node, "probe_fault", args, CALL_MS, &ability, &err) < 0)
        fail_msg("%s", err.text);
    const char *said = json_string_value(json_object_get(ability, "why"));
    if (json_is_true(json_object_get(ability, "can")) || !strstr(said, why))
        fail_msg("'%s' is not '%s'", said, why);
    json_decref(ability);
    json_decref(args);
}

/* Once there is a file, for nobody can log in while the table is full. */
static void arrange_the_end_of_agent_and_guardian(struct rift_node *node)
{
    const json_t *hello = rift_node_hello(node);
    int agent = (int)json_integer_value(json_object_get(hello, "pid"));
    int guardian = (int)json_integer_value(json_object_get(hello, "guardian_pid"));
    char script[200];
    snprintf(script, sizeof script,
             "(until [ -e /tmp/end ]; do sleep 0.05; done; kill -STOP %d %d; kill -9 %d %d) "
             "</dev/null >/dev/null 2>&1 &",
             guardian, agent, guardian, agent);
    assert_int_equal(test_host_run(&case_hosts[1], script, NULL, 0), 0);
}

static void fill_and_observe(struct rift_node *node, const struct fault_row *row)
{
    struct rift_error err;
    json_t *seen = NULL, *args = fault_play_args(row, &case_hosts[0]);
    json_t *look = json_pack("{s:s, s:i}", "id", "table", "for_ms", 500);
    if (rift_node_call(node, "inject", args, CALL_MS, NULL, &err) < 0 ||
        rift_node_call(node, "observe", look, CALL_MS, &seen, &err) < 0)
        fail_msg("%s", err.text);
    print_message("%s\n", json_string_value(json_object_get(seen, "how")));
    assert_true(json_is_true(json_object_get(seen, "observed")));
    json_decref(args);
    json_decref(look);
    json_decref(seen);
}

static void a_full_connection_table_ends_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    case_need_lab();
    static const char limit[] = "cat /proc/sys/net/netfilter/nf_conntrack_max";
    const struct fault_row *row = find_row("conntrack-full", "no room for new connections");
    struct fault_bench bench = {.hit = &case_hosts[1], .peer = &case_hosts[0]};
    struct rift_error err;
    char cell[FAULT_CELL_SIZE] = "", first[32], last[32];
    struct rift_node *node = open_guest_for(LEASE_MS);
    assert_cannot(node, row->fault, "true", "this kernel has no /proc/sys/net/netfilter");
    assert_cannot(node, row->fault, "modprobe nf_conntrack",
                  "no rule of nftables or iptables asks");
    test_host_run(bench.hit, "modprobe -r nf_conntrack", NULL, 0);
    assert_int_equal(test_host_run(bench.hit, row->prepare, NULL, 0), 0);
    assert_int_equal(test_host_run(bench.hit, limit, first, sizeof first), 0);
    arrange_the_end_of_agent_and_guardian(node);
    fill_and_observe(node, row);
    json_t *go = json_pack("{s:[s, s]}", "argv", "touch", "/tmp/end");
    assert_int_equal(rift_node_call(node, "exec", go, CALL_MS, NULL, &err), 0);
    json_decref(go);
    int64_t end_ns = rift_clock_now() + CALL_MS * RIFT_MS;
    while (row->measure(&bench) < row->base[0])
        assert_true(rift_clock_now() < end_ns);
    assert_int_equal(test_host_run(bench.hit, limit, last, sizeof last), 0);
    assert_string_equal(last, first);
    close_guest();
    open_guest(); /* the next contact */
    close_guest();
    test_host_run(bench.hit, "rm /tmp/end", NULL, 0);
    test_host_run(bench.hit, row->undo, NULL, 0);
    fault_play_remains(bench.hit, before, cell);
    assert_string_equal(cell, "");
}

static void a_fault_that_is_refused_hands_nothing_down(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_error err;
    char last[128];
    struct rift_node *node = open_guest();
    json_t *args = json_pack("{s:s, s:s, s:{}}", "id", "r", "fault", "disk-rate", "options");
    assert_int_equal(test_host_run(&case_hosts[1], "mkdir " GROUP, NULL, 0), 0);
    assert_true(rift_node_call(node, "inject", args, CALL_MS, NULL, &err) < 0);
    assert_non_null(strstr(err.text, "no data folder"));
    json_decref(args);
    assert_int_equal(
        test_host_run(&case_hosts[1], "rmdir " GROUP "; cat " HANDED, last, sizeof last), 0);
    assert_string_equal(last, "memory");
    close_guest();
}

static int64_t asked_ns, answered_ns; /* of the last clock that was injected */

static struct rift_node *inject_clock(const char *options)
{
    struct rift_error err;
    struct rift_node *node = open_guest();
    json_t *args = json_pack("{s:s, s:s, s:o}", "id", "look", "fault", "clock", "options",
                             json_loads(options, 0, NULL));
    asked_ns = rift_clock_now();
    if (rift_node_call(node, "inject", args, CALL_MS, NULL, &err) < 0)
        fail_msg("%s: %s", options, err.text);
    answered_ns = rift_clock_now();
    json_decref(args);
    return node;
}

static bool is_clock_seen(struct rift_node *node, int for_ms)
{
    struct rift_error err;
    json_t *seen = NULL, *look = json_pack("{s:s, s:i}", "id", "look", "for_ms", for_ms);
    if (rift_node_call(node, "observe", look, CALL_MS, &seen, &err) < 0)
        fail_msg("%s", err.text);
    bool is_seen = json_is_true(json_object_get(seen, "observed"));
    print_message("%s: %s\n", is_seen ? "observed" : "not observed",
                  json_string_value(json_object_get(seen, "how")));
    json_decref(look);
    json_decref(seen);
    return is_seen;
}

/* A drift, once it is more than a reading of this host may be wrong by; a jump, once a reading is
 * exact enough. */
static bool clock_becomes_seen(struct rift_node *node)
{
    int64_t end_ns = rift_clock_now() + CALL_MS * RIFT_MS;
    while (!is_clock_seen(node, 500))
        if (rift_clock_now() > end_ns)
            return false;
    return true;
}

static void heal_clock(struct rift_node *node)
{
    struct rift_error err;
    json_t *none = json_object();
    assert_int_equal(rift_node_call(node, "heal_all", none, CALL_MS, NULL, &err), 0);
    json_decref(none);
    close_guest();
}

static void a_host_s_clock_is_wrong_in_one_way_at_a_time(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_error err;
    char shown[32];
    struct rift_node *node = inject_clock("{\"offset_ms\":3600000}");
    json_t *second =
        json_pack("{s:s, s:s, s:{s:i}}", "id", "b", "fault", "clock", "options", "drift_ppm", 100);
    assert_true(rift_node_call(node, "inject", second, CALL_MS, NULL, &err) < 0);
    assert_non_null(strstr(err.text, "clock (look) is on"));
    heal_clock(node);
    assert_int_equal(test_host_run(&case_hosts[1], "date +%s", shown, sizeof shown), 0);
    assert_true(fabs(strtod(shown, NULL) - (double)rift_clock_wall() / 1e9) < HOUR_MS / 2e3);
    json_decref(second);
    node = inject_clock("{\"drift_ppm\":30}"); /* less than a step */
    assert_true(clock_becomes_seen(node));
    heal_clock(node);
}

static double system_clock_after_a_step_ms(const struct fault_bench *bench)
{
    if (bench->phase != FAULT_DURING)
        return fault_system_clock_ms(bench);
    test_host_run(bench->hit, "date -s '-20 seconds'", NULL, 0);
    rift_clock_sleep_until(rift_clock_now() + RIFT_SECOND / 2);
    double moved_ms = fault_system_clock_ms(bench) + 20000;
    test_host_run(bench->hit, "date -s '+20 seconds'", NULL, 0);
    return moved_ms;
}

static void a_system_s_clock_stays_wrong_though_the_host_s_is_set_back(void **state)
{
    (void)state;
    case_need_lab();
    const struct fault_row row = {.fault = "clock",
                                  .options = "{\"of\":\"process\",\"offset_ms\":5000}",
                                  .asked = "5 s",
                                  .measure = system_clock_after_a_step_ms,
                                  .base = {-NEAR_MS, NEAR_MS},
                                  .hit = {5000 - NEAR_MS, 5000 + NEAR_MS},
                                  .whose = SAME_PROCESS};
    struct fault_bench bench = {.hit = &case_hosts[1], .peer = &case_hosts[0]};
    char cell[FAULT_CELL_SIZE] = "";
    bool is_fine = fault_play(&row, &bench, before, cell);
    print_message("%s\n", cell);
    assert_true(is_fine);
}

/* The host's owner sets its clock back by a third of what the fault sets it forward by. */
static void a_host_s_clock_is_observed_where_it_is_as_planned(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_node *node = inject_clock("{\"of\":\"host\",\"offset_ms\":30}");
    assert_true(clock_becomes_seen(node));
    assert_int_equal(test_host_run(&case_hosts[1], "date -s '-0.010 seconds'", NULL, 0), 0);
    assert_false(is_clock_seen(node, 500));
    heal_clock(node);
    node = inject_clock("{\"of\":\"host\",\"offset_ms\":-2}");
    assert_true(clock_becomes_seen(node));
    heal_clock(node);
}

/* By a look that began and ended while a strobe of 2 s was surely right. */
static void assert_not_seen_while_right(struct rift_node *node)
{
    enum { HALF_MS = 2000, LOOK_MS = 300, TURNS = 5 };
    for (int turn = 0; turn < TURNS; turn++) {
        int64_t right_ns = answered_ns + (2 * turn + 1) * HALF_MS * RIFT_MS;
        rift_clock_sleep_until(right_ns + 50 * RIFT_MS);
        bool is_early = rift_clock_now() < right_ns + HALF_MS / 2 * RIFT_MS;
        bool is_seen = is_clock_seen(node, LOOK_MS);
        if (!is_early || rift_clock_now() > asked_ns + (2 * turn + 2) * HALF_MS * RIFT_MS)
            continue;
        assert_false(is_seen);
        return;
    }
    fail_msg("this machine stood still at %d looks", TURNS);
}

static void a_host_s_strobe_is_observed_while_it_is_wrong_only(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_node *node = inject_clock("{\"of\":\"host\",\"offset_ms\":500,\"strobe_ms\":2000}");
    assert_not_seen_while_right(node);
    assert_true(clock_becomes_seen(node));
    heal_clock(node);
    node =
        inject_clock("{\"of\":\"host\",\"offset_ms\":500,\"strobe_ms\":300,\"drift_ppm\":100000}");
    rift_clock_sleep_until(rift_clock_now() + 3 * RIFT_SECOND);
    assert_true(clock_becomes_seen(node));
    heal_clock(node);
}

/* That CLOCK_MONOTONIC drifts with it makes no difference to what is planned. */
static void a_host_s_drift_is_observed_once_it_is_told_from_a_right_clock(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_node *node = inject_clock("{\"of\":\"host\",\"drift_ppm\":100}");
    assert_false(is_clock_seen(node, 0));
    assert_true(clock_becomes_seen(node));
    heal_clock(node);
    node = inject_clock("{\"of\":\"host\",\"drift_ppm\":-100000}");
    assert_true(clock_becomes_seen(node));
    rift_clock_sleep_until(rift_clock_now() + 4 * RIFT_SECOND);
    assert_true(clock_becomes_seen(node));
    heal_clock(node);
}

static void a_disk_is_not_slowed_where_what_is_written_counts_as_nobody_s(void **state)
{
    (void)state;
    case_need_lab();
    struct rift_node *node = open_guest();
    assert_cannot(node, "disk-rate", "echo -memory >" HANDED, "is not counted as its own");
    test_host_run(&case_hosts[1], "echo +memory >" HANDED, NULL, 0);
    close_guest();
}

/* How far the line of that node in the plot goes from where it begins, at most, and where it ends.
 */
static double line_excursion_ms(const json_t *plot, const char *node, double *end_ms)
{
    size_t i, j;
    json_t *line, *point;
    double farthest_ms = 0, first_ms = 0;
    json_array_foreach(json_object_get(plot, "series"), i, line)
    {
        if (strcmp(json_string_value(json_object_get(line, "name")), node) != 0)
            continue;
        json_array_foreach(json_object_get(line, "points"), j, point)
        {
            double ms = json_number_value(json_array_get(point, 1));
            first_ms = j == 0 ? ms : first_ms;
            farthest_ms = ms - first_ms > farthest_ms ? ms - first_ms : farthest_ms;
            *end_ms = ms - first_ms;
        }
        assert_true(j > 4); /* one a second */
        return farthest_ms;
    }
    fail_msg("the plot has no line of %s", node);
    return 0;
}

static void a_run_s_report_shows_the_clocks_of_all_nodes(void **state)
{
    (void)state;
    double end_ms = NEAR_MS;
    case_need_lab();
    CLEANUP(rift_free)
    char *script = rift_printf(
        "%s run configs/etcd-register.yaml --runs %s --set 'nodes={lab: uml, count: 2, name: %s}' "
        "--set system=none --set 'client={name: stdio, command: [python3, "
        "clients/stdio/example_register.py, %s/store]}' --set 'workload.rate_hz=20' --set "
        "time_limit_s=8 --set recovery_s=1 --set 'checkers=[clock]' --set 'faults=[{clock: "
        "{targets: [n2], of: host, offset_ms: %d}, start_s: 3, every_s: 20, for_s: 3}]' 2>&1",
        test_rift_binary(), case_scratch, test_lab_name("guest"), case_scratch, HOUR_MS);
    int code = test_run(script, output, sizeof output);
    assert_exit_code(code, RIFT_EXIT_VALID, output);
    /* What the page's script draws. */
    CLEANUP(rift_free) char *path = rift_printf("%s/data.json", case_scratch);
    CLEANUP(rift_free)
    char *extract = rift_printf(
        "sed -n 's/^const DATA = \\(.*\\);$/\\1/p' %s/latest/report.html >%s", case_scratch, path);
    assert_exit_code(test_run(extract, output, sizeof output), 0, output);
    json_t *data = json_load_file(path, 0, NULL);
    const json_t *checkers = json_object_get(json_object_get(data, "verdict"), "checkers");
    const json_t *plots = json_object_get(json_object_get(checkers, "clock"), "plots");
    double bent_ms = line_excursion_ms(json_array_get(plots, 0), "n2", &end_ms);
    print_message("n2 went %.3f ms away and ended %.3f ms away\n", bent_ms, end_ms);
    assert_true(fabs(bent_ms - HOUR_MS) < NEAR_MS && fabs(end_ms) < NEAR_MS);
    assert_true(line_excursion_ms(json_array_get(plots, 0), "n1", &end_ms) < NEAR_MS);
    json_decref(data);
}

#define TEST(test) cmocka_unit_test_teardown(test, end)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(netem_delays_loses_and_keeps_a_rate),
        TEST(what_netem_cannot_the_line_does),
        TEST(the_clock_of_host_or_system_jumps_and_drifts),
        TEST(a_full_connection_table_takes_nothing_new_and_keeps_what_it_has),
        TEST(an_oom_kill_comes_where_there_is_swap),
        TEST(a_disk_is_slowed_by_v2_which_hands_down_no_more_after_it),
        TEST(a_host_s_clock_is_wrong_in_one_way_at_a_time),
        TEST(a_system_s_clock_stays_wrong_though_the_host_s_is_set_back),
        TEST(a_host_s_clock_is_observed_where_it_is_as_planned),
        TEST(a_host_s_strobe_is_observed_while_it_is_wrong_only),
        TEST(a_host_s_drift_is_observed_once_it_is_told_from_a_right_clock),
        TEST(a_fault_that_is_refused_hands_nothing_down),
        TEST(a_disk_is_not_slowed_where_what_is_written_counts_as_nobody_s),
        TEST(they_end_with_the_lease_when_agent_and_guardian_are_killed),
        TEST(a_full_connection_table_ends_when_agent_and_guardian_are_killed),
        TEST(a_run_s_report_shows_the_clocks_of_all_nodes),
    };
    return cmocka_run_group_tests(tests, up, case_down);
}
