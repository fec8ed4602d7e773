#include "checkers/monitors/stays.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void monitor_stays_init(struct monitor_stays *stays, const struct monitor_container *container)
{
    size_t item_room = container->item_count + 1;
    size_t look_room = (size_t)container->items[container->item_count].looks + 1;
    stays->in = rift_malloc(item_room * sizeof(uint32_t));
    stays->out = rift_malloc(item_room * sizeof(uint32_t));
    stays->look = rift_malloc(look_room * sizeof(uint32_t));
    stays->empty = rift_malloc((container->empty_count + 1) * sizeof(uint32_t));
}

void monitor_stays_finish(struct monitor_stays *stays)
{
    free(stays->in);
    free(stays->out);
    free(stays->look);
    free(stays->empty);
    memset(stays, 0, sizeof *stays);
}

struct emission {
    const struct monitor_stays *stays;
    const struct monitor_container *container;
    struct monitor_sequence sequence;
};

/* Looks at an item in the slots from low to high. */
static void emit_looks(struct emission *emission, uint32_t index, uint32_t low, uint32_t high)
{
    const struct monitor_item *item = &emission->container->items[index];
    for (uint32_t i = item[0].looks; i < item[1].looks; i++) {
        uint32_t slot = emission->stays->look[i];
        if (slot >= low && slot <= high)
            monitor_sequence_append(&emission->sequence, emission->container->looks[i], slot);
    }
}

/* A crashed take in the slot behind everything is left out: nobody needs it. */
static void emit_take(struct emission *emission, uint32_t index)
{
    uint32_t slot = emission->stays->out[index];
    if (slot < emission->container->slots.last)
        monitor_sequence_append(&emission->sequence, emission->container->items[index].take, slot);
}

static void emit_going_out(struct emission *emission, const uint32_t *outer_first)
{
    const struct monitor_stays *stays = emission->stays;
    for (size_t i = emission->container->item_count; i-- > 0;) {
        uint32_t index = outer_first[i];
        if (stays->in[index] == stays->out[index])
            continue;
        emit_looks(emission, index, stays->out[index], stays->out[index]);
        emit_take(emission, index);
    }
}

static void emit_touching(struct emission *emission, const uint32_t *outer_first)
{
    const struct monitor_stays *stays = emission->stays;
    for (size_t i = 0; i < emission->container->item_count; i++) {
        uint32_t index = outer_first[i], slot = stays->in[index];
        if (slot != stays->out[index])
            continue;
        monitor_sequence_append(&emission->sequence, emission->container->items[index].insert,
                                slot);
        emit_looks(emission, index, slot, slot);
        emit_take(emission, index);
    }
}

static void emit_going_in(struct emission *emission, const uint32_t *outer_first)
{
    const struct monitor_stays *stays = emission->stays;
    for (size_t i = 0; i < emission->container->item_count; i++) {
        uint32_t index = outer_first[i], slot = stays->in[index];
        if (slot == stays->out[index])
            continue;
        monitor_sequence_append(&emission->sequence, emission->container->items[index].insert,
                                slot);
        emit_looks(emission, index, slot, slot);
    }
}

void monitor_stays_emit(const struct monitor_stays *stays,
                        const struct monitor_container *container, const uint32_t *outer_first,
                        struct rift_certificate *certificate)
{
    struct emission emission = {.stays = stays, .container = container};
    monitor_sequence_init(&emission.sequence, container->problem->count);
    emit_going_out(&emission, outer_first);
    for (size_t i = 0; i < container->item_count; i++)
        if (container->items[i].looks < container->items[i + 1].looks &&
            stays->in[i] + 1 < stays->out[i])
            emit_looks(&emission, (uint32_t)i, stays->in[i] + 1, stays->out[i] - 1);
    for (size_t i = 0; i < container->empty_count; i++)
        monitor_sequence_append(&emission.sequence, container->empties[i], stays->empty[i]);
    emit_touching(&emission, outer_first);
    emit_going_in(&emission, outer_first);
    certificate->order_count = emission.sequence.count;
    certificate->order = monitor_sequence_sort(&emission.sequence, container->slots.last);
    monitor_sequence_finish(&emission.sequence);
}
