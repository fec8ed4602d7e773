/* The checker clock: what it measures of histories written by hand, and when it convicts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/memory.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

static struct rift_builder *builder;

static int begin(void **state)
{
    (void)state;
    builder = rift_builder_create(RIFT_TIME_NS);
    return 0;
}

static void add(const char *f, int64_t at_ms, const char *planned, const char *result)
{
    struct rift_event event = {.process = RIFT_PROCESS_NEMESIS, .f = f};
    struct rift_value values[2] = {RIFT_VALUE_NIL, RIFT_VALUE_NIL};
    const char *texts[2] = {planned, result};
    for (int i = 0; i < 2; i++) {
        json_t *json = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        assert_int_equal(rift_value_from_json(rift_builder_values(builder), json, &values[i], NULL),
                         0);
        json_decref(json);
    }
    event.value = values[0];
    assert_int_equal(rift_builder_add_op(builder, &event, RIFT_OP_OK, at_ms * RIFT_MS,
                                         at_ms * RIFT_MS + 1, values[1], NULL),
                     0);
}

/* max_ms < 0: no bound. */
static json_t *judged(double max_ms)
{
    struct rift_error err = {0};
    struct rift_history *history = rift_builder_finish(builder, &err);
    if (!history)
        fail_msg("%s", err.text);
    CLEANUP(rift_free)
    char *options = max_ms < 0 ? NULL : rift_printf("{\"max_ms\": %g}", max_ms);
    struct rift_verdict verdict = judge("clock", options, history);
    json_t *json = rift_verdict_to_json(&verdict);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
    return json;
}

static double stat_of(const json_t *verdict, const char *node, const char *which, const char *what)
{
    const json_t *nodes = json_object_get(json_object_get(verdict, "stats"), "nodes");
    const json_t *value =
        json_object_get(json_object_get(json_object_get(nodes, node), which), what);
    return value ? json_number_value(value) : NAN;
}

static void assert_near(double value, double wanted, double tolerance)
{
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%g, not %g", value, wanted);
}

/* n1 is right; n2 is 60 s ahead from 10 to 14 s by a fault, and 40 ms behind at 30 s by itself. */
static void add_a_run(void)
{
    add("clock", 1000, "null",
        "{\"n1\": {\"at_ns\": 1000000000, \"ahead_ns\": 100000, \"error_ns\": 200000},"
        " \"n2\": {\"at_ns\": 1000000000, \"ahead_ns\": 300000, \"error_ns\": 200000}}");
    add("start-clock", 10000, "{\"window\": 0, \"what\": \"n2\"}",
        "{\"observed\": true, \"nodes\": {\"n2\": {\"applied_ns\": 10000000000}}}");
    add("clock", 12000, "null",
        "{\"n1\": {\"at_ns\": 12000000000, \"ahead_ns\": -100000, \"error_ns\": 200000},"
        " \"n2\": {\"at_ns\": 12000000000, \"ahead_ns\": 200000, \"error_ns\": 200000, \"system\":"
        " {\"at_ns\": 12000000000, \"ahead_ns\": 60000000000, \"error_ns\": 900000}}}");
    add("stop-clock", 14000, "{\"window\": 0}",
        "{\"nodes\": {\"n2\": {\"healed_ns\": 14000000000}}}");
    add("clock", 30000, "null",
        "{\"n2\": {\"at_ns\": 30000000000, \"ahead_ns\": -40000000, \"error_ns\": 1000000}}");
}

static void the_worst_is_told_within_and_outside_of_clock_faults(void **state)
{
    (void)state;
    add_a_run();
    json_t *verdict = judged(-1);
    assert_true(json_is_true(json_object_get(verdict, "valid")));
    assert_near(stat_of(verdict, "n1", "worst", "ahead_ms"), 0.1, 1e-9);
    assert_near(stat_of(verdict, "n2", "worst", "ahead_ms"), -40, 1e-9);
    assert_near(stat_of(verdict, "n2", "worst", "at_s"), 30, 1e-9);
    assert_near(stat_of(verdict, "n2, as the system sees it", "worst_in_clock_faults", "ahead_ms"),
                60000, 1e-6);
    const json_t *plot = json_array_get(json_object_get(verdict, "plots"), 0);
    const json_t *series = json_object_get(plot, "series");
    assert_int_equal(json_array_size(series), 3);
    /* 0.1 ms that are known to 0.2 ms are drawn as nothing, 40 ms that are known to 1 ms as 39. */
    const json_t *n1 = json_object_get(json_array_get(series, 0), "points"),
                 *n2 = json_object_get(json_array_get(series, 1), "points");
    assert_near(json_number_value(json_array_get(json_array_get(n1, 0), 1)), 0, 1e-9);
    assert_near(json_number_value(json_array_get(json_array_get(n2, 2), 1)), -39, 1e-9);
    json_decref(verdict);
}

static void
a_clock_that_is_off_by_itself_is_convicted_only_beyond_the_bound_and_its_error(void **state)
{
    (void)state;
    add_a_run();
    json_t *verdict = judged(38.9);
    assert_true(json_is_false(json_object_get(verdict, "valid")));
    assert_int_equal(json_array_size(json_object_get(verdict, "anomalies")), 1);
    const char *text = json_string_value(
        json_object_get(json_array_get(json_object_get(verdict, "anomalies"), 0), "text"));
    assert_non_null(strstr(text, "n2 was 40.000 ms behind"));
    json_decref(verdict);
    begin(NULL);
    add_a_run();
    verdict = judged(39.1);
    assert_true(json_is_true(json_object_get(verdict, "valid")));
    json_decref(verdict);
}

static void a_bound_without_any_measure_is_unknown(void **state)
{
    (void)state;
    json_t *verdict = judged(10);
    assert_string_equal(json_string_value(json_object_get(verdict, "valid")), "unknown");
    json_decref(verdict);
}

static void numbers_that_no_clock_can_show_are_left_out(void **state)
{
    (void)state;
    add("clock", 1, "null",
        "{\"n1\": {\"at_ns\": 1, \"ahead_ns\": -9223372036854775807, \"error_ns\": 1},"
        " \"n2\": 3, \"n3\": {\"at_ns\": 9223372036854775807, \"ahead_ns\": 5, \"error_ns\": 1}}");
    json_t *verdict = judged(10);
    assert_string_equal(json_string_value(json_object_get(verdict, "valid")), "unknown");
    json_decref(verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_worst_is_told_within_and_outside_of_clock_faults, begin),
        cmocka_unit_test_setup(
            a_clock_that_is_off_by_itself_is_convicted_only_beyond_the_bound_and_its_error, begin),
        cmocka_unit_test_setup(a_bound_without_any_measure_is_unknown, begin),
        cmocka_unit_test_setup(numbers_that_no_clock_can_show_are_left_out, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
