/* Sets by key: adds, removes, looks, any number of each. A set is linearizable if each of its keys
 * is (Horn and Kroening, Faster linearizability checking via P-compositionality, FORTE 2015); one
 * key is a toggle. Reads of the whole set tie the keys together and are left to the search. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/toggle.h"
#include "common/memory.h"

static const uint8_t set_roles[RIFT_CALL_KIND_COUNT] = {
    [RIFT_CALL_ADD] = TOGGLE_UP_BLIND,      [RIFT_CALL_ADD_NEW] = TOGGLE_UP,
    [RIFT_CALL_REMOVE] = TOGGLE_DOWN_BLIND, [RIFT_CALL_REMOVE_FOUND] = TOGGLE_DOWN,
    [RIFT_CALL_CONTAINS] = TOGGLE_IS_UP,    [RIFT_CALL_LACKS] = TOGGLE_IS_DOWN,
};

/* Ops of key k: ops[first[k]] .. ops[first[k + 1] - 1], ascending. False where a call is unknown.
 */
static bool group_by_key(const struct rift_problem *problem, uint32_t *first, uint32_t *ops)
{
    for (size_t i = 0; i < problem->count; i++) {
        if (set_roles[problem->ops[i].call.kind] == TOGGLE_NO_ROLE)
            return false;
        first[problem->ops[i].call.a + 2]++;
    }
    for (size_t key = 2; key <= (size_t)problem->value_count + 1; key++)
        first[key] += first[key - 1];
    for (size_t i = 0; i < problem->count; i++)
        ops[first[problem->ops[i].call.a + 1]++] = (uint32_t)i;
    return true;
}

static enum rift_monitor_answer set_judge(const struct rift_problem *problem,
                                          const struct rift_limits *limits,
                                          struct rift_certificate *certificate)
{
    if (problem->initial != 0 || !monitor_memory_suffices(problem, limits, 60, 4))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(rift_free)
    uint32_t *first = rift_calloc((size_t)problem->value_count + 2, sizeof *first);
    CLEANUP(rift_free) uint32_t *ops = rift_malloc((problem->count + 1) * sizeof *ops);
    if (!group_by_key(problem, first, ops))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(monitor_sequence_finish) struct monitor_sequence sequence = {0};
    monitor_sequence_init(&sequence, problem->count);
    struct toggle *toggle = toggle_create(problem, set_roles);
    int answer = RIFT_MONITOR_VALID;
    for (uint32_t key = 0; key < problem->value_count && answer != RIFT_MONITOR_INVALID; key++) {
        size_t count = first[key + 1] - first[key];
        int of_key = toggle_judge(toggle, &ops[first[key]], count, &sequence, certificate);
        if (of_key != RIFT_MONITOR_VALID)
            answer = of_key;
    }
    toggle_destroy(toggle);
    if (answer == RIFT_MONITOR_VALID) {
        certificate->order_count = sequence.count;
        certificate->order = monitor_sequence_sort(&sequence, problem->event_count);
    }
    return (enum rift_monitor_answer)answer;
}

static const char *const set_models[] = {"set", NULL};

const struct rift_monitor rift_monitor_set = {
    .name = "set-by-key",
    .models = set_models,
    .condition = "no read of the whole set; at most 8 changes of a key that do not tell whether "
                 "they changed it",
    .judge = set_judge,
};
