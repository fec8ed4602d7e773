/* The checker of list-append histories. */
#include "checkers/registry.h"

#include "checkers/txn/append.h"
#include "checkers/txn/judge.h"
#include "checkers/txn/load.h"

static int list_append_check(const struct rift_check *check, struct rift_verdict *verdict,
                             struct rift_error *err)
{
    struct txn_set set;
    struct txn_findings findings;
    struct append_model model;
    if (txn_set_init(&set, check->history, TXN_APPEND, err) < 0)
        return -1;
    if (txn_findings_init(&findings, check, &set, verdict, err) < 0) {
        txn_set_finish(&set);
        return -1;
    }
    if (set.repeated_write != TXN_NONE) {
        txn_findings_refuse_repeated(&findings);
    } else {
        append_model_init(&model, &set, &findings);
        append_model_judge(&model, &findings);
        struct txn_edges edges;
        txn_edges_init(&edges, set.count);
        append_model_edges(&model, &edges);
        txn_judge_cycles(check, &findings, &edges, &model, append_model_explain);
        append_judge_unseen(check, &model, &findings);
        append_model_finish(&model);
    }
    txn_findings_conclude(&findings);
    txn_set_finish(&set);
    return 0;
}

static const struct rift_option list_append_options[] = {
    TXN_LEVEL_OPTION,
    {0},
};

const struct rift_checker rift_checker_list_append = {
    .name = "list-append",
    .summary = "transactions that append to lists and read them, at a level of isolation",
    .options = list_append_options,
    .check = list_append_check,
};
