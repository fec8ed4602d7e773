/* Small histories against a brute force that tries all orders: the checkers must say exactly the
 * same where the order of versions can be recovered, and never convict what some order explains. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/builder.h"
#include "tests/lib/small_txns.h"

enum {
    LIST_ROUNDS = 20000,
    REGISTER_ROUNDS = 20000,
    WEAK_ROUNDS = 60000,
    PREDICATE_ROUNDS = 20000,
    TXNS_MAX = 5
};

/* RIFT_ROUNDS multiplies the rounds for a longer campaign. */
static int rounds(int base)
{
    const char *factor = getenv("RIFT_ROUNDS");
    return factor ? base * (int)strtol(factor, NULL, 10) : base;
}

static void disagree(const struct small_history *history, uint64_t seed, const char *level,
                     bool is_explained, const char *reason)
{
    fprintf(stderr, "seed %llu, %s: some order explains it: %s, but the checker says: %s\n",
            (unsigned long long)seed, level, is_explained ? "yes" : "no", reason);
    small_print(history);
    fail();
}

static bool has_repeated_key(const struct small_history *history)
{
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++)
            for (int j = 0; j < i; j++)
                if (history->txn[t].mop[i].key == history->txn[t].mop[j].key)
                    return true;
    return false;
}

struct question {
    const char *level;
    bool (*oracle)(const struct small_history *, enum small_order);
    enum small_order order;
};

static bool read_committed(const struct small_history *history, enum small_order order)
{
    (void)order;
    return small_is_read_committed(history);
}

static const struct question questions[] = {
    {"serializable", small_is_serializable, SMALL_ANY_ORDER},
    {"strong-session-serializable", small_is_serializable, SMALL_PROCESS_ORDER},
    {"strict-serializable", small_is_serializable, SMALL_REAL_TIME},
    {"snapshot-isolation", small_is_snapshot_isolated, SMALL_ANY_ORDER},
    {"strong-session-snapshot-isolation", small_is_snapshot_isolated, SMALL_PROCESS_ORDER},
    {"strong-snapshot-isolation", small_is_snapshot_isolated, SMALL_REAL_TIME},
    {"prefix", small_is_prefix_consistent, SMALL_ANY_ORDER},
    {"strong-session-prefix", small_is_prefix_consistent, SMALL_PROCESS_ORDER},
    {"read-committed", read_committed, SMALL_ANY_ORDER},
};

static void list_append_says_what_all_orders_say(void **state)
{
    (void)state;
    int valid = 0, invalid = 0;
    for (uint64_t seed = 0; seed < (uint64_t)rounds(LIST_ROUNDS); seed++) {
        struct rift_rng rng;
        struct small_history history;
        rift_rng_init(&rng, seed);
        small_random(&history, &rng, true, 2 + (int)rift_rng_below(&rng, TXNS_MAX - 1),
                     1 + (int)rift_rng_below(&rng, 3));
        for (size_t q = 0; q < sizeof questions / sizeof *questions; q++) {
            const struct question *question = &questions[q];
            if (question->oracle == read_committed && has_repeated_key(&history))
                continue;
            bool is_explained = question->oracle(&history, question->order);
            CLEANUP(rift_free) char *reason = NULL;
            enum rift_validity validity = small_check(&history, question->level, NULL, &reason);
            /* Unknown is what it says where nothing was observed at all. */
            bool convicts = validity == RIFT_INVALID;
            valid += is_explained;
            invalid += !is_explained;
            if (convicts == !is_explained)
                continue;
            /* Prefix consistency of lists is only convicted, by cycles that break it. */
            if (!convicts && question->oracle == small_is_prefix_consistent)
                continue;
            disagree(&history, seed, question->level, is_explained, reason);
        }
    }
    printf("list-append: %d explained, %d not\n", valid, invalid);
    assert_true(valid > rounds(LIST_ROUNDS) / 4 && invalid > rounds(LIST_ROUNDS) / 4);
}

static void rw_register_says_what_all_orders_say(void **state)
{
    (void)state;
    int valid = 0, invalid = 0;
    for (uint64_t seed = 0; seed < (uint64_t)rounds(REGISTER_ROUNDS); seed++) {
        struct rift_rng rng;
        struct small_history history;
        rift_rng_init(&rng, seed);
        small_random(&history, &rng, false, 2 + (int)rift_rng_below(&rng, TXNS_MAX - 1),
                     1 + (int)rift_rng_below(&rng, 3));
        for (size_t q = 0; q < sizeof questions / sizeof *questions; q++) {
            const struct question *question = &questions[q];
            if (question->oracle == read_committed)
                continue;
            bool is_explained = question->oracle(&history, question->order);
            CLEANUP(rift_free) char *reason = NULL;
            enum rift_validity validity = small_check(&history, question->level, NULL, &reason);
            valid += is_explained;
            invalid += !is_explained;
            if ((validity == RIFT_INVALID) == is_explained)
                disagree(&history, seed, question->level, is_explained, reason);
        }
    }
    printf("rw-register: %d explained, %d not\n", valid, invalid);
    assert_true(valid > rounds(REGISTER_ROUNDS) / 4 && invalid > rounds(REGISTER_ROUNDS) / 4);
}

/* Reads by predicate that leave open which version they saw are decided too, by trying. */
static void reads_by_predicate_are_judged_as_all_orders_say(void **state)
{
    (void)state;
    int valid = 0, invalid = 0, unknown = 0;
    for (uint64_t seed = 0; seed < (uint64_t)rounds(PREDICATE_ROUNDS); seed++) {
        struct rift_rng rng;
        struct small_history history;
        rift_rng_init(&rng, seed);
        small_random(&history, &rng, false, 2 + (int)rift_rng_below(&rng, TXNS_MAX - 1),
                     1 + (int)rift_rng_below(&rng, 3));
        small_add_predicates(&history, &rng);
        for (size_t q = 0; q < sizeof questions / sizeof *questions; q++) {
            const struct question *question = &questions[q];
            if (question->oracle == read_committed)
                continue;
            bool is_explained = question->oracle(&history, question->order);
            CLEANUP(rift_free) char *reason = NULL;
            enum rift_validity validity = small_check(&history, question->level, NULL, &reason);
            valid += is_explained;
            invalid += !is_explained;
            unknown += validity == RIFT_UNKNOWN;
            /* Unknown is what it says where nothing was observed at all. */
            if ((validity == RIFT_INVALID) == is_explained)
                disagree(&history, seed, question->level, is_explained, reason);
        }
    }
    printf("predicates: %d explained, %d not, %d left unknown\n", valid, invalid, unknown);
    assert_true(valid > rounds(PREDICATE_ROUNDS) / 4 && invalid > rounds(PREDICATE_ROUNDS) / 4);
}

/* Whether some transaction writes a key to which it comes back. */
static bool writes_what_it_reads(const struct small_history *history)
{
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++)
            for (int j = 0; j < history->txn[t].mop_count; j++)
                if (i != j && history->txn[t].mop[i].key == history->txn[t].mop[j].key &&
                    !history->txn[t].mop[i].is_read)
                    return true;
    return false;
}

struct weak_question {
    const char *level;
    enum small_weak oracle;
    bool with_sessions;
};

static const struct weak_question weak_questions[] = {
    {"monotonic-read-committed", SMALL_READ_COMMITTED, false},
    {"strong-session-monotonic-read-committed", SMALL_READ_COMMITTED, true},
    {"read-atomic", SMALL_READ_ATOMIC, false},
    {"strong-session-read-atomic", SMALL_READ_ATOMIC, true},
    {"causal-cerone", SMALL_CAUSAL, false},
    {"strong-session-causal", SMALL_CAUSAL, true},
};

static void weak_levels_of_registers_are_decided_as_by_all_commit_orders(void **state)
{
    (void)state;
    int valid = 0, invalid = 0;
    for (uint64_t seed = 0; seed < (uint64_t)rounds(WEAK_ROUNDS); seed++) {
        struct rift_rng rng;
        struct small_history history;
        rift_rng_init(&rng, seed);
        small_random(&history, &rng, false, 2 + (int)rift_rng_below(&rng, TXNS_MAX),
                     2 + (int)rift_rng_below(&rng, 2));
        if (writes_what_it_reads(&history))
            continue;
        for (size_t q = 0; q < sizeof weak_questions / sizeof *weak_questions; q++) {
            const struct weak_question *question = &weak_questions[q];
            bool is_explained =
                small_is_weakly_consistent(&history, question->oracle, question->with_sessions);
            CLEANUP(rift_free) char *reason = NULL;
            enum rift_validity validity = small_check(&history, question->level, NULL, &reason);
            valid += is_explained;
            invalid += !is_explained;
            if ((validity == RIFT_INVALID) == is_explained)
                disagree(&history, seed, question->level, is_explained, reason);
        }
    }
    printf("weak levels: %d explained, %d not\n", valid, invalid);
    assert_true(valid > 1000 && invalid > 1000);
}

/* Whether a transaction writes a key twice, or reads it by itself beside its own write. */
static bool comes_back(const struct small_history *history)
{
    for (int t = 0; t < history->count; t++)
        for (int i = 0; i < history->txn[t].mop_count; i++)
            for (int j = 0; j < history->txn[t].mop_count; j++) {
                const struct small_mop *write = &history->txn[t].mop[i];
                const struct small_mop *other = &history->txn[t].mop[j];
                if (i != j && !write->is_read && other->modulus == 0 && write->key == other->key)
                    return true;
            }
    return false;
}

static void weak_levels_with_predicates_are_decided_as_by_all_versions(void **state)
{
    (void)state;
    int valid = 0, invalid = 0, unknown = 0;
    for (uint64_t seed = 0; seed < (uint64_t)rounds(PREDICATE_ROUNDS); seed++) {
        struct rift_rng rng;
        struct small_history history;
        rift_rng_init(&rng, seed);
        small_random(&history, &rng, false, 2 + (int)rift_rng_below(&rng, TXNS_MAX - 1),
                     1 + (int)rift_rng_below(&rng, 3));
        small_add_predicates(&history, &rng);
        if (comes_back(&history))
            continue;
        for (size_t q = 0; q < sizeof weak_questions / sizeof *weak_questions; q++) {
            const struct weak_question *question = &weak_questions[q];
            bool is_explained =
                small_is_weakly_consistent(&history, question->oracle, question->with_sessions);
            CLEANUP(rift_free) char *reason = NULL;
            enum rift_validity validity = small_check(&history, question->level, NULL, &reason);
            valid += is_explained;
            invalid += !is_explained;
            unknown += validity == RIFT_UNKNOWN;
            /* Unknown is what it says where nothing was observed at all. */
            if ((validity == RIFT_INVALID) == is_explained)
                disagree(&history, seed, question->level, is_explained, reason);
        }
    }
    printf("weak levels with predicates: %d explained, %d not, %d left unknown\n", valid, invalid,
           unknown);
    assert_true(valid > rounds(1000) && invalid > rounds(1000));
}

/* Small histories write few keys: here a transaction writes many, and one read later is looked up
 * among them. Who read from it committed it first, who read from the other one that one. */
static void a_key_is_found_among_many_that_a_transaction_writes(void **state)
{
    (void)state;
    static const char many[] = "[w 12 1] [w 11 1] [w 10 1] [w 9 1] [w 8 1] [w 7 1] [w 6 1] [w 5 1] "
                               "[w 4 1] [w 3 1] [w 2 1] [w 1 1]";
    for (int key = 1; key < 12; key++) {
        struct rift_error err = {0};
        struct rift_verdict verdict = {0};
        CLEANUP(rift_free)
        char *text = rift_printf("p0 txn:[%s] ok, p1 txn:[[w %d 2] [w 20 2]] ok, "
                                 "p2 txn:[[r 12 1] [r %d 2]] ok, p3 txn:[[r 20 2] [r %d 1]] ok",
                                 many, key, key, key);
        struct rift_history *history = rift_history_from_notation(text, &err);
        if (!history)
            fail_msg("%s", err.text);
        assert_int_equal(
            small_check_history(history, "rw-register", "monotonic-read-committed", NULL, &verdict),
            RIFT_INVALID);
        rift_verdict_finish(&verdict);
        rift_history_destroy(history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_among_many_that_a_transaction_writes),
        cmocka_unit_test(list_append_says_what_all_orders_say),
        cmocka_unit_test(rw_register_says_what_all_orders_say),
        cmocka_unit_test(reads_by_predicate_are_judged_as_all_orders_say),
        cmocka_unit_test(weak_levels_of_registers_are_decided_as_by_all_commit_orders),
        cmocka_unit_test(weak_levels_with_predicates_are_decided_as_by_all_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
