/* hang and cpu-burn as an outsider sees them: which of the system's processes goes on writing, and
 * what /proc says of busy processes. */
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "tests/lib/cpu_time.h"
#include "tests/lib/toy_host.h"

enum { WAIT_MS = 15000, BURNERS = 3 };

#define OPEN_S 0.1 /* what counting in ticks, on each processor, leaves open */

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("hang", 120000, 0);
}

/* One of the toy's two processes stands still and the other writes on. */
static bool one_hangs(void)
{
    long parent, child;
    toy_watch(n1, 1000, &parent, &child);
    return (parent == 0) != (child == 0);
}

static void one_thread_hangs_the_other_goes_on_until_the_heal(void **state)
{
    (void)state;
    if (!can_inject("hang", json_pack("{s:s}", "thread", "main")))
        skip();
    inject("h", "hang", json_pack("{s:s, s:i}", "thread", "main", "pick", 0));
    assert_true(is_observed("h"));
    assert_true(one_hangs());
    heal("h");
    assert_true(toy_is_alive(n1, WAIT_MS));
}

static void a_hang_ends_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    if (!can_inject("hang", NULL))
        skip();
    inject("h", "hang", json_pack("{s:i}", "pick", 0));
    assert_true(one_hangs());
    agent_kill_both(&n1->agent);
    assert_true(toy_is_alive(n1, WAIT_MS));
}

static void a_thread_that_is_not_there_is_named(void **state)
{
    (void)state;
    if (!can_inject("hang", NULL))
        skip();
    const char *text = NULL;
    json_t *reply = agent_ask(&n1->agent, "inject",
                              json_pack("{s:s, s:s, s:{s:s}}", "id", "h", "fault", "hang",
                                        "options", "thread", "no-such-thread"));
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "text", &text));
    assert_non_null(strstr(text, "no-such-thread"));
    json_decref(reply);
    assert_true(toy_is_alive(n1, WAIT_MS));
}

static long burnt_ms(const pid_t *pids)
{
    long sum = 0;
    for (int i = 0; i < BURNERS; i++)
        sum += cpu_time_ms(pids[i]);
    return sum;
}

/* How many of the processes are there still. */
static int count_alive(const pid_t *pids, int count)
{
    int alive = 0;
    for (int i = 0; i < count; i++)
        alive += kill(pids[i], 0) == 0;
    return alive;
}

static int find_burners_now(pid_t pids[BURNERS])
{
    char command[256], *output = NULL;
    int count = 0, offset = 0, read = 0;
    snprintf(command, sizeof command,
             "for h in $(ps -o pid= --ppid %d); do ps -o pid=,comm= --ppid $h; done | awk '$2 == "
             "\"rift-burn\" { print $1 }'",
             (int)agent_pid(&n1->agent));
    HOST_RUN(n1, &output, "/bin/sh", "-c", command);
    while (output && count < BURNERS && sscanf(output + offset, "%d%n", &pids[count], &read) == 1) {
        offset += read;
        count++;
    }
    free(output);
    return count;
}

/* Each has its name once it got a processor for the first time. */
static int find_burners(pid_t pids[BURNERS])
{
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    int count = find_burners_now(pids);
    while (count < BURNERS && rift_clock_now() < deadline)
        count = find_burners_now(pids);
    return count;
}

/* No priority over other processes. */
static bool is_usual(pid_t pid)
{
    return sched_getscheduler(pid) == SCHED_OTHER && getpriority(PRIO_PROCESS, (id_t)pid) == 0;
}

static void busy_processes_burn_and_are_gone_after_the_heal(void **state)
{
    (void)state;
    pid_t pids[BURNERS];
    if (!can_inject("cpu-burn", NULL))
        skip();
    inject("b", "cpu-burn", json_pack("{s:i}", "processes", BURNERS));
    assert_int_equal(BURNERS, find_burners(pids));
    long before_ms = burnt_ms(pids);
    int64_t deadline = rift_clock_now() + 2 * WAIT_MS * RIFT_MS;
    while (burnt_ms(pids) < before_ms + 300 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    assert_true(burnt_ms(pids) >= before_ms + 300);
    heal("b");
    deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (count_alive(pids, BURNERS) > 0 && rift_clock_now() < deadline)
        ;
    assert_int_equal(0, count_alive(pids, BURNERS));
    assert_true(toy_is_alive(n1, WAIT_MS));
}

static void unless_they_are_counted_they_leave_no_processor_idle(void **state)
{
    (void)state;
    if (!can_inject("cpu-burn", NULL))
        skip();
    inject("b", "cpu-burn", NULL);
    assert_true(becomes_observed("b"));
    heal("b");
}

/* Of all processors together, as the first line of proc(5)'s stat has it. */
static double idle_s(void)
{
    unsigned long long idle = 0, waiting = 0;
    FILE *file = fopen("/proc/stat", "re");
    assert_non_null(file);
    assert_int_equal(2, fscanf(file, "cpu %*u %*u %*u %llu %llu", &idle, &waiting));
    fclose(file);
    return (double)(idle + waiting) / (double)sysconf(_SC_CLK_TCK);
}

static void how_long_processors_were_idle_is_as_the_kernel_counts_it(void **state)
{
    (void)state;
    double seen_s = -1;
    if (!can_inject("cpu-burn", NULL))
        skip();
    double first_s = idle_s();
    inject("b", "cpu-burn", json_pack("{s:i}", "processes", 1));
    double begun_s = idle_s();
    rift_clock_sleep_until(rift_clock_now() + RIFT_SECOND);
    double asked_s = idle_s();
    json_t *ok = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "b"));
    double last_s = idle_s();
    const char *how = strstr(json_string_value(json_object_get(ok, "how")), "were idle for ");
    assert_non_null(how);
    assert_int_equal(1, sscanf(how, "were idle for %lf s", &seen_s));
    print_message("idle for %.2f s, %.2f to %.2f\n", seen_s, asked_s - begun_s, last_s - first_s);
    assert_true(seen_s > asked_s - begun_s - OPEN_S && seen_s < last_s - first_s + OPEN_S);
    json_decref(ok);
    heal("b");
}

/* What of Rift's must act in time does not wait for processors that a fault keeps busy, and the
 * system gains nothing by that: it was started by the agent. */
static void agent_and_guardian_go_before_the_busy_and_the_system_does_not(void **state)
{
    (void)state;
    pid_t pids[BURNERS], systems[RIFT_CGROUP_PIDS_MAX];
    struct rift_cgroup cgroup;
    if (!can_inject("cpu-burn", NULL))
        skip();
    inject("b", "cpu-burn", json_pack("{s:i}", "processes", BURNERS));
    assert_int_equal(BURNERS, find_burners(pids));
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    size_t count = rift_cgroup_pids(&cgroup, systems, RIFT_CGROUP_PIDS_MAX);
    assert_true(count >= 2);
    for (size_t i = 0; i < count; i++)
        assert_true(is_usual(systems[i]));
    for (size_t i = 0; i < BURNERS; i++)
        assert_true(is_usual(pids[i]));
    assert_false(is_usual(agent_pid(&n1->agent)));
    assert_false(is_usual(guardian_pid(&n1->agent)));
    heal("b");
}

static void busy_processes_die_with_agent_and_guardian(void **state)
{
    (void)state;
    pid_t pids[BURNERS];
    if (!can_inject("cpu-burn", NULL))
        skip();
    inject("b", "cpu-burn", json_pack("{s:i}", "processes", BURNERS));
    assert_int_equal(BURNERS, find_burners(pids));
    assert_int_equal(BURNERS, count_alive(pids, BURNERS));
    agent_kill_both(&n1->agent);
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (count_alive(pids, BURNERS) > 0 && rift_clock_now() < deadline)
        ;
    assert_int_equal(0, count_alive(pids, BURNERS));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_thread_hangs_the_other_goes_on_until_the_heal),
        CASE(a_hang_ends_when_agent_and_guardian_are_killed),
        CASE(a_thread_that_is_not_there_is_named),
        CASE(busy_processes_burn_and_are_gone_after_the_heal),
        CASE(unless_they_are_counted_they_leave_no_processor_idle),
        CASE(how_long_processors_were_idle_is_as_the_kernel_counts_it),
        CASE(agent_and_guardian_go_before_the_busy_and_the_system_does_not),
        CASE(busy_processes_die_with_agent_and_guardian),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}
