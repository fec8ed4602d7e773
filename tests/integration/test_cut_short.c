/* A start of the system that an agent did not live to end, or that a fault came between: what runs
 * after it is whole. Looked at from outside: processes, files. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "tests/lib/toy_host.h"

enum { LEASE_MS = 120000, WAIT_MS = 30000 };

/* Mounts are this program's alone, and the agents' that it starts. */
static int group_up(void **state)
{
    return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)
               ? 0
               : toy_host_up(state);
}

static int agent_up(void **state)
{
    (void)state;
    return !n1 || host_agent_start(n1, "cut-short", LEASE_MS) ? 0 : -1;
}

static int agent_down(void **state)
{
    if (n1)
        json_decref(agent_must(&n1->agent, "system.remove", NULL));
    return toy_host_end_wiped(state);
}

static bool write_to(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    bool is_written = file && fputs(text, file) >= 0;
    return file && fclose(file) == 0 && is_written;
}

/* A system of two processes, of which the second starts once there is a file. */
static void configure_two(const char *go)
{
    CLEANUP(rift_free) char *data = rift_printf("%s-data/toy", n1->state);
    json_t *node =
        json_pack("{s:s, s:s, s:i}", "name", n1->name, "address", n1->address, "index", 1);
    json_t *recipe = json_pack(
        "{s:s, s:[s], s:[{s:s, s:[s, s], s:{s:[s, s, s]}}, {s:s, s:[s, s]}]}", "name", "two",
        "data_folders", data, "processes", "name", "one", "command", "/bin/sleep", "1000", "ready",
        "command", "test", "-e", go, "name", "two", "command", "/bin/sleep", "1000");
    json_t *context = json_pack("{s:o, s:[O], s:{}}", "node", node, "nodes", node, "options");
    json_decref(
        agent_must(&n1->agent, "system.configure",
                   json_pack("{s:o, s:o, s:b}", "recipe", recipe, "context", context, "lab", 1)));
}

static size_t count_processes(pid_t pids[8])
{
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    return rift_cgroup_pids(&cgroup, pids, 8);
}

static void wait_for_processes(size_t count)
{
    pid_t pids[8];
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (count_processes(pids) != count && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    assert_int_equal(count, count_processes(pids));
}

/* Before that it is a child of the agent's, which ends with it. */
static void wait_until_it_sleeps(pid_t pid)
{
    CLEANUP(rift_free) char *path = rift_printf("/proc/%d/comm", (int)pid);
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    char name[32] = "";
    while (strcmp(name, "sleep\n") != 0 && rift_clock_now() < deadline) {
        FILE *file = fopen(path, "r");
        if (file && !fgets(name, sizeof name, file))
            name[0] = '\0';
        if (file)
            fclose(file);
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
    }
    assert_string_equal(name, "sleep\n");
}

/* Agent and guardian die once the first of its two processes runs, which is told. */
static pid_t cut_a_start_short(const char *go)
{
    pid_t pids[8];
    configure_two(go);
    agent_send(&n1->agent, "system.start", json_object());
    wait_for_processes(1);
    count_processes(pids);
    wait_until_it_sleeps(pids[0]);
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_int_equal(1, count_processes(pids));
    assert_true(host_agent_start(n1, "cut-short", LEASE_MS));
    return pids[0];
}

static void assert_runs_whole_and_anew(pid_t before)
{
    pid_t pids[8];
    assert_int_equal(2, count_processes(pids));
    assert_true(pids[0] != before && pids[1] != before);
    json_t *again = agent_ask(&n1->agent, "system.start", NULL);
    assert_string_equal(
        "conflict", json_string_value(json_object_get(json_object_get(again, "error"), "code")));
    json_decref(again);
}

static void a_system_whose_start_was_cut_short_is_started_whole(void **state)
{
    (void)state;
    NEED_HOST();
    CLEANUP(rift_free) char *go = rift_printf("%s-go", n1->state);
    pid_t first = cut_a_start_short(go);
    assert_true(write_to(go, ""));
    json_decref(agent_must(&n1->agent, "system.start", NULL));
    assert_runs_whole_and_anew(first);
    unlink(go);
}

static void so_is_one_that_a_fault_hits_before_it_is_started_again(void **state)
{
    (void)state;
    NEED_HOST();
    CLEANUP(rift_free) char *go = rift_printf("%s-go", n1->state);
    pid_t first = cut_a_start_short(go);
    assert_true(write_to(go, ""));
    inject("f", "fd-limit", NULL);
    heal("f");
    assert_runs_whole_and_anew(first);
    unlink(go);
}

/* The second fault must not take what the first one ended for what was not meant to stay. */
static void a_process_that_ends_under_two_faults_is_there_after_them(void **state)
{
    (void)state;
    NEED_HOST();
    pid_t pids[8];
    CLEANUP(rift_free) char *go = rift_printf("%s-go", n1->state);
    configure_two(go);
    assert_true(write_to(go, ""));
    json_decref(agent_must(&n1->agent, "system.start", NULL));
    assert_int_equal(2, count_processes(pids));
    inject("f", "fd-limit", NULL);
    assert_int_equal(0, kill(pids[1], SIGKILL));
    wait_for_processes(1);
    inject("g", "pid-limit", NULL);
    json_decref(agent_must(&n1->agent, "heal", json_pack("{s:s, s:b}", "id", "g", "restart", 0)));
    heal("f");
    assert_int_equal(2, count_processes(pids));
    unlink(go);
}

/* A file comes before the command is done, as from initdb(1), and the second time it ends. */
static void configure_slow_prepare(const char *data, const char *go)
{
    CLEANUP(rift_free)
    char *script = rift_printf("test ! -e %s/half && echo x >%s/half && { test -e %s || exec sleep "
                               "1000; } && echo x >%s/whole",
                               data, data, go, data);
    json_t *node =
        json_pack("{s:s, s:s, s:i}", "name", n1->name, "address", n1->address, "index", 1);
    json_t *recipe = json_pack("{s:s, s:[s], s:[[s, s, s]], s:[{s:s, s:[s, s]}]}", "name", "slow",
                               "data_folders", data, "prepare", "/bin/sh", "-c", script,
                               "processes", "name", "one", "command", "/bin/sleep", "1000");
    json_t *context = json_pack("{s:o, s:[O], s:{}}", "node", node, "nodes", node, "options");
    json_decref(
        agent_must(&n1->agent, "system.configure",
                   json_pack("{s:o, s:o, s:b}", "recipe", recipe, "context", context, "lab", 1)));
}

static void what_a_prepare_that_was_cut_short_left_is_not_taken_for_data(void **state)
{
    (void)state;
    NEED_HOST();
    CLEANUP(rift_free) char *go = rift_printf("%s-go", n1->state);
    CLEANUP(rift_free) char *data = rift_printf("%s-data/slow", n1->state);
    CLEANUP(rift_free) char *half = rift_printf("%s/half", data);
    CLEANUP(rift_free) char *whole = rift_printf("%s/whole", data);
    CLEANUP(rift_free) char *own = rift_printf("%s/own", data);
    configure_slow_prepare(data, go);
    agent_send(&n1->agent, "system.start", json_object());
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (access(half, F_OK) != 0 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    assert_int_equal(0, access(half, F_OK));
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "cut-short", LEASE_MS));
    assert_true(write_to(go, ""));
    json_decref(agent_must(&n1->agent, "system.start", NULL));
    assert_int_equal(0, access(whole, F_OK));
    /* And what the system keeps from then on stays. */
    assert_true(write_to(own, "x"));
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.start", NULL));
    assert_int_equal(0, access(own, F_OK));
    unlink(go);
}

/* --- a disk of its own */

/* Its data folder is prepared once, while it is new. */
static void configure_prepared(const char *data)
{
    CLEANUP(rift_free) char *mark = rift_printf("%s/prepared", data);
    json_t *node =
        json_pack("{s:s, s:s, s:i}", "name", n1->name, "address", n1->address, "index", 1);
    json_t *recipe = json_pack("{s:s, s:[s], s:[[s, s]], s:[{s:s, s:[s, s]}]}", "name", "prepared",
                               "data_folders", data, "prepare", "/usr/bin/touch", mark, "processes",
                               "name", "one", "command", "/bin/sleep", "1000");
    json_t *context = json_pack("{s:o, s:[O], s:{}}", "node", node, "nodes", node, "options");
    json_decref(agent_must(&n1->agent, "system.configure",
                           json_pack("{s:o, s:o, s:b, s:i}", "recipe", recipe, "context", context,
                                     "lab", 1, "disk_mb", 32)));
}

/* Until it is unmounted a disk is begun and never done. */
static void cover_mkfs(const char *program, const char *script, const char *begun)
{
    CLEANUP(rift_free)
    char *text = rift_printf("#!/bin/sh\nfor image; do :; done\necho junk | dd of=$image "
                             "conv=notrunc 2>/dev/null\n: >%s\nexec sleep 1000\n",
                             begun);
    assert_true(write_to(script, text));
    assert_int_equal(0, chmod(script, 0755));
    assert_int_equal(0, mount(script, program, NULL, MS_BIND, NULL));
}

static void assert_starts_prepared(const char *data)
{
    CLEANUP(rift_free) char *mark = rift_printf("%s/prepared", data);
    CLEANUP(rift_free) char *found = rift_printf("%s/lost+found", data);
    json_decref(agent_must(&n1->agent, "system.start", NULL));
    assert_int_equal(0, access(mark, F_OK));
    assert_int_not_equal(0, access(found, F_OK));
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    assert_int_equal(0, unlink(mark));
}

static void a_disk_whose_making_was_cut_short_is_made_anew(void **state)
{
    (void)state;
    if (!n1 || access("/dev/loop-control", F_OK) != 0)
        skip();
    CLEANUP(rift_free) char *data = rift_printf("%s-data/prepared", n1->state);
    CLEANUP(rift_free) char *program = realpath("/sbin/mkfs.ext4", NULL);
    CLEANUP(rift_free) char *script = rift_printf("%s-mkfs", n1->state);
    CLEANUP(rift_free) char *begun = rift_printf("%s-begun", n1->state);
    cover_mkfs(program, script, begun);
    configure_prepared(data);
    agent_send(&n1->agent, "system.start", json_object());
    int64_t deadline = rift_clock_now() + WAIT_MS * RIFT_MS;
    while (access(begun, F_OK) != 0 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    agent_kill_both(&n1->agent);
    agent_forget(&n1->agent);
    assert_int_equal(0, umount2(program, MNT_DETACH));
    assert_int_equal(0, access(begun, F_OK));
    assert_true(host_agent_start(n1, "cut-short", LEASE_MS));
    assert_starts_prepared(data);
    /* The last start but one had put the disk there, and died before it used it. */
    assert_starts_prepared(data);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, agent_up, agent_down)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(a_system_whose_start_was_cut_short_is_started_whole),
        CASE(so_is_one_that_a_fault_hits_before_it_is_started_again),
        CASE(a_process_that_ends_under_two_faults_is_there_after_them),
        CASE(what_a_prepare_that_was_cut_short_left_is_not_taken_for_data),
        CASE(a_disk_whose_making_was_cut_short_is_made_anew),
    };
    return cmocka_run_group_tests(tests, group_up, toy_host_down);
}
