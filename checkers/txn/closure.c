#include "checkers/txn/closure.h"

#include <stdlib.h>

#include "common/memory.h"

static uint32_t words_of(const struct txn_graph *graph, const struct txn_automaton *automaton)
{
    return (uint32_t)(((uint64_t)graph->transaction_count * automaton->state_count + 63) / 64);
}

uint64_t txn_closure_size(const struct txn_graph *graph, const struct txn_automaton *automaton)
{
    return (uint64_t)graph->vertex_count * automaton->state_count * words_of(graph, automaton) * 8;
}

/* Everything behind one product vertex: its rows are complete, as they have smaller ranks. */
static void fill_row(struct txn_closure *closure, const struct txn_graph *graph,
                     const struct txn_automaton *automaton, uint32_t product)
{
    uint32_t states = closure->states, v = product / states;
    uint64_t *row = closure->bits + (size_t)product * closure->words;
    for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
        int8_t state = automaton->next[product % states][txn_edge_relation(graph->edge[e])];
        if (state < 0)
            continue;
        uint32_t target = txn_edge_target(graph->edge[e]);
        uint32_t column = target * states + (uint8_t)state;
        const uint64_t *behind = closure->bits + (size_t)column * closure->words;
        if (target < graph->transaction_count) {
            if (row[column / 64] >> (column % 64) & 1)
                continue; /* so is everything behind it */
            row[column / 64] |= UINT64_C(1) << (column % 64);
        }
        for (uint32_t w = 0; w < closure->words; w++)
            row[w] |= behind[w];
    }
}

bool txn_closure_init(struct txn_closure *closure, const struct txn_graph *graph,
                      const struct txn_automaton *automaton)
{
    struct txn_components components;
    uint32_t count = graph->vertex_count * automaton->state_count;
    txn_components_find(graph, automaton, &components);
    bool is_acyclic = components.count == count;
    if (is_acyclic) {
        *closure =
            (struct txn_closure){.states = automaton->state_count,
                                 .column_count = graph->transaction_count * automaton->state_count,
                                 .words = words_of(graph, automaton)};
        closure->bits = rift_calloc((size_t)count * closure->words + 1, sizeof *closure->bits);
        closure->rank = components.of;
        components.of = NULL;
        uint32_t *order = rift_reallocarray(NULL, (size_t)count + 1, sizeof *order);
        for (uint32_t p = 0; p < count; p++)
            order[closure->rank[p]] = p;
        for (uint32_t i = 0; i < count; i++)
            fill_row(closure, graph, automaton, order[i]);
        free(order);
    }
    txn_components_finish(&components);
    return is_acyclic;
}

void txn_closure_finish(struct txn_closure *closure)
{
    free(closure->bits);
    free(closure->rank);
    *closure = (struct txn_closure){0};
}
