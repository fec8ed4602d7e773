#include "checkers/monitors/stack_count.h"

#include <stdlib.h>

#include "checkers/monitors/proof.h"
#include "checkers/monitors/slot_set.h"
#include "common/memory.h"

/* Slots looked at in all: past this the test says nothing. */
enum { WORK_MAX = 50000000 };

/* Of each slot the popped value that is inside for certain and whose pop completes last. */
static uint32_t *last_popped_by_slot(const struct monitor_container *container)
{
    uint32_t size = container->slots.last + 1;
    uint32_t *last_popped = rift_malloc(size * sizeof *last_popped);
    CLEANUP(monitor_sequence_finish) struct monitor_sequence by_end = {0};
    monitor_sequence_init(&by_end, container->item_count);
    for (uint32_t i = 0; i < container->item_count; i++)
        if (!monitor_item_stays(container, &container->items[i]))
            monitor_sequence_append(&by_end, i, container->items[i].end);
    CLEANUP(rift_free) uint32_t *sorted = monitor_sequence_sort(&by_end, container->slots.last);
    CLEANUP(monitor_slot_set_finish) struct monitor_slot_set blank;
    monitor_slot_set_init(&blank, size, true);
    for (uint32_t slot = 0; slot < size; slot++)
        last_popped[slot] = MONITOR_NONE;
    for (size_t i = by_end.count; i-- > 0;) {
        const struct monitor_item *item = &container->items[sorted[i]];
        for (uint32_t slot = monitor_slot_set_next(&blank, item->b + 1); slot < item->c;
             slot = monitor_slot_set_next(&blank, slot + 1)) {
            last_popped[slot] = sorted[i];
            monitor_slot_set_erase(&blank, slot);
        }
    }
    return last_popped;
}

/* When the item must be gone; MONITOR_NONE: it may have been pushed onto nothing that was popped.
 */
static uint32_t item_deadline(const struct monitor_container *container,
                              const struct monitor_item *item, const uint32_t *last_popped)
{
    uint32_t deadline = 0;
    for (uint32_t slot = item->a; slot <= item->b; slot++) {
        if (last_popped[slot] == MONITOR_NONE)
            return MONITOR_NONE;
        uint32_t end = container->items[last_popped[slot]].end;
        deadline = end > deadline ? end : deadline;
    }
    return deadline;
}

static void prove(const struct monitor_container *container, const uint32_t *deadlines,
                  const uint32_t *last_popped, uint32_t at, struct rift_certificate *certificate)
{
    for (size_t i = 0; i < container->item_count; i++) {
        if (deadlines[i] > at)
            continue;
        const struct monitor_item *item = &container->items[i];
        monitor_item_prove(container, item, certificate);
        for (uint32_t slot = item->a; slot <= item->b; slot++)
            if (slot == item->a || last_popped[slot] != last_popped[slot - 1])
                monitor_item_prove(container, &container->items[last_popped[slot]], certificate);
    }
    monitor_container_prove_pending(container, at, certificate);
    monitor_proof_close(certificate, "value buried that nobody took");
}

bool monitor_stack_count(struct monitor_container *container, struct rift_certificate *certificate)
{
    size_t work = 0;
    monitor_container_take_back(container);
    CLEANUP(rift_free) uint32_t *last_popped = last_popped_by_slot(container);
    CLEANUP(rift_free)
    uint32_t *deadlines = rift_malloc((container->item_count + 1) * sizeof *deadlines);
    for (size_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        deadlines[i] = MONITOR_NONE;
        if (!monitor_item_stays(container, item) || work > WORK_MAX)
            continue;
        work += item->b - item->a + 1;
        deadlines[i] = item_deadline(container, item, last_popped);
    }
    uint32_t at;
    bool is_enough = monitor_container_give_by_deadline(container, deadlines, &at);
    monitor_container_take_back(container);
    if (!is_enough)
        prove(container, deadlines, last_popped, at, certificate);
    return is_enough;
}
