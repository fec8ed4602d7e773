/* bank, long-fork, monotonic, sessions and causal: each violation and its healthy twin. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/lib/judging.h"

static void convicts(const char *name, const char *text, const char *anomaly)
{
    expect_verdict(name, NULL, judging_history(text), RIFT_INVALID, anomaly);
}

static void accepts(const char *name, const char *text)
{
    expect_verdict(name, NULL, judging_history(text), RIFT_VALID, NULL);
}

static void leaves_open(const char *name, const char *text)
{
    expect_verdict(name, NULL, judging_history(text), RIFT_UNKNOWN, NULL);
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
    leaves_open("sessions", "p0 k1/w1 ok, p1 k1/w1 ok, p2 k1/r1 ok");
    leaves_open("sessions", "p0 k1/w2 ok");
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
    leaves_open("long-fork",
                "p0 txn:[[w 1 1]] ok, p1 txn:[[w 1 2]] ok, p2 txn:[[r 1 1] [r 2 -]] ok");
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
    expect_verdict("bank", "{\"negative_balances\": true}",
                   judging_history(READ("{0 10 1 0}") READ("{0 12 1 -2}")), RIFT_VALID, NULL);
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
