/* The checker of rw-register histories. */
#include "checkers/registry.h"

#include "checkers/txn/judge.h"
#include "checkers/txn/polygraph.h"
#include "checkers/txn/register.h"
#include "checkers/txn/weak.h"
#include "common/clock.h"

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
    struct txn_findings silent = *findings;
    struct rift_verdict nothing = {0};
    silent.verdict = &nothing;
    register_model_init(&model, set, &silent);
    rift_verdict_finish(&nothing);
    txn_edges_init(&edges, set->count);
    register_model_edges(&model, REGISTER_LINEARIZABLE, findings, TXN_NOT_STRICTLY_SERIALIZABLE,
                         &edges);
    txn_judge_cycles_as(check, findings, TXN_NOT_STRICTLY_SERIALIZABLE, &edges, &model,
                        register_model_explain);
    register_model_finish(&model);
}

static int rw_register_check(const struct rift_check *check, struct rift_verdict *verdict,
                             struct rift_error *err)
{
    struct txn_set set;
    struct txn_findings findings;
    if (txn_set_init(&set, check->history, TXN_WRITE, err) < 0)
        return -1;
    if (txn_findings_init(&findings, check, &set, verdict, err) < 0) {
        txn_set_finish(&set);
        return -1;
    }
    if (set.repeated_write != TXN_NONE) {
        txn_findings_refuse_repeated(&findings);
    } else {
        enum register_order order = is_set(check, "linearizable_keys") ? REGISTER_LINEARIZABLE
                                    : is_set(check, "sequential_keys") ? REGISTER_SEQUENTIAL
                                                                       : REGISTER_INFERRED;
        struct register_model model;
        struct txn_edges edges;
        register_model_init(&model, &set, &findings);
        txn_edges_init(&edges, set.count);
        register_model_edges(&model, order, &findings, TXN_CYCLIC_VERSIONS, &edges);
        txn_judge_cycles(check, &findings, &edges, &model, register_model_explain);
        if (verdict->validity != RIFT_INVALID) {
            bool undecided;
            weak_judge(&model, &findings, &undecided);
            /* Prefix consistency and all above it imply causality and are decided by search. */
            if (undecided && !(findings.forbidden >> TXN_NOT_PREFIX & 1))
                rift_verdict_doubt(verdict, "causality without the order of sessions is too much "
                                            "work on so many transactions: ask for causal");
        }
        register_model_finish(&model);
        if (verdict->validity != RIFT_INVALID && order != REGISTER_LINEARIZABLE &&
            (findings.forbidden >> TXN_NOT_STRICTLY_SERIALIZABLE & 1))
            judge_strictly(check, &set, &findings);
        if (verdict->validity != RIFT_INVALID)
            polygraph_judge(check, &set, &findings);
    }
    txn_findings_conclude(&findings);
    txn_set_finish(&set);
    return 0;
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
