#include "checkers/linearizability/keys.h"

#include "common/clock.h"

int rift_keys_visit(const struct rift_history *history, const struct rift_model *model,
                    rift_key_visit *visit, void *context, struct rift_error *err)
{
    static const struct rift_problem_options options = {0};
    struct rift_key_split split;
    int result = 0;
    rift_key_split_init(&split, history);
    for (size_t key = 0; key < split.key_count && result == 0; key++) {
        size_t count = split.first[key + 1] - split.first[key];
        if (count == 0)
            continue;
        struct rift_problem *problem = rift_problem_create(
            model, history, split.rows + split.first[key], count, &options, err);
        if (problem)
            visit(context, problem);
        else
            result = -1;
    }
    rift_key_split_finish(&split);
    return result;
}

struct rift_limits rift_limits_of_budget(const struct rift_budget *budget, unsigned thread_count)
{
    return (struct rift_limits){
        .deadline_ns = budget->time_ms ? rift_clock_now() + budget->time_ms * RIFT_MS : INT64_MAX,
        .memory_bytes = budget->memory_bytes ? budget->memory_bytes / thread_count : UINT64_MAX,
    };
}
