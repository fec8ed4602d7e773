#include "checkers/linearizability/jit/plan.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/classes.h"
#include "checkers/linearizability/useless.h"
#include "common/memory.h"

static bool is_plain_register(const struct rift_problem *problem)
{
    for (size_t i = 0; i < problem->count; i++) {
        uint32_t kind = problem->ops[i].call.kind;
        if (kind != RIFT_CALL_READ && kind != RIFT_CALL_WRITE && kind != RIFT_CALL_CAS &&
            kind != RIFT_CALL_CAS_FAILED)
            return false;
    }
    return problem->model->is_scalar;
}

/* The lowest free slot of each kind is given to each completed op while it is open. */
static bool plan_slots(struct jit_plan *plan)
{
    const struct rift_problem *problem = plan->problem;
    uint64_t taken[2] = {0};
    for (uint32_t event = 0; event < problem->event_count; event++) {
        uint32_t i = plan->event_op[event];
        const struct rift_problem_op *op = &problem->ops[i];
        uint64_t *mask = &taken[plan->is_observer[i]];
        if (op->complete == RIFT_EVENT_NEVER)
            continue;
        if (op->complete == event) {
            *mask &= ~(UINT64_C(1) << plan->slot[i]);
            continue;
        }
        if (*mask == UINT64_MAX)
            return false;
        plan->slot[i] = (uint16_t)__builtin_ctzll(~*mask);
        *mask |= UINT64_C(1) << plan->slot[i];
        if (!plan->is_observer[i] && plan->slot[i] >= plan->update_slots)
            plan->update_slots = plan->slot[i] + 1u;
    }
    return true;
}

static void plan_classes(struct jit_plan *plan)
{
    const struct rift_problem *problem = plan->problem;
    struct rift_classes all;
    rift_classes_init(&all, problem);
    bool *is_useless = rift_calloc(problem->count + 1, sizeof *is_useless);
    rift_useless_mark(problem, is_useless);
    uint32_t *known = rift_calloc(all.count + 1, sizeof *known); /* our class + 1 */
    for (uint32_t i = 0; i < problem->count; i++) {
        plan->class[i] = plan->next_member[i] = RIFT_EVENT_NEVER;
        if (problem->ops[i].complete != RIFT_EVENT_NEVER || is_useless[i])
            continue;
        uint32_t *mine = &known[all.of_op[i]];
        if (!*mine) {
            plan->classes[plan->class_count] =
                (struct jit_class){.call = problem->ops[i].call, .first_op = i, .last_op = i};
            *mine = ++plan->class_count;
        } else {
            struct jit_class *class = &plan->classes[*mine - 1];
            plan->next_member[class->last_op] = i;
            class->last_op = i;
        }
        plan->class[i] = *mine - 1;
    }
    free(known);
    free(is_useless);
    rift_classes_finish(&all);
}

/* A class of writes or cas is over once its value cannot be seen any more. */
static uint32_t class_end(const struct jit_plan *plan, const struct jit_class *class)
{
    if (!plan->is_register)
        return RIFT_EVENT_NEVER;
    uint32_t value = class->call.kind == RIFT_CALL_CAS ? class->call.b : class->call.a;
    return plan->last_seen[value];
}

/* Slots of classes, reused once a class is over. */
static bool plan_class_slots(struct jit_plan *plan)
{
    const struct rift_problem *problem = plan->problem;
    bool taken[JIT_CLASSES_MAX] = {false};
    for (uint32_t event = 0; event < problem->event_count; event++) {
        uint32_t i = plan->event_op[event], c = plan->class[i];
        if (c != RIFT_EVENT_NEVER && plan->classes[c].first_op == i) {
            struct jit_class *class = &plan->classes[c];
            uint16_t slot = 0;
            while (slot < JIT_CLASSES_MAX && taken[slot])
                slot++;
            if (slot == JIT_CLASSES_MAX)
                return false;
            taken[slot] = true;
            class->slot = slot;
            class->end = class_end(plan, class);
            if (slot >= plan->class_slots)
                plan->class_slots = slot + 1u;
            if (class->end < problem->event_count) {
                plan->next_dying[c] = plan->dying[class->end];
                plan->dying[class->end] = c;
            }
        }
        for (uint32_t k = plan->dying[event]; k != RIFT_EVENT_NEVER; k = plan->next_dying[k])
            taken[plan->classes[k].slot] = false;
    }
    return true;
}

bool jit_plan_init(struct jit_plan *plan, const struct rift_problem *problem)
{
    *plan = (struct jit_plan){.problem = problem};
    if (problem->model->has_choices)
        return false;
    size_t n = problem->count + 1, events = (size_t)problem->event_count + 1;
    plan->is_register = is_plain_register(problem);
    plan->is_observer = rift_calloc(n, sizeof *plan->is_observer);
    plan->event_op = rift_calloc(events, sizeof *plan->event_op);
    plan->slot = rift_calloc(n, sizeof *plan->slot);
    plan->class = rift_calloc(n, sizeof *plan->class);
    plan->classes = rift_calloc(problem->info_count + 1, sizeof *plan->classes);
    plan->next_member = rift_calloc(n, sizeof *plan->next_member);
    plan->next_dying = rift_calloc(problem->info_count + 1, sizeof *plan->next_dying);
    plan->dying = rift_malloc(events * sizeof *plan->dying);
    memset(plan->dying, 0xff, events * sizeof *plan->dying);
    plan->last_seen = rift_calloc(problem->value_count + 1, sizeof *plan->last_seen);
    for (uint32_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        plan->event_op[op->invoke] = i;
        if (op->complete != RIFT_EVENT_NEVER)
            plan->event_op[op->complete] = i;
        plan->is_observer[i] =
            rift_call_is_observer(op->call.kind) ||
            (plan->is_register && op->call.kind == RIFT_CALL_CAS && op->call.a == op->call.b);
        plan->has_negative |= op->call.kind == RIFT_CALL_CAS_FAILED;
    }
    if (!rift_last_seen(problem, plan->last_seen))
        memset(plan->last_seen, 0xff, problem->value_count * sizeof *plan->last_seen);
    plan_classes(plan);
    return plan_slots(plan) && plan_class_slots(plan);
}

void jit_plan_finish(struct jit_plan *plan)
{
    free(plan->is_observer);
    free(plan->event_op);
    free(plan->slot);
    free(plan->class);
    free(plan->classes);
    free(plan->next_member);
    free(plan->dying);
    free(plan->next_dying);
    free(plan->last_seen);
    *plan = (struct jit_plan){0};
}
