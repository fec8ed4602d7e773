/* Strongly connected components of a graph read through a small automaton: a walk may only take
 * the relations that the automaton's state allows. One state is a plain filter on relations. */
#ifndef CHECKERS_TXN_COMPONENTS_H
#define CHECKERS_TXN_COMPONENTS_H

#include "checkers/txn/graph.h"

enum { TXN_STATES_MAX = 2 };

/* next[state][relation] is the state after the edge, or -1 where the edge may not be taken. */
struct txn_automaton {
    uint8_t state_count;
    int8_t next[TXN_STATES_MAX][TXN_RELATION_COUNT];
};

/* Any walk over these relations. */
struct txn_automaton txn_automaton_filter(txn_relations allowed);
/* Walks over these relations and rw, in which no two rw edges follow each other: state 1 is right
 * after an rw edge. A cycle of it is what snapshot isolation forbids. */
struct txn_automaton txn_automaton_nonadjacent(txn_relations allowed);

/* Product vertices are vertex * state_count + state. */
struct txn_components {
    uint32_t count;
    uint32_t *of;   /* component of each product vertex; edges lead to equal or smaller numbers */
    uint32_t *size; /* product vertices in each component */
};

void txn_components_find(const struct txn_graph *graph, const struct txn_automaton *automaton,
                         struct txn_components *components);
void txn_components_finish(struct txn_components *components);

/* Product vertices in an order that all walks keep; free() it. NULL where they go round. Cheaper
 * than components, and all that a history without cycles needs. */
uint32_t *txn_topological_order(const struct txn_graph *graph,
                                const struct txn_automaton *automaton);
bool txn_is_acyclic(const struct txn_graph *graph, const struct txn_automaton *automaton);

#endif
