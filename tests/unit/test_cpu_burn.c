/* When busy processes count as a fault that was felt. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "nemesis/faults/process/cpu_burn.h"

static bool is_felt(int processes, int processors, double elapsed_s, double used_s, double idle_s)
{
    const struct rift_burn_sight sight = {.processes = processes,
                                          .processors = processors,
                                          .elapsed_s = elapsed_s,
                                          .used_s = used_s,
                                          .idle_s = idle_s};
    return rift_burn_is_felt(&sight);
}

static void processes_that_nobody_misses_are_not_felt(void **state)
{
    (void)state;
    assert_false(is_felt(1, 64, 2, 2, 126));
    assert_false(is_felt(1, 2, 2, 1.95, 1.9));
    assert_false(is_felt(2, 4, 2, 4, 4));
    assert_true(is_felt(1, 2, 2, 1.99, 0.1)); /* somebody else has the other one */
}

static void processes_that_share_processors_or_leave_none_idle_are_felt(void **state)
{
    (void)state;
    assert_true(is_felt(8, 2, 2, 4, 0));
    assert_true(is_felt(2, 2, 2, 3.98, 0));
    assert_true(is_felt(8, 64, 2, 2, 126)); /* a quota of one processor */
    assert_true(is_felt(1, 1, 2, 0.4, 0));
}

static void what_never_ran_or_ran_for_too_short_is_not_felt(void **state)
{
    (void)state;
    assert_false(is_felt(8, 2, 2, 0, 0));
    assert_false(is_felt(8, 2, 0.1, 0.2, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_that_nobody_misses_are_not_felt),
        cmocka_unit_test(processes_that_share_processors_or_leave_none_idle_are_felt),
        cmocka_unit_test(what_never_ran_or_ran_for_too_short_is_not_felt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
