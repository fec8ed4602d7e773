#include "checkers/monitors/steps.h"

/* Numbers up to here never overflow when added to, subtracted and counted. */
enum { NUMBER_BITS = 60 };

static bool number_fits(const struct rift_problem *problem, uint32_t value)
{
    int64_t bound = (int64_t)1 << NUMBER_BITS;
    return problem->is_number[value] && problem->numbers[value] < bound &&
           problem->numbers[value] > -bound;
}

static bool op_fits(struct monitor_steps *steps, const struct rift_problem *problem,
                    const struct rift_call *call)
{
    if (!number_fits(problem, call->a))
        return false;
    if (call->kind == RIFT_CALL_READ)
        return true;
    if (call->kind == RIFT_CALL_FETCH_ADD || call->kind == RIFT_CALL_ADD_FETCH) {
        if (!number_fits(problem, call->b))
            return false;
        steps->has_answers = true;
    } else if (call->kind != RIFT_CALL_INCREMENT) {
        return false;
    }
    int64_t step = problem->numbers[call->a];
    if (step == 0 || (steps->step != 0 && step != steps->step))
        return false;
    steps->step = step;
    steps->increment_count++;
    return true;
}

bool monitor_steps_init(struct monitor_steps *steps, const struct rift_problem *problem)
{
    *steps = (struct monitor_steps){0};
    if (problem->initial != 0 && !number_fits(problem, problem->initial))
        return false;
    steps->start = problem->numbers[problem->initial]; /* nil counts as 0 */
    for (size_t i = 0; i < problem->count; i++)
        if (!op_fits(steps, problem, &problem->ops[i].call))
            return false;
    if (steps->step == 0)
        steps->step = 1;
    return true;
}

int64_t monitor_steps_of(const struct monitor_steps *steps, const struct rift_problem *problem,
                         uint32_t value)
{
    int64_t distance = problem->numbers[value] - steps->start;
    if (distance % steps->step != 0 || (distance < 0) != (steps->step < 0 && distance != 0))
        return MONITOR_STEPS_BETWEEN;
    return distance / steps->step;
}
