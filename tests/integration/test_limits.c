/* cpu, memory and the freezer as an outsider sees them: how much the system writes, how much it may
 * hold. */
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
#include "tests/lib/cpu_time.h"
#include "tests/lib/toy_host.h"

enum { STALL_MS = 3000 };

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("limits", 120000, 0);
}

static json_t *freezer(void)
{
    return json_pack("{s:s}", "by", "freezer");
}

static void a_frozen_system_stands_still_and_goes_on(void **state)
{
    (void)state;
    if (!can_inject("pause", freezer()))
        skip();
    inject("f", "pause", freezer());
    assert_true(is_observed("f"));
    assert_true(toy_is_still(n1, 300));
    heal("f");
    assert_true(toy_is_alive(n1, 5000));
}

static void a_frozen_system_is_thawed_by_its_keeper_when_all_else_is_dead(void **state)
{
    (void)state;
    if (!can_inject("pause", freezer()))
        skip();
    inject("f", "pause", freezer());
    assert_true(toy_is_still(n1, 50));
    agent_kill_both(&n1->agent);
    assert_true(toy_is_alive(n1, 15000)); /* long before the lease */
}

static void two_freezes_end_with_the_last(void **state)
{
    (void)state;
    if (!can_inject("pause", freezer()))
        skip();
    inject("a", "pause", freezer());
    inject("b", "pause", freezer());
    heal("a");
    assert_true(toy_is_still(n1, 100));
    heal("b");
    assert_true(toy_is_alive(n1, 5000));
}

static size_t system_pids(pid_t *pids, size_t max)
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    return rift_cgroup_pids(&cgroup, pids, max);
}

static void a_freezer_with_nobody_in_it_is_not_observed(void **state)
{
    (void)state;
    pid_t pids[16];
    if (!can_inject("pause", freezer()))
        skip();
    inject("f", "pause", freezer());
    for (size_t count; (count = system_pids(pids, 16)) > 0;)
        for (size_t i = 0; i < count; i++)
            kill(pids[i], SIGKILL);
    assert_false(is_observed("f"));
    heal("f");
}

static long system_ms(void)
{
    pid_t pids[16];
    size_t count = system_pids(pids, 16);
    long sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += cpu_time_ms(pids[i]);
    return sum;
}

/* What the system gets of one processor, in percent. */
static double share(int64_t for_ms)
{
    int64_t begin = rift_clock_now();
    long before_ms = system_ms();
    rift_clock_sleep_until(begin + for_ms * RIFT_MS);
    return (double)(system_ms() - before_ms) * 100 / ((double)(rift_clock_now() - begin) / 1e6);
}

/* Of a busy machine it gets little at times, but not always as little as at a quota of 1 %. */
static double share_without_quota(void)
{
    double most = 0;
    for (int i = 0; i < 20 && most < 4; i++) {
        double now = share(500);
        most = now > most ? now : most;
    }
    return most;
}

static void a_quota_slows_the_system_down_and_is_lifted(void **state)
{
    (void)state;
    if (!can_inject("cpu", json_pack("{s:i}", "percent", 1)))
        skip();
    double before = share_without_quota();
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 20000)));
    inject("c", "cpu", json_pack("{s:i}", "percent", 1));
    double during = share(2000);
    assert_true(becomes_observed("c"));
    heal("c");
    double after = share_without_quota();
    print_message("%.1f %% of a processor, at a quota of 1 %% %.1f, after it %.1f\n", before,
                  during, after);
    assert_true(during < 2 && before > 2 && after > 2);
}

static void read_setting(const char *v1_controller, const char *v1_file, const char *v2_file,
                         char text[64])
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    const char *v1 = rift_cgroup_v1_folder(&cgroup, v1_controller);
    CLEANUP(rift_free)
    char *path = rift_printf("%s/%s", v1 ? v1 : cgroup.unified, v1 ? v1_file : v2_file);
    FILE *file = fopen(path, "r");
    text[0] = 0;
    if (file && !fgets(text, 64, file))
        text[0] = 0;
    if (file)
        fclose(file);
}

/* How long somebody in the system has waited for memory; -1: the kernel does not tell. */
static long long stall_us(void)
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    CLEANUP(rift_free) char *path = rift_printf("%s/memory.pressure", cgroup.unified);
    FILE *file = fopen(path, "r");
    long long total = -1;
    if (file && fscanf(file, "some %*s %*s %*s total=%lld", &total) != 1)
        total = -1;
    if (file)
        fclose(file);
    return total;
}

static void a_memory_limit_is_felt_and_lifted_exactly(void **state)
{
    (void)state;
    char before[64], during[64], after[64];
    if (!can_inject("memory", json_pack("{s:i}", "percent_of_use", 60)))
        skip();
    read_setting("memory", "memory.limit_in_bytes", "memory.max", before);
    long long first_us = stall_us(); /* some may have waited before the fault */
    inject("m", "memory", json_pack("{s:i}", "percent_of_use", 60));
    read_setting("memory", "memory.limit_in_bytes", "memory.max", during);
    assert_true(strtoll(during, NULL, 10) < 100000000);
    long long begun_us = stall_us();
    assert_true(becomes_observed("m"));
    int64_t deadline = rift_clock_now() + STALL_MS * RIFT_MS;
    while (stall_us() == begun_us && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 100 * RIFT_MS);
    long long least_us = stall_us() - begun_us;
    json_t *ok = agent_must(&n1->agent, "observe", json_pack("{s:s}", "id", "m"));
    const json_t *told = json_object_get(json_object_get(ok, "details"), "stall_us");
    long long told_us = json_integer_value(told), last_us = stall_us();
    print_message("waited for memory: %lld us, of which the fault %lld, %lld at least\n", last_us,
                  told_us, least_us);
    assert_int_equal(last_us >= 0, told != NULL);
    /* What was reclaimed at once, nobody waited for. */
    assert_true(last_us < 0 || (told_us <= last_us - first_us && told_us >= least_us));
    json_decref(ok);
    heal("m");
    read_setting("memory", "memory.limit_in_bytes", "memory.max", after);
    assert_string_equal(before, after);
}

static long long kernels_kills(void)
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    const char *v1 = rift_cgroup_v1_folder(&cgroup, "memory");
    CLEANUP(rift_free)
    char *path =
        rift_printf("%s/%s", v1 ? v1 : cgroup.unified, v1 ? "memory.oom_control" : "memory.events");
    FILE *file = fopen(path, "r");
    char line[64];
    long long count = -1;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "oom_kill ", 9) == 0)
            count = strtoll(line + 9, NULL, 10);
    if (file)
        fclose(file);
    return count;
}

/* Processes in the system's memory group that are no system's: helpers of ours. */
static size_t strangers(void)
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    const char *v1 = rift_cgroup_v1_folder(&cgroup, "memory");
    CLEANUP(rift_free) char *path = rift_printf("%s/cgroup.procs", v1 ? v1 : cgroup.unified);
    FILE *file = fopen(path, "r");
    size_t count = 0;
    for (int pid; file && fscanf(file, "%d", &pid) == 1;) {
        CLEANUP(rift_free) char *name = rift_printf("/proc/%d/comm", pid);
        FILE *stream = fopen(name, "r");
        char comm[32] = "";
        count += stream && fgets(comm, sizeof comm, stream) && strncmp(comm, "rift", 4) == 0;
        if (stream)
            fclose(stream);
    }
    if (file)
        fclose(file);
    return count;
}

/* A system of one process that has 200 MB, more than an agent with a sanitizer has. */
static void start_large(void)
{
    CLEANUP(rift_free) char *data = rift_printf("%s-data/large", n1->state);
    CLEANUP(rift_free) char *ready = rift_printf("%s/ready", data);
    json_t *process = json_pack("{s:s, s:[s, s, s], s:s, s:{s:[s, s, s]}}", "name", "large",
                                "command", "/bin/sh", "-c",
                                "x=$$(head -c 100000000 /dev/zero | tr '\\0' x); echo $$$$ >ready; "
                                "while :; do sleep 1; done",
                                "working_folder", data, "ready", "command", "test", "-s", ready);
    json_t *recipe = json_pack("{s:s, s:[s], s:[o], s:{s:i}}", "name", "large", "data_folders",
                               data, "processes", process, "stop", "grace_ms", 100);
    json_t *node =
        json_pack("{s:s, s:s, s:i}", "name", n1->name, "address", n1->address, "index", 1);
    json_t *context = json_pack("{s:o, s:[O], s:{}}", "node", node, "nodes", node, "options");
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    json_decref(
        agent_must(&n1->agent, "system.configure",
                   json_pack("{s:o, s:o, s:b}", "recipe", recipe, "context", context, "lab", 1)));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    json_decref(agent_must(&n1->agent, "system.start", json_pack("{s:i}", "deadline_ms", 20000)));
    json_decref(
        agent_must(&n1->agent, "system.wait_ready", json_pack("{s:i}", "deadline_ms", 20000)));
}

static pid_t large_pid(void)
{
    CLEANUP(rift_free) char *path = rift_printf("%s-data/large/ready", n1->state);
    FILE *file = fopen(path, "r");
    int pid = 0;
    if (file && fscanf(file, "%d", &pid) != 1)
        pid = 0;
    if (file)
        fclose(file);
    return pid;
}

static void the_kernel_kills_for_want_of_memory_and_the_limit_is_as_before(void **state)
{
    (void)state;
    char before[64], after[64];
    if (!can_inject("oom-kill", NULL))
        skip();
    start_large();
    pid_t pid = large_pid();
    assert_int_equal(0, kill(pid, 0));
    read_setting("memory", "memory.limit_in_bytes", "memory.max", before);
    assert_int_equal(0, kernels_kills());
    inject("o", "oom-kill", NULL);
    assert_true(kernels_kills() > 0);
    assert_true(is_observed("o"));
    assert_int_equal(-1, kill(pid, 0));
    assert_int_equal(0, strangers());
    read_setting("memory", "memory.limit_in_bytes", "memory.max", after);
    assert_string_equal(before, after);
    heal("o");
    json_decref(
        agent_must(&n1->agent, "system.wait_ready", json_pack("{s:i}", "deadline_ms", 20000)));
}

/* Beside a limit that another fault has set: that one goes on. */
static void a_memory_limit_outlives_an_oom_kill(void **state)
{
    (void)state;
    char during[64], after[64];
    if (!can_inject("oom-kill", NULL))
        skip();
    start_large();
    inject("m", "memory", json_pack("{s:i}", "percent_of_use", 400));
    read_setting("memory", "memory.limit_in_bytes", "memory.max", during);
    inject("o", "oom-kill", NULL);
    read_setting("memory", "memory.limit_in_bytes", "memory.max", after);
    assert_string_equal(during, after);
    heal("o");
    read_setting("memory", "memory.limit_in_bytes", "memory.max", after);
    assert_string_equal(during, after);
    heal("m");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(a_frozen_system_stands_still_and_goes_on),
        CASE(a_frozen_system_is_thawed_by_its_keeper_when_all_else_is_dead),
        CASE(two_freezes_end_with_the_last),
        CASE(a_freezer_with_nobody_in_it_is_not_observed),
        CASE(a_quota_slows_the_system_down_and_is_lifted),
        CASE(a_memory_limit_is_felt_and_lifted_exactly),
        CASE(the_kernel_kills_for_want_of_memory_and_the_limit_is_as_before),
        CASE(a_memory_limit_outlives_an_oom_kill),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}
