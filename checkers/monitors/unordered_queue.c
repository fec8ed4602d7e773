/* Unordered queues with unique values: whatever was put in comes out once, in any order. Values do
 * not meet, so each is judged alone; only answers "empty" tie them together. A crashed take may
 * take any value: the moments of emptiness are deadlines for the values that nobody took, and the
 * earliest deadlines are met first. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/empties.h"
#include "checkers/monitors/stays.h"
#include "common/memory.h"

/* The first moment of emptiness after each value that stays went in for certain. */
static bool give_takes(struct monitor_container *container, const struct monitor_stays *stays,
                       uint32_t *deadlines)
{
    size_t size = (size_t)container->slots.last + 2;
    CLEANUP(rift_free) uint32_t *next = rift_malloc(size * sizeof *next);
    for (size_t slot = 0; slot < size; slot++)
        next[slot] = MONITOR_NONE;
    for (size_t i = 0; i < container->empty_count; i++)
        next[stays->empty[i]] = stays->empty[i];
    for (size_t slot = size - 1; slot-- > 0;)
        if (next[slot] == MONITOR_NONE)
            next[slot] = next[slot + 1];
    for (size_t i = 0; i < container->item_count; i++)
        deadlines[i] = monitor_item_stays(container, &container->items[i])
                           ? next[container->items[i].b + 1]
                           : MONITOR_NONE;
    uint32_t at;
    return monitor_container_give_by_deadline(container, deadlines, &at);
}

/* Each value goes in as late and comes out as early as it can; but a crashed take happens as late
 * as it may, where little else is inside that it might have taken instead: whoever replays the
 * order has to follow all of that. */
static void place(const struct monitor_container *container, const uint32_t *deadlines,
                  struct monitor_stays *stays)
{
    const uint32_t *low = container->slots.low;
    for (size_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        stays->out[i] = item->c;
        if (monitor_item_stays(container, item) && item->take != MONITOR_NONE)
            stays->out[i] = deadlines[i];
        stays->in[i] = item->b < stays->out[i] ? item->b : stays->out[i];
        for (uint32_t look = item[0].looks; look < item[1].looks; look++) {
            uint32_t op = container->looks[look];
            stays->look[look] = low[op] > stays->in[i] ? low[op] : stays->in[i];
        }
    }
}

/* Values that stay first: they come out last of a slot. */
static uint32_t *order_of_items(const struct monitor_container *container)
{
    uint32_t *order = rift_malloc((container->item_count + 1) * sizeof *order);
    size_t count = 0;
    for (int stays = 1; stays >= 0; stays--)
        for (uint32_t i = 0; i < container->item_count; i++)
            if (monitor_item_stays(container, &container->items[i]) == (stays == 1))
                order[count++] = i;
    return order;
}

static int judge(struct monitor_container *container, struct rift_certificate *certificate)
{
    CLEANUP(monitor_stays_finish) struct monitor_stays stays;
    monitor_stays_init(&stays, container);
    if (!monitor_empties_place(container, stays.empty, certificate))
        return RIFT_MONITOR_INVALID;
    CLEANUP(rift_free)
    uint32_t *deadlines = rift_malloc((container->item_count + 1) * sizeof *deadlines);
    if (!give_takes(container, &stays, deadlines))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(rift_free) uint32_t *order = order_of_items(container);
    place(container, deadlines, &stays);
    monitor_stays_emit(&stays, container, order, certificate);
    return RIFT_MONITOR_VALID;
}

static enum rift_monitor_answer unordered_queue_judge(const struct rift_problem *problem,
                                                      const struct rift_limits *limits,
                                                      struct rift_certificate *certificate)
{
    if (!monitor_memory_suffices(problem, limits, 120, 12))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(monitor_container_finish) struct monitor_container container;
    int answer = monitor_container_init(&container, problem, certificate);
    if (answer == RIFT_MONITOR_VALID)
        answer = judge(&container, certificate);
    return (enum rift_monitor_answer)answer;
}

static const char *const unordered_queue_models[] = {"unordered-queue", NULL};

const struct rift_monitor rift_monitor_unordered_queue = {
    .name = "unordered-queue-unique",
    .models = unordered_queue_models,
    .condition = "each value is inserted at most once",
    .judge = unordered_queue_judge,
};
