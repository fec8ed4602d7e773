/* The claim that each process sees the versions of a key in order: what it shows of the key last
 * comes before what it shows next. */
#include "checkers/txn/register.h"

#include "checkers/txn/components.h"

#include <stdlib.h>

#include "common/memory.h"

struct touch {
    uint64_t process_key; /* plus one; 0: free */
    uint32_t version;
};

static void find_successions(struct register_model *model)
{
    const struct txn_set *set = model->set;
    bool *is_last = register_last_touches(set);
    size_t slot_count = 64;
    while (slot_count < 2 * (size_t)set->mop_count)
        slot_count *= 2;
    struct touch *slots = rift_calloc(slot_count, sizeof *slots);
    model->successions =
        rift_reallocarray(NULL, (size_t)set->mop_count + 1, sizeof *model->successions);
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t first, last;
        if (!is_last[mop])
            continue;
        register_versions_shown(model, mop, &first, &last);
        uint32_t process = (uint32_t)set->history->ops.process[set->row[set->mop_txn[mop]]];
        uint64_t id = ((uint64_t)process << 32 | set->mop_key[mop]) + 1;
        size_t slot = id * UINT64_C(0x9e3779b97f4a7c15) >> 20 & (slot_count - 1);
        while (slots[slot].process_key && slots[slot].process_key != id)
            slot = (slot + 1) & (slot_count - 1);
        if (slots[slot].process_key && first != TXN_NONE && slots[slot].version != first)
            model->successions[model->succession_count++] =
                (struct register_succession){slots[slot].version, first};
        if (last != TXN_NONE)
            slots[slot] = (struct touch){id, last};
    }
    free(slots);
    free(is_last);
}

static int compare_successions(const void *a, const void *b)
{
    const struct register_succession *x = a, *y = b;
    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    return (x->successor > y->successor) - (x->successor < y->successor);
}

/* Marks keys whose successions go round, and reports one pair of each. */
static void find_cyclic_keys(struct register_model *model, struct txn_findings *findings,
                             enum txn_anomaly anomaly)
{
    static const char claim[] = "as processes saw them";
    struct txn_edges edges;
    struct txn_graph graph;
    struct txn_components components;
    struct txn_automaton all = txn_automaton_filter(txn_relation_bit(TXN_WW));
    txn_edges_init(&edges, model->version_count);
    for (size_t i = 0; i < model->succession_count; i++)
        txn_edges_add(&edges, model->successions[i].version, model->successions[i].successor,
                      TXN_WW);
    txn_edges_build(&edges, &graph);
    txn_components_find(&graph, &all, &components);
    for (size_t i = 0; i < model->succession_count; i++) {
        uint32_t a = model->successions[i].version, b = model->successions[i].successor;
        uint32_t k = register_key_of(model, a);
        if (model->is_cyclic[k] ||
            (components.of[a] != components.of[b] && !register_is_initial(model, b)))
            continue;
        model->is_cyclic[k] = true;
        register_report_cyclic(model, findings, anomaly, a, b, claim);
    }
    txn_components_finish(&components);
    txn_graph_finish(&graph);
}

void register_sequential_edges(struct register_model *model, struct txn_findings *findings,
                               enum txn_anomaly anomaly, struct txn_edges *edges)
{
    const struct txn_set *set = model->set;
    model->is_cyclic = rift_calloc((size_t)set->key_count + 1, sizeof *model->is_cyclic);
    find_successions(model);
    find_cyclic_keys(model, findings, anomaly);
    qsort(model->successions, model->succession_count, sizeof *model->successions,
          compare_successions);
    uint32_t *targets = rift_reallocarray(NULL, model->succession_count + 1, sizeof *targets);
    for (size_t i = 0, next; i < model->succession_count; i = next) {
        uint32_t v = model->successions[i].version, writer = register_writer(model, v);
        size_t count = 0;
        for (next = i; next < model->succession_count && model->successions[next].version == v;
             next++) {
            uint32_t target = register_writer(model, model->successions[next].successor);
            if (target != TXN_NONE && !model->is_cyclic[register_key_of(model, v)])
                targets[count++] = target;
        }
        if (writer != TXN_NONE)
            txn_edges_fan(edges, &writer, 1, targets, count, TXN_WW);
        register_missed_edges(model, v, targets, count, edges);
    }
    free(targets);
}
