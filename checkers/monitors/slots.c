#include "checkers/monitors/slots.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

uint32_t *monitor_numbers_none(size_t count)
{
    uint32_t *numbers = rift_malloc((count + 1) * sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = MONITOR_NONE;
    return numbers;
}

void monitor_slots_init(struct monitor_slots *slots, const struct rift_problem *problem)
{
    size_t count = problem->count;
    slots->low = rift_malloc((count + 1) * sizeof *slots->low);
    slots->high = rift_malloc((count + 1) * sizeof *slots->high);
    CLEANUP(rift_free)
    uint32_t *slot_of = rift_calloc((size_t)problem->event_count + 1, sizeof *slot_of);
    for (size_t i = 0; i < count; i++)
        slot_of[problem->ops[i].invoke] = 1;
    uint32_t slot = 0;
    bool is_after_completion = false;
    for (size_t event = 0; event < problem->event_count; event++) {
        bool is_invocation = slot_of[event] != 0;
        if (is_invocation && is_after_completion)
            slot++;
        is_after_completion = !is_invocation;
        slot_of[event] = slot;
    }
    slots->last = slot + 1;
    for (size_t i = 0; i < count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        slots->low[i] = slot_of[op->invoke];
        slots->high[i] = op->complete == RIFT_EVENT_NEVER ? slots->last : slot_of[op->complete];
    }
}

void monitor_slots_finish(struct monitor_slots *slots)
{
    free(slots->low);
    free(slots->high);
    memset(slots, 0, sizeof *slots);
}

void monitor_sequence_init(struct monitor_sequence *sequence, size_t room)
{
    sequence->item = rift_malloc((room + 1) * sizeof *sequence->item);
    sequence->slot = rift_malloc((room + 1) * sizeof *sequence->slot);
    sequence->count = 0;
}

void monitor_sequence_finish(struct monitor_sequence *sequence)
{
    free(sequence->item);
    free(sequence->slot);
    memset(sequence, 0, sizeof *sequence);
}

uint32_t *monitor_sequence_sort(const struct monitor_sequence *sequence, uint32_t last_slot)
{
    CLEANUP(rift_free) uint32_t *first = rift_calloc((size_t)last_slot + 2, sizeof *first);
    uint32_t *sorted = rift_malloc((sequence->count + 1) * sizeof *sorted);
    for (size_t i = 0; i < sequence->count; i++)
        first[sequence->slot[i] + 1]++;
    for (size_t slot = 0; slot <= last_slot; slot++)
        first[slot + 1] += first[slot];
    for (size_t i = 0; i < sequence->count; i++)
        sorted[first[sequence->slot[i]]++] = sequence->item[i];
    return sorted;
}
