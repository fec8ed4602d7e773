/* The log checker: each violation that Jepsen's own tests do not show, and a healthy log. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "checkers/checker.h"
#include "history/reader.h"

#define OP(f, end, asked, told)                                                                    \
    "{:type :invoke :f :" f " :process 0 :value " asked "}\n"                                      \
    "{:type :" end " :f :" f " :process 0 :value " told "}\n"
#define SEND(end, value, offset)                                                                   \
    OP("send", end, "[[:send :x " value "]]", "[[:send :x [" offset " " value "]]]")
#define POLL(all) OP("poll", "ok", "[[:poll]]", "[[:poll {:x " all "}]]")

static enum rift_validity judge(const char *edn, const char *anomaly)
{
    struct rift_error err = {0};
    struct rift_verdict verdict = {0};
    struct rift_history *history = rift_history_read_bytes("test", edn, strlen(edn), NULL, &err);
    if (!history)
        fail_msg("%s", err.text);
    json_t *options = json_object();
    struct rift_check check = {.history = history, .options = options};
    assert_int_equal(rift_checker_find("kafka")->check(&check, &verdict, &err), 0);
    enum rift_validity validity = verdict.validity;
    json_t *first = json_array_get(json_object_get(verdict.details, "anomalies"), 0);
    if (anomaly)
        assert_string_equal(json_string_value(json_object_get(first, "name")), anomaly);
    else
        assert_null(first);
    rift_verdict_finish(&verdict);
    json_decref(options);
    rift_history_destroy(history);
    return validity;
}

static void a_log_that_was_polled_to_its_end_in_order_is_valid(void **state)
{
    (void)state;
    assert_int_equal(
        judge(SEND("ok", "1", "0") SEND("ok", "2", "3") POLL("[[0 1]]") POLL("[[3 2]]"), NULL),
        RIFT_VALID);
}

static void a_value_whose_send_failed_must_not_be_polled(void **state)
{
    (void)state;
    const char *edn = OP("send", "fail", "[[:send :x 1]]", "[[:send :x 1]]") POLL("[[0 1]]");
    assert_int_equal(judge(edn, "G1a"), RIFT_INVALID);
}

static void a_value_that_nobody_sent_must_not_be_polled(void **state)
{
    (void)state;
    assert_int_equal(judge(POLL("[[0 7]]"), "garbage read"), RIFT_INVALID);
}

static void an_offset_holds_one_value(void **state)
{
    (void)state;
    const char *edn = SEND("ok", "1", "0") SEND("info", "2", "0") POLL("[[0 1]]") POLL("[[0 2]]");
    assert_int_equal(judge(edn, "inconsistent offsets"), RIFT_INVALID);
}

static void what_nobody_polled_to_the_end_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(judge(SEND("ok", "1", "0") SEND("ok", "2", "1") POLL("[[0 1]]"), NULL),
                     RIFT_UNKNOWN);
}

static void an_acknowledged_value_below_what_was_polled_is_lost(void **state)
{
    (void)state;
    const char *edn =
        SEND("ok", "1", "0") SEND("ok", "2", "1") SEND("ok", "3", "2") POLL("[[0 1] [2 3]]");
    assert_int_equal(judge(edn, "lost write"), RIFT_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_that_was_polled_to_its_end_in_order_is_valid),
        cmocka_unit_test(a_value_whose_send_failed_must_not_be_polled),
        cmocka_unit_test(a_value_that_nobody_sent_must_not_be_polled),
        cmocka_unit_test(an_offset_holds_one_value),
        cmocka_unit_test(what_nobody_polled_to_the_end_is_unknown),
        cmocka_unit_test(an_acknowledged_value_below_what_was_polled_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
