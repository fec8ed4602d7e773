/* The clock fault on real processes: what they see of the time is what they themselves say. */
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/clock/vdso.h"
#include "tests/lib/clock_victim.h"

static void every_function_of_a_process_shows_the_jump_and_only_of_the_wall_clock(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start();
    struct clock_fault fault;
    clock_assert_near(clock_victim_offset_ms(&victim), 0);
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":-90500}", 20000);
    struct clock_sample sample = clock_sample_take(&victim);
    struct clock_seen seen = sample.seen;
    clock_assert_near(clock_sample_ms(&sample), -90500);
    clock_assert_near((double)(seen.day - sample.wall) / 1e6, -90500);
    assert_in_range(seen.clock - seen.seconds, 0, RIFT_SECOND + CLOCK_TOLERANCE_MS * RIFT_MS);
    clock_assert_near((double)(seen.monotonic - sample.begin) / 1e6, 0);
    assert_true(clock_fault_becomes_observed(&fault));
    clock_fault_heal(&fault);
    clock_assert_near(clock_victim_offset_ms(&victim), 0);
    assert_false(vdso_is_bent(victim.pid));
    clock_victim_end(&victim);
}

static void the_lease_ends_in_the_process_itself(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start();
    struct clock_fault fault;
    struct clock_sample sample;
    bool is_in_time = false;
    for (int64_t lease_ms = 400; !is_in_time && lease_ms < CLOCK_WAIT_MS; lease_ms *= 2) {
        clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":3600000}", lease_ms);
        sample = clock_sample_take(&victim);
        is_in_time = sample.end < fault.injection.lease_end_ns;
        if (!is_in_time)
            clock_fault_heal(&fault);
    }
    assert_true(is_in_time);
    clock_assert_near(clock_sample_ms(&sample), 3600000);
    rift_clock_sleep_until(fault.injection.lease_end_ns + 50 * RIFT_MS);
    clock_assert_near(clock_victim_offset_ms(&victim), 0);
    assert_false(clock_fault_is_observed(&fault));
    clock_fault_heal(&fault);
    clock_victim_end(&victim);
}

/* Three looks a half period apart, each well inside of one. */
static void assert_strobes(const struct clock_victim *victim, int64_t begin, int64_t half,
                           double high_ms)
{
    bool is_seen[2] = {false, false};
    int64_t deadline = rift_clock_now() + CLOCK_WAIT_MS * RIFT_MS;
    for (int looks = 0; looks < 3 && rift_clock_now() < deadline;) {
        struct clock_sample sample = clock_sample_take(victim);
        int64_t phase = (sample.begin - begin) / half;
        if ((sample.end - begin + 20 * RIFT_MS) / half != phase ||
            (sample.begin - begin - 20 * RIFT_MS) / half != phase)
            continue;
        clock_assert_near(clock_sample_ms(&sample), phase % 2 == 0 ? high_ms : 0);
        is_seen[phase % 2] = true;
        looks++;
        rift_clock_sleep_until(begin + (phase + 1) * half + half / 2);
    }
    assert_true(is_seen[0] && is_seen[1]);
}

static void a_clock_drifts_and_a_strobe_comes_and_goes(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start();
    struct clock_fault fault;
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":0,\"drift_ppm\":-100000}", 20000);
    rift_clock_sleep_until(fault.injection.applied_ns + 3 * RIFT_SECOND);
    struct clock_sample sample = clock_sample_take(&victim);
    double lost_ms = (double)(sample.begin - fault.injection.applied_ns) / 1e7;
    assert_true(lost_ms >= 300);
    assert_in_range(clock_sample_ms(&sample) + lost_ms + 60, 0, 120);
    clock_fault_heal(&fault);
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":5000,\"strobe_ms\":400}", 20000);
    assert_strobes(&victim, fault.injection.applied_ns, 400 * RIFT_MS, 5000);
    clock_fault_heal(&fault);
    clock_victim_end(&victim);
}

static void a_process_that_was_started_again_is_bent_soon(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim first = clock_victim_start();
    struct clock_fault fault;
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    clock_victim_end(&first);
    struct clock_victim second = clock_victim_start();
    int64_t deadline = rift_clock_now() + CLOCK_WAIT_MS * RIFT_MS;
    while (clock_victim_offset_ms(&second) < 6000 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    clock_assert_near(clock_victim_offset_ms(&second), 7000);
    clock_fault_heal(&fault);
    clock_assert_near(clock_victim_offset_ms(&second), 0);
    clock_victim_end(&second);
}

static bool any_thread_is(pid_t pid, char state)
{
    CLEANUP(rift_free) char *path = rift_printf("/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    bool is = false;
    for (const struct dirent *entry; folder && !is && (entry = readdir(folder));) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        is = thread > 0 && rift_process_state(thread) == state;
    }
    if (folder)
        closedir(folder);
    return is;
}

/* What its thread waits for. */
static void end_child_of(pid_t pid)
{
    pid_t pids[16];
    size_t count = rift_cgroup_pids(&clock_group, pids, 16);
    for (size_t i = 0; i < count; i++)
        if (rift_process_parent(pids[i]) == pid)
            kill(pids[i], SIGKILL);
}

/* A thread in the kernel is seized and comes to no stop: it must not come to one later, when nobody
 * is there to let it go on. */
static void a_process_that_does_not_stop_in_time_is_left_as_it_was(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start_with(2, 600);
    struct clock_fault fault;
    struct rift_error err = {0};
    int64_t deadline = rift_clock_now() + CLOCK_WAIT_MS * RIFT_MS;
    while (!any_thread_is(victim.pid, 'D') && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    assert_int_equal(
        -1, clock_fault_try(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000, &err));
    assert_non_null(strstr(err.text, "does not stop"));
    assert_true(any_thread_is(victim.pid, 'D'));
    clock_fault_heal(&fault);
    end_child_of(victim.pid);
    while (any_thread_is(victim.pid, 'D') && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    clock_assert_near(clock_victim_offset_ms(&victim), 7000);
    clock_fault_heal(&fault);
    clock_victim_end(&victim);
}

/* A debugger, for one, has a thread for a second while the fault is to end. */
static void a_process_that_is_traced_for_a_moment_is_healed_after_it(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start();
    struct clock_fault fault;
    int ready[2];
    char byte;
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    /* The holder, which visits none that is bent already, does not meet the debugger. */
    assert_int_equal(pipe(ready), 0);
    pid_t debugger = fork();
    if (debugger == 0) {
        bool has_it = ptrace(PTRACE_SEIZE, victim.pid, NULL, NULL) == 0;
        if (!has_it || write(ready[1], "", 1) != 1)
            _exit(1);
        rift_clock_sleep_until(rift_clock_now() + RIFT_SECOND);
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    clock_fault_heal(&fault);
    waitpid(debugger, NULL, 0);
    clock_assert_near(clock_victim_offset_ms(&victim), 0);
    assert_false(vdso_is_bent(victim.pid));
    clock_victim_end(&victim);
}

static void the_bytes_are_the_kernel_s_again_after_healing(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start();
    CLEANUP(rift_free)
    char *command = rift_printf(
        "python3 -c \"import re,hashlib\n"
        "def vdso(pid):\n"
        " a,b=[int(x,16) for x in re.search('([0-9a-f]+)-([0-9a-f]+) .*vdso',"
        "open('/proc/%%s/maps'%%pid).read()).groups()]\n"
        " f=open('/proc/%%s/mem'%%pid,'rb'); f.seek(a); return hashlib.sha1(f.read(b-a)).digest()\n"
        "exit(vdso('%d')!=vdso('self'))\"",
        (int)victim.pid);
    struct clock_fault fault;
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    FILE *changed = popen(command, "re");
    assert_int_not_equal(pclose(changed), 0);
    clock_fault_heal(&fault);
    FILE *restored = popen(command, "re");
    assert_int_equal(pclose(restored), 0);
    clock_victim_end(&victim);
}

/* 0 where this process has no vDSO any more. */
static int leave_vdso(void)
{
    char line[512];
    uint64_t begin = 0, end = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !strstr(fgets(line, sizeof line, maps), "[vdso]"))
        ;
    return sscanf(line, "%lx-%lx", &begin, &end) == 2 ? munmap((void *)begin, end - begin) : -1;
}

/* A process of the system without a vDSO; one that begins a program (execve) does so in a while. */
static pid_t start_without_vdso(bool begins_program)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || rift_cgroup_join(&clock_group) < 0 ||
            leave_vdso() < 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        usleep(200000);
        if (begins_program)
            execl("/bin/sleep", "sleep", "60", (char *)NULL);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void a_process_that_begins_or_ends_is_no_strange_one(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct rift_error err = {0};
    const struct vdso_bend bend = {.magic = VDSO_BEND_MAGIC, .offset_ns = RIFT_SECOND};
    struct clock_fault fault;
    pid_t beginning = start_without_vdso(true);
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    assert_true(vdso_is_bent(beginning));
    clock_fault_heal(&fault);
    kill(beginning, SIGKILL);
    assert_int_equal(waitpid(beginning, NULL, 0), beginning);
    pid_t without = start_without_vdso(false);
    int rc = clock_fault_try(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000, &err);
    clock_fault_heal(&fault);
    assert_int_equal(rc, -1);
    assert_non_null(strstr(err.text, "has no 64-bit vDSO"));
    kill(without, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)without, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(vdso_bend(without, &bend, &err), -1); /* no memory, but not yet waited for */
    assert_int_equal(err.code, RIFT_ERR_MISSING);
    assert_int_equal(waitpid(without, NULL, 0), without);
    assert_int_equal(vdso_bend(without, &bend, &err), -1);
    assert_int_equal(err.code, RIFT_ERR_MISSING);
}

static void a_host_that_shares_its_kernel_keeps_its_clock(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    pid_t child = fork();
    if (child == 0) {
        /* In a pid namespace of its own, as a container is. */
        if (unshare(CLONE_NEWPID) < 0)
            _exit(2);
        pid_t inside = fork();
        if (inside == 0) {
            struct rift_fault_ability ability = {.can = true};
            json_t *options = json_pack("{s:s, s:i}", "of", "host", "offset_ms", 1000);
            const struct rift_fault_driver *clock = rift_fault_driver_find("clock");
            clock->probe(&(struct rift_target){0}, options, &ability, NULL);
            struct rift_injection injection = {
                .id = "c", .driver = clock, .options = options, .undo = json_object()};
            struct rift_error err = {0};
            /* A fault by hand is not probed. */
            int planned = clock->plan(&injection, &(struct rift_target){.system = &clock_group},
                                      "/nonexistent", &err);
            _exit(ability.can || planned == 0 || err.code != RIFT_ERR_UNSUPPORTED);
        }
        int status = 0;
        waitpid(inside, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define CASE(test) cmocka_unit_test_teardown(test, clock_victims_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_function_of_a_process_shows_the_jump_and_only_of_the_wall_clock),
        CASE(the_lease_ends_in_the_process_itself),
        CASE(a_clock_drifts_and_a_strobe_comes_and_goes),
        CASE(a_process_that_was_started_again_is_bent_soon),
        CASE(a_process_that_does_not_stop_in_time_is_left_as_it_was),
        CASE(a_process_that_is_traced_for_a_moment_is_healed_after_it),
        CASE(the_bytes_are_the_kernel_s_again_after_healing),
        CASE(a_process_that_begins_or_ends_is_no_strange_one),
        CASE(a_host_that_shares_its_kernel_keeps_its_clock),
    };
    return cmocka_run_group_tests(tests, clock_group_make, clock_group_remove);
}
