/* Read committed, read atomic and causal consistency of registers, decided completely although the
 * order of versions is unknown: Biswas and Enea (OOPSLA 2019) define them by what a commit order
 * must hold, and that order can be saturated in near-linear time (as AWDIT does, PLDI 2025). */
#ifndef CHECKERS_TXN_WEAK_H
#define CHECKERS_TXN_WEAK_H

#include "checkers/txn/register.h"

enum weak_level { WEAK_READ_COMMITTED, WEAK_READ_ATOMIC, WEAK_CAUSAL };

/* What a transaction shows from the outside, in compressed rows. */
struct weak_index {
    const struct register_model *model;
    uint32_t txn_count;
    uint32_t *write_first; /* per transaction */
    uint32_t *write_key;   /* ascending within a transaction */
    uint64_t *write_bits;  /* per transaction: weak_key_bit of all keys that it writes */
    uint32_t *read_first;  /* per transaction */
    uint32_t *read_key;    /* in the order of the program, own versions left out */
    uint32_t *read_from;   /* the transaction read from, or TXN_NONE for the initial state */
    uint32_t *read_at;     /* equal for the reads of one predicate, which come at once */
    uint32_t *session;     /* per transaction: dense number of its process */
    uint32_t *place;       /* per transaction: from 1 within its session; 0: in none */
    uint32_t *before;      /* per transaction: the one before in its session, or TXN_NONE */
    uint32_t session_count;
};

/* A bit for each key: what has none is not among the keys, and most that are not have none. */
static inline uint64_t weak_key_bit(uint32_t key)
{
    return UINT64_C(1) << (key % 64);
}

/* Without sessions each transaction is a session of its own. */
void weak_index_init(struct weak_index *index, const struct register_model *model,
                     bool with_sessions);
void weak_index_finish(struct weak_index *index);

/* Reads that show the initial state though a write was visible contradict at once. */
struct weak_conflict {
    uint32_t reader, writer, key; /* reader TXN_NONE: none */
};

/* Adds to edges what the commit order must hold: PROCESS, WR, and as WW what follows from the
 * level. */
void weak_read_committed(const struct weak_index *index, struct txn_edges *edges,
                         struct weak_conflict *conflict);
void weak_read_atomic(const struct weak_index *index, struct txn_edges *edges,
                      struct weak_conflict *conflict);
void weak_causal(const struct weak_index *index, struct txn_edges *edges,
                 struct weak_conflict *conflict);

/* Judges the strongest of the three that the level implies and, where it is violated, records the
 * weakest that is. undecided is set where the level speaks of causality without sessions and the
 * history is too large for that. */
void weak_judge(const struct register_model *model, struct txn_findings *findings, bool *undecided);

#endif
