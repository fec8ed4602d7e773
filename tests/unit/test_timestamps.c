/* Transactions with the database's timestamps: a right history and its neighbours with one change
 * each, and a store that really keeps snapshots and one that does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "common/text.h"
#include "tests/lib/judging.h"

/* anomaly NULL: valid, or, with a reason, unknown. */
static void expect(const char *edn, const char *options, const char *anomaly, const char *reason)
{
    struct rift_history *history = judging_history(edn);
    if (!reason) {
        expect_verdict("timestamps", options, history, anomaly ? RIFT_INVALID : RIFT_VALID,
                       anomaly);
        return;
    }
    struct rift_verdict verdict = judge("timestamps", options, history);
    assert_int_equal(verdict.validity, RIFT_UNKNOWN);
    assert_non_null(strstr(verdict.reason, reason));
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

/* One transaction after another, each "VALUE more", as EDN; process is its number unless given. */
static char *sequence(const char *const *txn, const int *process)
{
    struct rift_text text = {0};
    for (int i = 0; txn[i]; i++)
        rift_text_printf(&text,
                         "{:type :invoke :f :txn :process %d :value nil}\n"
                         "{:type :ok :f :txn :process %d :value %s}\n",
                         process ? process[i] : i, process ? process[i] : i, txn[i]);
    return rift_text_take(&text);
}

static void expect_sequence(const char *const *txn, const int *process, const char *options,
                            const char *anomaly, const char *reason)
{
    CLEANUP(rift_free) char *edn = sequence(txn, process);
    expect(edn, options, anomaly, reason);
}

#define TXNS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void reads_show_what_was_committed_by_their_start(void **state)
{
    (void)state;
    const char *w1 = "[[:w x 1]] :start-ts 1 :commit-ts 2";
    expect_sequence(TXNS(w1, "[[:r x 1]] :start-ts 2"), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(w1, "[[:r x nil]] :start-ts 1"), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(w1, "[[:r x nil]] :start-ts 2"), NULL, NULL, "read against timestamps",
                    NULL);
    expect_sequence(TXNS(w1, "[[:r x 1]] :start-ts 1"), NULL, NULL, "read against timestamps",
                    NULL);
    expect_sequence(TXNS(w1, "[[:w x 2] [:r x 2]] :start-ts 3 :commit-ts 4"), NULL, NULL, NULL,
                    NULL);
    expect_sequence(TXNS(w1, "[[:w x 2] [:r x 1]] :start-ts 3 :commit-ts 4"), NULL, NULL,
                    "read against timestamps", NULL);
}

static void reads_of_lists_show_each_append(void **state)
{
    (void)state;
    const char *a1 = "[[:append x 1] [:append x 2]] :start-ts 1 :commit-ts 2";
    const char *a3 = "[[:append x 3]] :start-ts 3 :commit-ts 4";
    expect_sequence(TXNS(a1, a3, "[[:r x [1 2 3]]] :start-ts 5"), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(a1, a3, "[[:r x [1 2]]] :start-ts 3"), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(a1, a3, "[[:r x [1 2]]] :start-ts 5"), NULL, NULL,
                    "read against timestamps", NULL);
    expect_sequence(TXNS(a1, a3, "[[:r x [1 3 2]]] :start-ts 5"), NULL, NULL,
                    "read against timestamps", NULL);
    expect_sequence(TXNS(a1, "[[:append x 3] [:r x [1 2 3]]] :start-ts 2 :commit-ts 9"), NULL, NULL,
                    NULL, NULL);
}

static void two_that_overlap_do_not_write_one_key(void **state)
{
    (void)state;
    const char *a = "[[:w x 1]] :start-ts 1 :commit-ts 5",
               *b = "[[:w x 2]] :start-ts 3 :commit-ts 9";
    expect_sequence(TXNS(a, b), NULL, NULL, "write conflict", NULL);
    expect_sequence(TXNS(a, b), NULL, "{\"level\": \"serializable\"}", NULL, NULL);
    expect_sequence(TXNS(a, "[[:w x 2]] :start-ts 5 :commit-ts 9"), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS("[[:w x 1]] :start-ts 5 :commit-ts 1"), NULL, NULL, "timestamps backwards",
                    NULL);
}

/* Write skew: right for snapshots, wrong for a serial store. */
static void serializable_reads_at_the_commit(void **state)
{
    (void)state;
    const char *a = "[[:r x nil] [:w y 1]] :start-ts 1 :commit-ts 3";
    const char *b = "[[:r y nil] [:w x 1]] :start-ts 2 :commit-ts 4";
    expect_sequence(TXNS(a, b), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(a, b), NULL, "{\"level\": \"serializable\"}", "read against timestamps",
                    NULL);
}

static void timestamps_follow_processes_and_real_time(void **state)
{
    (void)state;
    const char *w = "[[:w x 1]] :start-ts 7 :commit-ts 8", *r = "[[:r x nil]] :start-ts 3";
    static const int same[] = {0, 0};
    expect_sequence(TXNS(w, r), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(w, r), same, NULL, "session against timestamps", NULL);
    expect_sequence(TXNS(w, r), same, "{\"order\": \"none\"}", NULL, NULL);
    expect_sequence(TXNS(w, r), NULL, "{\"order\": \"realtime\"}", "real time against timestamps",
                    NULL);
}

static void what_has_no_timestamps_is_unknown(void **state)
{
    (void)state;
    expect_sequence(TXNS("[[:w x 1]]"), NULL, NULL, NULL, "no transaction has");
    expect_sequence(TXNS("[[:w x 1]] :start-ts 1 :commit-ts 2", "[[:w x 2]] :start-ts 2"), NULL,
                    NULL, NULL, "1 committed transactions lack");
    expect("{:type :invoke :f :txn :process 0 :value [[:w x 1]]}\n"
           "{:type :info :f :txn :process 0 :value [[:w x 1]]}\n"
           "{:type :invoke :f :txn :process 1 :value [[:r x nil]]}\n"
           "{:type :ok :f :txn :process 1 :value [[:r x 1]] :start-ts 5}\n",
           NULL, NULL, "without a commit timestamp");
}

/* xid 10 writes x; a snapshot "xmin:xmax:xip" has what is below xmax and not in xip. */
static void snapshots_of_postgresql_tell_who_is_seen(void **state)
{
    (void)state;
    const char *w1 = "[[:w x 1]] :snapshot \"10:10:\" :xid 10";
    const char *name = "read against timestamps";
    expect_sequence(TXNS(w1, "[[:r x nil]] :snapshot \"10:10:\""), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(w1, "[[:r x 1]] :snapshot \"10:10:\""), NULL, NULL, name, NULL);
    expect_sequence(TXNS(w1, "[[:r x nil]] :snapshot \"10:13:10,12\""), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(w1, "[[:r x 1]] :snapshot \"10:13:10,12\""), NULL, NULL, name, NULL);
    expect_sequence(TXNS(w1, "[[:r x 1]] :snapshot \"12:13:12\""), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(w1, "[[:r x nil]] :snapshot \"12:13:12\""), NULL, NULL, name, NULL);
    expect_sequence(TXNS(w1, "[[:w x 2]] :snapshot \"10:10:\" :xid 11"), NULL, NULL,
                    "write conflict", NULL);
    expect_sequence(TXNS(w1, "[[:w x 2]] :snapshot \"11:11:\" :xid 11"), NULL, NULL, NULL, NULL);
    expect_sequence(TXNS(w1, "[[:w x 2]] :snapshot \"11:11:\""), NULL, NULL, NULL,
                    "1 committed transactions lack");
    expect_sequence(TXNS(w1, "[[:r x 1]] :snapshot \"11:11;\""), NULL, NULL, NULL,
                    "1 committed transactions lack");
}

/* 11 ended between the two snapshots, whichever way round the rows stand. */
static void snapshots_are_a_chain_whatever_the_order_of_rows(void **state)
{
    (void)state;
    expect_sequence(TXNS("[[:append x 1]] :snapshot \"10:10:\" :xid 10",
                         "[[:append y 2]] :snapshot \"10:10:\" :xid 11",
                         "[[:r x [1]] [:r y []]] :snapshot \"11:12:11\"",
                         "[[:r x [1]] [:r y [2]]] :snapshot \"12:12:\""),
                    NULL, NULL, NULL, NULL);
    expect_sequence(TXNS("[[:r x [1]] [:r y [2]]] :snapshot \"11:12:11\"",
                         "[[:append x 1]] :snapshot \"10:10:\" :xid 10",
                         "[[:append y 2]] :snapshot \"10:10:\" :xid 11"),
                    NULL, NULL, "read against timestamps", NULL);
}

/* An xid alone does not say that its transaction committed: somebody who saw it does. */
static void unknown_transaction_with_an_xid_committed_if_somebody_saw_it(void **state)
{
    (void)state;
#define MAYBE                                                                                      \
    "{:type :invoke :f :txn :process 0 :value [[:w x 1]]}\n"                                       \
    "{:type :info :f :txn :process 0 :value [[:w x 1]] :snapshot \"10:10:\" :xid 10}\n"
#define LOOKS(value, snapshot)                                                                     \
    "{:type :invoke :f :txn :process 1 :value nil}\n"                                              \
    "{:type :ok :f :txn :process 1 :value [[:r x " value "]] :snapshot \"" snapshot "\"}\n"
    expect(MAYBE LOOKS("nil", "11:11:"), NULL, NULL, NULL);
    expect(MAYBE LOOKS("1", "11:11:"), NULL, NULL, NULL);
    expect(MAYBE LOOKS("1", "10:11:10"), NULL, "read against timestamps", NULL);
    expect(MAYBE LOOKS("1", "11:11:") LOOKS("nil", "12:12:"), NULL, "read against timestamps",
           NULL);
}

enum { KEYS = 3, ROUNDS = 300, TXNS_A_ROUND = 30 };

/* A store of snapshots run in the order of its clock. late: one read is of the state a moment
 * before; the checker must notice where that differs. */
static void snapshots_of_a_store_are_right_and_one_moved_is_not(void **state)
{
    (void)state;
    int moved = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct rift_rng rng;
        struct rift_text text = {0};
        int value[TXNS_A_ROUND + 1][KEYS] = {{0}};
        rift_rng_init(&rng, seed);
        int wrong = seed % 2 ? (int)rift_rng_below(&rng, TXNS_A_ROUND) : -1;
        bool differs = false;
        for (int t = 0; t < TXNS_A_ROUND; t++) {
            int written = (int)rift_rng_below(&rng, KEYS), read = (int)rift_rng_below(&rng, KEYS);
            int age = t == wrong && t > 0 ? 1 : 0, seen = value[t - age][read];
            memcpy(value[t + 1], value[t], sizeof value[t]);
            value[t + 1][written] = t + 1;
            differs |= seen != value[t][read];
            rift_text_printf(&text,
                             "{:type :invoke :f :txn :process %d :value nil}\n"
                             "{:type :ok :f :txn :process %d :start_ts %d :commit_ts %d :value "
                             "[[:r %d ",
                             t, t, 10 * t, 10 * t + 5, read);
            rift_text_printf(&text, seen ? "%d" : "nil", seen);
            rift_text_printf(&text, "] [:w %d %d]]}\n", written, t + 1);
        }
        moved += differs;
        CLEANUP(rift_free) char *edn = rift_text_take(&text);
        expect(edn, NULL, differs ? "read against timestamps" : NULL, NULL);
    }
    assert_true(moved > ROUNDS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_show_what_was_committed_by_their_start),
        cmocka_unit_test(reads_of_lists_show_each_append),
        cmocka_unit_test(two_that_overlap_do_not_write_one_key),
        cmocka_unit_test(serializable_reads_at_the_commit),
        cmocka_unit_test(timestamps_follow_processes_and_real_time),
        cmocka_unit_test(what_has_no_timestamps_is_unknown),
        cmocka_unit_test(snapshots_of_postgresql_tell_who_is_seen),
        cmocka_unit_test(snapshots_are_a_chain_whatever_the_order_of_rows),
        cmocka_unit_test(unknown_transaction_with_an_xid_committed_if_somebody_saw_it),
        cmocka_unit_test(snapshots_of_a_store_are_right_and_one_moved_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
