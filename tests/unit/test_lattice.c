/* The lattice against the field's tables, written down here once more: what each anomaly rules out
 * at least (Adya's thesis; Bailis and others, VLDB 2014; Cerone and others, CONCUR 2015; Elle), and
 * which levels imply which. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "checkers/txn/lattice.h"
#include "common/memory.h"
#include "common/text.h"

static const struct {
    const char *anomaly, *weakest;
} rules_out[] = {
    {"G0", "read-uncommitted"},
    {"G0-process", "strong-session-read-uncommitted"},
    {"G0-realtime", "strong-read-uncommitted"},
    {"duplicate elements", "read-uncommitted"},
    {"cyclic versions", "read-uncommitted"},
    {"G1a", "read-committed"},
    {"G1b", "read-committed"},
    {"G1c", "read-committed"},
    {"G1c-process", "strong-session-read-committed"},
    {"G1c-realtime", "strong-read-committed"},
    {"dirty update", "read-committed"},
    {"incompatible order", "read-committed"},
    {"future read", "read-committed"},
    {"internal", "read-atomic"},
    {"lost update", "cursor-stability update-atomic"},
    {"G-single", "consistent-view repeatable-read"},
    {"G-single-process", "strong-session-snapshot-isolation"},
    {"G-single-realtime", "strong-snapshot-isolation"},
    {"G-single-predicate", "consistent-view"},
    {"G-single-predicate-process", "strong-session-snapshot-isolation"},
    {"G-single-predicate-realtime", "strong-snapshot-isolation"},
    {"G-nonadjacent", "repeatable-read snapshot-isolation"},
    {"G-nonadjacent-process", "strong-session-snapshot-isolation"},
    {"G-nonadjacent-realtime", "strong-snapshot-isolation"},
    {"G-nonadjacent-predicate", "snapshot-isolation"},
    {"G-nonadjacent-predicate-process", "strong-session-snapshot-isolation"},
    {"G-nonadjacent-predicate-realtime", "strong-snapshot-isolation"},
    {"long fork", "repeatable-read prefix"},
    {"G2-item", "repeatable-read"},
    {"G2-item-process", "strong-session-serializable"},
    {"G2-item-realtime", "strict-serializable"},
    {"G2", "serializable"},
    {"G2-process", "strong-session-serializable"},
    {"G2-realtime", "strict-serializable"},
};

/* Each implies all to its right. */
static const char *const implications[][2] = {
    {"read-committed", "read-uncommitted"},
    {"cursor-stability", "read-committed read-uncommitted"},
    {"consistent-view", "cursor-stability monotonic-view"},
    {"forward-consistent-view", "consistent-view"},
    {"update-serializable", "forward-consistent-view"},
    {"repeatable-read", "cursor-stability monotonic-atomic-view"},
    {"read-atomic", "monotonic-atomic-view read-committed"},
    {"causal-cerone", "read-atomic"},
    {"prefix", "causal-cerone"},
    {"parallel-snapshot-isolation", "causal-cerone update-atomic"},
    {"snapshot-isolation", "forward-consistent-view monotonic-atomic-view prefix "
                           "parallel-snapshot-isolation monotonic-snapshot-read consistent-view"},
    {"serializable", "repeatable-read snapshot-isolation update-serializable"},
    {"strong-session-snapshot-isolation", "snapshot-isolation strong-session-read-committed"},
    {"strong-session-serializable", "serializable strong-session-snapshot-isolation"},
    {"strong-snapshot-isolation", "strong-read-committed strong-session-snapshot-isolation"},
    {"strict-serializable", "serializable strong-session-serializable strong-snapshot-isolation"},
};

static const char *const independent[][2] = {
    {"snapshot-isolation", "repeatable-read"},
    {"repeatable-read", "snapshot-isolation"},
    {"repeatable-read", "consistent-view"},
    {"update-serializable", "repeatable-read"},
    {"parallel-snapshot-isolation", "prefix"},
    {"prefix", "parallel-snapshot-isolation"},
    {"serializable", "strong-session-read-uncommitted"},
    {"strong-session-serializable", "strong-read-uncommitted"},
    {"strong-snapshot-isolation", "serializable"},
};

/* All levels that an anomaly rules out, each by its name (Elle's anomaly-rules-out for the first
 * and the last; a long fork is also what prefix consistency forbids, Cerone and others, CONCUR
 * 2015). */
static const struct {
    const char *anomaly, *levels;
} rules_out_exactly[] = {
    {"G-nonadjacent", "repeatable-read snapshot-isolation serializable "
                      "strong-session-snapshot-isolation strong-session-serializable "
                      "strong-snapshot-isolation strict-serializable"},
    {"long fork", "repeatable-read prefix snapshot-isolation serializable strong-session-prefix "
                  "strong-session-snapshot-isolation strong-session-serializable "
                  "strong-snapshot-isolation strict-serializable"},
    {"G-nonadjacent-process", "strong-session-snapshot-isolation strong-session-serializable "
                              "strong-snapshot-isolation strict-serializable"},
    {"G-nonadjacent-realtime", "strong-snapshot-isolation strict-serializable"},
    {"G-nonadjacent-predicate", "snapshot-isolation serializable "
                                "strong-session-snapshot-isolation strong-session-serializable "
                                "strong-snapshot-isolation strict-serializable"},
};

static int anomaly_of(const char *name)
{
    for (int i = 0; i < TXN_ANOMALY_COUNT; i++)
        if (strcmp(txn_anomaly_name((enum txn_anomaly)i), name) == 0)
            return i;
    fail_msg("no anomaly %s", name);
    return -1;
}

static txn_levels levels_of(const char *names)
{
    CLEANUP(rift_free) char *copy = rift_strdup(names);
    char *rest = copy, *name;
    txn_levels levels = 0;
    while ((name = strsep(&rest, " "))) {
        if (txn_level_find(name) < 0)
            fail_msg("no level %s", name);
        levels |= UINT64_C(1) << txn_level_find(name);
    }
    return levels;
}

static void each_anomaly_rules_out_what_the_field_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules_out / sizeof *rules_out; i++) {
        int anomaly = anomaly_of(rules_out[i].anomaly);
        txn_levels weakest = levels_of(rules_out[i].weakest);
        if (txn_levels_weakest(txn_levels_ruled_out(UINT64_C(1) << anomaly)) != weakest)
            fail_msg("%s", rules_out[i].anomaly);
        for (int level = 0; txn_level_names[level]; level++)
            if ((txn_level_forbids(level) >> anomaly & 1) !=
                ((txn_level_implied(level) & weakest) != 0))
                fail_msg("%s, %s", rules_out[i].anomaly, txn_level_names[level]);
    }
}

static void non_adjacent_cycles_rule_out_these_levels_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules_out_exactly / sizeof *rules_out_exactly; i++) {
        int anomaly = anomaly_of(rules_out_exactly[i].anomaly);
        txn_levels out = levels_of(rules_out_exactly[i].levels);
        txn_levels ruled_out = txn_levels_ruled_out(UINT64_C(1) << anomaly);
        for (int level = 0; txn_level_names[level]; level++)
            if ((ruled_out >> level & 1) != (out >> level & 1) ||
                (txn_level_forbids(level) >> anomaly & 1) != (out >> level & 1))
                fail_msg("%s, %s", rules_out_exactly[i].anomaly, txn_level_names[level]);
    }
}

static void each_anomaly_is_explained_in_words(void **state)
{
    (void)state;
    for (int i = 0; i < TXN_ANOMALY_COUNT; i++)
        if (strlen(txn_anomaly_summary(i)) < 10)
            fail_msg("%s has no meaning", txn_anomaly_name(i));
}

static void levels_imply_what_the_field_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof implications / sizeof *implications; i++) {
        txn_levels weaker = levels_of(implications[i][1]);
        if ((txn_level_implied(txn_level_find(implications[i][0])) & weaker) != weaker)
            fail_msg("%s", implications[i][0]);
    }
    for (size_t i = 0; i < sizeof independent / sizeof *independent; i++)
        if (txn_level_implied(txn_level_find(independent[i][0])) & levels_of(independent[i][1]))
            fail_msg("%s implies %s", independent[i][0], independent[i][1]);
}

/* What is left possible is everything that nothing found rules out, the strongest of it shown. */
static void what_is_possible_is_the_rest(void **state)
{
    (void)state;
    txn_levels all = txn_levels_all();
    txn_levels skew = txn_levels_ruled_out(UINT64_C(1) << anomaly_of("G2-item"));
    assert_true(txn_levels_strongest(all & ~skew) ==
                levels_of("update-serializable strong-snapshot-isolation"));
    txn_levels fork = txn_levels_ruled_out(UINT64_C(1) << anomaly_of("G-nonadjacent") |
                                           UINT64_C(1) << anomaly_of("long fork"));
    assert_false(fork & levels_of("parallel-snapshot-isolation update-serializable"));
    assert_true((fork & levels_of("prefix snapshot-isolation strict-serializable")) ==
                levels_of("prefix snapshot-isolation strict-serializable"));
    txn_levels phantom = txn_levels_ruled_out(UINT64_C(1) << anomaly_of("G2"));
    assert_false(phantom & levels_of("repeatable-read snapshot-isolation"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_anomaly_rules_out_what_the_field_says),
        cmocka_unit_test(non_adjacent_cycles_rule_out_these_levels_alone),
        cmocka_unit_test(each_anomaly_is_explained_in_words),
        cmocka_unit_test(levels_imply_what_the_field_says),
        cmocka_unit_test(what_is_possible_is_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
