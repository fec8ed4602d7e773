/* Events reduced to what linearizability can see: each op is an interval of slots [low, high], and
 * a precedes b exactly if high of a < low of b.
 *
 * A slot is a moment between an invocation and the completion next to it. Moving a point of
 * linearization right over invocations or left over completions never leaves an interval, so these
 * moments are all that is needed; there are at most as many as ops. Ops that share a slot are
 * concurrent there and may take effect in it in any order. */
#ifndef CHECKERS_MONITORS_SLOTS_H
#define CHECKERS_MONITORS_SLOTS_H

#include "checkers/linearizability/problem.h"

#define MONITOR_NONE UINT32_MAX

/* count numbers, all MONITOR_NONE; the caller frees them. */
uint32_t *monitor_numbers_none(size_t count);

struct monitor_slots {
    uint32_t *low;
    uint32_t *high; /* `last` for optional ops */
    uint32_t last;  /* a slot after every completed op; slots are 0 .. last */
};

/* Linear time; 8 bytes an op stay. */
void monitor_slots_init(struct monitor_slots *slots, const struct rift_problem *problem);
void monitor_slots_finish(struct monitor_slots *slots);

/* Ops (or other things) with the slot in which they take effect; within a slot they keep the order
 * of appending. */
struct monitor_sequence {
    uint32_t *item;
    uint32_t *slot;
    size_t count;
};

/* Room for `room` items. */
void monitor_sequence_init(struct monitor_sequence *sequence, size_t room);
void monitor_sequence_finish(struct monitor_sequence *sequence);
static inline void monitor_sequence_append(struct monitor_sequence *sequence, uint32_t item,
                                           uint32_t slot)
{
    sequence->item[sequence->count] = item;
    sequence->slot[sequence->count++] = slot;
}
/* The items sorted by slot, stable; the caller frees them. Linear time. */
uint32_t *monitor_sequence_sort(const struct monitor_sequence *sequence, uint32_t last_slot);

#endif
