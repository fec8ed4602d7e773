/* A monitor that is silent, or that sees only valid histories, agrees with everything: the tests
 * ask how often it answered, too. */
#include "tests/property/monitor_suite.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct rift_call container_completed[] = {
    {RIFT_CALL_INSERT, 1, 0},     {RIFT_CALL_INSERT, 2, 0}, {RIFT_CALL_TAKE, 1, 0},
    {RIFT_CALL_TAKE, 2, 0},       {RIFT_CALL_PEEK, 1, 0},   {RIFT_CALL_PEEK, 2, 0},
    {RIFT_CALL_TAKE_EMPTY, 0, 0},
};
static const struct rift_call container_crashed[] = {
    {RIFT_CALL_INSERT, 1, 0},
    {RIFT_CALL_INSERT, 2, 0},
    {RIFT_CALL_TAKE_UNKNOWN, 0, 0},
};
const struct oracle_alphabet monitor_container_alphabet = {
    container_completed, sizeof container_completed / sizeof *container_completed,
    container_crashed, sizeof container_crashed / sizeof *container_crashed};

static void every_small_history_agrees(void **state)
{
    const struct monitor_suite *suite = *state;
    struct oracle_tally tally =
        oracle_check_all(suite->monitor, suite->object, suite->alphabet, suite->small_ops);
    assert_true(tally.valid > suite->small_valid_min && tally.invalid > 1000);
}

static void random_histories_agree(void **state)
{
    const struct monitor_suite *suite = *state;
    struct oracle_tally tally =
        oracle_check_random(suite->monitor, suite->object, suite->random_count);
    size_t unexplained_max =
        suite->unexplained_one_in ? tally.valid / suite->unexplained_one_in : 0;
    assert_true(tally.silent < (tally.valid + tally.invalid) / 5);
    assert_true(tally.invalid > tally.valid / 20);
    assert_true(tally.unexplained <= unexplained_max);
}

int monitor_suite_run(const struct monitor_suite *suite)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_small_history_agrees, (void *)suite),
        cmocka_unit_test_prestate(random_histories_agree, (void *)suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
