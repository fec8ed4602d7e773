#include "checkers/monitors/empties.h"

#include <stdlib.h>

#include "checkers/monitors/proof.h"
#include "common/memory.h"

/* What is inside in each slot: values for certain, and values that stay, put in before. */
struct fill {
    uint32_t *cores;
    uint32_t *staying;
    uint32_t *takes;
};

static void fill_finish(struct fill *fill)
{
    free(fill->cores);
    free(fill->staying);
    free(fill->takes);
}

static void fill_count(struct fill *fill, const struct monitor_container *container)
{
    size_t size = (size_t)container->slots.last + 2;
    fill->cores = rift_calloc(size, sizeof *fill->cores);
    fill->staying = rift_calloc(size, sizeof *fill->staying);
    fill->takes = monitor_container_takes_by_slot(container);
    for (size_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        uint32_t until = monitor_item_seen_until(container, item);
        if (item->b + 1 < until) {
            fill->cores[item->b + 1]++;
            fill->cores[until]--;
        }
        if (monitor_item_stays(container, item))
            fill->staying[item->b + 1]++;
    }
    for (size_t slot = 1; slot < size; slot++) {
        fill->cores[slot] += fill->cores[slot - 1];
        fill->staying[slot] += fill->staying[slot - 1];
    }
}

/* A chain of values that covers the op, and where it breaks, more values that stay than crashed
 * takes could have taken by then. */
static void prove(const struct monitor_container *container, const struct fill *fill, uint32_t op,
                  struct rift_certificate *certificate)
{
    uint32_t crowd = 0, high = container->slots.high[op];
    CLEANUP(rift_free) uint32_t *all = rift_malloc((container->item_count + 1) * sizeof *all);
    for (uint32_t i = 0; i < container->item_count; i++)
        all[i] = i;
    CLEANUP(rift_free)
    uint32_t *furthest = monitor_container_furthest(container, all, container->item_count, true);
    monitor_proof_add(certificate, op);
    for (uint32_t slot = container->slots.low[op]; slot <= high;) {
        if (fill->cores[slot] > 0) {
            const struct monitor_item *item = &container->items[furthest[slot]];
            monitor_item_prove(container, item, certificate);
            slot = monitor_item_seen_until(container, item);
        } else {
            if (fill->takes[slot] + 1 > crowd)
                crowd = fill->takes[slot] + 1;
            slot++;
        }
    }
    CLEANUP(monitor_sequence_finish) struct monitor_sequence staying = {0};
    monitor_sequence_init(&staying, container->item_count);
    for (size_t i = 0; i < container->item_count; i++)
        if (monitor_item_stays(container, &container->items[i]))
            monitor_sequence_append(&staying, (uint32_t)i, container->items[i].b);
    CLEANUP(rift_free) uint32_t *sorted = monitor_sequence_sort(&staying, container->slots.last);
    for (size_t i = 0; i < staying.count && i < crowd; i++)
        monitor_item_prove(container, &container->items[sorted[i]], certificate);
    if (crowd > 0)
        monitor_container_prove_pending(container, high, certificate);
    monitor_proof_close(certificate, "found empty while something was inside");
}

bool monitor_empties_place(const struct monitor_container *container, uint32_t *slot_of_empty,
                           struct rift_certificate *certificate)
{
    if (container->empty_count == 0)
        return true;
    CLEANUP(fill_finish) struct fill fill = {0};
    fill_count(&fill, container);
    size_t size = (size_t)container->slots.last + 1;
    CLEANUP(rift_free) uint32_t *next = rift_malloc((size + 1) * sizeof *next);
    next[size] = MONITOR_NONE;
    for (size_t slot = size; slot-- > 0;) {
        bool may_be_empty = fill.cores[slot] == 0 && fill.staying[slot] <= fill.takes[slot];
        next[slot] = may_be_empty ? (uint32_t)slot : next[slot + 1];
    }
    for (size_t i = 0; i < container->empty_count; i++) {
        uint32_t op = container->empties[i];
        slot_of_empty[i] = next[container->slots.low[op]];
        if (slot_of_empty[i] <= container->slots.high[op])
            continue;
        prove(container, &fill, op, certificate);
        return false;
    }
    return true;
}
