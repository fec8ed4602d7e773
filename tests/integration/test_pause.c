/* kill and pause as an outsider sees them: does the system go on writing? */
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

#include "common/cgroup.h"
#include "common/clock.h"
#include "common/process.h"
#include "tests/lib/toy_host.h"

enum { LEASE_MS = 120000 }; /* where a test is not about it, it does not run out */

static int toy_up(void **state)
{
    (void)state;
    return toy_host_begin("pause", LEASE_MS, 0);
}

static void a_pause_stops_every_process_and_heal_lets_them_go_on(void **state)
{
    (void)state;
    NEED_HOST();
    static const char *const ways[] = {"ptrace", "sigstop"};
    for (size_t i = 0; i < 2; i++) {
        assert_true(toy_is_alive(n1, 5000));
        inject("p", "pause", json_pack("{s:s}", "by", ways[i]));
        assert_true(is_observed("p"));
        assert_true(toy_is_still(n1, 300));
        heal("p");
        assert_true(toy_is_alive(n1, 5000));
    }
}

static bool has_children(const struct rift_cgroup *cgroup, pid_t pid)
{
    pid_t pids[8];
    size_t count = rift_cgroup_pids(cgroup, pids, 8);
    for (size_t i = 0; i < count; i++)
        if (rift_process_parent(pids[i]) == pid)
            return true;
    return false;
}

/* The loop of the background: its parent is a process of the system too. */
static pid_t find_child(const struct rift_cgroup *cgroup)
{
    pid_t pids[8], child = 0;
    for (int look = 0; look < 500 && child == 0; look++) {
        size_t count = rift_cgroup_pids(cgroup, pids, 8);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < count; j++)
                if (rift_process_parent(pids[i]) == pids[j] && has_children(cgroup, pids[i]))
                    child = pids[i];
    }
    return child;
}

/* In each hierarchy, as a system does to which its groups were delegated. */
static void move_below(const struct rift_cgroup *cgroup, pid_t pid)
{
    char path[RIFT_CGROUP_PATH_SIZE + 32];
    for (size_t i = 0; i <= cgroup->v1_count; i++) {
        const char *folder = i < cgroup->v1_count ? cgroup->v1[i].folder : cgroup->unified;
        if (!folder[0])
            continue;
        snprintf(path, sizeof path, "%s/below", folder);
        assert_int_equal(0, mkdir(path, 0755));
        snprintf(path, sizeof path, "%s/below/cgroup.procs", folder);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        fprintf(file, "%d\n", (int)pid);
        assert_int_equal(0, fclose(file));
    }
}

static void what_the_system_has_put_into_a_group_below_its_own_is_hit_too(void **state)
{
    (void)state;
    NEED_HOST();
    struct rift_cgroup cgroup;
    static const char *const ways[] = {"ptrace", "sigstop", "freezer"};
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    pid_t child = find_child(&cgroup);
    assert_int_not_equal(0, child);
    move_below(&cgroup, child);
    for (size_t i = 0; i < 3; i++) {
        inject("p", "pause", json_pack("{s:s}", "by", ways[i]));
        assert_true(is_observed("p"));
        assert_true(toy_is_still(n1, 300));
        heal("p");
        assert_true(toy_is_alive(n1, 5000));
    }
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    assert_int_equal(-1, kill(child, 0));
    assert_false(rift_cgroup_exists(&cgroup));
}

/* By SIGSTOP, as somebody else did to one of the processes before: that one is let be. */
static void what_stood_still_before_a_pause_by_sigstop_does_so_after_it(void **state)
{
    (void)state;
    NEED_HOST();
    struct rift_cgroup cgroup;
    long parent, moved;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    pid_t child = find_child(&cgroup);
    assert_int_not_equal(0, child);
    kill(child, SIGSTOP);
    while (rift_process_state(child) != 'T')
        ;
    inject("p", "pause", json_pack("{s:s}", "by", "sigstop"));
    assert_true(is_observed("p"));
    heal("p");
    toy_watch(n1, 500, &parent, &moved);
    assert_true(parent > 0);
    assert_int_equal(0, moved);
    kill(child, SIGCONT);
    assert_true(toy_is_alive(n1, 5000));
}

static void a_pause_begins_at_its_start_and_not_before(void **state)
{
    (void)state;
    NEED_HOST();
    int64_t start = rift_clock_now() + 3000 * RIFT_MS;
    int64_t id = agent_send(&n1->agent, "inject",
                            json_pack("{s:s, s:s, s:{}, s:I}", "id", "later", "fault", "pause",
                                      "options", "start_ns", (json_int_t)start));
    assert_true(toy_is_alive(n1, 2500));
    json_t *reply = agent_wait(&n1->agent, id);
    json_int_t applied = 0;
    assert_int_equal(0, json_unpack(reply, "{s:{s:I}}", "ok", "applied_ns", &applied));
    json_decref(reply);
    assert_true(applied >= start);
    assert_true(toy_is_still(n1, 100));
}

static void *sleep_for_ever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* A parent in vfork(2), which comes to no ptrace stop before its child ends, beside a thread that
 * does. */
static pid_t start_one_that_does_not_stop(const struct rift_cgroup *cgroup, int for_s)
{
    int joined[2];
    char byte;
    assert_int_equal(0, pipe(joined));
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        bool is_in = rift_cgroup_join(cgroup) == 0 && write(joined[1], "", 1) == 1 &&
                     pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0;
        if (is_in && vfork() == 0) {
            syscall(SYS_nanosleep, &(struct timespec){.tv_sec = for_s}, NULL);
            _exit(0);
        }
        _exit(0);
    }
    close(joined[1]);
    assert_int_equal(1, read(joined[0], &byte, 1));
    close(joined[0]);
    while (rift_process_state(pid) != 'D')
        ;
    return pid;
}

static void who_waits_for_a_paused_child_is_paused_too(void **state)
{
    (void)state;
    NEED_HOST();
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    pid_t stuck = start_one_that_does_not_stop(&cgroup, 20);
    inject("p", "pause", NULL);
    assert_true(toy_is_still(n1, 100));
    assert_true(is_observed("p"));
    heal("p");
    kill(stuck, SIGKILL);
    waitpid(stuck, NULL, 0);
}

/* The clock fault gives up after 2 s; the agent has answered others, and healed, long before. */
static void a_process_that_does_not_stop_keeps_no_other_fault_from_its_end(void **state)
{
    (void)state;
    NEED_HOST();
    struct rift_cgroup cgroup;
    assert_int_equal(0, rift_cgroup_open(n1->cgroup, &cgroup, NULL));
    pid_t stuck = start_one_that_does_not_stop(&cgroup, 20);
    inject("burn", "cpu-burn", json_pack("{s:i}", "processes", 1));
    int64_t clock_id = agent_send(&n1->agent, "inject",
                                  json_pack("{s:s, s:s, s:{s:s, s:i}}", "id", "c", "fault", "clock",
                                            "options", "of", "process", "offset_ms", 5000));
    int64_t sent_ns = rift_clock_now();
    heal("burn");
    int64_t took_ns = rift_clock_now() - sent_ns;
    json_t *reply = agent_wait(&n1->agent, clock_id);
    int64_t given_up_ns = rift_clock_now() - sent_ns;
    const char *text = json_string_value(json_object_get(json_object_get(reply, "error"), "text"));
    print_message("healed in %.0f ms, given up in %.0f ms; %s\n", (double)took_ns / 1e6,
                  (double)given_up_ns / 1e6, text ? text : "");
    /* Had it waited for the other one, it would have taken as long. */
    assert_true(took_ns < given_up_ns / 4 * 3);
    assert_non_null(text);
    assert_non_null(strstr(text, "does not stop"));
    json_decref(reply);
    kill(stuck, SIGKILL);
    waitpid(stuck, NULL, 0);
}

static void renew(int lease_ms)
{
    json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", lease_ms)));
}

/* How many faults the end of a lease healed, as the controller is told. */
static size_t lease_end_healed(void)
{
    json_t *event = agent_wait_event(&n1->agent, "lease_ended");
    size_t count = json_array_size(json_object_get(event, "healed"));
    json_decref(event);
    return count;
}

static void a_pause_ends_with_the_lease(void **state)
{
    (void)state;
    NEED_HOST();
    renew(2000);
    int64_t lease_end = rift_clock_now() + 2000 * RIFT_MS;
    inject("p", "pause", NULL);
    assert_true(toy_is_still(n1, 300));
    rift_clock_sleep_until(lease_end + 20 * RIFT_MS);
    assert_true(toy_is_alive(n1, 5000));
    assert_int_equal(1, lease_end_healed());
    renew(500);
    assert_int_equal(0, lease_end_healed());
}

static void a_pause_goes_on_with_its_lease(void **state)
{
    (void)state;
    NEED_HOST();
    renew(1500);
    int64_t lease_end = rift_clock_now() + 1500 * RIFT_MS;
    inject("p", "pause", NULL);
    renew(LEASE_MS);
    rift_clock_sleep_until(lease_end + 200 * RIFT_MS);
    assert_true(toy_is_still(n1, 300));
    heal("p");
}

/* Each of our own processes may be killed, and the pause ends within the lease all the same. */
static void a_pause_ends_within_the_lease_whatever_is_killed(void **state)
{
    (void)state;
    NEED_HOST();
    for (int which = 1; which <= 4; which++) {
        int64_t lease_end = rift_clock_now() + 3000 * RIFT_MS;
        json_decref(agent_must(&n1->agent, "lease", json_pack("{s:i}", "lease_ms", 3000)));
        inject("p", "pause", json_pack("{s:s}", "by", which == 4 ? "sigstop" : "ptrace"));
        assert_true(toy_is_still(n1, 50));
        if (which == 1)
            kill(guardian_pid(&n1->agent), SIGKILL);
        else if (which == 2)
            kill(agent_pid(&n1->agent), SIGKILL);
        else
            agent_kill_both(&n1->agent);
        while (toy_is_still(n1, 20))
            assert_true(rift_clock_now() < lease_end);
        assert_true(toy_is_alive(n1, 5000));
        agent_forget(&n1->agent);
        assert_true(host_agent_start(n1, "pause", LEASE_MS));
    }
}

static void a_paused_system_can_be_killed(void **state)
{
    (void)state;
    NEED_HOST();
    inject("p", "pause", NULL);
    inject("k", "kill", NULL);
    assert_true(is_observed("k"));
    json_t *status = agent_must(&n1->agent, "system.status", NULL);
    assert_true(json_is_false(json_object_get(status, "running")));
    json_decref(status);
    heal("p");
    heal("k");
    assert_true(toy_is_alive(n1, 5000));
}

static void a_killed_system_stays_down_until_it_is_started_again(void **state)
{
    (void)state;
    NEED_HOST();
    inject("k", "kill", NULL);
    assert_true(is_observed("k"));
    assert_true(toy_is_still(n1, 100));
    /* heal_all, the lease and the end of the agent undo faults; none of them starts a system. */
    json_decref(agent_must(&n1->agent, "heal_all", NULL));
    agent_forget(&n1->agent);
    assert_true(host_agent_start(n1, "pause", LEASE_MS));
    assert_true(toy_is_still(n1, 100));
    /* Nor does a heal by an agent that knows nothing of it, unless it is told what it was. */
    heal("k");
    assert_true(toy_is_still(n1, 100));
    json_decref(
        agent_must(&n1->agent, "heal", json_pack("{s:s, s:s}", "id", "k", "fault", "kill")));
    assert_true(toy_is_alive(n1, 5000));
    inject("k2", "kill", NULL);
    assert_true(toy_is_still(n1, 100));
    heal("k2");
    assert_true(toy_is_alive(n1, 5000));
}

static void the_system_survives_the_end_of_its_agent(void **state)
{
    (void)state;
    NEED_HOST();
    kill(agent_pid(&n1->agent), SIGKILL);
    agent_forget(&n1->agent);
    assert_true(toy_is_alive(n1, 5000));
    assert_true(host_agent_start(n1, "pause", LEASE_MS));
    json_t *status = agent_must(&n1->agent, "system.status", NULL);
    assert_true(json_is_true(json_object_get(status, "running")));
    assert_true(json_is_true(json_object_get(status, "configured")));
    json_decref(status);
}

static void stop_and_wipe_leave_nothing_of_the_system(void **state)
{
    (void)state;
    NEED_HOST();
    json_t *reply = agent_ask(&n1->agent, "system.wipe", json_object());
    const char *code = NULL;
    assert_int_equal(0, json_unpack(reply, "{s:{s:s}}", "error", "code", &code));
    assert_string_equal("conflict", code);
    json_decref(reply);
    json_decref(agent_must(&n1->agent, "system.stop", NULL));
    json_decref(agent_must(&n1->agent, "system.wipe", NULL));
    char path[256];
    snprintf(path, sizeof path, "%s-data/toy", n1->state);
    assert_int_equal(-1, access(path, F_OK));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, toy_up, toy_host_end)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(a_pause_stops_every_process_and_heal_lets_them_go_on),
        CASE(what_the_system_has_put_into_a_group_below_its_own_is_hit_too),
        CASE(what_stood_still_before_a_pause_by_sigstop_does_so_after_it),
        CASE(a_pause_begins_at_its_start_and_not_before),
        CASE(who_waits_for_a_paused_child_is_paused_too),
        CASE(a_process_that_does_not_stop_keeps_no_other_fault_from_its_end),
        CASE(a_pause_ends_with_the_lease),
        CASE(a_pause_goes_on_with_its_lease),
        CASE(a_pause_ends_within_the_lease_whatever_is_killed),
        CASE(a_paused_system_can_be_killed),
        CASE(a_killed_system_stays_down_until_it_is_started_again),
        CASE(the_system_survives_the_end_of_its_agent),
        CASE(stop_and_wipe_leave_nothing_of_the_system),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}
