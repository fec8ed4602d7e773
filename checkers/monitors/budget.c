#include "checkers/monitors/budget.h"

bool monitor_memory_suffices(const struct rift_problem *problem, const struct rift_limits *limits,
                             uint64_t op_bytes, uint64_t value_bytes)
{
    if (limits == NULL)
        return true;
    return problem->count * op_bytes + problem->value_count * value_bytes <= limits->memory_bytes;
}
