/* The pruning and the SAT solver on their own, without the guess that mostly answers before them:
 * they say what all orders tried say. And the guess on its own: it explains nothing else, and what
 * a serial store did it explains. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "checkers/txn/load.h"
#include "checkers/txn/polygraph.h"
#include "tests/lib/simulated_store.h"
#include "tests/lib/small_txns.h"

enum { ROUNDS = 30000, TXNS_MAX = 6 };

struct question {
    enum polygraph_level level;
    enum polygraph_order order;
    bool (*oracle)(const struct small_history *, enum small_order);
    enum small_order small_order;
    const char *name;
};

static const struct question questions[] = {
    {POLYGRAPH_SERIAL, POLYGRAPH_ANY, small_is_serializable, SMALL_ANY_ORDER, "serializable"},
    {POLYGRAPH_SERIAL, POLYGRAPH_PROCESS, small_is_serializable, SMALL_PROCESS_ORDER,
     "strong-session-serializable"},
    {POLYGRAPH_SNAPSHOT, POLYGRAPH_ANY, small_is_snapshot_isolated, SMALL_ANY_ORDER,
     "snapshot-isolation"},
    {POLYGRAPH_PREFIX, POLYGRAPH_PROCESS, small_is_prefix_consistent, SMALL_PROCESS_ORDER,
     "strong-session-prefix"},
};

/* Pruned for so many rounds (0: to the end), then the solver: valid, invalid, or unknown. */
static enum polygraph_answer answer(const struct small_history *small,
                                    const struct question *question, size_t rounds_max,
                                    bool *has_direct, size_t *clauses)
{
    struct rift_history *history = small_to_history(small);
    struct rift_verdict verdict = {0};
    struct rift_error err = {0};
    json_t *options = json_pack("{s:s}", "level", question->name);
    struct rift_check check = {.history = history, .options = options};
    struct txn_set set;
    struct txn_findings findings;
    struct register_model model;
    struct polygraph polygraph;
    const char *reason = NULL;
    assert_int_equal(txn_set_init(&set, history, TXN_WRITE, &err), 0);
    assert_int_equal(txn_findings_init(&findings, &check, &set, &verdict, &err), 0);
    register_model_init(&model, &set);
    register_model_judge(&model, &findings);
    *has_direct = verdict.validity == RIFT_INVALID;
    polygraph_init(&polygraph, &model, question->level, question->order, &findings);
    polygraph.rounds_max = rounds_max;
    enum polygraph_answer result = polygraph_prune(&polygraph, &reason);
    if (result == POLYGRAPH_UNDECIDED)
        result = polygraph.pair_count == 0 && rounds_max == 0
                     ? POLYGRAPH_EXPLAINED
                     : polygraph_search(&polygraph, &reason);
    *clauses += polygraph.clauses;
    polygraph_finish(&polygraph);
    register_model_finish(&model);
    txn_set_finish(&set);
    rift_verdict_finish(&verdict);
    json_decref(options);
    rift_history_destroy(history);
    if (reason && result == POLYGRAPH_UNDECIDED) {
        print_message("%s\n", reason);
        skip();
    }
    return result;
}

static void compare(size_t rounds_max, size_t *clauses)
{
    int explained = 0, violated = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct rift_rng rng;
        struct small_history small;
        rift_rng_init(&rng, seed);
        small_random(&small, &rng, false, 3 + (int)rift_rng_below(&rng, TXNS_MAX - 2),
                     1 + (int)rift_rng_below(&rng, 3));
        const struct question *question = &questions[seed % 4];
        bool has_direct;
        enum polygraph_answer said = answer(&small, question, rounds_max, &has_direct, clauses);
        if (has_direct)
            continue;
        bool is_explained = question->oracle(&small, question->small_order);
        explained += is_explained;
        violated += !is_explained;
        if ((said == POLYGRAPH_EXPLAINED) != is_explained) {
            small_print(&small);
            fail_msg("seed %d, %s: some order explains it: %d, the polygraph says %d", (int)seed,
                     question->name, is_explained, (int)said);
        }
    }
    print_message("%d explained, %d not\n", explained, violated);
    assert_true(explained > 300 && violated > 300);
}

static void pruning_and_solver_say_what_all_orders_say(void **state)
{
    (void)state;
    size_t clauses = 0;
    compare(0, &clauses);
}

static void the_solver_alone_says_what_all_orders_say(void **state)
{
    (void)state;
    size_t clauses = 0;
    compare(1, &clauses);
    /* It has been put to work. */
    assert_true(clauses > 300);
}

/* Whether an order of the transactions was guessed. */
static bool guesses(const struct rift_history *history, const struct question *question)
{
    struct rift_verdict verdict = {0};
    struct rift_error err = {0};
    json_t *options = json_pack("{s:s}", "level", question->name);
    struct rift_check check = {.history = history, .options = options};
    struct txn_set set;
    struct txn_findings findings;
    struct register_model model;
    struct polygraph polygraph;
    assert_int_equal(txn_set_init(&set, history, TXN_WRITE, &err), 0);
    assert_int_equal(txn_findings_init(&findings, &check, &set, &verdict, &err), 0);
    register_model_init(&model, &set);
    register_model_judge(&model, &findings);
    bool has_direct = verdict.validity == RIFT_INVALID;
    polygraph_init(&polygraph, &model, question->level, question->order, &findings);
    bool is_guessed = !has_direct && polygraph_guess(&polygraph);
    polygraph_finish(&polygraph);
    register_model_finish(&model);
    txn_set_finish(&set);
    rift_verdict_finish(&verdict);
    json_decref(options);
    return is_guessed;
}

static void the_guess_explains_nothing_that_no_order_explains(void **state)
{
    (void)state;
    int explained = 0, guessed = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct rift_rng rng;
        struct small_history small;
        rift_rng_init(&rng, seed);
        small_random(&small, &rng, false, 3 + (int)rift_rng_below(&rng, TXNS_MAX - 2),
                     1 + (int)rift_rng_below(&rng, 3));
        const struct question *question = &questions[seed % 2];
        struct rift_history *history = small_to_history(&small);
        bool is_guessed = guesses(history, question);
        bool is_explained = question->oracle(&small, question->small_order);
        rift_history_destroy(history);
        if (is_guessed && !is_explained) {
            small_print(&small);
            fail_msg("seed %d, %s: guessed", (int)seed, question->name);
        }
        explained += is_explained;
        guessed += is_guessed;
    }
    print_message("%d guessed of %d explained\n", guessed, explained);
    assert_true(guessed > 300);
}

/* It gets stuck on the way, and must find back. */
static void the_guess_explains_a_serial_store(void **state)
{
    (void)state;
    static const struct question strict = {POLYGRAPH_SERIAL, POLYGRAPH_REALTIME, NULL,
                                           SMALL_ANY_ORDER, "strict-serializable"};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct store_options options = {.level = STORE_SERIAL,
                                        .process_count = 20,
                                        .transaction_count = 400,
                                        .key_count = 4 + (int)seed % 8,
                                        .mops_max = 4,
                                        .abort_percent = 3,
                                        .unknown_percent = (int)seed % 4,
                                        .writes_per_key = 128,
                                        .has_no_times = seed % 5 == 4,
                                        .seed = seed};
        struct rift_history *history = store_run(&options);
        if (!guesses(history, options.has_no_times ? &questions[1] : &strict))
            fail_msg("seed %d: not guessed", (int)seed);
        rift_history_destroy(history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pruning_and_solver_say_what_all_orders_say),
        cmocka_unit_test(the_solver_alone_says_what_all_orders_say),
        cmocka_unit_test(the_guess_explains_nothing_that_no_order_explains),
        cmocka_unit_test(the_guess_explains_a_serial_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
