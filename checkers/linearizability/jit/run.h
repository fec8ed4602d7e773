/* Walks a problem to its end: with a beam that can go back, relaxed, or exactly. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_RUN_H
#define CHECKERS_LINEARIZABILITY_JIT_RUN_H

#include "checkers/linearizability/jit/walk.h"
#include "checkers/linearizability/search.h"

struct jit_run {
    struct jit_walk walk;
    struct rift_limits limits;
    struct jit_checkpoint *checkpoints;
    uint32_t checkpoint_count, checkpoint_capacity;
    uint32_t thin_at; /* so many checkpoints are too many */
    uint32_t reached; /* the furthest event that was passed */
    uint64_t restarts;
    uint32_t level;      /* of the last return; 0: there was none */
    uint32_t wide_until; /* the beam is wide up to this event */
    bool is_exhausted;   /* it would have to be wider than sense */
};

void jit_run_init(struct jit_run *run, const struct jit_plan *plan, bool is_relaxed,
                  const struct rift_limits *limits);
void jit_run_finish(struct jit_run *run);

/* Keeps the best `width` configurations after each event; where they die, goes back and tries a
 * wider beam. VALID with an order; INVALID only where nothing was ever left out. NONE: work_max is
 * spent; it may be called again to go on. */
enum rift_answer jit_run_beam(struct jit_run *run, uint32_t width, uint64_t work_max,
                              struct rift_certificate *certificate);
/* Leaves nothing out. NONE: work_max or the limits are spent; with more work it goes on. */
enum rift_answer jit_run_exact(struct jit_run *run, uint64_t work_max,
                               struct rift_certificate *certificate);
/* A fresh run starts where the beam had not left anything out yet. */
void jit_run_start_from(struct jit_run *run, const struct jit_run *beam);

#endif
