/* bank, long-fork, monotonic, sessions and causal: each violation and its healthy twin. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "checkers/checker.h"
#include "history/builder.h"
#include "history/reader.h"

/* Notation, or EDN where it begins with a brace. */
static enum rift_validity judge(const char *name, const char *option, const char *notation,
                                const char *anomaly)
{
    struct rift_error err = {0};
    struct rift_verdict verdict = {0};
    const struct rift_checker *checker = rift_checker_find(name);
    struct rift_history *history =
        notation[0] == '{' ? rift_history_read_bytes("test", notation, strlen(notation), NULL, &err)
                           : rift_history_from_notation(notation, &err);
    if (!history)
        fail_msg("%s", err.text);
    json_t *given = json_object();
    if (option)
        json_object_set_new(given, option, json_true());
    json_t *options = rift_checker_options(checker, given, &err);
    struct rift_check check = {.history = history, .options = options};
    assert_int_equal(checker->check(&check, &verdict, &err), 0);
    enum rift_validity validity = verdict.validity;
    json_t *found = json_array_get(json_object_get(verdict.details, "anomalies"), 0);
    if (anomaly)
        assert_string_equal(json_string_value(json_object_get(found, "name")), anomaly);
    else
        assert_null(found);
    rift_verdict_finish(&verdict);
    json_decref(given);
    json_decref(options);
    rift_history_destroy(history);
    return validity;
}

static void convicts(const char *name, const char *notation, const char *anomaly)
{
    assert_int_equal(judge(name, NULL, notation, anomaly), RIFT_INVALID);
}

static void accepts(const char *name, const char *notation)
{
    assert_int_equal(judge(name, NULL, notation, NULL), RIFT_VALID);
}

static void a_process_must_not_see_a_register_go_back(void **state)
{
    (void)state;
    convicts("monotonic", "p0 k1/w1 ok, p0 k1/w2 ok, p1 k1/r2 ok, p1 k1/r1 ok",
             "non-monotonic read");
    accepts("monotonic", "p0 k1/w1 ok, p0 k1/w2 ok, p1 k1/r1 ok, p1 k1/r2 ok, p2 k1/r1 ok");
}

static void a_process_must_see_its_own_write(void **state)
{
    (void)state;
    convicts("sessions", "p0 k1/w1 ok, p0 k1/r- ok", "own write not read");
    accepts("sessions", "p0 k1/w1 ok, p1 k1/r- ok, p0 k1/r1 ok");
}

static void writes_of_a_session_must_be_seen_in_order(void **state)
{
    (void)state;
    convicts("sessions", "p0 k1/w1 ok, p0 k2/w2 ok, p1 k2/r2 ok, p1 k1/r- ok", "monotonic writes");
    accepts("sessions", "p0 k1/w1 ok, p0 k2/w2 ok, p1 k1/r- ok, p1 k2/r2 ok, p1 k1/r1 ok");
}

static void a_write_must_not_be_seen_before_what_its_session_had_read(void **state)
{
    (void)state;
    convicts("sessions", "p0 k1/w1 ok, p1 k1/r1 ok, p1 k2/w1 ok, p2 k2/r1 ok, p2 k1/r- ok",
             "writes follow reads");
    accepts("sessions", "p0 k1/w1 ok, p1 k1/r1 ok, p1 k2/w1 ok, p2 k1/r- ok, p2 k2/r1 ok");
}

/* Over two hops no single guarantee of a session is broken, only causality. */
static void causality_reaches_over_several_sessions(void **state)
{
    (void)state;
    const char *notation = "p0 k1/w1 ok, p1 k1/r1 ok, p1 k2/w1 ok, p2 k2/r1 ok, p2 k3/w1 ok, "
                           "p3 k3/r1 ok, p3 k1/r- ok";
    convicts("causal", notation, "causality violation");
    accepts("sessions", notation);
}

static void a_value_that_nobody_wrote_convicts(void **state)
{
    (void)state;
    convicts("monotonic", "p0 k1/w1 ok, p1 k1/r7 ok", "garbage read");
}

static void a_session_orders_its_writes_whatever_their_values(void **state)
{
    (void)state;
    accepts("sessions", "p0 k1/w2 ok, p0 k1/w1 ok, p1 k1/r2 ok, p1 k1/r1 ok");
    convicts("sessions", "p0 k1/w2 ok, p0 k1/w1 ok, p1 k1/r1 ok, p1 k1/r2 ok",
             "non-monotonic read");
    assert_int_equal(judge("sessions", NULL, "p0 k1/w1 ok, p1 k1/w1 ok, p2 k1/r1 ok", NULL),
                     RIFT_UNKNOWN);
    assert_int_equal(judge("sessions", NULL, "p0 k1/w2 ok", NULL), RIFT_UNKNOWN);
}

static void two_readers_of_a_group_must_not_see_writes_in_opposite_orders(void **state)
{
    (void)state;
    convicts("long-fork",
             "p0 txn:[[w 1 1]] ok, p1 txn:[[w 2 1]] ok, p2 txn:[[r 1 1] [r 2 -]] ok, "
             "p3 txn:[[r 2 1] [r 1 -]] ok",
             "long fork");
    accepts("long-fork", "p0 txn:[[w 1 1]] ok, p1 txn:[[w 2 1]] ok, p2 txn:[[r 1 1] [r 2 -]] ok, "
                         "p3 txn:[[r 2 1] [r 1 1]] ok, p3 txn:[[r 1 -] [r 2 -]] ok");
}

static void a_key_that_is_written_twice_makes_forks_unknown(void **state)
{
    (void)state;
    assert_int_equal(judge("long-fork", NULL,
                           "p0 txn:[[w 1 1]] ok, p1 txn:[[w 1 2]] ok, p2 txn:[[r 1 1] [r 2 -]] ok",
                           NULL),
                     RIFT_UNKNOWN);
}

#define READ(value)                                                                                \
    "{:type :invoke :f :read :process 0}\n{:type :ok :f :read :process 0 :value " value "}\n"
#define TRANSFER(end, from, to, amount)                                                            \
    "{:type :invoke :f :transfer :process 1 :value {:from " from " :to " to " :amount " amount     \
    "}}\n{:type :" end " :f :transfer :process 1 :value {:from " from " :to " to                   \
    " :amount " amount "}}\n"

static void every_read_must_hold_all_the_money(void **state)
{
    (void)state;
    accepts("bank", READ("{0 10 1 0}") TRANSFER("ok", "0", "1", "4") READ("{0 6 1 4}"));
    convicts("bank", READ("{0 10 1 0}") TRANSFER("ok", "0", "1", "4") READ("{0 6 1 0}"),
             "wrong total");
    convicts("bank", READ("{0 10 1 nil}"), "nil balance");
}

static void money_that_was_paid_in_is_the_total(void **state)
{
    (void)state;
    convicts("bank", TRANSFER("ok", "nil", "0", "5") TRANSFER("ok", "nil", "1", "5") READ("{0 5}"),
             "wrong total");
    accepts("bank",
            TRANSFER("ok", "nil", "0", "5") TRANSFER("fail", "nil", "1", "5") READ("{0 5}"));
    convicts("bank", TRANSFER("ok", "nil", "0", "5") READ("{0 5 1 0}"), "unexpected account");
}

static void a_deposit_of_unknown_outcome_allows_both_totals(void **state)
{
    (void)state;
    accepts("bank", TRANSFER("ok", "nil", "0", "5") TRANSFER("info", "nil", "1", "3") READ("{0 5}")
                        READ("{0 5 1 3}"));
    convicts("bank",
             TRANSFER("ok", "nil", "0", "5") TRANSFER("info", "nil", "1", "3") READ("{0 5 1 2}"),
             "wrong total");
}

static void accounts_below_zero_convict_unless_allowed(void **state)
{
    (void)state;
    convicts("bank", READ("{0 10 1 0}") READ("{0 12 1 -2}"), "negative balance");
    assert_int_equal(
        judge("bank", "negative_balances", READ("{0 10 1 0}") READ("{0 12 1 -2}"), NULL),
        RIFT_VALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_read_must_hold_all_the_money),
        cmocka_unit_test(money_that_was_paid_in_is_the_total),
        cmocka_unit_test(a_deposit_of_unknown_outcome_allows_both_totals),
        cmocka_unit_test(accounts_below_zero_convict_unless_allowed),
        cmocka_unit_test(a_process_must_not_see_a_register_go_back),
        cmocka_unit_test(a_process_must_see_its_own_write),
        cmocka_unit_test(writes_of_a_session_must_be_seen_in_order),
        cmocka_unit_test(a_write_must_not_be_seen_before_what_its_session_had_read),
        cmocka_unit_test(causality_reaches_over_several_sessions),
        cmocka_unit_test(a_value_that_nobody_wrote_convicts),
        cmocka_unit_test(a_session_orders_its_writes_whatever_their_values),
        cmocka_unit_test(two_readers_of_a_group_must_not_see_writes_in_opposite_orders),
        cmocka_unit_test(a_key_that_is_written_twice_makes_forks_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
