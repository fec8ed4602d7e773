/* Locks that any process may release: a toggle. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/toggle.h"
#include "common/memory.h"

static const uint8_t mutex_roles[RIFT_CALL_KIND_COUNT] = {
    [RIFT_CALL_ACQUIRE] = TOGGLE_UP,
    [RIFT_CALL_RELEASE] = TOGGLE_DOWN,
    [RIFT_CALL_REFUSED] = TOGGLE_IS_UP,
};

static enum rift_monitor_answer mutex_judge(const struct rift_problem *problem,
                                            const struct rift_limits *limits,
                                            struct rift_certificate *certificate)
{
    if (problem->initial != 0 || !monitor_memory_suffices(problem, limits, 60, 0))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(rift_free) uint32_t *ops = rift_malloc((problem->count + 1) * sizeof *ops);
    for (size_t i = 0; i < problem->count; i++) {
        if (mutex_roles[problem->ops[i].call.kind] == TOGGLE_NO_ROLE)
            return RIFT_MONITOR_NOT_APPLICABLE;
        ops[i] = (uint32_t)i;
    }
    CLEANUP(monitor_sequence_finish) struct monitor_sequence sequence = {0};
    monitor_sequence_init(&sequence, problem->count);
    struct toggle *toggle = toggle_create(problem, mutex_roles);
    int answer = toggle_judge(toggle, ops, problem->count, &sequence, certificate);
    toggle_destroy(toggle);
    if (answer == RIFT_MONITOR_VALID) {
        certificate->order_count = sequence.count;
        certificate->order = monitor_sequence_sort(&sequence, problem->event_count);
    }
    return (enum rift_monitor_answer)answer;
}

static const char *const mutex_models[] = {"mutex", NULL};

const struct rift_monitor rift_monitor_mutex = {
    .name = "mutex-toggle",
    .models = mutex_models,
    .condition = "any history without fences and permits",
    .judge = mutex_judge,
};
