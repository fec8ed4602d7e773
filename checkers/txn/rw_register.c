/* The checker of rw-register histories. */
#include "checkers/registry.h"

#include <inttypes.h>
#include <stdlib.h>

#include "checkers/txn/judge.h"
#include "checkers/txn/load.h"
#include "checkers/txn/polygraph.h"
#include "checkers/txn/register.h"
#include "checkers/txn/weak.h"
#include "common/clock.h"
#include "common/memory.h"

enum { CHOICES_MAX = 256 };

/* Reads of predicates that leave open which version they saw. */
struct txn_open {
    uint32_t count;
    uint32_t *option_count;
    int level;
};

static bool is_set(const struct rift_check *check, const char *name)
{
    return json_is_true(json_object_get(check->options, name));
}

/* A strictly serializable store is linearizable on each key, so a cycle in the order of real time
 * is a violation, though it does not tell of which weaker level. */
static void judge_strictly(const struct rift_check *check, const struct txn_set *set,
                           struct txn_findings *findings)
{
    struct register_model model;
    struct txn_edges edges;
    register_model_init(&model, set);
    txn_edges_init(&edges, set->count);
    register_model_edges(&model, REGISTER_LINEARIZABLE, findings, TXN_NOT_STRICTLY_SERIALIZABLE,
                         &edges);
    txn_judge_cycles_as(check, findings, TXN_NOT_STRICTLY_SERIALIZABLE, &edges, &model,
                        register_model_explain);
    register_model_finish(&model);
}

static void judge_set(const struct rift_check *check, const struct txn_set *set,
                      struct txn_findings *findings)
{
    struct rift_verdict *verdict = findings->verdict;
    enum register_order order = is_set(check, "linearizable_keys") ? REGISTER_LINEARIZABLE
                                : is_set(check, "sequential_keys") ? REGISTER_SEQUENTIAL
                                                                   : REGISTER_INFERRED;
    struct register_model model;
    struct txn_edges edges;
    register_model_init(&model, set);
    register_model_judge(&model, findings);
    txn_edges_init(&edges, set->count);
    register_model_edges(&model, order, findings, TXN_CYCLIC_VERSIONS, &edges);
    txn_judge_cycles(check, findings, &edges, &model, register_model_explain);
    if (verdict->validity != RIFT_INVALID) {
        bool undecided;
        weak_judge(&model, findings, &undecided);
        /* Prefix consistency and all above it imply causality and are decided by search. */
        if (undecided && !(findings->forbidden >> TXN_NOT_PREFIX & 1))
            rift_verdict_doubt(verdict, "causality without the order of sessions is too much "
                                        "work on so many transactions: ask for causal");
    }
    register_model_finish(&model);
    if (verdict->validity != RIFT_INVALID && order != REGISTER_LINEARIZABLE &&
        (findings->forbidden >> TXN_NOT_STRICTLY_SERIALIZABLE & 1))
        judge_strictly(check, set, findings);
    if (verdict->validity != RIFT_INVALID)
        polygraph_judge(check, set, findings);
}

/* Judges the history with open read i of a predicate having seen option choice[i], NULL: with open
 * reads left out. open, where it is given, receives the options of each; the caller frees it. */
static int judge_with(const struct rift_check *check, const uint32_t *choice,
                      struct rift_verdict *verdict, struct txn_open *open, struct rift_error *err)
{
    struct txn_set set;
    struct txn_findings findings;
    if (txn_set_init_chosen(&set, check->history, TXN_WRITE, choice, err) < 0)
        return -1;
    if (txn_findings_init(&findings, check, &set, verdict, err) < 0) {
        txn_set_finish(&set);
        return -1;
    }
    if (set.repeated_write != TXN_NONE)
        txn_findings_refuse_repeated(&findings);
    else
        judge_set(check, &set, &findings);
    txn_findings_conclude(&findings);
    if (open && set.repeated_write == TXN_NONE) {
        *open = (struct txn_open){set.open_count, set.option_count, findings.level};
        set.option_count = NULL;
    }
    txn_set_finish(&set);
    return 0;
}

/* The next choice, as an odometer counts; false after the last. */
static bool next_choice(const struct txn_open *open, uint32_t *choice)
{
    for (uint32_t i = 0; i < open->count; i++) {
        if (++choice[i] < open->option_count[i])
            return true;
        choice[i] = 0;
    }
    return false;
}

/* The history is valid if some choice of what the open reads saw explains it, invalid if none does.
 * The likeliest comes first; past CHOICES_MAX of them or the time it is unknown. */
static int judge_open_reads(const struct rift_check *check, const struct txn_open *open,
                            struct rift_verdict *verdict, struct rift_error *err)
{
    int64_t started = rift_clock_now();
    CLEANUP(rift_free) uint32_t *choice = rift_calloc((size_t)open->count + 1, sizeof *choice);
    bool is_last = false, is_undecided = false;
    uint32_t tried = 0;
    while (!is_last && tried < CHOICES_MAX) {
        struct rift_verdict attempt = {0};
        if (judge_with(check, choice, &attempt, NULL, err) < 0)
            return -1;
        tried++;
        if (attempt.validity == RIFT_VALID) {
            rift_verdict_finish(verdict);
            *verdict = attempt;
            return 0;
        }
        is_undecided |= attempt.validity == RIFT_UNKNOWN;
        rift_verdict_finish(&attempt);
        if (check->budget.time_ms && rift_clock_now() - started > check->budget.time_ms * RIFT_MS)
            break;
        is_last = !next_choice(open, choice);
    }
    if (!is_last || is_undecided) {
        rift_verdict_doubt(verdict,
                           "%" PRIu32 " reads of predicates leave open which version they did not "
                           "match, and none of %" PRIu32 " choices tried explains the history",
                           open->count, tried);
        return 0;
    }
    rift_verdict_convict(verdict, "no version set",
                         "no version set: %" PRIu32 " reads of predicates leave open which version "
                         "they did not match, and none of the %" PRIu32 " choices explains the "
                         "history",
                         open->count, tried);
    json_object_set_new(verdict->details, "not", json_pack("[s]", txn_level_names[open->level]));
    return 0;
}

static int rw_register_check(const struct rift_check *check, struct rift_verdict *verdict,
                             struct rift_error *err)
{
    struct txn_open open = {0};
    if (judge_with(check, NULL, verdict, &open, err) < 0)
        return -1;
    int result = 0;
    /* Read uncommitted says nothing of reads. */
    if (open.count > 0 && verdict->validity != RIFT_INVALID &&
        open.level != txn_level_find("read-uncommitted"))
        result = judge_open_reads(check, &open, verdict, err);
    if (open.count > 0)
        json_object_set_new(rift_verdict_stats(verdict), "open_predicate_reads",
                            json_integer(open.count));
    free(open.option_count);
    return result;
}

static const struct rift_option rw_register_options[] = {
    TXN_LEVEL_OPTION,
    {.name = "linearizable_keys",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "each key by itself is linearizable: its versions follow real time"},
    {.name = "sequential_keys",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "each process sees the versions of a key in order"},
    {0},
};

const struct rift_checker rift_checker_rw_register = {
    .name = "rw-register",
    .summary = "transactions that read and write registers, at a level of isolation",
    .options = rw_register_options,
    .check = rw_register_check,
};
