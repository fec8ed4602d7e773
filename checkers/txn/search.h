/* The shortest closed walk through one edge of a given relation, within one component. */
#ifndef CHECKERS_TXN_SEARCH_H
#define CHECKERS_TXN_SEARCH_H

#include "checkers/txn/components.h"
#include "checkers/txn/graph.h"
#include "checkers/txn/lattice.h"

/* vertex[i] -relation[i]-> vertex[i + 1], the last to the first. Transactions only: a step through
 * junctions is one step. */
struct txn_cycle {
    enum txn_anomaly anomaly;
    uint32_t length;
    uint32_t *vertex;
    uint8_t *relation; /* enum txn_relation */
};

enum txn_search_result { TXN_SEARCH_NONE, TXN_SEARCH_FOUND, TXN_SEARCH_UNDECIDED };

struct txn_search {
    const struct txn_graph *graph;
    enum txn_relation anchor;       /* the relation of the edge that the cycle must have */
    struct txn_automaton rest;      /* the walks allowed from the anchor's end to its start */
    struct txn_automaton enclosing; /* anchors outside of its components are on no such cycle */
    uint64_t work;
    int64_t deadline_ns;
};

/* On FOUND fills vertex and relation of cycle (the caller frees them). The cycle is the shortest
 * unless the work ran out after the first one; NONE is certain. */
enum txn_search_result txn_search_run(const struct txn_search *search, struct txn_cycle *cycle);

#endif
