/* The log checker: each violation that Jepsen's own tests do not show, and a healthy log. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/memory.h"
#include "tests/lib/judging.h"

#define OP(f, end, asked, told)                                                                    \
    "{:type :invoke :f :" f " :process 0 :value " asked "}\n"                                      \
    "{:type :" end " :f :" f " :process 0 :value " told "}\n"
#define SEND(end, value, offset)                                                                   \
    OP("send", end, "[[:send :x " value "]]", "[[:send :x [" offset " " value "]]]")
#define POLL(all) OP("poll", "ok", "[[:poll]]", "[[:poll {:x " all "}]]")

static void expect(const char *edn, enum rift_validity validity, const char *anomaly)
{
    expect_verdict("kafka", NULL, judging_history(edn), validity, anomaly);
}

static void a_log_that_was_polled_to_its_end_in_order_is_valid(void **state)
{
    (void)state;
    expect(SEND("ok", "1", "0") SEND("ok", "2", "3") POLL("[[0 1]]") POLL("[[3 2]]"), RIFT_VALID,
           NULL);
}

static void a_value_whose_send_failed_must_not_be_polled(void **state)
{
    (void)state;
    const char *edn = OP("send", "fail", "[[:send :x 1]]", "[[:send :x 1]]") POLL("[[0 1]]");
    expect(edn, RIFT_INVALID, "G1a");
}

static void a_value_that_nobody_sent_must_not_be_polled(void **state)
{
    (void)state;
    expect(POLL("[[0 7]]"), RIFT_INVALID, "garbage read");
}

static void an_offset_holds_one_value(void **state)
{
    (void)state;
    const char *edn = SEND("ok", "1", "0") SEND("info", "2", "0") POLL("[[0 1]]") POLL("[[0 2]]");
    expect(edn, RIFT_INVALID, "inconsistent offsets");
}

static void what_nobody_polled_to_the_end_is_unknown(void **state)
{
    (void)state;
    expect(SEND("ok", "1", "0") SEND("ok", "2", "1") POLL("[[0 1]]"), RIFT_UNKNOWN, NULL);
}

static void an_acknowledged_value_below_what_was_polled_is_lost(void **state)
{
    (void)state;
    const char *edn =
        SEND("ok", "1", "0") SEND("ok", "2", "1") SEND("ok", "3", "2") POLL("[[0 1] [2 3]]");
    expect(edn, RIFT_INVALID, "lost write");
}

/* By a process of its own, with the order of events as it stands here. */
#define BY(process, f, end, asked, told)                                                           \
    "{:type :invoke :f :" f " :process " #process " :value " asked "}\n"                           \
    "{:type :" end " :f :" f " :process " #process " :value " told "}\n"
#define SEND_BY(process, value, offset)                                                            \
    BY(process, "send", "ok", "[[:send :x " #value "]]", "[[:send :x [" #offset " " #value "]]]")

static void a_later_send_must_not_stand_before_an_earlier_one(void **state)
{
    (void)state;
    const char *poll = POLL("[[0 1] [3 2]]");
    CLEANUP(rift_free) char *in_order = rift_printf(SEND_BY(1, 1, 0) SEND_BY(2, 2, 3) "%s", poll);
    CLEANUP(rift_free) char *reversed = rift_printf(SEND_BY(1, 2, 3) SEND_BY(2, 1, 0) "%s", poll);
    expect(in_order, RIFT_VALID, NULL);
    expect(reversed, RIFT_INVALID, "G0-realtime");
}

/* At the same time either may be first. */
static void sends_at_the_same_time_may_stand_in_either_order(void **state)
{
    (void)state;
    const char *edn =
        "{:type :invoke :f :send :process 1 :value [[:send :x 2]]}\n"
        "{:type :invoke :f :send :process 2 :value [[:send :x 1]]}\n"
        "{:type :ok :f :send :process 1 :value [[:send :x [3 2]]]}\n"
        "{:type :ok :f :send :process 2 :value [[:send :x [0 1]]]}\n" POLL("[[0 1] [3 2]]");
    expect(edn, RIFT_VALID, NULL);
}

#define TXN_BY(process, first, second)                                                             \
    "{:type :ok :f :txn :process " #process " :value [[:send :x [" #first " 1" #process            \
    "]] [:send :y [" #second " 2" #process "]]]}\n"
#define ASK_TXN(process)                                                                           \
    "{:type :invoke :f :txn :process " #process " :value [[:send :x 1" #process                    \
    "] [:send :y 2" #process "]]}\n"

/* Two transactions that stand in different orders in two logs: Kafka allows it. */
static void transactions_may_be_mixed_in_the_logs(void **state)
{
    (void)state;
    const char *edn = ASK_TXN(1) ASK_TXN(2) TXN_BY(1, 0, 1) TXN_BY(2, 1, 0)
        OP("poll", "ok", "[[:poll]]", "[[:poll {:x [[0 11] [1 12]] :y [[0 22] [1 21]]}]]");
    expect(edn, RIFT_VALID, NULL);
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
        cmocka_unit_test(a_later_send_must_not_stand_before_an_earlier_one),
        cmocka_unit_test(sends_at_the_same_time_may_stand_in_either_order),
        cmocka_unit_test(transactions_may_be_mixed_in_the_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
