/* Stores that really are as isolated as they say: never convicted at their level, and over some
 * seeds convicted of what the next level forbids. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/txn/lattice.h"
#include "tests/lib/simulated_store.h"
#include "tests/lib/small_txns.h"

enum { SEEDS = 300 };

struct expectation {
    enum store_level store;
    const char *level;          /* holds */
    const char *const must[6];  /* found in some seed */
    const char *const never[8]; /* found in none */
};

static const struct expectation expectations[] = {
    {STORE_SERIAL, "strict-serializable", {NULL}, {NULL}},
    {STORE_SNAPSHOT,
     "strong-snapshot-isolation",
     {"G2-item", NULL},
     {"G-single", "G-nonadjacent", "G1c", "G0", "lost update", "internal", NULL}},
    {STORE_READ_COMMITTED,
     "strong-read-committed",
     {"G-single", "lost update", "internal", NULL},
     {"G0", "G1a", "G1b", "G1c", "dirty update", NULL}},
    {STORE_READ_UNCOMMITTED,
     "strong-read-uncommitted",
     {"G1a", "G1b", "G1c", NULL},
     {"G0", "G0-realtime", "dirty update", NULL}},
    {STORE_CHAOS, NULL, {"G0", "G1a", "G1c", "incompatible order", NULL}, {NULL}},
};

static struct store_options options_of(enum store_level level, bool is_list, uint64_t seed)
{
    return (struct store_options){.level = level,
                                  .is_list = is_list,
                                  .process_count = 5,
                                  .transaction_count = 120,
                                  .key_count = 3,
                                  .mops_max = 4,
                                  .abort_percent = 10,
                                  .unknown_percent = 5,
                                  .writes_per_key = 24,
                                  .seed = seed};
}

static void print_counts(const struct rift_verdict *verdict)
{
    char *text = json_dumps(json_object_get(verdict->details, "counts"), 0);
    fprintf(stderr, "%s: %s\n", verdict->reason ? verdict->reason : "valid", text);
    free(text);
}

/* Adds up how often each anomaly was found. */
static void count_found(const struct rift_verdict *verdict, json_t *total)
{
    const char *name;
    json_t *count;
    json_object_foreach(json_object_get(verdict->details, "counts"), name, count)
        json_object_set(total, name, count);
}

static void check_store(const struct expectation *expected, bool is_list, const char *option)
{
    const char *checker = is_list ? "list-append" : "rw-register";
    json_t *total = json_object();
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct store_options options = options_of(expected->store, is_list, seed);
        struct rift_history *history = store_run(&options);
        struct rift_verdict verdict = {0}, all = {0};
        if (expected->level && small_check_history(history, checker, expected->level, option,
                                                   &verdict) != RIFT_VALID) {
            print_counts(&verdict);
            fail_msg("store %d, seed %d, %s %s", (int)expected->store, (int)seed, checker,
                     option ? option : "");
        }
        small_check_history(history, checker, "strict-serializable", option, &all);
        count_found(&all, total);
        rift_verdict_finish(&verdict);
        rift_verdict_finish(&all);
        rift_history_destroy(history);
    }
    for (size_t i = 0; expected->must[i] && is_list; i++)
        if (!json_object_get(total, expected->must[i]))
            fail_msg("store %d never showed %s", (int)expected->store, expected->must[i]);
    for (size_t i = 0; expected->never[i]; i++)
        if (json_object_get(total, expected->never[i]))
            fail_msg("store %d showed %s", (int)expected->store, expected->never[i]);
    json_decref(total);
}

static void stores_of_lists_are_convicted_of_what_they_allow_and_of_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++)
        check_store(&expectations[i], true, NULL);
}

static void stores_of_registers_are_never_convicted_at_their_level(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++)
        if (expectations[i].level)
            check_store(&expectations[i], false, NULL);
}

static void keys_of_a_serial_store_are_linearizable_and_sequential(void **state)
{
    (void)state;
    check_store(&expectations[0], false, "linearizable_keys");
    check_store(&expectations[0], false, "sequential_keys");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_of_lists_are_convicted_of_what_they_allow_and_of_nothing_else),
        cmocka_unit_test(stores_of_registers_are_never_convicted_at_their_level),
        cmocka_unit_test(keys_of_a_serial_store_are_linearizable_and_sequential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
