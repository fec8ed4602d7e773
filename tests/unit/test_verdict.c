#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "history/verdict.h"

static void invalid_beats_unknown_beats_valid(void **state)
{
    (void)state;
    assert_int_equal(rift_validity_merge(RIFT_VALID, RIFT_UNKNOWN), RIFT_UNKNOWN);
    assert_int_equal(rift_validity_merge(RIFT_INVALID, RIFT_UNKNOWN), RIFT_INVALID);
    assert_int_equal(rift_validity_exit_code(RIFT_INVALID), 1);
    assert_int_equal(rift_validity_exit_code(RIFT_UNKNOWN), 2);
}

static void a_doubt_never_weakens_a_conviction(void **state)
{
    (void)state;
    struct rift_verdict verdict = {0};
    rift_verdict_convict(&verdict, "stale read", "a read of %d came after the write of %d", 1, 2);
    rift_verdict_doubt(&verdict, "out of time");
    assert_int_equal(verdict.validity, RIFT_INVALID);
    assert_string_equal(verdict.reason, "a read of 1 came after the write of 2");
    rift_verdict_finish(&verdict);
}

static void a_doubt_is_said_once(void **state)
{
    (void)state;
    struct rift_verdict verdict = {0};
    rift_verdict_doubt(&verdict, "out of time");
    rift_verdict_doubt(&verdict, "too few operations");
    rift_verdict_doubt(&verdict, "out of time");
    assert_string_equal(verdict.reason, "out of time; too few operations");
    rift_verdict_finish(&verdict);
}

static void a_verdict_survives_json(void **state)
{
    (void)state;
    struct rift_verdict verdict = {0}, back = {0};
    rift_verdict_doubt(&verdict, "out of time");
    rift_verdict_doubt(&verdict, "out of memory");
    json_object_set_new(rift_verdict_stats(&verdict), "ops", json_integer(3));
    json_t *json = rift_verdict_to_json(&verdict);
    assert_int_equal(rift_verdict_from_json(&back, json, NULL), 0);
    assert_int_equal(back.validity, RIFT_UNKNOWN);
    assert_string_equal(back.reason, "out of time; out of memory");
    assert_true(json_equal(back.details, verdict.details));
    json_decref(json);
    rift_verdict_finish(&verdict);
    rift_verdict_finish(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalid_beats_unknown_beats_valid),
        cmocka_unit_test(a_doubt_never_weakens_a_conviction),
        cmocka_unit_test(a_doubt_is_said_once),
        cmocka_unit_test(a_verdict_survives_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
