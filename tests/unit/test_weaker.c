/* Answers weaker than linearizability: sequential consistency, k-atomicity, how stale reads were.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/judging.h"

static struct rift_verdict judge_text(const char *name, const char *options, const char *notation)
{
    struct rift_history *history = judging_history(notation);
    struct rift_verdict verdict = judge(name, options, history);
    rift_history_destroy(history);
    return verdict;
}

static void expect_sequential(const char *notation, enum rift_validity validity)
{
    expect_verdict("sequential", NULL, judging_history(notation), validity,
                   validity == RIFT_INVALID ? "not sequential" : NULL);
}

static void stale_read_of_another_process_is_sequential(void **state)
{
    (void)state;
    expect_sequential("p0 w1 ok, p0 w2 ok, p1 r1 ok, p1 r2 ok", RIFT_VALID);
    expect_sequential("p0 w1 ok, p0 w2 ok, p1 r- ok", RIFT_VALID);
}

static void going_back_within_a_process_is_not_sequential(void **state)
{
    (void)state;
    expect_sequential("p0 w1 ok, p0 w2 ok, p1 r2 ok, p1 r1 ok", RIFT_INVALID);
    expect_sequential("p0 w1 ok, p0 r- ok", RIFT_INVALID);
    expect_sequential("p0 w1 ok, p1 w2 ok, p2 r1 ok, p2 r2 ok, p3 r2 ok, p3 r1 ok", RIFT_INVALID);
}

static void crashed_write_may_or_may_not_be_sequential(void **state)
{
    (void)state;
    expect_sequential("p0 w1 info, p1 r- ok, p1 r1 ok", RIFT_VALID);
    expect_sequential("p0 w1 info, p1 r1 ok, p1 r- ok", RIFT_INVALID);
}

static void keys_with_an_order_each_may_have_none_together(void **state)
{
    (void)state;
    /* As store buffers do: each process misses what the other wrote into the other key. */
    struct rift_verdict verdict = judge_text("sequential", NULL,
                                             "p0 k1/w1 ok, p1 k2/w1 ok, p0 k2/r- ok, p1 k1/r- ok, "
                                             "p0 k1/r1 ok, p1 k3/r- ok, p0 k3/w7 ok");
    assert_int_equal(verdict.validity, RIFT_INVALID);
    const json_t *anomaly = first_anomaly(&verdict);
    const json_t *ops = json_object_get(anomaly, "ops");
    assert_int_equal(json_array_size(ops), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(json_integer_value(json_array_get(ops, i)), i);
    rift_verdict_finish(&verdict);
    verdict = judge_text("sequential", "{\"keys\": \"apart\"}",
                         "p0 k1/w1 ok, p1 k2/w1 ok, p0 k2/r- ok, p1 k1/r- ok");
    assert_int_equal(verdict.validity, RIFT_VALID);
    assert_non_null(json_object_get(verdict.details, "note"));
    rift_verdict_finish(&verdict);
}

static void proof_leaves_out_what_it_does_not_need(void **state)
{
    (void)state;
    struct rift_verdict verdict = judge_text(
        "sequential", NULL, "p0 w5 ok, p1 r5 ok, p0 w1 ok, p2 r1 ok, p0 w2 ok, p1 r2 ok, p1 r1 ok");
    const json_t *anomaly = first_anomaly(&verdict);
    const json_t *ops = json_object_get(anomaly, "ops");
    assert_int_equal(json_array_size(ops), 4);
    assert_int_equal(json_integer_value(json_array_get(ops, 0)), 2);
    rift_verdict_finish(&verdict);
}

static void process_goes_on_after_its_crashed_op(void **state)
{
    (void)state;
    expect_sequential("p0 w1 info, p0 r- ok", RIFT_VALID);
    expect_sequential("p0 w1 info, p0 r- ok, p0 r1 ok", RIFT_VALID);
    expect_sequential("p0 w2 ok, p0 w1 info, p1 r1 ok, p1 r2 ok", RIFT_INVALID);
}

static json_int_t stat(const struct rift_verdict *verdict, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(verdict->details, "stats"), name));
}

static void staleness_counts_versions_that_were_certainly_over(void **state)
{
    (void)state;
    struct rift_verdict verdict = judge_text("staleness", NULL,
                                             "p0 w1 ok, p0 w2 ok, p0 w3 ok, p1 r1 ok, p1 r3 ok, "
                                             "p0 w4, p1 r3 ok, p0 ok, p1 r3 ok");
    assert_int_equal(verdict.validity, RIFT_VALID);
    assert_int_equal(stat(&verdict, "reads"), 4);
    assert_int_equal(stat(&verdict, "stale_reads"), 2);
    assert_int_equal(stat(&verdict, "versions_behind_max"), 2);
    rift_verdict_finish(&verdict);
}

static void read_beyond_the_bound_is_a_violation(void **state)
{
    (void)state;
    const char *notation = "p0 w1 ok, p0 w2 ok, p0 w3 ok, p1 r1 ok";
    struct rift_verdict verdict = judge_text("staleness", "{\"versions_max\": 2}", notation);
    assert_int_equal(verdict.validity, RIFT_VALID);
    rift_verdict_finish(&verdict);
    verdict = judge_text("staleness", "{\"versions_max\": 1}", notation);
    assert_int_equal(verdict.validity, RIFT_INVALID);
    assert_non_null(strstr(verdict.reason, "2 versions"));
    rift_verdict_finish(&verdict);
}

static void expect_k(const char *notation, int low, int high)
{
    struct rift_verdict verdict = judge_text("k-atomic", NULL, notation);
    assert_int_equal(stat(&verdict, "k_min"), low);
    assert_int_equal(stat(&verdict, "k_max"), high);
    rift_verdict_finish(&verdict);
}

static void k_counts_the_latest_values_that_reads_need(void **state)
{
    (void)state;
    expect_k("p0 w1 ok, p1 r1 ok", 1, 1);
    expect_k("p0 w1 ok, p0 w2 ok, p1 r1 ok", 2, 2);
    expect_k("p0 w1 ok, p0 w2 ok, p0 w3 ok, p1 r1 ok", 3, 3);
    /* No read is behind for certain, but one of the two writes is the latest. */
    expect_k("p0 w1, p1 w2, p0 ok, p1 ok, p2 r1 ok, p2 r2 ok, p2 r1 ok", 2, 2);
    expect_k("p0 w1 info, p1 r- ok, p1 r1 ok, p1 r- ok", 2, 2);
}

static void more_than_the_wanted_k_is_a_violation(void **state)
{
    (void)state;
    struct rift_verdict verdict =
        judge_text("k-atomic", "{\"k\": 2}", "p0 w1 ok, p0 w2 ok, p1 r1 ok");
    assert_int_equal(verdict.validity, RIFT_VALID);
    rift_verdict_finish(&verdict);
    verdict = judge_text("k-atomic", "{\"k\": 1}", "p0 w1 ok, p0 w2 ok, p1 r1 ok");
    assert_int_equal(verdict.validity, RIFT_INVALID);
    rift_verdict_finish(&verdict);
    verdict = judge_text("k-atomic", NULL, "p0 w1 ok, p1 r7 ok");
    assert_int_equal(verdict.validity, RIFT_INVALID);
    rift_verdict_finish(&verdict);
}

static void values_written_twice_are_left_out(void **state)
{
    (void)state;
    struct rift_verdict verdict =
        judge_text("staleness", NULL, "p0 w1 ok, p0 w2 ok, p0 w1 ok, p0 w3 ok, p1 r1 ok");
    assert_int_equal(stat(&verdict, "stale_reads"), 0);
    assert_int_equal(stat(&verdict, "reads_of_unclear_origin"), 1);
    assert_int_equal(verdict.validity, RIFT_UNKNOWN);
    rift_verdict_finish(&verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_read_of_another_process_is_sequential),
        cmocka_unit_test(going_back_within_a_process_is_not_sequential),
        cmocka_unit_test(crashed_write_may_or_may_not_be_sequential),
        cmocka_unit_test(process_goes_on_after_its_crashed_op),
        cmocka_unit_test(keys_with_an_order_each_may_have_none_together),
        cmocka_unit_test(proof_leaves_out_what_it_does_not_need),
        cmocka_unit_test(k_counts_the_latest_values_that_reads_need),
        cmocka_unit_test(more_than_the_wanted_k_is_a_violation),
        cmocka_unit_test(staleness_counts_versions_that_were_certainly_over),
        cmocka_unit_test(read_beyond_the_bound_is_a_violation),
        cmocka_unit_test(values_written_twice_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
