/* The chain holds the updates that were put in, each with the event at which that was. Everything
 * else finds its place on a second pass: an observer goes where the state fits while it was open; a
 * write that was killed goes just before the first plain write put in while it was open. */
#include "checkers/linearizability/jit/order.h"

#include <stdlib.h>

#include "common/memory.h"

struct ordering {
    const struct jit_walk *walk;
    struct rift_states *states;
    uint32_t *order;
    size_t count;
    uint32_t *waiting; /* ops invoked so far that have no place yet, by invocation */
    size_t waiting_count;
    bool *is_explicit; /* ops of the chain */
    uint32_t state;
    uint32_t next_op; /* the first one not invoked yet */
};

static bool fits_now(const struct ordering *o, uint32_t op)
{
    return o->walk->plan->is_observer[op] &&
           o->walk->problem->model->step(o->walk->problem, o->states, o->state,
                                         &o->walk->problem->ops[op].call, 0) != RIFT_STATE_NONE;
}

/* Places what waits and fits: observers in this state; with kills, plain writes too. */
static void place_waiting(struct ordering *o, bool kills)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->waiting_count; i++) {
        uint32_t op = o->waiting[i];
        bool is_killed = kills && o->walk->plan->is_register &&
                         o->walk->problem->ops[op].call.kind == RIFT_CALL_WRITE;
        if (is_killed || fits_now(o, op))
            o->order[o->count++] = op;
        else
            o->waiting[kept++] = op;
    }
    o->waiting_count = kept;
}

/* Takes in what was invoked before the event; crashed ops and those of the chain do not wait. */
static void advance(struct ordering *o, uint32_t event)
{
    const struct rift_problem *problem = o->walk->problem;
    for (; o->next_op < problem->count && problem->ops[o->next_op].invoke < event; o->next_op++) {
        uint32_t op = o->next_op;
        if (problem->ops[op].complete == RIFT_EVENT_NEVER || o->is_explicit[op])
            continue;
        if (fits_now(o, op))
            o->order[o->count++] = op;
        else
            o->waiting[o->waiting_count++] = op;
    }
}

/* The chain from its start, classes replaced by their members in order of invocation. */
static size_t chain_ops(const struct jit_walk *walk, uint32_t node, uint32_t **ops,
                        uint32_t **events)
{
    size_t length = 0;
    const struct jit_node *nodes = walk->trail.nodes;
    for (uint32_t at = node; at != JIT_TRAIL_START; at = nodes[at].parent)
        length++;
    *ops = rift_calloc(length + 1, sizeof **ops);
    *events = rift_calloc(length + 1, sizeof **events);
    uint32_t *member = rift_calloc(walk->plan->class_count + 1, sizeof *member);
    for (uint32_t c = 0; c < walk->plan->class_count; c++)
        member[c] = walk->plan->classes[c].first_op;
    size_t at = length;
    for (uint32_t k = node; k != JIT_TRAIL_START; k = nodes[k].parent) {
        (*ops)[--at] = nodes[k].what | (nodes[k].is_class ? UINT32_C(1) << 31 : 0);
        (*events)[at] = nodes[k].event;
    }
    for (size_t i = 0; i < length; i++) {
        if (!((*ops)[i] >> 31))
            continue;
        uint32_t class = (*ops)[i] & INT32_MAX;
        (*ops)[i] = member[class];
        if (member[class] != RIFT_EVENT_NEVER)
            member[class] = walk->plan->next_member[member[class]];
    }
    free(member);
    return length;
}

void jit_order_write(const struct jit_walk *walk, uint32_t node,
                     struct rift_certificate *certificate)
{
    const struct rift_problem *problem = walk->problem;
    struct ordering o = {.walk = walk, .states = rift_states_create()};
    o.order = rift_calloc(problem->count + 1, sizeof *o.order);
    o.waiting = rift_calloc(problem->count + 1, sizeof *o.waiting);
    o.is_explicit = rift_calloc(problem->count + 1, sizeof *o.is_explicit);
    o.state = problem->model->start(problem, o.states);
    uint32_t *ops, *events;
    size_t length = chain_ops(walk, node, &ops, &events);
    for (size_t i = 0; i < length; i++)
        if (ops[i] != RIFT_EVENT_NEVER)
            o.is_explicit[ops[i]] = true;
    for (size_t i = 0; i < length && ops[i] != RIFT_EVENT_NEVER; i++) {
        const struct rift_call *call = &problem->ops[ops[i]].call;
        advance(&o, events[i]);
        place_waiting(&o, call->kind == RIFT_CALL_WRITE);
        o.order[o.count++] = ops[i];
        o.state = problem->model->step(problem, o.states, o.state, call, 0);
        if (o.state == RIFT_STATE_NONE)
            break;
        place_waiting(&o, false);
    }
    if (o.state != RIFT_STATE_NONE) {
        advance(&o, RIFT_EVENT_NEVER);
        place_waiting(&o, false);
    }
    certificate->order = o.order;
    certificate->order_count = o.count;
    free(ops);
    free(events);
    free(o.waiting);
    free(o.is_explicit);
    rift_states_destroy(o.states);
}
