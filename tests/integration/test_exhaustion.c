/* fd-limit and pid-limit as an outsider sees them: what the system writes to its own log, and what
 * /proc and the control group say before and after. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/toy_host.h"

enum { WAIT_MS = 10000, FAMILY_MAX = 100 };

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("exhaustion", 120000, 0);
}

static bool log_has(const char *text)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/logs/toy.log", n1->state);
    FILE *file = fopen(path, "r");
    char line[256];
    bool has = false;
    while (file && !has && fgets(line, sizeof line, file))
        has = strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return has;
}

static bool log_gets(const char *text)
{
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (!log_has(text) && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    return log_has(text);
}

/* The line of /proc/PID/limits; "" where the process is gone. */
static void limit_read(pid_t pid, char line[160])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
    FILE *file = fopen(path, "r");
    line[0] = 0;
    while (file && fgets(line, 160, file) && strncmp(line, "Max open files", 14) != 0)
        line[0] = 0;
    if (file)
        fclose(file);
}

/* How many processes of the system have, or have not, this limit. */
static size_t count_with(const char *limit, bool has)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    size_t count = rift_cgroup_pids(&cgroup, pids, RIFT_CGROUP_PIDS_MAX), found = 0;
    for (size_t i = 0; i < count; i++) {
        char line[160];
        limit_read(pids[i], line);
        found += line[0] && (strcmp(line, limit) == 0) == has;
    }
    return found;
}

static void first_limit(char line[160])
{
    pid_t pid;
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    assert_int_equal(1, rift_cgroup_pids(&cgroup, &pid, 1));
    limit_read(pid, line);
    assert_string_not_equal("", line);
}

static void a_system_without_descriptors_cannot_open_and_gets_its_limits_back(void **state)
{
    (void)state;
    char before[160];
    if (!can_inject("fd-limit", NULL))
        skip();
    first_limit(before);
    assert_int_equal(0, count_with(before, false));
    assert_false(log_has("Too many open files"));
    inject("f", "fd-limit", NULL);
    assert_true(log_gets("Too many open files"));
    assert_true(is_observed("f"));
    assert_true(toy_becomes_still(n1, 500));
    assert_int_equal(0, count_with(before, true));
    heal("f");
    assert_true(toy_is_alive(n1, 5000));
    assert_int_equal(0, count_with(before, false));
    assert_true(count_with(before, true) > 0);
}

/* A process of the system that forks another one again and again. */
static pid_t start_family(void)
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0); /* the agent's connection */
    if (rift_cgroup_join(&cgroup) < 0)
        _exit(1);
    for (int i = 0; i < FAMILY_MAX; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pause();
        }
        usleep(20000);
    }
    pause();
    _exit(0);
}

/* It is looked at who the processes are a moment before the limits are set. */
static void whoever_is_forked_before_it_begins_is_hit_too(void **state)
{
    (void)state;
    char before[160];
    if (!can_inject("fd-limit", NULL))
        skip();
    first_limit(before);
    pid_t family = start_family();
    json_t *args = json_pack("{s:s, s:s, s:{}, s:I}", "id", "f", "fault", "fd-limit", "options",
                             "start_ns", (json_int_t)(rift_clock_now() + RIFT_SECOND));
    json_decref(agent_must(&n1->agent, "inject", args));
    assert_true(count_with(before, false) > 2);
    assert_int_equal(0, count_with(before, true));
    heal("f");
    assert_int_equal(0, count_with(before, false));
    kill(family, SIGKILL);
    waitpid(family, NULL, 0);
}

static void descriptors_that_are_left_can_be_opened(void **state)
{
    (void)state;
    if (!can_inject("fd-limit", json_pack("{s:i}", "leave", 8)))
        skip();
    inject("f", "fd-limit", json_pack("{s:i}", "leave", 8));
    assert_true(toy_is_alive(n1, 5000));
    assert_false(is_observed("f")); /* nobody met the limit */
    heal("f");
}

static void the_limits_come_back_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    char before[160];
    if (!can_inject("fd-limit", NULL))
        skip();
    first_limit(before);
    inject("f", "fd-limit", NULL);
    assert_true(toy_becomes_still(n1, 200));
    agent_kill_both(&n1->agent);
    assert_true(toy_is_alive(n1, WAIT_MS));
    assert_int_equal(0, count_with(before, false));
}

static void a_second_limit_of_descriptors_is_refused(void **state)
{
    (void)state;
    const char *code = NULL;
    if (!can_inject("fd-limit", NULL))
        skip();
    inject("f", "fd-limit", NULL);
    json_t *reply =
        agent_ask(&n1->agent, "inject",
                  json_pack("{s:s, s:s, s:{}}", "id", "g", "fault", "fd-limit", "options"));
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "code", &code));
    assert_string_equal("conflict", code);
    json_decref(reply);
    heal("f");
    assert_true(toy_is_alive(n1, 5000));
}

static void pids_max(char text[64])
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    const char *v1 = rift_cgroup_v1_folder(&cgroup, "pids");
    CLEANUP(rift_free) char *path = rift_printf("%s/pids.max", v1 ? v1 : cgroup.unified);
    FILE *file = fopen(path, "r");
    text[0] = 0;
    if (file && !fgets(text, 64, file))
        text[0] = 0;
    if (file)
        fclose(file);
}

static bool system_ends(void)
{
    pid_t pid;
    struct rift_cgroup cgroup;
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    while (rift_cgroup_pids(&cgroup, &pid, 1) > 0)
        if (rift_clock_now() > deadline)
            return false;
    return true;
}

static void a_system_without_pids_cannot_fork_and_gets_its_limit_back(void **state)
{
    (void)state;
    char before[64], during[64], after[64];
    if (!can_inject("pid-limit", json_pack("{s:i}", "leave", -3)))
        skip();
    pids_max(before);
    assert_false(log_has("Cannot fork"));
    /* No more than one: neither of the toy's two shells can fork, and a shell that cannot ends. */
    inject("p", "pid-limit", json_pack("{s:i}", "leave", -3));
    pids_max(during);
    assert_true(strtol(during, NULL, 10) <= 1);
    assert_true(log_gets("Cannot fork"));
    assert_true(is_observed("p"));
    assert_true(system_ends());
    heal("p"); /* and the recipe starts it again */
    pids_max(after);
    assert_string_equal(before, after);
    assert_true(toy_is_alive(n1, WAIT_MS));
}

static void the_limit_of_pids_is_lifted_when_agent_and_guardian_are_killed(void **state)
{
    (void)state;
    char before[64], now[64];
    if (!can_inject("pid-limit", json_pack("{s:i}", "leave", 50)))
        skip();
    pids_max(before);
    inject("p", "pid-limit", json_pack("{s:i}", "leave", 50));
    assert_false(is_observed("p")); /* nobody met the limit */
    pids_max(now);
    assert_string_not_equal(before, now);
    agent_kill_both(&n1->agent);
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    do
        pids_max(now);
    while (strcmp(before, now) != 0 && rift_clock_now() < deadline);
    assert_string_equal(before, now);
    assert_true(toy_is_alive(n1, 5000));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_system_without_descriptors_cannot_open_and_gets_its_limits_back),
        CASE(whoever_is_forked_before_it_begins_is_hit_too),
        CASE(descriptors_that_are_left_can_be_opened),
        CASE(the_limits_come_back_when_agent_and_guardian_are_killed),
        CASE(a_second_limit_of_descriptors_is_refused),
        CASE(a_system_without_pids_cannot_fork_and_gets_its_limit_back),
        CASE(the_limit_of_pids_is_lifted_when_agent_and_guardian_are_killed),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}
