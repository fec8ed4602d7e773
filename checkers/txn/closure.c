/* A row is a ring of words: number n has its bit in word n / 64 modulo the ring, so rows of
 * different vertices line up without shifting. The row of number n knows the words from n / 64 on.
 */
#include "checkers/txn/closure.h"

#include <stdlib.h>

#include "common/memory.h"

struct sorter {
    const struct txn_graph *graph;
    const struct txn_automaton *automaton;
    const int64_t *time;
    uint32_t *waits_for; /* per product vertex: edges into it from unnumbered ones */
    uint32_t *heap;
    uint32_t heap_count;
};

/* Junctions come as soon as they can. */
static int64_t time_of(const struct sorter *sorter, uint32_t product)
{
    uint32_t v = product / sorter->automaton->state_count;
    return v < sorter->graph->transaction_count ? sorter->time[v] : INT64_MIN;
}

static void push(struct sorter *sorter, uint32_t product)
{
    uint32_t i = sorter->heap_count++;
    int64_t time = time_of(sorter, product);
    for (; i > 0 && time < time_of(sorter, sorter->heap[(i - 1) / 2]); i = (i - 1) / 2)
        sorter->heap[i] = sorter->heap[(i - 1) / 2];
    sorter->heap[i] = product;
}

static uint32_t pop(struct sorter *sorter)
{
    uint32_t top = sorter->heap[0], last = sorter->heap[--sorter->heap_count], i = 0;
    int64_t time = time_of(sorter, last);
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= sorter->heap_count)
            break;
        if (child + 1 < sorter->heap_count &&
            time_of(sorter, sorter->heap[child + 1]) < time_of(sorter, sorter->heap[child]))
            child++;
        if (time_of(sorter, sorter->heap[child]) >= time)
            break;
        sorter->heap[i] = sorter->heap[child];
        i = child;
    }
    sorter->heap[i] = last;
    return top;
}

/* The product vertex behind an edge, or UINT32_MAX where the automaton forbids it. */
static uint32_t target_of(const struct txn_automaton *automaton, uint32_t product, uint32_t edge)
{
    int8_t state = automaton->next[product % automaton->state_count][txn_edge_relation(edge)];
    return state < 0 ? UINT32_MAX : txn_edge_target(edge) * automaton->state_count + (uint8_t)state;
}

/* Numbers product vertices; order is the inverse. False where there is a cycle. */
static bool sort_by_time(const struct txn_graph *graph, const struct txn_automaton *automaton,
                         const int64_t *time, uint32_t *number, uint32_t *order)
{
    uint32_t states = automaton->state_count, count = graph->vertex_count * states, done = 0;
    struct sorter sorter = {graph, automaton, time, NULL, NULL, 0};
    sorter.waits_for = rift_calloc((size_t)count + 1, sizeof *sorter.waits_for);
    sorter.heap = rift_reallocarray(NULL, (size_t)count + 1, sizeof *sorter.heap);
    for (uint32_t p = 0; p < count; p++)
        for (uint32_t e = graph->first[p / states]; e < graph->first[p / states + 1]; e++) {
            uint32_t target = target_of(automaton, p, graph->edge[e]);
            if (target != UINT32_MAX)
                sorter.waits_for[target]++;
        }
    for (uint32_t p = 0; p < count; p++)
        if (sorter.waits_for[p] == 0)
            push(&sorter, p);
    while (sorter.heap_count > 0) {
        uint32_t p = pop(&sorter);
        number[p] = done;
        order[done++] = p;
        for (uint32_t e = graph->first[p / states]; e < graph->first[p / states + 1]; e++) {
            uint32_t target = target_of(automaton, p, graph->edge[e]);
            if (target != UINT32_MAX && --sorter.waits_for[target] == 0)
                push(&sorter, target);
        }
    }
    free(sorter.waits_for);
    free(sorter.heap);
    return done == count;
}

/* Everything behind one product vertex: the rows of larger numbers are complete. */
static void fill_row(struct txn_closure *closure, const struct txn_graph *graph,
                     const struct txn_automaton *automaton, uint32_t product)
{
    uint32_t v = product / closure->states, mask = closure->words - 1;
    uint32_t number = closure->number[product], end = number / 64 + closure->words;
    uint32_t last = (closure->count - 1) / 64 + 1;
    uint64_t *row = closure->bits + (size_t)number * closure->words;
    end = end < last ? end : last;
    for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
        uint32_t target = target_of(automaton, product, graph->edge[e]);
        if (target == UINT32_MAX)
            continue;
        uint32_t at = closure->number[target], word = at / 64;
        if (word >= end)
            continue;
        if (row[word & mask] >> (at % 64) & 1)
            continue; /* so is everything behind it */
        row[word & mask] |= UINT64_C(1) << (at % 64);
        const uint64_t *behind = closure->bits + (size_t)at * closure->words;
        for (; word < end; word++)
            row[word & mask] |= behind[word & mask];
    }
}

bool txn_closure_init(struct txn_closure *closure, const struct txn_graph *graph,
                      const struct txn_automaton *automaton, const int64_t *time,
                      uint32_t words_max, uint64_t memory_bytes)
{
    uint32_t count = graph->vertex_count * automaton->state_count;
    *closure = (struct txn_closure){.states = automaton->state_count, .count = count, .words = 1};
    closure->number = rift_reallocarray(NULL, (size_t)count + 1, sizeof *closure->number);
    uint32_t *order = rift_reallocarray(NULL, (size_t)count + 1, sizeof *order);
    bool is_acyclic = sort_by_time(graph, automaton, time, closure->number, order);
    if (is_acyclic) {
        while (closure->words < count / 64 + 1 && closure->words < words_max &&
               (uint64_t)count * closure->words * 2 * sizeof *closure->bits <= memory_bytes)
            closure->words *= 2;
        closure->is_banded = closure->words < count / 64 + 1;
        closure->bits = rift_calloc((size_t)count * closure->words + 1, sizeof *closure->bits);
        for (uint32_t i = count; i-- > 0;)
            fill_row(closure, graph, automaton, order[i]);
    } else {
        free(closure->number);
    }
    free(order);
    return is_acyclic;
}

void txn_closure_finish(struct txn_closure *closure)
{
    free(closure->number);
    free(closure->bits);
    *closure = (struct txn_closure){0};
}
