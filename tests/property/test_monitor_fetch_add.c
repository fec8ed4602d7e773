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
        {RIFT_CALL_FETCH_ADD, ORACLE_ZERO + 1, ORACLE_ZERO},
        {RIFT_CALL_FETCH_ADD, ORACLE_ZERO + 1, ORACLE_ZERO + 1},
        {RIFT_CALL_ADD_FETCH, ORACLE_ZERO + 1, ORACLE_ZERO},
        {RIFT_CALL_ADD_FETCH, ORACLE_ZERO + 1, ORACLE_ZERO + 2},
        {RIFT_CALL_READ, ORACLE_ZERO, 0},
        {RIFT_CALL_READ, ORACLE_ZERO + 1, 0},
    };
    static const struct rift_call crashed[] = {
        {RIFT_CALL_INCREMENT, ORACLE_ZERO + 1, 0},
    };
    struct oracle_alphabet alphabet = {completed, sizeof completed / sizeof *completed, crashed,
                                       sizeof crashed / sizeof *crashed};
    struct oracle_tally tally =
        oracle_check_all(&rift_monitor_fetch_add, ORACLE_FETCH_ADD, &alphabet, 3);
    assert_true(tally.valid > 500 && tally.invalid > 1000);
}

static void random_histories_agree(void **state)
{
    (void)state;
    struct oracle_tally tally =
        oracle_check_random(&rift_monitor_fetch_add, ORACLE_FETCH_ADD, 60000);
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
