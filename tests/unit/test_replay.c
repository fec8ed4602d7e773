/* The verifier of orders refuses everything that is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "checkers/linearizability/replay.h"
#include "history/builder.h"

/* Ops 0 to 3: write 1, write 2 and read 2 one after the other, and a crashed write of 3. */
static const char notation[] = "p0 w1 ok, p0 w2 ok, p1 r2 ok, p2 w3 info";

static int replay(const uint32_t *order, size_t count, const char *why)
{
    struct rift_error err = {0};
    struct rift_history *history = rift_history_from_notation(notation, &err);
    uint32_t rows[] = {0, 1, 2, 3};
    struct rift_problem_options options = {0};
    struct rift_problem *problem =
        rift_problem_create(rift_model_find("register"), history, rows, 4, &options, &err);
    assert_non_null(problem);
    int result = rift_replay_order(problem, order, count, &err);
    if (why && !strstr(err.text, why))
        fail_msg("'%s' does not say '%s'", err.text, why);
    rift_problem_destroy(problem);
    rift_history_destroy(history);
    return result;
}

static void true_orders_replay_with_and_without_the_crashed_op(void **state)
{
    (void)state;
    assert_int_equal(replay((uint32_t[]){0, 1, 2}, 3, NULL), 0);
    assert_int_equal(replay((uint32_t[]){0, 1, 2, 3}, 4, NULL), 0);
}

static void order_against_real_time_is_refused(void **state)
{
    (void)state;
    assert_int_equal(replay((uint32_t[]){1, 0, 2}, 3, "completed before"), -1);
    assert_int_equal(replay((uint32_t[]){0, 1, 3, 2}, 4, "completed before"), -1);
}

static void order_with_a_wrong_answer_is_refused(void **state)
{
    (void)state;
    assert_int_equal(replay((uint32_t[]){0, 2, 1}, 3, NULL), -1);
}

static void missing_and_repeated_ops_are_refused(void **state)
{
    (void)state;
    assert_int_equal(replay((uint32_t[]){0, 1}, 2, "missing"), -1);
    assert_int_equal(replay((uint32_t[]){0, 1, 2, 2}, 4, "twice"), -1);
    assert_int_equal(replay((uint32_t[]){0, 1, 2, 9}, 4, "no op"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(true_orders_replay_with_and_without_the_crashed_op),
        cmocka_unit_test(order_against_real_time_is_refused),
        cmocka_unit_test(order_with_a_wrong_answer_is_refused),
        cmocka_unit_test(missing_and_repeated_ops_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
