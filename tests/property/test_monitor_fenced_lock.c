#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "checkers/monitors/registry.h"
#include "tests/property/monitor_oracle.h"

static void every_small_history_agrees(void **state)
{
    (void)state;
    static const struct rift_call completed[] = {
        {RIFT_CALL_ACQUIRE, 1, 0},
        {RIFT_CALL_ACQUIRE, 1, ORACLE_ZERO + 1},
        {RIFT_CALL_ACQUIRE, 2, ORACLE_ZERO + 2},
        {RIFT_CALL_RELEASE, 1, 0},
        {RIFT_CALL_RELEASE, 2, 0},
    };
    static const struct rift_call crashed[] = {
        {RIFT_CALL_ACQUIRE, 1, 0},
        {RIFT_CALL_RELEASE, 1, 0},
    };
    struct oracle_alphabet alphabet = {completed, sizeof completed / sizeof *completed, crashed,
                                       sizeof crashed / sizeof *crashed};
    struct oracle_tally tally =
        oracle_check_all(&rift_monitor_owned_lock, ORACLE_FENCED_LOCK, &alphabet, 4);
    assert_true(tally.valid > 200 && tally.invalid > 1000);
}

static void random_histories_agree(void **state)
{
    (void)state;
    struct oracle_tally tally =
        oracle_check_random(&rift_monitor_owned_lock, ORACLE_FENCED_LOCK, 40000);
    assert_true(tally.silent < (tally.valid + tally.invalid) / 5);
    assert_true(tally.invalid > tally.valid / 20);
    assert_int_equal(tally.unexplained, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_history_agrees),
        cmocka_unit_test(random_histories_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
