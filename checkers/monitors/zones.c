#include "checkers/monitors/zones.h"

#include <stdlib.h>

#include "common/memory.h"

/* Slots are counted from 1 here, so that 0 is before all of them. */
struct bounds {
    uint32_t first, last;
};

static struct bounds block_bounds(const struct monitor_slots *slots,
                                  const struct monitor_block *block)
{
    struct bounds bounds = {
        .first = block->first == MONITOR_NONE ? 0 : slots->high[block->first] + 1,
        .last = block->last == MONITOR_NONE ? slots->last + 2 : slots->low[block->last] + 1,
    };
    return bounds;
}

/* Forward zones in order of their start, or false with the first two that overlap. */
static bool forward_zones_are_apart(const struct monitor_slots *slots,
                                    const struct monitor_block *blocks, const uint32_t *forward,
                                    size_t count, uint32_t clash[2])
{
    for (size_t i = 1; i < count; i++) {
        struct bounds before = block_bounds(slots, &blocks[forward[i - 1]]);
        struct bounds after = block_bounds(slots, &blocks[forward[i]]);
        if (after.first < before.last) {
            clash[0] = forward[i - 1];
            clash[1] = forward[i];
            return false;
        }
    }
    return true;
}

uint32_t *monitor_zones_order(const struct monitor_slots *slots, const struct monitor_block *blocks,
                              size_t count, uint32_t clash[2])
{
    uint32_t last_slot = slots->last + 2;
    CLEANUP(monitor_sequence_finish) struct monitor_sequence zones = {0}, all = {0};
    monitor_sequence_init(&zones, count);
    for (size_t i = 0; i < count; i++) {
        struct bounds bounds = block_bounds(slots, &blocks[i]);
        if (bounds.first < bounds.last)
            monitor_sequence_append(&zones, (uint32_t)i, bounds.first);
    }
    size_t forward_count = zones.count;
    CLEANUP(rift_free) uint32_t *forward = monitor_sequence_sort(&zones, last_slot);
    monitor_sequence_init(&all, count);
    if (!forward_zones_are_apart(slots, blocks, forward, forward_count, clash))
        return NULL;
    /* zone_before[t]: the forward zone that starts last before slot t. */
    CLEANUP(rift_free)
    uint32_t *zone_before = rift_malloc(((size_t)last_slot + 2) * sizeof *zone_before);
    size_t next = 0;
    for (uint32_t slot = 0; slot <= last_slot; slot++) {
        zone_before[slot] = next == 0 ? MONITOR_NONE : forward[next - 1];
        while (next < forward_count && block_bounds(slots, &blocks[forward[next]]).first == slot)
            next++;
    }
    /* A backward block may stand at any one slot of [last, first] outside of the forward zones: at
     * last, or where a zone covers that, behind the zone, which is the same place in the order. At
     * the slot where a zone starts it stands in front of it, so backward blocks are appended first.
     */
    for (size_t i = 0; i < count; i++) {
        struct bounds bounds = block_bounds(slots, &blocks[i]);
        if (bounds.first < bounds.last)
            continue;
        uint32_t slot = bounds.last, zone = zone_before[slot];
        if (zone != MONITOR_NONE && block_bounds(slots, &blocks[zone]).last > bounds.first) {
            clash[0] = zone;
            clash[1] = (uint32_t)i;
            return NULL;
        }
        monitor_sequence_append(&all, (uint32_t)i, slot);
    }
    for (size_t i = 0; i < forward_count; i++)
        monitor_sequence_append(&all, forward[i], block_bounds(slots, &blocks[forward[i]]).first);
    return monitor_sequence_sort(&all, last_slot);
}
