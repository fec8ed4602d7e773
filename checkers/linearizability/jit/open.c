#include "checkers/linearizability/jit/open.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void jit_open_init(struct jit_open *open, uint32_t class_slots)
{
    /* What no mask names is never read. */
    open->updates = open->observers = 0;
    open->class_end = 0;
    open->classes = rift_malloc((class_slots + 1) * sizeof *open->classes);
}

void jit_open_finish(struct jit_open *open)
{
    free(open->classes);
}

void jit_open_copy(struct jit_open *to, const struct jit_open *from)
{
    struct jit_open_class *classes = to->classes;
    memcpy(classes, from->classes, from->class_end * sizeof *classes);
    *to = *from;
    to->classes = classes;
}

static bool is_same(const struct rift_call *a, const struct rift_call *b)
{
    return a->kind == b->kind && a->a == b->a && a->b == b->b;
}

/* The value that a register's update leaves. */
static uint32_t value_set(const struct rift_call *call)
{
    return call->kind == RIFT_CALL_CAS ? call->b : call->a;
}

static bool waits_for(const struct rift_call *observer, uint32_t value)
{
    return observer->kind == RIFT_CALL_CAS_FAILED ? observer->a != value : observer->a == value;
}

static bool expects(const struct rift_call *update, uint32_t value)
{
    return update->kind == RIFT_CALL_CAS && update->a == value;
}

static void assign(uint64_t *mask, uint64_t bit, bool is_set)
{
    *mask = is_set ? *mask | bit : *mask & ~bit;
}

static void invoke_observer(struct jit_open *open, const struct jit_plan *plan, uint32_t op)
{
    const struct rift_problem_op *ops = plan->problem->ops;
    uint16_t slot = plan->slot[op];
    uint64_t bit = UINT64_C(1) << slot;
    open->observers |= bit;
    open->observer_op[slot] = op;
    if (!plan->is_register)
        return;
    for (uint64_t rest = open->updates; rest; rest &= rest - 1) {
        int u = __builtin_ctzll(rest);
        assign(&open->readers[u], bit,
               waits_for(&ops[op].call, value_set(&ops[open->update_op[u]].call)));
    }
    for (uint32_t c = 0; c < open->class_end; c++)
        if (open->classes[c].class != RIFT_EVENT_NEVER)
            assign(
                &open->classes[c].readers, bit,
                waits_for(&ops[op].call, value_set(&plan->classes[open->classes[c].class].call)));
}

/* Observers and updates that want the value; and what is open of the same call. */
static uint64_t readers_of(const struct jit_open *open, const struct jit_plan *plan, uint32_t value)
{
    uint64_t mask = 0;
    for (uint64_t rest = open->observers; rest; rest &= rest - 1) {
        int r = __builtin_ctzll(rest);
        if (waits_for(&plan->problem->ops[open->observer_op[r]].call, value))
            mask |= UINT64_C(1) << r;
    }
    return mask;
}

static uint64_t cassers_of(const struct jit_open *open, const struct jit_plan *plan, uint32_t value)
{
    uint64_t mask = 0;
    for (uint64_t rest = open->updates; rest; rest &= rest - 1) {
        int u = __builtin_ctzll(rest);
        if (expects(&plan->problem->ops[open->update_op[u]].call, value))
            mask |= UINT64_C(1) << u;
    }
    return mask;
}

/* Crashed cas that expect the value. A class that is over may leave its bit behind: it costs only
 * time. */
static uint64_t cas_after(const struct jit_open *open, const struct jit_plan *plan, uint32_t value)
{
    uint64_t mask = 0;
    for (uint32_t c = 0; c < open->class_end; c++)
        if (open->classes[c].class != RIFT_EVENT_NEVER &&
            expects(&plan->classes[open->classes[c].class].call, value))
            mask |= jit_class_bit(c);
    return mask;
}

static void invoke_update(struct jit_open *open, const struct jit_plan *plan, uint32_t op)
{
    const struct rift_problem_op *ops = plan->problem->ops;
    const struct rift_call *call = &ops[op].call;
    uint16_t slot = plan->slot[op];
    uint64_t bit = UINT64_C(1) << slot;
    open->earlier[slot] = 0;
    for (uint64_t rest = open->updates; rest; rest &= rest - 1) {
        int u = __builtin_ctzll(rest);
        const struct rift_problem_op *other = &ops[open->update_op[u]];
        bool same = is_same(call, &other->call);
        assign(&open->earlier[u], bit, same && ops[op].complete < other->complete);
        if (same && other->complete < ops[op].complete)
            open->earlier[slot] |= UINT64_C(1) << u;
        if (plan->is_register)
            assign(&open->cassers[u], bit, expects(call, value_set(&other->call)));
    }
    for (uint32_t c = 0; c < open->class_end; c++) {
        if (open->classes[c].class == RIFT_EVENT_NEVER)
            continue;
        const struct rift_call *other = &plan->classes[open->classes[c].class].call;
        assign(&open->classes[c].same, bit, is_same(call, other));
        if (plan->is_register)
            assign(&open->classes[c].cassers, bit, expects(call, value_set(other)));
    }
    if (plan->is_register) {
        open->readers[slot] = readers_of(open, plan, value_set(call));
        open->cassers[slot] = cassers_of(open, plan, value_set(call));
        open->cas_after[slot] = cas_after(open, plan, value_set(call));
    }
    open->updates |= bit;
    open->update_op[slot] = op;
}

static void invoke_crashed(struct jit_open *open, const struct jit_plan *plan, uint32_t op)
{
    uint32_t class = plan->class[op];
    if (class == RIFT_EVENT_NEVER)
        return;
    const struct jit_class *it = &plan->classes[class];
    uint16_t slot = it->slot;
    if (slot < open->class_end && open->classes[slot].class == class) {
        open->classes[slot].supply++;
        return;
    }
    while (open->class_end <= slot)
        open->classes[open->class_end++].class = RIFT_EVENT_NEVER;
    open->classes[slot].class = class;
    open->classes[slot].supply = 1;
    open->classes[slot].same = 0;
    for (uint64_t rest = open->updates; rest; rest &= rest - 1) {
        int u = __builtin_ctzll(rest);
        if (is_same(&plan->problem->ops[open->update_op[u]].call, &it->call))
            open->classes[slot].same |= UINT64_C(1) << u;
    }
    if (plan->is_register) {
        open->classes[slot].readers = readers_of(open, plan, value_set(&it->call));
        open->classes[slot].cassers = cassers_of(open, plan, value_set(&it->call));
    }
    if (!plan->is_register)
        return;
    open->classes[slot].cas_after = cas_after(open, plan, value_set(&it->call));
    if (it->call.kind != RIFT_CALL_CAS)
        return;
    for (uint64_t rest = open->updates; rest; rest &= rest - 1) {
        int u = __builtin_ctzll(rest);
        if (expects(&it->call, value_set(&plan->problem->ops[open->update_op[u]].call)))
            open->cas_after[u] |= jit_class_bit(slot);
    }
    for (uint32_t c = 0; c < open->class_end; c++)
        if (open->classes[c].class != RIFT_EVENT_NEVER &&
            expects(&it->call, value_set(&plan->classes[open->classes[c].class].call)))
            open->classes[c].cas_after |= jit_class_bit(slot);
}

void jit_open_invoke(struct jit_open *open, const struct jit_plan *plan, uint32_t op)
{
    if (plan->problem->ops[op].complete == RIFT_EVENT_NEVER)
        invoke_crashed(open, plan, op);
    else if (plan->is_observer[op])
        invoke_observer(open, plan, op);
    else
        invoke_update(open, plan, op);
}

void jit_open_complete(struct jit_open *open, const struct jit_plan *plan, uint32_t op)
{
    uint64_t bit = UINT64_C(1) << plan->slot[op];
    if (plan->is_observer[op])
        open->observers &= ~bit;
    else
        open->updates &= ~bit;
}

void jit_open_end_class(struct jit_open *open, const struct jit_plan *plan, uint32_t class)
{
    open->classes[plan->classes[class].slot].class = RIFT_EVENT_NEVER;
    while (open->class_end > 0 && open->classes[open->class_end - 1].class == RIFT_EVENT_NEVER)
        open->class_end--;
}
