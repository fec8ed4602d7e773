/* Runs the saturations of weak.h for a level, and turns a cycle of the commit order into words. */
#include "checkers/txn/weak.h"

#include <stdlib.h>

#include "checkers/txn/search.h"
#include "common/clock.h"
#include "common/memory.h"

enum { SEARCH_WORK = 1 << 22 };

/* Transactions times observations up to which each may be a session of its own. */
static const uint64_t SINGLE_WORK_MAX = UINT64_C(20000000000);

#define FOUND(anomaly) (UINT64_C(1) << (anomaly))

struct weak_run {
    const struct weak_index *index;
    const struct txn_graph *graph;
};

/* Whether t2 happened before t3: over PROCESS and WR edges. */
static bool happened_before(const struct weak_run *run, uint32_t t2, uint32_t t3)
{
    const struct txn_graph *graph = run->graph;
    bool *seen = rift_calloc((size_t)graph->vertex_count + 1, sizeof *seen);
    uint32_t *stack = rift_reallocarray(NULL, (size_t)graph->vertex_count + 1, sizeof *stack);
    uint32_t depth = 0;
    stack[depth++] = t2;
    while (depth > 0 && !seen[t3]) {
        uint32_t v = stack[--depth];
        for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
            uint32_t target = txn_edge_target(graph->edge[e]);
            if (txn_edge_relation(graph->edge[e]) == TXN_WW || seen[target])
                continue;
            seen[target] = true;
            stack[depth++] = target;
        }
    }
    bool is_before = seen[t3];
    free(seen);
    free(stack);
    return is_before;
}

/* Why a committed before b: a reader of b's version of a key that a wrote too had seen a. */
static bool explain_commit(const struct weak_run *run, uint32_t a, uint32_t b, const char *name_a,
                           const char *name_b, struct rift_text *text)
{
    const struct register_model *model = run->index->model;
    const struct txn_set *set = model->set;
    for (uint32_t v = set->first[b]; v < set->first[b + 1]; v++) {
        if (set->mop_function[v] == TXN_READ)
            continue;
        uint32_t own = set->first[a];
        while (own < set->first[a + 1] &&
               (set->mop_function[own] == TXN_READ || set->mop_key[own] != set->mop_key[v]))
            own++;
        if (own == set->first[a + 1])
            continue;
        for (uint32_t r = model->reader_first[v]; r < model->reader_first[v + 1]; r++) {
            if (!happened_before(run, a, model->reader[r]))
                continue;
            rift_text_printf(text, "operation %u read %s's write of ", set->row[model->reader[r]],
                             name_b);
            register_print(model, v, text);
            rift_text_append(text, " to key ");
            rift_value_print_to(text, set->values, set->keys[set->mop_key[v]]);
            rift_text_printf(text,
                             " though it had seen %s, which wrote that key too, so %s came "
                             "first",
                             name_a, name_a);
            return true;
        }
    }
    return false;
}

static void explain(const void *opaque, uint32_t a, uint32_t b, enum txn_relation relation,
                    const char *name_a, const char *name_b, struct rift_text *text)
{
    const struct weak_run *run = opaque;
    if (relation != TXN_WW)
        register_model_explain(run->index->model, a, b, relation, name_a, name_b, text);
    else if (!explain_commit(run, a, b, name_a, name_b, text))
        rift_text_printf(text, "%s committed before %s", name_a, name_b);
}

static void record_conflict(const struct weak_index *index, const struct weak_conflict *conflict,
                            enum txn_anomaly anomaly, struct txn_findings *findings)
{
    const struct txn_set *set = index->model->set;
    CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[conflict->key]);
    json_t *object = txn_findings_add(findings, anomaly,
                                      "operation %u read the initial state of key %s though it had "
                                      "seen operation %u, which wrote it",
                                      set->row[conflict->reader], key, set->row[conflict->writer]);
    txn_findings_set_key(findings, object, conflict->key);
    txn_findings_set_ops(findings, object, conflict->reader, conflict->writer);
}

/* A cycle of the commit order, preferably one through an inferred edge. */
static bool find_cycle(const struct txn_graph *graph, struct txn_cycle *cycle)
{
    static const enum txn_relation anchors[] = {TXN_WW, TXN_WR};
    struct txn_automaton all =
        txn_automaton_filter((txn_relations)(1U << TXN_WW | 1U << TXN_WR | 1U << TXN_PROCESS));
    bool is_cyclic = !txn_is_acyclic(graph, &all);
    for (size_t i = 0; is_cyclic && i < sizeof anchors / sizeof *anchors; i++) {
        struct txn_search search = {.graph = graph,
                                    .anchor = anchors[i],
                                    .rest = all,
                                    .enclosing = all,
                                    .work = SEARCH_WORK};
        if (txn_search_run(&search, cycle) == TXN_SEARCH_FOUND)
            return true;
    }
    return false;
}

/* True if the level is violated; records it where findings is given. */
static bool run_level(const struct weak_index *index, enum weak_level level,
                      enum txn_anomaly anomaly, struct txn_findings *findings)
{
    struct weak_conflict conflict;
    struct txn_edges edges;
    struct txn_graph graph;
    struct txn_cycle cycle = {.anomaly = anomaly};
    txn_edges_init(&edges, index->txn_count);
    if (level == WEAK_READ_COMMITTED)
        weak_read_committed(index, &edges, &conflict);
    else if (level == WEAK_READ_ATOMIC)
        weak_read_atomic(index, &edges, &conflict);
    else
        weak_causal(index, &edges, &conflict);
    if (conflict.reader != TXN_NONE) {
        txn_edges_finish(&edges);
        if (findings)
            record_conflict(index, &conflict, anomaly, findings);
        return true;
    }
    txn_edges_build(&edges, &graph);
    bool is_violated = find_cycle(&graph, &cycle);
    if (is_violated && findings) {
        struct weak_run run = {index, &graph};
        struct txn_cycles cycles = {.count = 1, .items = &cycle};
        txn_findings_add_cycles(findings, &cycles, &run, explain);
    }
    free(cycle.vertex);
    free(cycle.relation);
    txn_graph_finish(&graph);
    return is_violated;
}

static const struct {
    enum weak_level level;
    bool with_sessions;
    enum txn_anomaly anomaly;
} runs[] = {
    /* From the weakest on; what is implied by a later one stands before it. */
    {WEAK_READ_COMMITTED, false, TXN_NON_MONOTONIC_READ},
    {WEAK_READ_COMMITTED, true, TXN_NON_MONOTONIC_READ_PROCESS},
    {WEAK_READ_ATOMIC, false, TXN_NOT_READ_ATOMIC},
    {WEAK_READ_ATOMIC, true, TXN_NOT_READ_ATOMIC_PROCESS},
    {WEAK_CAUSAL, false, TXN_NOT_CAUSAL},
    {WEAK_CAUSAL, true, TXN_NOT_CAUSAL_PROCESS},
};

enum { RUN_COUNT = sizeof runs / sizeof *runs };

/* The run of that number, on an index made for it. */
static bool run_number(int number, const struct register_model *model,
                       struct txn_findings *findings)
{
    struct weak_index index;
    weak_index_init(&index, model, runs[number].with_sessions);
    bool is_violated = run_level(&index, runs[number].level, runs[number].anomaly, findings);
    weak_index_finish(&index);
    return is_violated;
}

void weak_judge(const struct register_model *model, struct txn_findings *findings, bool *undecided)
{
    uint64_t work =
        (uint64_t)model->set->count * (model->set->count + (uint64_t)model->set->mop_count);
    bool is_violated = false, may_run[RUN_COUNT];
    int strongest = -1;
    *undecided = false;
    for (int i = 0; i < RUN_COUNT; i++) {
        may_run[i] = findings->forbidden & FOUND(runs[i].anomaly);
        if (may_run[i] && runs[i].level == WEAK_CAUSAL && !runs[i].with_sessions &&
            work > SINGLE_WORK_MAX) {
            may_run[i] = false;
            *undecided = true;
        }
        strongest = may_run[i] ? i : strongest;
    }
    /* With sessions it is the stronger question, and was asked. */
    if (strongest >= 0 && runs[strongest].anomaly == TXN_NOT_CAUSAL_PROCESS)
        *undecided = false;
    if (strongest >= 0)
        is_violated = run_number(strongest, model, NULL);
    for (int i = 0; is_violated && i <= strongest; i++)
        if (may_run[i] && run_number(i, model, findings))
            break;
}
