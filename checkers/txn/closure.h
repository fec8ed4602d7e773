/* Which product vertices a walk reaches from which: one row of bits each.
 *
 * Vertices are numbered in a topological order that follows time, so that what is near in time is
 * near in number, and a row may be cut to a band behind its vertex: then far reachability is not
 * known, but memory grows with the band and not with the square. */
#ifndef CHECKERS_TXN_CLOSURE_H
#define CHECKERS_TXN_CLOSURE_H

#include "checkers/txn/components.h"

struct txn_closure {
    uint32_t states;
    uint32_t count;   /* product vertices */
    uint32_t words;   /* of a row: a power of two */
    uint32_t *number; /* per product vertex: edges lead to larger numbers */
    uint64_t *bits;
    bool is_banded; /* false: everything is known */
};

/* time is per transaction and only guides the order; rows are no wider than words_max and all of
 * them no larger than memory_bytes. False, and nothing to finish, where the graph has a cycle. */
bool txn_closure_init(struct txn_closure *closure, const struct txn_graph *graph,
                      const struct txn_automaton *automaton, const int64_t *time,
                      uint32_t words_max, uint64_t memory_bytes);
void txn_closure_finish(struct txn_closure *closure);

/* Whether a walk of one edge or more is known to lead from one product vertex to another. */
static inline bool txn_reaches(const struct txn_closure *closure, uint32_t from, uint32_t to)
{
    uint32_t a = closure->number[from], b = closure->number[to];
    if (b <= a || b / 64 - a / 64 >= closure->words)
        return false;
    const uint64_t *row = closure->bits + (size_t)a * closure->words;
    return row[b / 64 & (closure->words - 1)] >> (b % 64) & 1;
}

#endif
