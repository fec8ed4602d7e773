/* What makes a run unknown, and the measures that describe it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

static struct rift_builder *builder;
static int32_t next_process;

static int begin(void **state)
{
    (void)state;
    builder = rift_builder_create(RIFT_TIME_NS);
    next_process = 0;
    return 0;
}

static void add_op(const char *f, enum rift_op_type type, int64_t start_ms, int64_t end_ms,
                   const char *node)
{
    struct rift_event event = {.process = next_process++, .f = f, .node = node};
    assert_int_equal(rift_builder_add_op(builder, &event, type, start_ms * RIFT_MS,
                                         end_ms * RIFT_MS, RIFT_VALUE_NIL, NULL),
                     0);
}

static void add_many(const char *f, enum rift_op_type type, int count)
{
    for (int i = 0; i < count; i++)
        add_op(f, type, i, i + 1, "n1");
}

static struct rift_value json_value(const char *text)
{
    struct rift_value value = RIFT_VALUE_NIL;
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(json);
    assert_int_equal(rift_value_from_json(rift_builder_values(builder), json, &value, NULL), 0);
    json_decref(json);
    return value;
}

static void add_fault(const char *f, int64_t start_ms, int64_t end_ms, const char *planned,
                      const char *result)
{
    struct rift_event event = {.process = RIFT_PROCESS_NEMESIS, .f = f};
    event.value = json_value(planned);
    assert_int_equal(rift_builder_add_op(builder, &event, RIFT_OP_OK, start_ms * RIFT_MS,
                                         end_ms * RIFT_MS, json_value(result), NULL),
                     0);
}

/* The verdict as JSON; the caller owns it. */
static json_t *judged(const char *name, const json_t *plan)
{
    struct rift_error err = {0};
    struct rift_history *history = rift_builder_finish(builder, &err);
    if (!history)
        fail_msg("%s", err.text);
    struct rift_check check = {.history = history, .plan = plan};
    struct rift_verdict verdict = judge_check(name, NULL, check);
    json_t *json = rift_verdict_to_json(&verdict);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
    return json;
}

static void assert_unknown(json_t *verdict, const char *words)
{
    const char *reason = json_string_value(json_object_get(verdict, "reason"));
    assert_string_equal(json_string_value(json_object_get(verdict, "valid")), "unknown");
    if (!strstr(reason, words))
        fail_msg("'%s' does not say '%s'", reason, words);
    json_decref(verdict);
}

static void assert_valid(json_t *verdict)
{
    assert_true(json_is_true(json_object_get(verdict, "valid")));
    json_decref(verdict);
}

#define WINDOW      "{\"window\": 3, \"what\": \"halves: n1 | n2 n3\"}"
#define WINDOW_OF_2 "{\"window\": 3, \"entry\": 2, \"what\": \"halves: n1 | n2 n3\"}"
#define SEEN        "{\"observed\": true, \"nodes\": {\"n1\": {\"is_observed\": true}}}"
#define NOT_SEEN                                                                                   \
    "{\"observed\": false, \"nodes\": {\"n1\": {\"is_observed\": true, \"observed\": \"n2 not "    \
    "heard\"}, \"n2\": {\"is_observed\": false, \"observed\": \"n1 still heard\"}}}"
#define SPARED                                                                                     \
    "{\"observed\": false, \"nodes\": {\"n1\": {\"is_observed\": true}, \"n2\": "                  \
    "{\"is_observed\": false, \"may_be_chance\": true, \"observed\": \"0 lost\"}}}"

static void enough_operations_and_an_observed_fault_are_evidence(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 30);
    add_many("write", RIFT_OP_FAIL, 3);
    add_many("write", RIFT_OP_OK, 1);
    add_fault("start-partition", 5, 6, WINDOW, SEEN);
    json_t *plan = json_pack("{s:[{}]}", "faults");
    assert_valid(judged("evidence", plan));
    json_decref(plan);
}

static void a_history_of_failures_is_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_FAIL, 500);
    assert_unknown(judged("evidence", NULL), "no read ever succeeded, of 500 tried");
}

static void a_handful_of_operations_is_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 19);
    assert_unknown(judged("evidence", NULL), "only 19 of 19 operations were ok");
}

static void an_empty_history_is_unknown(void **state)
{
    (void)state;
    assert_unknown(judged("evidence", NULL), "only 0 of 0");
}

static void one_kind_of_operation_that_never_succeeds_is_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 500);
    add_many("cas", RIFT_OP_INFO, 7);
    assert_unknown(judged("evidence", NULL), "no cas ever succeeded, of 7 tried");
}

static void a_fault_that_nobody_felt_is_unknown_and_names_who_still_heard(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 500);
    add_fault("start-partition", 5, 6, WINDOW, NOT_SEEN);
    assert_unknown(judged("evidence", NULL),
                   "fault window 3 (partition halves: n1 | n2 n3) was not observed: n2: n1 still "
                   "heard");
}

/* A window of a link's fault with two changes, as the nodes said of it each time; NULL: no second
 * change. */
static void add_link(const char *first, const char *second, const char *third)
{
    add_many("read", RIFT_OP_OK, 500);
    add_fault("start-link", 5, 6, WINDOW, first);
    add_fault("change-link", 7, 8, WINDOW, second);
    if (third)
        add_fault("change-link", 9, 10, WINDOW, third);
    add_fault("stop-link", 11, 12, WINDOW, "{}");
}

/* Each change of a window is looked at as its beginning was. */
static void a_change_that_nobody_felt_is_unknown(void **state)
{
    (void)state;
    add_link(SEEN, NOT_SEEN, SEEN);
    assert_unknown(judged("evidence", NULL),
                   "fault window 3 (link halves: n1 | n2 n3) was not observed: n2: n1 still heard");
}

/* No node says then that chance spared it. */
static void a_change_that_a_node_refused_is_unknown(void **state)
{
    (void)state;
    add_link(SEEN, "{\"observed\": false, \"nodes\": {}, \"why\": \"n2: no room\"}", NULL);
    assert_unknown(judged("evidence", NULL), "was not observed: n2: no room");
}

/* What is left to chance may hit nothing for a while; once it hit something, it was there. */
static void a_change_that_chance_may_have_spared_is_no_reason_to_doubt(void **state)
{
    (void)state;
    add_link(SPARED, SEEN, SPARED);
    assert_valid(judged("evidence", NULL));
}

static void a_window_that_chance_spared_as_a_whole_is_unknown(void **state)
{
    (void)state;
    add_link(SPARED, SPARED, NULL);
    assert_unknown(judged("evidence", NULL), "was not observed: n2: 0 lost");
}

static void a_window_that_was_refuted_once_stays_so(void **state)
{
    (void)state;
    add_link(NOT_SEEN, SEEN, NULL);
    assert_unknown(judged("evidence", NULL), "was not observed: n2: n1 still heard");
}

static void a_change_that_was_felt_is_no_reason_to_doubt(void **state)
{
    (void)state;
    add_link(SEEN, SEEN, NULL);
    assert_valid(judged("evidence", NULL));
}

static void a_fault_that_ended_before_its_time_is_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 500);
    add_fault("start-link", 5, 6, WINDOW, SEEN);
    add_fault("stop-link", 11, 12, WINDOW,
              "{\"observed\": true, \"nodes\": {\"n1\": {\"is_observed\": true, \"ended_early\": "
              "false, \"after\": \"\"}, \"n2\": {\"is_observed\": true, \"ended_early\": true, "
              "\"after\": \"it had ended before\"}}}");
    assert_unknown(judged("evidence", NULL), "fault window 3 (link halves: n1 | n2 n3) was not "
                                             "observed: n2: it had ended before");
}

/* Contact with a node is lost: its lease ends the fault at some time. */
static void a_fault_whose_end_nobody_knows_is_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 500);
    add_fault("start-link", 5, 6, WINDOW, SEEN);
    add_fault("stop-link", 11, 12, WINDOW,
              "{\"nodes\": {\"n1\": {\"healed_ns\": 11, \"after\": \"\"}, \"n2\": "
              "{\"healed_ns\": null, \"after\": \"no answer to 'heal' in time\"}}}");
    assert_unknown(judged("evidence", NULL),
                   "was not observed: n2: its end is not known: no answer");
}

static void a_system_that_never_served_again_is_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 50);
    add_fault("start-power", 100, 110, WINDOW, SEEN);
    add_fault("stop-power", 200, 210, WINDOW, "{}");
    for (int i = 0; i < 10; i++)
        add_op("read", RIFT_OP_FAIL, 300 + i, 301 + i, "n1");
    assert_unknown(judged("evidence", NULL), "did not come back");
}

static void a_system_that_served_again_is_no_reason_to_doubt(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 50);
    add_fault("start-power", 100, 110, WINDOW, SEEN);
    add_fault("stop-power", 200, 210, WINDOW, "{}");
    add_op("read", RIFT_OP_FAIL, 300, 301, "n1");
    add_op("read", RIFT_OP_OK, 400, 401, "n1");
    assert_valid(judged("evidence", NULL));
}

static void planned_faults_that_never_came_are_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 500);
    json_t *plan = json_pack("{s:[{}]}", "faults");
    assert_unknown(judged("evidence", plan), "none happened");
    json_decref(plan);
    begin(state);
    add_many("read", RIFT_OP_OK, 500);
    add_fault("start-partition", 5, 6, WINDOW_OF_2, SEEN);
    plan = json_pack("{s:[{s:s}, {}]}", "faults", "lane", "kill");
    assert_unknown(judged("evidence", plan), "entry 1 of the plan's faults (kill) never came");
    json_decref(plan);
}

static void a_run_that_was_stopped_is_unknown(void **state)
{
    (void)state;
    add_many("read", RIFT_OP_OK, 500);
    add_fault("run-stopped", 5, 5, "{\"what\": \"stopped by the user\"}", "null");
    assert_unknown(judged("evidence", NULL), "the run ended early: stopped by the user");
}

/* Transactions that read key 1, 20 of them; each appends to the key before or after it reads. */
static void add_readers(bool is_before, const char *seen)
{
    struct rift_values *values = rift_builder_values(builder);
    for (int i = 0; i < 20; i++) {
        struct rift_event event = {.process = next_process++, .f = "txn"};
        struct rift_value items[6];
        size_t read = is_before ? 3 : 0, append = 3 - read;
        items[read] = rift_value_keyword(values, "r", 1);
        items[append] = rift_value_keyword(values, "append", strlen("append"));
        items[1] = items[4] = rift_value_small_integer(1);
        items[read + 2] = json_value(seen);
        items[append + 2] = rift_value_small_integer(i);
        struct rift_value txn = rift_value_box(values, RIFT_TXN, items, 6);
        event.value = txn;
        assert_int_equal(rift_builder_add_op(builder, &event, RIFT_OP_OK, i, i + 1, txn, NULL), 0);
    }
}

static void transactions_that_never_see_a_write_are_unknown(void **state)
{
    add_readers(false, "[]");
    assert_unknown(judged("evidence", NULL), "no read ever saw a write: none of 20 transactions");
    begin(state);
    add_readers(false, "[3]");
    assert_valid(judged("evidence", NULL));
}

/* What a transaction reads behind its own append may be that. */
static void a_read_of_what_its_own_transaction_wrote_says_nothing(void **state)
{
    add_readers(false, "null");
    add_readers(true, "[3]");
    assert_unknown(judged("evidence", NULL), "no read ever saw a write: none of 20 transactions");
    (void)state;
}

/* As in the workload set: all is added, then each thread reads. */
static void reads_after_the_last_change_may_all_be_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++)
        add_op("add", RIFT_OP_OK, i, i + 1, "n1");
    for (int i = 0; i < 30; i++)
        add_op("read", RIFT_OP_OK, 100 + i, 101 + i, "n1");
    assert_valid(judged("evidence", NULL));
}

/* A lock that is held turns away everybody but its holder. */
static void many_refusals_in_a_row_are_no_reason_to_doubt(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        add_op("acquire", i % 25 ? RIFT_OP_FAIL : RIFT_OP_OK, i, i + 1, "n1");
    json_t *verdict = judged("evidence", NULL);
    assert_null(strstr(json_string_value(json_object_get(verdict, "reason")), "stopped serving"));
    json_decref(verdict);
}

/* Half a second of a run with 5 operations a second. */
static void a_short_window_between_two_operations_is_no_reason_to_doubt(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        add_op("read", RIFT_OP_OK, 200 * i, 200 * i + 1, i % 2 ? "n1" : "n2");
    add_fault("start-partition", 4010, 4020, WINDOW, SEEN);
    add_fault("stop-partition", 4100, 4110, WINDOW, "{}");
    assert_valid(judged("evidence", NULL));
}

/* The time limit came just then. */
static void a_last_window_after_the_last_operation_is_no_reason_to_doubt(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        add_op("read", RIFT_OP_OK, 200 * i, 200 * i + 1, "n1");
    add_fault("start-partition", 4010, 4020, WINDOW, SEEN);
    add_fault("stop-partition", 5100, 5110, WINDOW, "{}");
    add_fault("start-partition", 9900, 9910, "{\"window\": 4, \"what\": \"halves\"}", SEEN);
    add_fault("stop-partition", 9950, 9960, "{\"window\": 4, \"what\": \"halves\"}", "{}");
    assert_valid(judged("evidence", NULL));
}

static double stat(const json_t *verdict, const char *name, const char *member)
{
    const json_t *stats = json_object_get(verdict, "stats");
    const json_t *value = json_object_get(stats, name);
    if (json_is_array(value))
        value = json_array_get(value, 0);
    if (member)
        value = json_object_get(value, member);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* n1 and n2 are served once a second; from 3.1 s to 6.9 s only n1 is cut off, but at 5 s nobody is
 * served either; n2 comes back 0.6 s after the heal. */
static void gaps_and_recovery_are_those_of_the_history(void **state)
{
    (void)state;
    for (int64_t second = 0; second <= 10; second++) {
        if (second != 5)
            add_op("read", RIFT_OP_OK, second * 1000, second * 1000 + 10, "n1");
        if (second < 4 || second > 6)
            add_op("read", RIFT_OP_OK, second * 1000 + 400, second * 1000 + 500, "n2");
    }
    add_fault("start-partition", 3000, 3200, WINDOW,
              "{\"observed\": true, \"nodes\": {\"n2\": {\"is_observed\": true, \"applied_ns\": "
              "3100000000}}}");
    add_fault("stop-partition", 6900, 7000, WINDOW,
              "{\"nodes\": {\"n2\": {\"healed_ns\": 6900000000}}}");
    json_t *verdict = judged("performance", NULL);
    assert_true(json_is_true(json_object_get(verdict, "valid")));
    assert_float_equal(stat(verdict, "windows", "from_s"), 3.1, 1e-9);
    assert_float_equal(stat(verdict, "windows", "to_s"), 6.9, 1e-9);
    /* From the ok at 4.01 s to that at 6.01 s. */
    assert_float_equal(stat(verdict, "windows", "longest_gap_s"), 2.0, 1e-9);
    /* n1 at 7.01 s, n2 at 7.5 s. */
    assert_float_equal(stat(verdict, "recovery_s", NULL), 0.6, 1e-9);
    assert_float_equal(stat(verdict, "longest_gap_s_of_node", "n2"), 4.0, 1e-9);
    assert_float_equal(stat(verdict, "latency_ms", "p50"), 10, 1e-9);
    assert_float_equal(stat(verdict, "latency_ms", "max"), 100, 1e-9);
    assert_int_equal(json_array_size(json_object_get(verdict, "plots")), 2);
    json_decref(verdict);
}

static void a_node_that_never_comes_back_has_no_recovery(void **state)
{
    (void)state;
    add_op("read", RIFT_OP_OK, 0, 10, "n1");
    add_op("read", RIFT_OP_OK, 0, 10, "n2");
    add_fault("start-kill", 100, 110, WINDOW, SEEN);
    add_fault("stop-kill", 200, 210, WINDOW, "{}");
    add_op("read", RIFT_OP_OK, 300, 310, "n1");
    json_t *verdict = judged("performance", NULL);
    const json_t *stats = json_object_get(verdict, "stats");
    assert_true(json_is_null(json_object_get(stats, "recovery_s")));
    const json_t *window = json_array_get(json_object_get(stats, "windows"), 0);
    assert_string_equal(json_string_value(json_object_get(window, "not_served_since")), "n2");
    json_decref(verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(enough_operations_and_an_observed_fault_are_evidence, begin),
        cmocka_unit_test_setup(a_history_of_failures_is_unknown, begin),
        cmocka_unit_test_setup(a_handful_of_operations_is_unknown, begin),
        cmocka_unit_test_setup(an_empty_history_is_unknown, begin),
        cmocka_unit_test_setup(one_kind_of_operation_that_never_succeeds_is_unknown, begin),
        cmocka_unit_test_setup(a_fault_that_nobody_felt_is_unknown_and_names_who_still_heard,
                               begin),
        cmocka_unit_test_setup(a_change_that_nobody_felt_is_unknown, begin),
        cmocka_unit_test_setup(a_change_that_a_node_refused_is_unknown, begin),
        cmocka_unit_test_setup(a_change_that_was_felt_is_no_reason_to_doubt, begin),
        cmocka_unit_test_setup(a_change_that_chance_may_have_spared_is_no_reason_to_doubt, begin),
        cmocka_unit_test_setup(a_window_that_chance_spared_as_a_whole_is_unknown, begin),
        cmocka_unit_test_setup(a_window_that_was_refuted_once_stays_so, begin),
        cmocka_unit_test_setup(a_fault_that_ended_before_its_time_is_unknown, begin),
        cmocka_unit_test_setup(a_fault_whose_end_nobody_knows_is_unknown, begin),
        cmocka_unit_test_setup(a_system_that_never_served_again_is_unknown, begin),
        cmocka_unit_test_setup(a_system_that_served_again_is_no_reason_to_doubt, begin),
        cmocka_unit_test_setup(planned_faults_that_never_came_are_unknown, begin),
        cmocka_unit_test_setup(a_run_that_was_stopped_is_unknown, begin),
        cmocka_unit_test_setup(transactions_that_never_see_a_write_are_unknown, begin),
        cmocka_unit_test_setup(a_read_of_what_its_own_transaction_wrote_says_nothing, begin),
        cmocka_unit_test_setup(reads_after_the_last_change_may_all_be_the_same, begin),
        cmocka_unit_test_setup(many_refusals_in_a_row_are_no_reason_to_doubt, begin),
        cmocka_unit_test_setup(a_short_window_between_two_operations_is_no_reason_to_doubt, begin),
        cmocka_unit_test_setup(a_last_window_after_the_last_operation_is_no_reason_to_doubt, begin),
        cmocka_unit_test_setup(gaps_and_recovery_are_those_of_the_history, begin),
        cmocka_unit_test_setup(a_node_that_never_comes_back_has_no_recovery, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
