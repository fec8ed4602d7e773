/* What just-in-time linearisation must know of a problem before it walks its events: which slot
 * each open op stands in, which crashed ops are interchangeable, and until when a value may be
 * seen. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_PLAN_H
#define CHECKERS_LINEARIZABILITY_JIT_PLAN_H

#include "checkers/linearizability/problem.h"

enum { JIT_SLOTS = 64, JIT_CLASSES_MAX = 512, JIT_NO_SLOT = 0xffff };

/* Crashed ops of one call: a configuration counts how many of them it has used. */
struct jit_class {
    struct rift_call call;
    uint32_t first_op; /* of its members, by invocation; then plan.next_member */
    uint32_t last_op;
    uint32_t end; /* the event after which it cannot matter; NEVER: it always may */
    uint16_t slot;
};

struct jit_plan {
    const struct rift_problem *problem;
    bool is_register;      /* the tricks for reads, writes and cas apply */
    bool has_negative;     /* somebody was told what the value is NOT: every value may matter */
    bool *is_observer;     /* of each op: observers, and a cas from v to v */
    uint32_t *event_op;    /* op of each event */
    uint16_t *slot;        /* of each completed op: among observers, or among updates */
    uint32_t update_slots; /* so many updates are open at once */
    uint32_t *class;       /* of each crashed op; NEVER: it is useless */
    struct jit_class *classes;
    uint32_t class_count, class_slots;
    uint32_t *next_member; /* of each crashed op in its class, or NEVER */
    uint32_t *dying;       /* by event: a class that ends there, then next_dying; NEVER: none */
    uint32_t *next_dying;
    uint32_t *last_seen; /* by value: the last event at which somebody may see it */
};

/* False where it does not fit: too many ops open at once, or a model with choices. */
bool jit_plan_init(struct jit_plan *plan, const struct rift_problem *problem);
void jit_plan_finish(struct jit_plan *plan);

#endif
