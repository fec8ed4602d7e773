/* Is a clock fault observed where processes see it, and nowhere else? */
#include <dlfcn.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/clock/threads.h"
#include "nemesis/faults/clock/vdso.h"
#include "tests/lib/clock_victim.h"

enum { MANY = 24 };

/* The planted clock: what a process is shown by a fault that went wrong, and how long it takes. */
static int64_t planted_ns, planted_slow_ns;

static int planted_clock(clockid_t id, struct timespec *t)
{
    const struct timespec slow = {.tv_sec = planted_slow_ns / RIFT_SECOND,
                                  .tv_nsec = planted_slow_ns % RIFT_SECOND};
    if (planted_slow_ns)
        syscall(SYS_nanosleep, &slow, NULL);
    long rc = syscall(SYS_clock_gettime, id, t);
    int64_t shown = t->tv_sec * RIFT_SECOND + t->tv_nsec + planted_ns;
    *t = (struct timespec){.tv_sec = shown / RIFT_SECOND, .tv_nsec = shown % RIFT_SECOND};
    return (int)rc;
}

/* The beginning of the vDSO's clock_gettime in this process and, as they are its children, in the
 * victims. */
static uintptr_t clock_function(void)
{
    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    void *function = vdso ? dlsym(vdso, "__vdso_clock_gettime") : NULL;
    assert_non_null(function);
    return (uintptr_t)function;
}

/* In spite of the fault, and unseen by whoever looks for its parameters in memory, the victim's
 * clock is ahead by that: "movabs $planted_clock, %rax; jmp *%rax". The victim is held still. */
static void plant_slow(const struct clock_victim *victim, int64_t ahead_ns, int64_t slow_ns)
{
    uintptr_t to = (uintptr_t)planted_clock;
    unsigned char jump[12] = {0x48, 0xb8, [10] = 0xff, [11] = 0xe0};
    memcpy(jump + 2, &to, sizeof to);
    struct threads threads = {0};
    struct rift_error err = {0};
    CLEANUP(rift_free) char *path = rift_printf("/proc/%d/mem", (int)victim->pid);
    int64_t end_ns = rift_clock_now() + CLOCK_LOOK_MS * RIFT_MS;
    while (threads_stop(victim->pid, &threads, &err) <
           0) /* the fault may be about to let go of it */
        if (err.code != RIFT_ERR_DENIED || rift_clock_now() > end_ns)
            fail_msg("%s", err.text);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(memory, &ahead_ns, sizeof ahead_ns, (off_t)(uintptr_t)&planted_ns),
                     sizeof ahead_ns);
    assert_int_equal(pwrite(memory, &slow_ns, sizeof slow_ns, (off_t)(uintptr_t)&planted_slow_ns),
                     sizeof slow_ns);
    assert_int_equal(pwrite(memory, jump, sizeof jump, (off_t)clock_function()), sizeof jump);
    close(memory);
    threads_release(&threads);
}

static void plant(const struct clock_victim *victim, int64_t ahead_ns)
{
    plant_slow(victim, ahead_ns, 0);
}

/* As on a busy machine: whoever asks gives up, and the process lives on. */
static void a_process_that_answers_too_late_goes_on_as_before(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start_quiet();
    struct vdso_sight sight;
    struct rift_error err = {0};
    plant_slow(&victim, 50 * RIFT_MS, 3 * RIFT_SECOND);
    assert_int_equal(vdso_ask(victim.pid, &sight, &err), -1);
    assert_non_null(strstr(err.text, "the call did not come back"));
    rift_clock_sleep_until(rift_clock_now() + 3 * RIFT_SECOND);
    plant(&victim, 50 * RIFT_MS);
    clock_assert_near(clock_victim_offset_ms(&victim), 50);
    assert_int_equal(vdso_ask(victim.pid, &sight, &err), 0);
    clock_victim_end(&victim);
}

static void what_a_process_does_not_see_is_not_observed(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    static const int64_t seen_ms[] = {0, 25, 49, 51, -50};
    for (size_t i = 0; i < sizeof seen_ms / sizeof *seen_ms; i++) {
        struct clock_victim victim = clock_victim_start_quiet(), other = clock_victim_start_quiet();
        struct clock_fault fault;
        clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":50}", 20000);
        assert_true(clock_fault_becomes_observed(&fault));
        plant(&victim, seen_ms[i] * RIFT_MS);
        clock_assert_near(clock_victim_offset_ms(&victim), (double)seen_ms[i]);
        assert_false(clock_fault_is_observed(&fault));
        plant(&victim, 50 * RIFT_MS);
        assert_true(clock_fault_becomes_observed(&fault));
        clock_fault_heal(&fault);
        clock_victim_end(&victim);
        clock_victim_end(&other);
    }
}

static void a_strobe_is_observed_while_it_is_wrong_only(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start();
    struct clock_fault fault;
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":5000,\"strobe_ms\":2000}", 20000);
    assert_true(clock_fault_becomes_observed(&fault));
    int64_t on_ns = rift_clock_now() - fault.injection.applied_ns;
    rift_clock_sleep_until(rift_clock_now() + 4 * RIFT_SECOND - on_ns % (4 * RIFT_SECOND) +
                           2100 * RIFT_MS);
    assert_false(clock_fault_is_observed(&fault));
    assert_true(clock_fault_becomes_observed(&fault));
    clock_fault_heal(&fault);
    clock_victim_end(&victim);
}

static void what_cannot_be_told_from_a_right_clock_is_not_observed_yet(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start();
    struct clock_fault fault;
    clock_fault_inject(&fault, "{\"of\":\"process\",\"drift_ppm\":1}",
                       20000); /* 1 us in a second */
    assert_false(clock_fault_is_observed(&fault));
    clock_fault_heal(&fault);
    clock_fault_inject(&fault, "{\"of\":\"process\",\"drift_ppm\":-1000}", 20000);
    rift_clock_sleep_until(fault.injection.applied_ns + 2 * RIFT_SECOND);
    assert_true(clock_fault_becomes_observed(&fault));
    clock_fault_heal(&fault);
    clock_victim_end(&victim);
}

/* Many processes, some of them busy, and a clock that is right again before all have been asked. */
static void what_holds_is_observed_however_small_or_short(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    static const char *const options[] = {
        "{\"of\":\"process\",\"offset_ms\":2}",
        "{\"of\":\"process\",\"offset_ms\":-2}",
        "{\"of\":\"process\",\"offset_ms\":1000,\"strobe_ms\":3}",
        "{\"of\":\"process\",\"offset_ms\":1000,\"strobe_ms\":40}",
        "{\"of\":\"process\",\"offset_ms\":300,\"drift_ppm\":100000,\"strobe_ms\":150}",
    };
    struct clock_victim victims[MANY];
    for (size_t i = 0; i < MANY; i++)
        victims[i] = i == 0 ? clock_victim_start() : clock_victim_start_quiet();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct clock_fault fault;
        clock_fault_inject(&fault, options[i], 20000);
        if (!clock_fault_becomes_observed(&fault))
            fail_msg("%s: not observed: %s", options[i], clock_fault_how);
        clock_fault_heal(&fault);
    }
    for (size_t i = 0; i < MANY; i++)
        clock_victim_end(&victims[i]);
}

/* A system that begins and ends processes all the time: each sees the right time at first. */
static void processes_that_come_and_go_do_not_hide_a_fault(void **state)
{
    (void)state;
    clock_need_root_and_vdso();
    struct clock_victim victim = clock_victim_start_quiet();
    pid_t shell = fork();
    if (shell == 0) {
        if (rift_cgroup_join(&clock_group) < 0)
            _exit(1);
        execl("/bin/sh", "sh", "-c", "while :; do sleep 0.02 & sleep 0.03; done", (char *)NULL);
        _exit(1);
    }
    struct clock_fault fault;
    clock_fault_inject(&fault, "{\"of\":\"process\",\"offset_ms\":7000}", 20000);
    for (int i = 0; i < 3; i++)
        assert_true(clock_fault_becomes_observed(&fault));
    clock_fault_heal(&fault);
    kill(shell, SIGKILL);
    waitpid(shell, NULL, 0);
    clock_victim_end(&victim);
}

#define CASE(test) cmocka_unit_test_teardown(test, clock_victims_end)

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        CASE(what_a_process_does_not_see_is_not_observed),
        CASE(a_process_that_answers_too_late_goes_on_as_before),
        CASE(a_strobe_is_observed_while_it_is_wrong_only),
        CASE(what_cannot_be_told_from_a_right_clock_is_not_observed_yet),
        CASE(what_holds_is_observed_however_small_or_short),
        CASE(processes_that_come_and_go_do_not_hide_a_fault),
    };
    return cmocka_run_group_tests(tests, clock_group_make, clock_group_remove);
}
