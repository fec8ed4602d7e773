/* The checker as a whole, on histories small enough to judge by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "checkers/linearizability/guess.h"
#include "common/memory.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

/* The verdict on a history in notation. */
static struct rift_verdict judge_text(const char *model, const char *notation)
{
    CLEANUP(rift_free) char *options = rift_printf("{\"model\": \"%s\"}", model);
    struct rift_history *history = judging_history(notation);
    struct rift_check check = {.history = history, .budget = {.time_ms = 10000, .thread_count = 2}};
    struct rift_verdict verdict = judge_check("linearizable", options, check);
    rift_history_destroy(history);
    return verdict;
}

static void expect(const char *model, const char *notation, enum rift_validity validity)
{
    struct rift_verdict verdict = judge_text(model, notation);
    if (verdict.validity != validity)
        fail_msg("%s, %s: %s, expected %s", model, notation, rift_validity_name(verdict.validity),
                 rift_validity_name(validity));
    rift_verdict_finish(&verdict);
}

static void stale_read_is_not_linearizable(void **state)
{
    (void)state;
    expect("register", "p0 w1 ok, p0 w2 ok, p1 r1 ok", RIFT_INVALID);
    expect("register", "p0 w1 ok, p0 w2 ok, p1 r2 ok", RIFT_VALID);
}

static void read_during_a_write_may_see_either_value(void **state)
{
    (void)state;
    expect("register", "p0 w1 ok, p0 w2, p1 r1 ok, p2 r2 ok, p0 ok", RIFT_VALID);
    expect("register", "p0 w1 ok, p0 w2, p1 r2 ok, p2 r1 ok, p0 ok", RIFT_INVALID);
}

static void crashed_write_may_take_effect_late_or_never(void **state)
{
    (void)state;
    expect("register", "p0 w1 ok, p1 w2 info, p0 r1 ok, p0 r2 ok", RIFT_VALID);
    expect("register", "p0 w1 ok, p1 w2 info, p0 r1 ok, p0 r1 ok", RIFT_VALID);
    expect("register", "p0 w1 ok, p1 w2 info, p0 r2 ok, p0 r1 ok", RIFT_INVALID);
}

/* The crashed write of 3 must come after the write of 1, which completes late, and before the cas.
 */
static void crashed_write_of_the_present_value_may_still_be_needed(void **state)
{
    (void)state;
    expect("cas-register", "p0 w3 ok, p1 w1, p2 w3 info, p3 c3>4 ok, p1 ok, p3 c4>3 ok",
           RIFT_VALID);
    expect("cas-register", "p0 w3 ok, p1 w1, p3 c3>4 ok, p1 ok, p3 c4>3 ok", RIFT_INVALID);
}

static void failed_write_must_not_be_seen(void **state)
{
    (void)state;
    expect("register", "p0 w1 fail, p1 r1 ok", RIFT_INVALID);
    expect("register", "p0 w1 fail, p1 r- ok", RIFT_VALID);
}

static void failed_cas_tells_something_only_to_etcd(void **state)
{
    (void)state;
    const char *notation = "p0 w1 ok, p0 c1>2 fail, p0 r1 ok";
    expect("cas-register", notation, RIFT_VALID);
    expect("etcd", notation, RIFT_INVALID);
}

static void keys_are_objects_of_their_own(void **state)
{
    (void)state;
    expect("register", "p0 k1/w1 ok, p0 k2/w2 ok, p1 k1/r1 ok, p1 k2/r2 ok", RIFT_VALID);
    expect("register", "p0 k1/w1 ok, p0 k2/w2 ok, p1 k1/r2 ok", RIFT_INVALID);
}

static void empty_histories_are_valid(void **state)
{
    (void)state;
    expect("register", "p0 w1 info", RIFT_VALID);
    expect("register", "p0 r1 info, p1 r2 fail", RIFT_VALID);
}

static void containers_answer_in_their_order(void **state)
{
    (void)state;
    const char *first = "p0 enqueue:1 ok, p0 enqueue:2 ok, p1 dequeue::1 ok";
    const char *last = "p0 enqueue:1 ok, p0 enqueue:2 ok, p1 dequeue::2 ok";
    expect("queue", first, RIFT_VALID);
    expect("queue", last, RIFT_INVALID);
    expect("unordered-queue", last, RIFT_VALID);
    expect("priority-queue", last, RIFT_VALID);
    expect("priority-queue", first, RIFT_INVALID);
    expect("stack", "p0 push:1 ok, p0 push:2 ok, p1 pop::2 ok", RIFT_VALID);
    expect("stack", "p0 push:1 ok, p0 push:2 ok, p1 pop::1 ok", RIFT_INVALID);
}

static void crashed_take_may_have_taken_something(void **state)
{
    (void)state;
    const char *notation = "p0 enqueue:1 ok, p0 enqueue:2 ok, p2 dequeue info, p1 dequeue::2 ok";
    expect("queue", notation, RIFT_VALID);
    expect("unordered-queue", "p0 enqueue:1 ok, p2 dequeue info, p1 dequeue ok", RIFT_VALID);
    expect("unordered-queue", "p0 enqueue:1 ok, p1 dequeue ok", RIFT_INVALID);
}

static void lock_is_held_by_one(void **state)
{
    (void)state;
    expect("mutex", "p0 acquire ok, p1 acquire ok", RIFT_INVALID);
    expect("mutex", "p0 acquire ok, p0 release ok, p1 acquire ok", RIFT_VALID);
    expect("mutex", "p0 acquire ok, p2 release info, p1 acquire ok", RIFT_VALID);
    expect("reentrant-lock", "p0 acquire ok, p0 acquire ok, p0 release ok, p1 acquire ok",
           RIFT_INVALID);
    expect("fenced-lock", "p0 acquire::5 ok, p0 release ok, p1 acquire::4 ok", RIFT_INVALID);
    expect("fenced-lock", "p0 acquire::5 ok, p0 release ok, p1 acquire::6 ok", RIFT_VALID);
}

static void counters_and_sets_add_up(void **state)
{
    (void)state;
    expect("counter", "p0 add:2 ok, p0 add:3 ok, p1 read::5 ok", RIFT_VALID);
    expect("counter", "p0 add:2 ok, p0 add:3 info, p1 read::4 ok", RIFT_INVALID);
    expect("set", "p0 add:1 ok, p0 add:2 ok, p1 read::[2 1] ok", RIFT_VALID);
    expect("set", "p0 add:1 ok, p0 add:2 ok, p1 read::[2] ok", RIFT_INVALID);
    expect("list-append", "p0 append:1 ok, p0 append:2 ok, p1 read::[1 2] ok", RIFT_VALID);
    expect("list-append", "p0 append:1 ok, p0 append:2 ok, p1 read::[2 1] ok", RIFT_INVALID);
}

static void crashed_update_that_nobody_reads_as_it_was_still_counts(void **state)
{
    (void)state;
    expect("kv", "p0 put:a info, p1 append:b ok, p2 get::ab ok", RIFT_VALID);
    expect("kv", "p0 put:a ok, p1 append:b ok, p2 get::b ok", RIFT_INVALID);
    expect("kv", "p0 append:a info, p1 append:b ok, p2 get::ba ok", RIFT_VALID);
    expect("versioned-register", "p0 write:[- 7] info, p1 write:[- 8]:[2 8] ok, p2 read::[2 8] ok",
           RIFT_VALID);
    expect("versioned-register", "p1 write:[- 8]:[2 8] ok, p2 read::[2 8] ok", RIFT_INVALID);
    expect("versioned-register",
           "p0 cas:[- [- 7]] info, p1 write:[- 8]:[2 8] ok, p2 read::[2 8] ok", RIFT_VALID);
    expect("multi-register", "p0 txn:[[w x 1] [w y 2]] info, p1 txn:[[r x -]]:[[r x 1]] ok",
           RIFT_VALID);
    expect("multi-register",
           "p0 txn:[[w x 1] [w y 2]]:[[w x 1] [w y 2]] ok, "
           "p1 txn:[[r x -] [r y -]]:[[r x 1] [r y -]] ok",
           RIFT_INVALID);
}

static void violation_is_explained_by_few_operations(void **state)
{
    (void)state;
    struct rift_verdict verdict = judge_text(
        "register", "p0 w1 ok, p0 w3 ok, p0 w1 ok, p1 r1 ok, p0 w2 ok, p2 r2 ok, p1 r1 ok, "
                    "p2 r2 ok");
    assert_int_equal(verdict.validity, RIFT_INVALID);
    const json_t *anomaly = first_anomaly(&verdict);
    assert_string_equal(json_string_value(json_object_get(anomaly, "name")), "stale read");
    const json_t *ops = json_object_get(anomaly, "ops");
    assert_int_equal(json_array_size(ops), 2);
    assert_int_equal(json_integer_value(json_array_get(ops, 0)), 4);
    assert_int_equal(json_integer_value(json_array_get(ops, 1)), 6);
    assert_non_null(strstr(verdict.reason, "process 1 reads 1"));
    assert_non_null(strstr(verdict.reason, "process 0 writes 2"));
    rift_verdict_finish(&verdict);
}

static void semaphore_of_incr_and_decr_counts_from_zero(void **state)
{
    (void)state;
    expect("semaphore", "p0 incr ok, p1 decr ok, p1 decr::0 ok", RIFT_VALID);
    expect("semaphore", "p0 incr ok, p1 decr::0 ok, p1 decr ok", RIFT_INVALID);
    expect("semaphore", "p0 acquire ok, p1 release ok", RIFT_VALID);
}

/* Until the transaction of process 0 answers, nobody knows that it read a 5 that was never there:
 * that its write is seen before is no violation yet. */
static void answer_not_yet_given_is_not_held_against_an_open_transaction(void **state)
{
    (void)state;
    struct rift_verdict verdict =
        judge_text("multi-register", "p0 txn:[[r x -] [w y 6]]:[[r x 5] [w y 6]], "
                                     "p1 txn:[[r y -]]:[[r y 6]] ok, p0 ok");
    assert_int_equal(verdict.validity, RIFT_INVALID);
    const json_t *anomaly = first_anomaly(&verdict);
    assert_int_equal(json_integer_value(json_object_get(anomaly, "moment_row")), 0);
    rift_verdict_finish(&verdict);
}

/* Operations with times in ns, of which two fall together. */
static void completion_and_invocation_at_one_moment_are_concurrent(void **state)
{
    (void)state;
    for (int64_t gap = 0; gap < 2; gap++) {
        struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
        struct rift_values *values = rift_builder_values(builder);
        struct rift_value one = rift_value_integer(values, 1);
        struct rift_event write = {.process = 0, .f = "write", .value = one};
        struct rift_event read = {.process = 1, .f = "read"};
        struct rift_error err;
        rift_builder_add_op(builder, &write, RIFT_OP_OK, 10, 20, one, &err);
        rift_builder_add_op(builder, &read, RIFT_OP_OK, 20 + gap, 30, RIFT_VALUE_NIL, &err);
        struct rift_history *history = rift_builder_finish(builder, &err);
        expect_verdict("linearizable", NULL, history, gap == 0 ? RIFT_VALID : RIFT_INVALID,
                       gap == 0 ? NULL : "stale read");
    }
}

static void spent_time_is_unknown_with_its_reason(void **state)
{
    (void)state;
    struct rift_history *history = judging_history("p0 w1 ok, p1 r1 ok");
    struct rift_check check = {.history = history, .budget = {.time_ms = -1}};
    struct rift_verdict verdict = judge_check("linearizable", NULL, check);
    assert_int_equal(verdict.validity, RIFT_UNKNOWN);
    assert_non_null(strstr(verdict.reason, "time"));
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

static void operation_that_the_model_lacks_is_named(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_history *history = rift_history_from_notation("p0 w1 ok, p1 frobnicate:1 ok", &err);
    const struct rift_checker *checker = rift_checker_find("linearizable");
    json_t *given = json_pack("{s:s}", "model", "register");
    json_t *options = rift_checker_options(checker, given, &err);
    struct rift_check check = {.history = history, .options = options};
    struct rift_verdict verdict = {0};
    assert_int_equal(checker->check(&check, &verdict, &err), -1);
    assert_non_null(strstr(err.text, "operation 1 is 'frobnicate'"));
    rift_verdict_finish(&verdict);
    json_decref(options);
    json_decref(given);
    rift_history_destroy(history);
}

/* The model that is guessed, or NULL with an error. */
static const char *guessed_model(const char *notation)
{
    static char name[64];
    struct rift_error err = {0};
    struct rift_history *history = rift_history_from_notation(notation, &err);
    if (!history)
        fail_msg("%s: %s", notation, err.text);
    const struct rift_model *model = rift_model_for("auto", history, &err);
    snprintf(name, sizeof name, "%s", model ? model->name : "");
    rift_history_destroy(history);
    return name;
}

static void what_may_be_another_object_is_not_guessed(void **state)
{
    (void)state;
    /* pairs of an independent key and its value */
    assert_string_equal(guessed_model("p0 write:[1 5] ok, p0 read::[1 5] ok"), "");
    /* records of a log */
    assert_string_equal(guessed_model("p0 send:[[1 2]] ok, p1 poll::[[1 2]] ok"), "");
    /* a bank, a long fork */
    assert_string_equal(guessed_model("p0 read::[1 2] ok"), "");
    /* a queue, a set, or a counter */
    assert_string_equal(guessed_model("p0 add:1 ok, p0 add:2 ok"), "");

    assert_string_equal(guessed_model("p0 w1 ok, p0 c1>2 ok, p0 r2 ok"), "cas-register");
    assert_string_equal(guessed_model("p0 enqueue:1 ok, p0 dequeue::1 ok"), "queue");
    assert_string_equal(guessed_model("p0 add:1 ok, p0 read::[1] ok"), "set");
    assert_string_equal(guessed_model("p0 add:1 ok, p0 read::1 ok"), "counter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_read_is_not_linearizable),
        cmocka_unit_test(read_during_a_write_may_see_either_value),
        cmocka_unit_test(crashed_write_may_take_effect_late_or_never),
        cmocka_unit_test(crashed_write_of_the_present_value_may_still_be_needed),
        cmocka_unit_test(failed_write_must_not_be_seen),
        cmocka_unit_test(failed_cas_tells_something_only_to_etcd),
        cmocka_unit_test(keys_are_objects_of_their_own),
        cmocka_unit_test(empty_histories_are_valid),
        cmocka_unit_test(containers_answer_in_their_order),
        cmocka_unit_test(crashed_take_may_have_taken_something),
        cmocka_unit_test(lock_is_held_by_one),
        cmocka_unit_test(counters_and_sets_add_up),
        cmocka_unit_test(semaphore_of_incr_and_decr_counts_from_zero),
        cmocka_unit_test(answer_not_yet_given_is_not_held_against_an_open_transaction),
        cmocka_unit_test(crashed_update_that_nobody_reads_as_it_was_still_counts),
        cmocka_unit_test(violation_is_explained_by_few_operations),
        cmocka_unit_test(completion_and_invocation_at_one_moment_are_concurrent),
        cmocka_unit_test(spent_time_is_unknown_with_its_reason),
        cmocka_unit_test(operation_that_the_model_lacks_is_named),
        cmocka_unit_test(what_may_be_another_object_is_not_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
