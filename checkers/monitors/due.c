#include "checkers/monitors/due.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void monitor_due_init(struct monitor_due *due, size_t room)
{
    due->ops = rift_malloc((room + 1) * sizeof *due->ops);
    due->count = 0;
}

void monitor_due_finish(struct monitor_due *due)
{
    free(due->ops);
    memset(due, 0, sizeof *due);
}

void monitor_due_push(struct monitor_due *due, const struct rift_problem *problem, uint32_t op)
{
    const struct rift_problem_op *all = problem->ops;
    uint32_t *ops = due->ops;
    size_t at = due->count++;
    for (; at > 0 && all[ops[(at - 1) / 2]].complete > all[op].complete; at = (at - 1) / 2)
        ops[at] = ops[(at - 1) / 2];
    ops[at] = op;
}

uint32_t monitor_due_pop(struct monitor_due *due, const struct rift_problem *problem)
{
    const struct rift_problem_op *all = problem->ops;
    uint32_t *ops = due->ops;
    uint32_t top = ops[0], moved = ops[--due->count];
    size_t at = 0;
    for (size_t child = 1; child < due->count; child = 2 * at + 1) {
        if (child + 1 < due->count && all[ops[child + 1]].complete < all[ops[child]].complete)
            child++;
        if (all[ops[child]].complete >= all[moved].complete)
            break;
        ops[at] = ops[child];
        at = child;
    }
    ops[at] = moved;
    return top;
}
