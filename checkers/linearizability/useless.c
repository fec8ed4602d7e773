/* A write that crashed matters only if somebody may see its value before it is gone; the same for
 * an insert, and for a cas whose new value is seen. Leaving it out of an order leaves the order
 * legal: for registers whatever was there before stays a little longer and nobody looks; for
 * containers the rest moves up. It does not hold for counters and locks, nor where a failed cas was
 * heard of: "not 3" may be true only because of a write that nobody saw. */
#include "checkers/linearizability/useless.h"

#include <stdlib.h>

#include "common/memory.h"

/* last[v]: the last event at which a kept op may see v (NEVER - 1: some crashed cas may), 0: none.
 */
static bool mark_seen(const struct rift_problem *problem, uint32_t *last)
{
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->complete == RIFT_EVENT_NEVER)
            continue;
        switch (op->call.kind) {
        case RIFT_CALL_READ:
        case RIFT_CALL_CAS:
        case RIFT_CALL_EXCHANGE:
        case RIFT_CALL_TAKE:
        case RIFT_CALL_PEEK:
        case RIFT_CALL_TAKE_BACK:
        case RIFT_CALL_PEEK_BACK:
            if (op->complete > last[op->call.a])
                last[op->call.a] = op->complete;
            break;
        case RIFT_CALL_CAS_FAILED:
        case RIFT_CALL_READ_ALL:
        case RIFT_CALL_TRANSACTION:
            return false;
        default:
            break;
        }
    }
    return true;
}

/* A crashed cas that may be seen makes the value it expects worth writing, and so on backwards. */
static void spread_seen(const struct rift_problem *problem, uint32_t *last)
{
    for (bool is_changed = true; is_changed;) {
        is_changed = false;
        for (size_t i = problem->count; i-- > 0;) {
            const struct rift_problem_op *op = &problem->ops[i];
            if (op->complete != RIFT_EVENT_NEVER || op->call.kind != RIFT_CALL_CAS ||
                last[op->call.b] <= op->invoke || last[op->call.a] >= last[op->call.b])
                continue;
            last[op->call.a] = last[op->call.b];
            is_changed = true;
        }
    }
}

bool rift_last_seen(const struct rift_problem *problem, uint32_t *last)
{
    const struct rift_model *model = problem->model;
    if ((!model->is_scalar && !model->is_projectable) || !mark_seen(problem, last))
        return false;
    spread_seen(problem, last);
    return true;
}

/* The call sets or inserts a value that nobody sees after this event. */
static bool is_never_seen(const struct rift_call *call, uint32_t event, const uint32_t *last)
{
    switch (call->kind) {
    case RIFT_CALL_WRITE:
    case RIFT_CALL_INSERT:
    case RIFT_CALL_INSERT_FRONT:
        return last[call->a] <= event;
    case RIFT_CALL_CAS:
        return last[call->b] <= event;
    default:
        return false;
    }
}

uint32_t rift_useless_mark(const struct rift_problem *problem, bool *is_useless)
{
    const struct rift_model *model = problem->model;
    if (problem->info_count == 0 || (!model->is_scalar && !model->is_projectable))
        return 0;
    uint32_t *last = rift_calloc(problem->value_count + 1, sizeof *last);
    uint32_t count = 0;
    bool is_known = rift_last_seen(problem, last);
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->complete != RIFT_EVENT_NEVER)
            continue;
        is_useless[i] = (is_known && is_never_seen(&op->call, op->invoke, last)) ||
                        (op->call.kind == RIFT_CALL_CAS && op->call.a == op->call.b);
        count += is_useless[i];
    }
    free(last);
    return count;
}
