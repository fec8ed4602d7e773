/* Rows come sorted by start, so their completions wait in a heap until it is their turn.
 *
 * At one moment invocations come before completions, which makes the operations concurrent as they
 * are; only a process completes its last operation before it invokes the next. */
#include "history/export/events.h"

#include <stdlib.h>

#include "common/memory.h"

struct waiting {
    int64_t end;
    size_t row;
    const struct rift_ops *ops;
};

struct rift_events {
    const struct rift_history *history;
    size_t next_op, next_fault; /* rows not invoked yet */
    struct waiting *heap;
    size_t heap_count, heap_capacity;
    struct waiting at_once; /* a completion without a time follows its invocation */
    bool has_at_once;
};

struct rift_events *rift_events_create(const struct rift_history *history)
{
    struct rift_events *events = rift_calloc(1, sizeof *events);
    events->history = history;
    return events;
}

void rift_events_destroy(struct rift_events *events)
{
    if (!events)
        return;
    free(events->heap);
    free(events);
}

static bool is_before(const struct waiting *a, const struct waiting *b)
{
    if (a->end != b->end)
        return a->end < b->end;
    if (a->ops->start[a->row] != b->ops->start[b->row])
        return a->ops->start[a->row] < b->ops->start[b->row];
    return a->row < b->row;
}

static void heap_push(struct rift_events *events, struct waiting item)
{
    if (events->heap_count == events->heap_capacity) {
        events->heap_capacity = events->heap_capacity ? events->heap_capacity * 2 : 64;
        events->heap = rift_reallocarray(events->heap, events->heap_capacity, sizeof *events->heap);
    }
    size_t at = events->heap_count++;
    for (; at > 0 && is_before(&item, &events->heap[(at - 1) / 2]); at = (at - 1) / 2)
        events->heap[at] = events->heap[(at - 1) / 2];
    events->heap[at] = item;
}

/* Takes an item out of any place of the heap. */
static struct waiting heap_take(struct rift_events *events, size_t at)
{
    struct waiting taken = events->heap[at];
    struct waiting last = events->heap[--events->heap_count];
    for (; at > 0 && is_before(&last, &events->heap[(at - 1) / 2]); at = (at - 1) / 2)
        events->heap[at] = events->heap[(at - 1) / 2];
    for (size_t child; (child = 2 * at + 1) < events->heap_count; at = child) {
        if (child + 1 < events->heap_count &&
            is_before(&events->heap[child + 1], &events->heap[child]))
            child++;
        if (!is_before(&events->heap[child], &last))
            break;
        events->heap[at] = events->heap[child];
    }
    if (at < events->heap_count)
        events->heap[at] = last;
    return taken;
}

/* The next row to be invoked. */
static bool next_start(const struct rift_events *events, struct waiting *next)
{
    const struct rift_ops *ops = &events->history->ops, *faults = &events->history->nemesis;
    bool has_op = events->next_op < ops->count, has_fault = events->next_fault < faults->count;
    if (has_op &&
        (!has_fault || ops->start[events->next_op] <= faults->start[events->next_fault])) {
        *next = (struct waiting){ops->start[events->next_op], events->next_op, ops};
        return true;
    }
    if (has_fault)
        *next = (struct waiting){faults->start[events->next_fault], events->next_fault, faults};
    return has_fault;
}

/* The completion that must come before this start, or SIZE_MAX: an earlier one, or one at the same
 * moment of the same process. */
static size_t completion_before(const struct rift_events *events, const struct waiting *next)
{
    const struct waiting *heap = events->heap;
    if (events->heap_count == 0 || heap[0].end > next->end)
        return SIZE_MAX;
    if (heap[0].end < next->end)
        return 0;
    for (size_t i = 0; i < events->heap_count; i++)
        if (heap[i].end == next->end && heap[i].ops == next->ops &&
            heap[i].ops->process[heap[i].row] == next->ops->process[next->row])
            return i;
    return SIZE_MAX;
}

static bool complete(struct rift_export_event *event, struct waiting item)
{
    *event = (struct rift_export_event){item.ops, item.row, true};
    return true;
}

bool rift_events_next(struct rift_events *events, struct rift_export_event *event)
{
    struct waiting next;
    if (events->has_at_once) {
        events->has_at_once = false;
        return complete(event, events->at_once);
    }
    if (!next_start(events, &next))
        return events->heap_count && complete(event, heap_take(events, 0));
    size_t earlier = completion_before(events, &next);
    if (earlier != SIZE_MAX)
        return complete(event, heap_take(events, earlier));
    if (next.ops == &events->history->ops)
        events->next_op++;
    else
        events->next_fault++;
    *event = (struct rift_export_event){next.ops, next.row, false};
    next.end = next.ops->end[next.row];
    if (next.end != RIFT_TIME_NEVER) {
        heap_push(events, next);
    } else if (next.ops->type[next.row] != RIFT_OP_INFO) {
        events->at_once = next;
        events->has_at_once = true;
    }
    return true;
}
