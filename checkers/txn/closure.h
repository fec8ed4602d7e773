/* Which transactions a walk reaches from which: one row of bits for each product vertex. */
#ifndef CHECKERS_TXN_CLOSURE_H
#define CHECKERS_TXN_CLOSURE_H

#include "checkers/txn/components.h"

struct txn_closure {
    uint32_t states;
    uint32_t column_count; /* transactions * states */
    uint32_t words;
    uint64_t *bits;
    uint32_t *rank; /* per product vertex: edges lead to smaller ranks */
};

/* Bytes that a closure takes. */
uint64_t txn_closure_size(const struct txn_graph *graph, const struct txn_automaton *automaton);
/* False, and nothing to finish, where the graph has a cycle. */
bool txn_closure_init(struct txn_closure *closure, const struct txn_graph *graph,
                      const struct txn_automaton *automaton);
void txn_closure_finish(struct txn_closure *closure);

/* Whether a walk of one edge or more leads from product vertex from to transaction to in state. */
static inline bool txn_reaches(const struct txn_closure *closure, uint32_t from, uint32_t to,
                               uint32_t state)
{
    uint32_t column = to * closure->states + state;
    return closure->bits[(size_t)from * closure->words + column / 64] >> (column % 64) & 1;
}

#endif
