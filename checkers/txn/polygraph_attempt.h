/* A guessed order as it is made: what is done, what is ready, what is blocked; and the way back
 * where it gets stuck. */
#ifndef CHECKERS_TXN_POLYGRAPH_ATTEMPT_H
#define CHECKERS_TXN_POLYGRAPH_ATTEMPT_H

#include "checkers/txn/polygraph.h"
#include "common/rng.h"

/* What stands at a place in the order does so before this transaction: that is a choice. */
struct choice {
    uint32_t place, other;
};

/* Choices that cannot all be right, the latest place first. What does not fit is forgotten: then
 * the lesson may be wrong, and the guess may fail. */
enum { CHOICES_MAX = 8 };
struct conflict {
    uint32_t count;
    struct choice choices[CHOICES_MAX];
};

/* The last choice of a conflict was wrong as long as the others stand: a transaction must come
 * before another. */
struct lesson {
    uint32_t before, after;
    uint32_t next_from;  /* the next lesson with this one's before */
    uint32_t next_to;    /* and with its after */
    uint32_t place_most; /* the largest place of a choice of it and of all lessons before, plus 1 */
    bool is_void;
    struct conflict others;
};

struct guess {
    const struct polygraph *polygraph;
    struct txn_graph graph;
    uint32_t *waits_for; /* per vertex: predecessors not done */
    uint32_t *current;   /* per key: the version in place */
    uint32_t *unread;    /* per version: readers not done */
    uint32_t *heap;      /* transactions that are ready and not blocked, by priority */
    uint32_t heap_count;
    uint32_t *blocked;      /* per key: first of a list of blocked transactions, or TXN_NONE */
    uint32_t *next_blocked; /* per transaction */
    int64_t *time;
    /* To take back. */
    uint32_t *done; /* transactions in the order made so far */
    uint32_t done_count;
    uint32_t *place;    /* per transaction: in done, or TXN_NONE */
    uint32_t *replaced; /* versions that were in place before those written, in order */
    uint32_t replaced_count;
    uint32_t *ready; /* transactions that may be ready, each once */
    uint32_t ready_count;
    bool *is_listed; /* per transaction: in ready */
    /* From the first time that it was stuck on. */
    uint32_t *into_first, *into; /* per vertex: where edges into it come from */
    uint32_t *stamp;             /* per vertex: the last walk that passed it */
    uint32_t walk;
    struct lesson *lessons;
    uint32_t lesson_count, lesson_capacity;
    uint32_t *lesson_from, *lesson_to; /* per transaction: first lesson, or TXN_NONE */
    uint32_t stuck_at;                 /* the most that were done where there was no lesson */
    uint32_t tries;                    /* since that has grown */
    uint32_t shuffle_until;            /* so many are done in a random order now and then */
    struct rift_rng rng;
    uint64_t work;
};

/* Whether the vertex is a transaction that the order must hold. */
static inline bool guess_counts(const struct guess *guess, uint32_t v)
{
    return v < guess->graph.transaction_count && guess->polygraph->is_included[v];
}

static inline void guess_list_ready(struct guess *guess, uint32_t t)
{
    if (!guess->is_listed[t])
        guess->ready[guess->ready_count++] = t;
    guess->is_listed[t] = true;
}

/* Whether the mop is the first of its transaction to read a version of another one. */
static inline bool guess_is_first_read(const struct guess *guess, uint32_t mop)
{
    const struct register_model *model = guess->polygraph->model;
    uint32_t version = model->read_version[mop], before = model->set->mop_before[mop];
    return version != TXN_NONE && model->read_writer[mop] != model->set->mop_txn[mop] &&
           (before == TXN_NONE || model->read_version[before] != version);
}

static inline bool guess_is_last_write(const struct guess *guess, uint32_t mop)
{
    const struct register_model *model = guess->polygraph->model;
    return model->set->mop_function[mop] != TXN_READ && !model->has_later_write[mop];
}

/* Puts one among those that are ready and not blocked. */
void guess_heap_push(struct guess *guess, uint32_t t);
/* Takes the one out that ended first, or else comes first in its process. */
uint32_t guess_heap_pop(struct guess *guess);
/* Puts that of place i on top, whatever comes first. */
void guess_heap_raise(struct guess *guess, uint32_t i);
/* A key whose current version others have yet to read and the transaction writes, or TXN_NONE. */
uint32_t guess_blocking_key(const struct guess *guess, uint32_t t);

/* Nothing is ready that is not blocked: takes back some steps, and sees to it that they are not
 * done again in the same way. False if there is no way. */
bool guess_go_back(struct guess *guess);
void guess_finish_back(struct guess *guess);

#endif
