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
        {RIFT_CALL_INSERT, 1, 0},     {RIFT_CALL_INSERT, 2, 0}, {RIFT_CALL_TAKE, 1, 0},
        {RIFT_CALL_TAKE, 2, 0},       {RIFT_CALL_PEEK, 1, 0},   {RIFT_CALL_PEEK, 2, 0},
        {RIFT_CALL_TAKE_EMPTY, 0, 0},
    };
    static const struct rift_call crashed[] = {
        {RIFT_CALL_INSERT, 1, 0},
        {RIFT_CALL_INSERT, 2, 0},
        {RIFT_CALL_TAKE_UNKNOWN, 0, 0},
    };
    struct oracle_alphabet alphabet = {completed, sizeof completed / sizeof *completed, crashed,
                                       sizeof crashed / sizeof *crashed};
    struct oracle_tally tally =
        oracle_check_all(&rift_monitor_priority_queue, ORACLE_PRIORITY_QUEUE, &alphabet, 3);
    assert_true(tally.valid > 500 && tally.invalid > 1000);
}

static void random_histories_agree(void **state)
{
    (void)state;
    struct oracle_tally tally =
        oracle_check_random(&rift_monitor_priority_queue, ORACLE_PRIORITY_QUEUE, 60000);
    assert_true(tally.silent < (tally.valid + tally.invalid) / 5);
    assert_true(tally.invalid > tally.valid / 20);
    assert_true(tally.unexplained <= tally.valid / 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_history_agrees),
        cmocka_unit_test(random_histories_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
