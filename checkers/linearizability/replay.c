#include "checkers/linearizability/replay.h"

#include <stdlib.h>

#include "common/memory.h"

/* A crashed call may end in several states; the replay follows all of them, up to this many. Past
 * it the rest is dropped: one state that gets to the end is enough. */
enum { STATES_MAX = 4096 };

static int check_real_time(const struct rift_problem *problem, const uint32_t *order, size_t count,
                           struct rift_error *err)
{
    CLEANUP(rift_free) bool *seen = rift_calloc(problem->count + 1, sizeof *seen);
    uint32_t latest_invoke = 0;
    for (size_t k = 0; k < count; k++) {
        if (order[k] >= problem->count || seen[order[k]])
            return rift_fail(err, RIFT_ERR_INVALID, "place %zu of the order is no op, or twice", k);
        seen[order[k]] = true;
        const struct rift_problem_op *op = &problem->ops[order[k]];
        if (op->complete < latest_invoke)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "operation %u completed before one that comes earlier was invoked",
                             op->row);
        if (op->invoke > latest_invoke)
            latest_invoke = op->invoke;
    }
    for (size_t i = 0; i < problem->count; i++)
        if (!seen[i] && problem->ops[i].complete != RIFT_EVENT_NEVER)
            return rift_fail(err, RIFT_ERR_INVALID, "operation %u is missing from the order",
                             problem->ops[i].row);
    return 0;
}

/* The states after the call from any of the given; the number of them. */
static int step_all(const struct rift_problem *problem, struct rift_states *states,
                    const struct rift_call *call, const uint32_t *from, int from_count,
                    uint32_t *to)
{
    int count = 0;
    for (int i = 0; i < from_count; i++) {
        for (uint32_t choice = 0;; choice++) {
            uint32_t next = problem->model->step(problem, states, from[i], call, choice);
            if (next == RIFT_STATE_NONE)
                break;
            int known = 0;
            while (known < count && to[known] != next)
                known++;
            if (known == STATES_MAX)
                return count;
            to[known] = next;
            count = known == count ? count + 1 : count;
            if (!problem->model->has_choices)
                break;
        }
    }
    return count;
}

int rift_replay_order(const struct rift_problem *problem, const uint32_t *order, size_t count,
                      struct rift_error *err)
{
    if (check_real_time(problem, order, count, err) < 0)
        return -1;
    struct rift_states *states = rift_states_create();
    size_t room = problem->model->has_choices ? STATES_MAX : 1;
    uint32_t *from = rift_malloc(room * sizeof *from);
    uint32_t *to = rift_malloc(room * sizeof *to);
    from[0] = problem->model->start(problem, states);
    int from_count = 1;
    size_t k = 0;
    for (; k < count && from_count > 0; k++) {
        from_count = step_all(problem, states, &problem->ops[order[k]].call, from, from_count, to);
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    free(from);
    free(to);
    rift_states_destroy(states);
    if (from_count == 0)
        return rift_fail(err, RIFT_ERR_INVALID, "operation %u cannot answer so at place %zu",
                         problem->ops[order[k - 1]].row, k - 1);
    return 0;
}
