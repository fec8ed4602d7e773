/* Just-in-time linearisation (Lowe 2017): the set of all configurations after each event. At a
 * completion every configuration must have the op done, or reach it by doing other open ops first.
 */
#ifndef CHECKERS_LINEARIZABILITY_JIT_WALK_H
#define CHECKERS_LINEARIZABILITY_JIT_WALK_H

#include "checkers/linearizability/jit/open.h"
#include "checkers/linearizability/jit/plan.h"
#include "checkers/linearizability/jit/set.h"

/* In the relaxed walk crashed ops never run out: all values they can set at will are one state. */
#define JIT_STATE_ANY (UINT32_MAX - 1)

struct jit_walk {
    const struct jit_plan *plan;
    const struct rift_problem *problem;
    struct rift_states *states;
    struct jit_trail trail;
    struct jit_set current, next, closure;
    struct jit_open open;
    struct jit_config *scratch, *from;
    struct jit_put put; /* into scratch */
    uint64_t
        useful_cas; /* classes of crashed cas that lead from `from` to a value someone waits for */
    uint32_t event; /* the next one */
    bool is_relaxed;
    bool *is_free; /* by value: crashed ops can set it at will */
    bool has_free;
    bool is_cut; /* a configuration was left out */
    enum jit_keep keep;
    uint32_t width;       /* of the beam; UINT32_MAX: no beam */
    uint32_t slack;       /* ways with so many more crashed ops than another are not looked for */
    uint32_t closure_max; /* configurations of one step; UINT32_MAX: all */
    uint64_t work;        /* ops put into configurations */
    uint64_t work_max;    /* the walk stops past it */
    uint64_t next_look;   /* at the limits, by work */
    const struct rift_limits *limits;
};

enum jit_step {
    JIT_STEP_ALIVE,
    JIT_STEP_DEAD,  /* no configuration is left after this event */
    JIT_STEP_SPENT, /* work, or the limits */
};

void jit_walk_init(struct jit_walk *walk, const struct jit_plan *plan, bool is_relaxed,
                   const struct rift_limits *limits);
void jit_walk_finish(struct jit_walk *walk);
/* Takes the next event in. After DEAD or SPENT the current set is what it was before the event. */
enum jit_step jit_walk_step(struct jit_walk *walk);
size_t jit_walk_size_bytes(const struct jit_walk *walk);

#endif
