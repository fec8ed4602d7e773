#include "checkers/txn/polygraph.h"

#include <stdlib.h>

#include "checkers/txn/order.h"
#include "common/clock.h"
#include "common/memory.h"

/* An unknown transaction that nobody observed can be left out: nothing needs it. */
static void find_included(struct polygraph *polygraph)
{
    const struct register_model *model = polygraph->model;
    const struct txn_set *set = model->set;
    for (uint32_t t = 0; t < set->count; t++)
        polygraph->is_included[t] = txn_is_committed(set, t);
    for (uint32_t v = 0; v < set->mop_count; v++)
        if (model->reader_first[v] < model->reader_first[v + 1] &&
            register_writer(model, v) != TXN_NONE)
            polygraph->is_included[register_writer(model, v)] = true;
}

/* State 0 is right after wr, process or realtime: only there may rw follow. */
static struct txn_automaton automaton_prefix(void)
{
    struct txn_automaton automaton = {.state_count = 2};
    for (int state = 0; state < 2; state++) {
        automaton.next[state][TXN_WW] = 1;
        automaton.next[state][TXN_WR] = automaton.next[state][TXN_PROCESS] =
            automaton.next[state][TXN_REALTIME] = 0;
        automaton.next[state][TXN_RW] = state == 0 ? 1 : -1;
        automaton.next[state][TXN_THROUGH] = (int8_t)state;
        automaton.next[state][TXN_RW_PREDICATE] = -1;
    }
    return automaton;
}

void polygraph_begin(struct polygraph *polygraph, struct register_model *model,
                     enum polygraph_level level, enum polygraph_order order)
{
    *polygraph = (struct polygraph){.model = model, .level = level, .order = order};
    txn_relations data =
        (txn_relations)(1U << TXN_WW | 1U << TXN_WR | 1U << TXN_PROCESS | 1U << TXN_REALTIME);
    if (level == POLYGRAPH_SERIAL)
        polygraph->automaton = txn_automaton_filter(data | txn_relation_bit(TXN_RW));
    else
        polygraph->automaton =
            level == POLYGRAPH_SNAPSHOT ? txn_automaton_nonadjacent(data) : automaton_prefix();
    polygraph->is_included = rift_calloc((size_t)model->set->count + 1, sizeof(bool));
    txn_edges_init(&polygraph->known, model->set->count);
}

void polygraph_add_order(struct polygraph *polygraph)
{
    if (polygraph->order == POLYGRAPH_PROCESS)
        txn_order_processes(polygraph->model->set, &polygraph->known);
    if (polygraph->order == POLYGRAPH_REALTIME)
        txn_order_realtime(polygraph->model->set, &polygraph->known);
}

void polygraph_init(struct polygraph *polygraph, struct register_model *model,
                    enum polygraph_level level, enum polygraph_order order,
                    struct txn_findings *findings)
{
    polygraph_begin(polygraph, model, level, order);
    find_included(polygraph);
    register_model_edges(model,
                         order == POLYGRAPH_REALTIME ? REGISTER_LINEARIZABLE : REGISTER_INFERRED,
                         findings, TXN_NOT_STRICTLY_SERIALIZABLE, &polygraph->known);
    txn_edges_merge_predicates(&polygraph->known);
    polygraph_add_order(polygraph);
}

void polygraph_finish(struct polygraph *polygraph)
{
    txn_edges_finish(&polygraph->known);
    free(polygraph->is_included);
    free(polygraph->pairs);
    *polygraph = (struct polygraph){0};
}

bool polygraph_is_late(const struct polygraph *polygraph)
{
    return polygraph->deadline_ns && rift_clock_now() > polygraph->deadline_ns;
}

int64_t *polygraph_times(const struct polygraph *polygraph)
{
    const struct txn_set *set = polygraph->model->set;
    int64_t *time = rift_reallocarray(NULL, (size_t)set->count + 1, sizeof *time);
    struct txn_edges order;
    bool has_times = false;
    for (uint32_t t = 0; t < set->count; t++) {
        time[t] = txn_start(set, t);
        has_times |= txn_end(set, t) != RIFT_TIME_NEVER;
    }
    if (has_times)
        return time;
    /* Without times, transactions take turns by their place in the process. */
    txn_edges_init(&order, set->count);
    txn_order_processes(set, &order);
    for (uint32_t t = 0; t < set->count; t++)
        time[t] = 0;
    for (size_t i = 0; i < order.count; i++)
        time[txn_edge_target(order.items[i].edge)] = time[order.items[i].from] + 1;
    txn_edges_finish(&order);
    return time;
}

void polygraph_add_choice(const struct polygraph *polygraph, uint32_t a, uint32_t b,
                          struct txn_edges *edges)
{
    const struct register_model *model = polygraph->model;
    uint32_t before = model->set->mop_txn[a], after = model->set->mop_txn[b];
    txn_edges_add(edges, before, after, TXN_WW);
    for (uint32_t r = model->reader_first[a]; r < model->reader_first[a + 1]; r++)
        txn_edges_add(edges, model->reader[r], after, TXN_RW);
}
