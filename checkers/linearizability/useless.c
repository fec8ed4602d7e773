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
    if (!mark_seen(problem, last))
        return false;
    spread_seen(problem, last);
    return true;
}

uint32_t rift_useless_mark(const struct rift_problem *problem, bool *is_useless)
{
    if (problem->info_count == 0)
        return 0;
    uint32_t *last = rift_calloc(problem->value_count + 1, sizeof *last);
    uint32_t count = 0;
    if (rift_last_seen(problem, last)) {
        for (size_t i = 0; i < problem->count; i++) {
            const struct rift_problem_op *op = &problem->ops[i];
            if (op->complete != RIFT_EVENT_NEVER)
                continue;
            bool is_writer = op->call.kind == RIFT_CALL_WRITE ||
                             op->call.kind == RIFT_CALL_INSERT ||
                             op->call.kind == RIFT_CALL_INSERT_FRONT;
            uint32_t value = op->call.kind == RIFT_CALL_CAS ? op->call.b : op->call.a;
            if ((is_writer || op->call.kind == RIFT_CALL_CAS) && last[value] <= op->invoke) {
                is_useless[i] = true;
                count++;
            }
        }
    }
    free(last);
    return count;
}
