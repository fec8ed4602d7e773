/* FIFO queues with unique values, with peeks and answers "empty".
 *
 * Two values stand in one order: as they were put in, and as they were in front (seen by a peek, or
 * taken). Each relation comes from real time; a pair that stands both ways is a bad pattern, and
 * where there is no such pair an order exists (Bouajjani, Emmi, Enea, Hamza, On Reducing
 * Linearizability to State Reachability, ICALP 2015, for queues without peeks).
 *
 * Crashed takes: a value that nobody took must make way for the values behind it. Each has a
 * deadline, the first completed op that saw a value behind it in front; the deadlines are met, the
 * earliest first, by crashed takes that were invoked in time, or they cannot be met at all (Hall).
 */
#include "checkers/monitors/registry.h"

#include <stdlib.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/empties.h"
#include "checkers/monitors/proof.h"
#include "checkers/monitors/queue_order.h"
#include "common/memory.h"

/* Of the items with a (or y) at least a slot: the two with the lowest x. */
struct lowest {
    uint32_t first, second;
};

struct queue {
    struct monitor_container container;
    struct lowest *behind;   /* by a: put in from this slot on */
    struct lowest *in_front; /* by y: seen in front from this slot on */
    uint32_t *deadlines;     /* of items that stay */
    uint32_t *slot_of_empty;
};

static void queue_finish(struct queue *queue)
{
    monitor_container_finish(&queue->container);
    free(queue->behind);
    free(queue->in_front);
    free(queue->deadlines);
    free(queue->slot_of_empty);
}

/* A completed op saw the item in front. */
static bool item_was_in_front(const struct monitor_container *container,
                              const struct monitor_item *item)
{
    return item->first_look != MONITOR_NONE || !monitor_item_stays(container, item);
}

static void lowest_add(const struct monitor_container *container, struct lowest *lowest,
                       uint32_t item)
{
    const struct monitor_item *items = container->items;
    if (item == MONITOR_NONE || item == lowest->first || item == lowest->second)
        return;
    if (lowest->first == MONITOR_NONE || items[item].x < items[lowest->first].x) {
        lowest->second = lowest->first;
        lowest->first = item;
    } else if (lowest->second == MONITOR_NONE || items[item].x < items[lowest->second].x) {
        lowest->second = item;
    }
}

static struct lowest *lowest_from_slot(const struct monitor_container *container, bool by_a)
{
    size_t size = (size_t)container->slots.last + 2;
    struct lowest *lowest = rift_malloc(size * sizeof *lowest);
    for (size_t slot = 0; slot < size; slot++)
        lowest[slot] = (struct lowest){MONITOR_NONE, MONITOR_NONE};
    for (size_t i = 0; i < container->item_count; i++)
        if (item_was_in_front(container, &container->items[i]))
            lowest_add(container, &lowest[by_a ? container->items[i].a : container->items[i].y],
                       (uint32_t)i);
    for (size_t slot = size - 1; slot-- > 0;) {
        lowest_add(container, &lowest[slot], lowest[slot + 1].first);
        lowest_add(container, &lowest[slot], lowest[slot + 1].second);
    }
    return lowest;
}

/* The item that must stand behind this one and was in front first; MONITOR_NONE: none. */
static uint32_t first_behind(const struct queue *queue, uint32_t index)
{
    const struct monitor_item *items = queue->container.items;
    struct lowest candidates = {MONITOR_NONE, MONITOR_NONE};
    const struct lowest *sources[2] = {&queue->behind[items[index].b + 1], NULL};
    if (item_was_in_front(&queue->container, &items[index]))
        sources[1] = &queue->in_front[items[index].x + 1];
    for (int i = 0; i < 2 && sources[i]; i++) {
        lowest_add(&queue->container, &candidates, sources[i]->first);
        lowest_add(&queue->container, &candidates, sources[i]->second);
        if (candidates.first == index)
            candidates = (struct lowest){candidates.second, MONITOR_NONE};
        if (candidates.second == index)
            candidates.second = MONITOR_NONE;
    }
    return candidates.first;
}

/* Deadlines of the values that stay, all of them necessary. */
static void queue_find_deadlines(struct queue *queue)
{
    struct monitor_container *container = &queue->container;
    for (uint32_t i = 0; i < container->item_count; i++) {
        queue->deadlines[i] = MONITOR_NONE;
        if (!monitor_item_stays(container, &container->items[i]))
            continue;
        uint32_t behind = first_behind(queue, i);
        if (behind != MONITOR_NONE)
            queue->deadlines[i] = container->items[behind].x;
    }
}

/* False where there are too few crashed takes for the deadlines. */
static bool queue_give_takes(struct queue *queue, struct rift_certificate *certificate)
{
    struct monitor_container *container = &queue->container;
    uint32_t at;
    if (monitor_container_give_by_deadline(container, queue->deadlines, &at))
        return true;
    for (uint32_t i = 0; i < container->item_count; i++) {
        if (queue->deadlines[i] > at)
            continue;
        monitor_item_prove(container, &container->items[i], certificate);
        monitor_item_prove(container, &container->items[first_behind(queue, i)], certificate);
    }
    monitor_container_prove_pending(container, at, certificate);
    monitor_proof_close(certificate, "value overtaken that nobody took");
    return false;
}

/* The first moment of emptiness after each value that stays went in for certain. */
static void queue_refine_by_empties(struct queue *queue)
{
    const struct monitor_container *container = &queue->container;
    CLEANUP(rift_free)
    uint32_t *next = rift_malloc(((size_t)container->slots.last + 2) * sizeof *next);
    for (size_t slot = 0; slot <= (size_t)container->slots.last + 1; slot++)
        next[slot] = MONITOR_NONE;
    for (size_t i = 0; i < container->empty_count; i++)
        next[queue->slot_of_empty[i]] = queue->slot_of_empty[i];
    for (size_t slot = (size_t)container->slots.last + 1; slot-- > 0;)
        if (next[slot] == MONITOR_NONE)
            next[slot] = next[slot + 1];
    for (uint32_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        if (monitor_item_stays(container, item) && next[item->b + 1] < queue->deadlines[i])
            queue->deadlines[i] = next[item->b + 1];
    }
}

static bool item_is_seen_and_stays(const struct monitor_container *container,
                                   const struct monitor_item *item)
{
    return item->first_look != MONITOR_NONE && monitor_item_stays(container, item);
}

/* Of values that stay and were all in front, all but the last make way: best in the order in which
 * they were first seen. */
static void queue_refine_by_looks(struct queue *queue)
{
    const struct monitor_container *container = &queue->container;
    CLEANUP(monitor_sequence_finish) struct monitor_sequence seen = {0};
    monitor_sequence_init(&seen, container->item_count);
    for (uint32_t i = 0; i < container->item_count; i++)
        if (item_is_seen_and_stays(container, &container->items[i]))
            monitor_sequence_append(&seen, i, container->items[i].x);
    CLEANUP(rift_free) uint32_t *sorted = monitor_sequence_sort(&seen, container->slots.last);
    for (size_t i = 1; i < seen.count; i++) {
        uint32_t x = container->items[sorted[i]].x;
        if (x < queue->deadlines[sorted[i - 1]])
            queue->deadlines[sorted[i - 1]] = x;
    }
}

/* Deadlines that are enough, though not all of them are necessary. */
static bool queue_give_enough(struct queue *queue)
{
    struct monitor_container *container = &queue->container;
    if (container->stay_count == 0)
        return true;
    if (container->empty_count > 0)
        queue_refine_by_empties(queue);
    queue_refine_by_looks(queue);
    monitor_container_take_back(container);
    uint32_t at;
    return monitor_container_give_by_deadline(container, queue->deadlines, &at);
}

static uint32_t *queue_order_values(const struct queue *queue)
{
    const struct monitor_container *container = &queue->container;
    uint32_t last = container->slots.last;
    size_t count = container->item_count + container->empty_count;
    CLEANUP(rift_free) struct monitor_queue_node *nodes = rift_malloc((count + 1) * sizeof *nodes);
    for (size_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        nodes[i] = (struct monitor_queue_node){item->a, item->b, item->x,
                                               item->take == MONITOR_NONE ? last : item->y};
    }
    for (size_t i = 0; i < container->empty_count; i++) {
        uint32_t slot = queue->slot_of_empty[i];
        nodes[container->item_count + i] = (struct monitor_queue_node){slot, slot, slot, slot};
    }
    return monitor_queue_order(nodes, count, last);
}

/* Each op as early as its place in the order allows; in one slot by place. */
static void queue_emit(const struct queue *queue, const uint32_t *order,
                       struct rift_certificate *certificate)
{
    const struct monitor_container *container = &queue->container;
    const uint32_t *low = container->slots.low;
    CLEANUP(monitor_sequence_finish) struct monitor_sequence sequence = {0};
    monitor_sequence_init(&sequence, container->problem->count);
    uint32_t in = 0, out = 0;
    bool is_blocked = false; /* by a value that stays: no crashed take goes past it */
    for (size_t i = 0; i < container->item_count + container->empty_count; i++) {
        if (order[i] >= container->item_count) {
            uint32_t empty = order[i] - (uint32_t)container->item_count;
            in = out = queue->slot_of_empty[empty];
            monitor_sequence_append(&sequence, container->empties[empty], in);
            continue;
        }
        const struct monitor_item *item = &container->items[order[i]];
        in = item->a > in ? item->a : in;
        out = in > out ? in : out;
        monitor_sequence_append(&sequence, item->insert, in);
        for (uint32_t look = item->looks; look < item[1].looks; look++) {
            uint32_t op = container->looks[look];
            out = low[op] > out ? low[op] : out;
            monitor_sequence_append(&sequence, op, out);
        }
        is_blocked |= item->take == MONITOR_NONE;
        if (item->take == MONITOR_NONE || (is_blocked && monitor_item_stays(container, item)))
            continue;
        out = low[item->take] > out ? low[item->take] : out;
        monitor_sequence_append(&sequence, item->take, out);
    }
    certificate->order_count = sequence.count;
    certificate->order = monitor_sequence_sort(&sequence, container->slots.last);
}

/* A pair of values that stands both ways. */
static int queue_prove_pair(struct queue *queue, struct rift_certificate *certificate)
{
    const struct monitor_container *container = &queue->container;
    monitor_container_take_back(&queue->container);
    for (uint32_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        if (!item_was_in_front(container, item))
            continue;
        uint32_t behind = first_behind(queue, i);
        if (behind == MONITOR_NONE || container->items[behind].x >= item->y)
            continue;
        monitor_item_prove(container, item, certificate);
        monitor_item_prove(container, &container->items[behind], certificate);
        return monitor_proof_close(certificate, "values out of order");
    }
    return RIFT_MONITOR_NOT_APPLICABLE;
}

/* Values that must be gone by a slot, and values that were in front by then, of which one may be
 * left: more than crashed takes were invoked. */
static int queue_prove_crowd(struct queue *queue, struct rift_certificate *certificate)
{
    struct monitor_container *container = &queue->container;
    size_t size = (size_t)container->slots.last + 1;
    CLEANUP(rift_free) uint32_t *gone = rift_calloc(size, sizeof *gone);
    CLEANUP(rift_free) uint32_t *seen = rift_calloc(size, sizeof *seen);
    CLEANUP(rift_free) uint32_t *both = rift_calloc(size, sizeof *both);
    CLEANUP(rift_free) uint32_t *takes = monitor_container_takes_by_slot(container);
    for (uint32_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        uint32_t due = queue->deadlines[i];
        bool is_seen = item_is_seen_and_stays(container, item);
        if (due != MONITOR_NONE)
            gone[due]++;
        if (is_seen)
            seen[item->x]++;
        if (is_seen && due != MONITOR_NONE)
            both[due > item->x ? due : item->x]++;
    }
    size_t at = 0;
    for (size_t slot = 0; slot < size; slot++) {
        if (slot > 0) {
            gone[slot] += gone[slot - 1];
            seen[slot] += seen[slot - 1];
            both[slot] += both[slot - 1];
        }
        if (gone[slot] + seen[slot] - both[slot] > takes[slot] + (both[slot] < seen[slot]))
            break;
        at = slot + 1;
    }
    if (at == size)
        return RIFT_MONITOR_NOT_APPLICABLE;
    for (uint32_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        bool is_due = queue->deadlines[i] <= at;
        if (is_due)
            monitor_item_prove(container, &container->items[first_behind(queue, i)], certificate);
        if (is_due || (item_is_seen_and_stays(container, item) && item->x <= at))
            monitor_item_prove(container, item, certificate);
    }
    monitor_container_prove_pending(container, (uint32_t)at, certificate);
    return monitor_proof_close(certificate, "values seen in front that nobody took");
}

static int queue_run(struct queue *queue, struct rift_certificate *certificate)
{
    struct monitor_container *container = &queue->container;
    queue->behind = lowest_from_slot(container, true);
    queue->in_front = lowest_from_slot(container, false);
    queue->slot_of_empty = rift_malloc((container->empty_count + 1) * sizeof *queue->slot_of_empty);
    queue->deadlines = rift_malloc((container->item_count + 1) * sizeof *queue->deadlines);
    queue_find_deadlines(queue);
    if (!monitor_empties_place(container, queue->slot_of_empty, certificate) ||
        !queue_give_takes(queue, certificate))
        return RIFT_MONITOR_INVALID;
    CLEANUP(rift_free)
    uint32_t *order = queue_give_enough(queue) ? queue_order_values(queue) : NULL;
    if (order != NULL) {
        queue_emit(queue, order, certificate);
        return RIFT_MONITOR_VALID;
    }
    queue_find_deadlines(queue);
    int answer = queue_prove_pair(queue, certificate);
    return answer == RIFT_MONITOR_INVALID ? answer : queue_prove_crowd(queue, certificate);
}

static enum rift_monitor_answer queue_judge(const struct rift_problem *problem,
                                            const struct rift_limits *limits,
                                            struct rift_certificate *certificate)
{
    if (!monitor_memory_suffices(problem, limits, 120, 12))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(queue_finish) struct queue queue = {0};
    int answer = monitor_container_init(&queue.container, problem, certificate);
    if (answer == RIFT_MONITOR_VALID)
        answer = queue_run(&queue, certificate);
    return (enum rift_monitor_answer)answer;
}

static const char *const queue_models[] = {"queue", NULL};

const struct rift_monitor rift_monitor_queue = {
    .name = "queue-unique",
    .models = queue_models,
    .condition = "each value is inserted at most once",
    .judge = queue_judge,
};
