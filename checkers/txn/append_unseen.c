/* The order of appends that nobody saw, as a polygraph: two of them on one key are a choice between
 * two ww edges, and nothing else hangs on it. */
#include "checkers/txn/append.h"

#include <stdlib.h>

#include "checkers/txn/polygraph.h"
#include "common/clock.h"
#include "common/memory.h"

enum { TIME_DEFAULT_MS = 60000 };

#define FOUND(anomaly) (UINT64_C(1) << (anomaly))

static const struct {
    enum txn_anomaly anomaly;
    enum polygraph_order order;
} questions[] = {
    {TXN_NOT_SNAPSHOT_ISOLATED, POLYGRAPH_ANY},
    {TXN_NOT_SNAPSHOT_ISOLATED_PROCESS, POLYGRAPH_PROCESS},
    {TXN_NOT_SNAPSHOT_ISOLATED_REALTIME, POLYGRAPH_REALTIME},
};

enum { QUESTION_COUNT = sizeof questions / sizeof *questions };

/* A model of registers in which only unseen appends compete, one for each transaction and key, and
 * nobody reads. */
static void unseen_model_init(struct register_model *unseen, const struct append_model *model)
{
    const struct txn_set *set = model->set;
    *unseen = (struct register_model){.set = set, .version_count = set->mop_count + set->key_count};
    unseen->has_later_write =
        rift_calloc((size_t)set->mop_count + 1, sizeof *unseen->has_later_write);
    unseen->reader_first =
        rift_calloc((size_t)unseen->version_count + 2, sizeof *unseen->reader_first);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        unseen->has_later_write[mop] =
            set->mop_function[mop] == TXN_READ || append_is_trusted(model, mop);
        for (uint32_t at = set->mop_before[mop]; at != TXN_NONE; at = set->mop_before[at])
            unseen->has_later_write[mop] |= set->mop_function[at] != TXN_READ;
    }
}

static enum polygraph_answer ask(const struct rift_check *check, const struct append_model *model,
                                 enum polygraph_order order, size_t *pairs, const char **reason)
{
    const struct txn_set *set = model->set;
    struct register_model unseen;
    struct polygraph polygraph;
    unseen_model_init(&unseen, model);
    polygraph_begin(&polygraph, &unseen, POLYGRAPH_SNAPSHOT, order);
    polygraph.memory_bytes = check->budget.memory_bytes / 2;
    polygraph.deadline_ns =
        rift_clock_now() +
        (check->budget.time_ms ? check->budget.time_ms : TIME_DEFAULT_MS) * RIFT_MS;
    for (uint32_t mop = 0; mop < set->mop_count; mop++)
        polygraph.is_included[set->mop_txn[mop]] |=
            txn_is_committed(set, set->mop_txn[mop]) ||
            (set->mop_function[mop] != TXN_READ && append_is_live(set, mop) &&
             model->place[mop] != TXN_NONE);
    append_model_edges(model, &polygraph.known);
    polygraph_add_order(&polygraph);
    enum polygraph_answer answer = polygraph_prune(&polygraph, reason);
    if (answer == POLYGRAPH_UNDECIDED && !*reason)
        answer =
            polygraph.pair_count == 0 ? POLYGRAPH_EXPLAINED : polygraph_search(&polygraph, reason);
    *pairs = polygraph.pairs_at_first;
    polygraph_finish(&polygraph);
    register_model_finish(&unseen);
    return answer;
}

void append_judge_unseen(const struct rift_check *check, const struct append_model *model,
                         struct txn_findings *findings)
{
    txn_anomalies skew =
        FOUND(TXN_G2_ITEM) | FOUND(TXN_G2_ITEM_PROCESS) | FOUND(TXN_G2_ITEM_REALTIME);
    int strongest = -1;
    size_t pairs;
    const char *reason = NULL;
    for (int i = 0; i < QUESTION_COUNT; i++)
        if (findings->forbidden & FOUND(questions[i].anomaly))
            strongest = i;
    /* Without an rw cycle the history is serializable, and so snapshot isolated. */
    if (strongest < 0 || findings->verdict->validity == RIFT_INVALID || !(findings->found & skew))
        return;
    enum polygraph_answer answer = ask(check, model, questions[strongest].order, &pairs, &reason);
    if (answer == POLYGRAPH_UNDECIDED)
        rift_verdict_doubt(findings->verdict,
                           "whether some order of the appends that nobody saw explains it is "
                           "undecided: %s",
                           reason);
    for (int i = 0; answer == POLYGRAPH_VIOLATED && i <= strongest; i++) {
        const char *ignored = NULL;
        /* The strongest is violated, and asked again it may be late. */
        if (!(findings->forbidden & FOUND(questions[i].anomaly)) ||
            (i < strongest &&
             ask(check, model, questions[i].order, &pairs, &ignored) != POLYGRAPH_VIOLATED))
            continue;
        txn_findings_add(findings, questions[i].anomaly,
                         "of %zu pairs of appends that nobody saw, no choice of orders is free of "
                         "forbidden cycles",
                         pairs);
        break;
    }
}
