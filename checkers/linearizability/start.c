#include "checkers/linearizability/start.h"

#include <stdlib.h>

#include "common/memory.h"

enum { STARTS_MAX = 256 };

uint32_t rift_start_values(const struct rift_problem *problem, uint32_t *values, uint32_t max)
{
    bool *is_seen = rift_calloc(problem->value_count + 1, sizeof *is_seen);
    bool has_negative = false;
    uint32_t count = 0;
    for (size_t i = 0; i < problem->count && count <= max; i++) {
        const struct rift_call *call = &problem->ops[i].call;
        bool observes = call->kind == RIFT_CALL_READ || call->kind == RIFT_CALL_CAS;
        has_negative |= call->kind == RIFT_CALL_CAS_FAILED;
        if (!observes || is_seen[call->a])
            continue;
        is_seen[call->a] = true;
        if (count < max)
            values[count] = call->a;
        count++;
    }
    /* A value that nobody observes is no better than one that somebody does, but for "it is not 3".
     */
    uint32_t other = 0;
    while (other < problem->value_count && is_seen[other])
        other++;
    for (size_t i = 0; has_negative && i < problem->count; i++)
        if (problem->ops[i].call.kind == RIFT_CALL_CAS_FAILED)
            is_seen[problem->ops[i].call.a] = true;
    while (has_negative && other < problem->value_count && is_seen[other])
        other++;
    free(is_seen);
    bool needs_other = has_negative || count == 0;
    if (count + needs_other > max || (needs_other && other == problem->value_count))
        return 0;
    if (needs_other)
        values[count++] = other;
    return count;
}

enum rift_answer
rift_decide_any_start(const struct rift_problem *problem, const struct rift_limits *limits,
                      enum rift_answer (*decide)(const struct rift_problem *problem,
                                                 const struct rift_limits *limits))
{
    if (!problem->is_start_unknown)
        return decide(problem, limits);
    uint32_t values[STARTS_MAX];
    uint32_t count = rift_start_values(problem, values, STARTS_MAX);
    enum rift_answer answer = count > 0 ? RIFT_ANSWER_INVALID : RIFT_ANSWER_NONE;
    for (uint32_t i = 0; i < count && answer == RIFT_ANSWER_INVALID; i++) {
        struct rift_problem from = *problem;
        from.is_start_unknown = false;
        from.initial = values[i];
        answer = decide(&from, limits);
    }
    return answer;
}
