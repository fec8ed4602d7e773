/* Finds cycles of every class in a graph of transactions: whether there is one, exactly, and a
 * shortest one as proof. */
#ifndef CHECKERS_TXN_CYCLE_H
#define CHECKERS_TXN_CYCLE_H

#include "checkers/txn/search.h"

struct txn_cycles {
    size_t count;
    size_t capacity;
    struct txn_cycle *items;
    txn_anomalies found;     /* classes of which there is a cycle, without what they imply */
    txn_anomalies undecided; /* classes that may exist where the work or time ended */
    size_t components;       /* strongly connected, of two transactions or more */
    size_t largest;          /* vertices of the largest of them */
};

struct txn_cycle_limits {
    txn_relations relations;   /* those considered: TXN_PROCESS and TXN_REALTIME may be left out */
    uint64_t work;             /* edges followed for one class in one component; 0: a default */
    int64_t deadline_ns;       /* by rift_clock_now; 0: none */
    unsigned cycles_per_class; /* kept as proof; 0: a default */
};

void txn_cycles_find(const struct txn_graph *graph, const struct txn_cycle_limits *limits,
                     struct txn_cycles *cycles);
void txn_cycles_finish(struct txn_cycles *cycles);
/* Whether two readers saw two writes in opposite orders: wr, rw, wr, rw. */
bool txn_cycle_is_long_fork(const struct txn_cycle *cycle);

#endif
