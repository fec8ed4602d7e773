#include "checkers/linearizability/saturation.h"

#include <stdlib.h>

#include "common/memory.h"

bool rift_is_saturated(const struct rift_problem *problem)
{
    if (!problem->model->is_scalar || problem->info_count == 0)
        return false;
    /* 1 + the event from which on a crashed write may set the value. */
    uint32_t *free_since = rift_calloc(problem->value_count + 1, sizeof *free_since);
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->complete == RIFT_EVENT_NEVER && op->call.kind == RIFT_CALL_WRITE &&
            !free_since[op->call.a])
            free_since[op->call.a] = op->invoke + 1;
    }
    bool is_saturated = true, is_observed = false;
    for (size_t i = 0; i < problem->count && is_saturated; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->complete == RIFT_EVENT_NEVER || op->complete < problem->event_count / 2 ||
            (op->call.kind != RIFT_CALL_READ && op->call.kind != RIFT_CALL_CAS))
            continue;
        is_observed = true;
        uint32_t since = free_since[op->call.a];
        is_saturated = since > 0 && since <= problem->event_count / 2;
    }
    free(free_since);
    return is_saturated && is_observed;
}
