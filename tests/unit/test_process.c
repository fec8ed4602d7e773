/* Processes by identity, against what the kernel shows a tracer. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/process.h"

/* The kernel stops it for its tracer where it has taken the signal and has given nothing back yet:
 * its state is that of any stopped process. */
static void one_that_was_killed_is_dying_before_it_has_ended(void **state)
{
    (void)state;
    struct rift_process process;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    assert_true(rift_process_identify(pid, &process));
    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACEEXIT)) {
        kill(pid, SIGKILL);
        skip();
    }
    assert_false(rift_process_is_dying(pid));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, __WALL), pid);
    assert_true(WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_EXIT);
    assert_true(rift_process_is_alive(&process));
    assert_true(rift_process_is_dying(pid));
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    assert_int_equal(waitpid(pid, &status, __WALL), pid);
    assert_true(WIFSIGNALED(status));
    assert_false(rift_process_is_alive(&process));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_was_killed_is_dying_before_it_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
