#include "checkers/monitors/stack_peel.h"

#include <stdlib.h>

#include "checkers/monitors/cover_tree.h"
#include "checkers/monitors/slot_set.h"
#include "common/memory.h"

/* Added to what was found, so that it is not found again. */
enum { SETTLED = 1 << 28 };

/* One op of an item: the slots it may use. */
struct need {
    uint32_t low, high;
    uint32_t item;
    uint32_t look; /* index into container.looks; MONITOR_NONE: the push or the pop */
    bool is_met;
};

struct peeling {
    const struct monitor_container *container;
    const bool *alive;
    struct monitor_stays *stays;
    struct need *needs; /* by low */
    uint32_t need_count;
    uint32_t *needs_upto; /* of each slot: needs with a low up to it */
    uint32_t *need_of_look;
    uint32_t *unmet; /* of each item */
    uint32_t *ready; /* items without unmet needs, to be peeled */
    size_t ready_count;
    struct monitor_cover_tree highs; /* minus the high of each unmet need */
    struct monitor_cover_tree cover; /* items inside for certain */
    struct monitor_slot_set open;    /* slots that nothing covers */
    /* Only where there are looks: a slot that one item covers serves the looks at that item. */
    bool has_looks;
    struct monitor_cover_tree cover_one;
    struct monitor_cover_tree look_highs; /* of unmet looks, by index into container.looks */
    uint64_t *owner_sums;                 /* Fenwick tree: the sum of the items that cover a slot */
};

static bool item_is_alive(const struct peeling *peeling, uint32_t item)
{
    return peeling->alive == NULL || peeling->alive[item];
}

static void needs_add(struct peeling *peeling, struct monitor_sequence *by_low, uint32_t low,
                      uint32_t high, uint32_t item, uint32_t look)
{
    uint32_t number = (uint32_t)by_low->count;
    peeling->needs[number] = (struct need){low, high, item, look, false};
    peeling->unmet[item]++;
    monitor_sequence_append(by_low, number, low);
}

static void needs_of_item(struct peeling *peeling, struct monitor_sequence *by_low, uint32_t index)
{
    const struct monitor_container *container = peeling->container;
    const struct monitor_item *item = &container->items[index];
    needs_add(peeling, by_low, item->a, item->b, index, MONITOR_NONE);
    if (item->take != MONITOR_NONE)
        needs_add(peeling, by_low, item->c, item->end, index, MONITOR_NONE);
    for (uint32_t look = item[0].looks; look < item[1].looks; look++) {
        uint32_t op = container->looks[look];
        uint32_t low = container->slots.low[op], high = container->slots.high[op];
        needs_add(peeling, by_low, low > item->a ? low : item->a,
                  high < item->end ? high : item->end, index, look);
    }
}

static void needs_collect(struct peeling *peeling)
{
    const struct monitor_container *container = peeling->container;
    uint32_t last = container->slots.last;
    size_t room = 2 * container->item_count + container->items[container->item_count].looks + 1;
    peeling->needs = rift_malloc(room * sizeof *peeling->needs);
    peeling->need_of_look = rift_malloc(room * sizeof *peeling->need_of_look);
    CLEANUP(monitor_sequence_finish) struct monitor_sequence by_low = {0};
    monitor_sequence_init(&by_low, room);
    for (uint32_t i = 0; i < container->item_count; i++)
        if (item_is_alive(peeling, i))
            needs_of_item(peeling, &by_low, i);
    peeling->need_count = (uint32_t)by_low.count;
    CLEANUP(rift_free) uint32_t *order = monitor_sequence_sort(&by_low, last);
    struct need *sorted = rift_malloc(room * sizeof *sorted);
    peeling->needs_upto = rift_calloc((size_t)last + 1, sizeof *peeling->needs_upto);
    for (uint32_t i = 0; i < peeling->need_count; i++) {
        sorted[i] = peeling->needs[order[i]];
        peeling->needs_upto[sorted[i].low]++;
        if (sorted[i].look != MONITOR_NONE)
            peeling->need_of_look[sorted[i].look] = i;
    }
    for (uint32_t slot = 1; slot <= last; slot++)
        peeling->needs_upto[slot] += peeling->needs_upto[slot - 1];
    free(peeling->needs);
    peeling->needs = sorted;
}

static void owner_add(struct peeling *peeling, uint32_t from, uint64_t number)
{
    for (size_t i = (size_t)from + 1; i <= peeling->container->slots.last + 1; i += i & -i)
        peeling->owner_sums[i] += number;
}

static uint32_t owner_of(const struct peeling *peeling, uint32_t slot)
{
    uint64_t sum = 0;
    for (size_t i = (size_t)slot + 1; i > 0; i -= i & -i)
        sum += peeling->owner_sums[i];
    return (uint32_t)sum;
}

static void looks_init(struct peeling *peeling, const int32_t *cover)
{
    const struct monitor_container *container = peeling->container;
    uint32_t look_count = container->items[container->item_count].looks;
    peeling->has_looks = look_count > 0;
    if (!peeling->has_looks)
        return;
    CLEANUP(rift_free) int32_t *highs = rift_malloc(look_count * sizeof *highs);
    for (uint32_t i = 0; i < look_count; i++)
        highs[i] = SETTLED;
    for (uint32_t i = 0; i < peeling->need_count; i++)
        if (peeling->needs[i].look != MONITOR_NONE)
            highs[peeling->needs[i].look] = -(int32_t)peeling->needs[i].high;
    monitor_cover_tree_init(&peeling->look_highs, highs, look_count);
    monitor_cover_tree_init(&peeling->cover_one, cover, container->slots.last + 1);
    peeling->owner_sums =
        rift_calloc((size_t)container->slots.last + 3, sizeof *peeling->owner_sums);
    for (uint32_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        if (!item_is_alive(peeling, i) || item->b + 1 >= item->c)
            continue;
        owner_add(peeling, item->b + 1, i);
        owner_add(peeling, item->c, (uint64_t)0 - i);
    }
}

static void peeling_init(struct peeling *peeling)
{
    const struct monitor_container *container = peeling->container;
    uint32_t size = container->slots.last + 1;
    peeling->unmet = rift_calloc(container->item_count + 1, sizeof *peeling->unmet);
    peeling->ready = rift_malloc((container->item_count + 1) * sizeof *peeling->ready);
    needs_collect(peeling);
    CLEANUP(rift_free) int32_t *numbers = rift_calloc((size_t)size + 1, sizeof *numbers);
    for (uint32_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        if (!item_is_alive(peeling, i) || item->b + 1 >= item->c)
            continue;
        numbers[item->b + 1]++;
        numbers[item->c]--;
    }
    for (uint32_t slot = 1; slot < size; slot++)
        numbers[slot] += numbers[slot - 1];
    monitor_cover_tree_init(&peeling->cover, numbers, size);
    monitor_slot_set_init(&peeling->open, size, false);
    looks_init(peeling, numbers);
    CLEANUP(rift_free)
    int32_t *highs = rift_malloc(((size_t)peeling->need_count + 1) * sizeof *highs);
    highs[0] = SETTLED;
    for (uint32_t i = 0; i < peeling->need_count; i++)
        highs[i] = -(int32_t)peeling->needs[i].high;
    monitor_cover_tree_init(&peeling->highs, highs, peeling->need_count ? peeling->need_count : 1);
}

static void peeling_finish(struct peeling *peeling)
{
    free(peeling->needs);
    free(peeling->needs_upto);
    free(peeling->need_of_look);
    free(peeling->unmet);
    free(peeling->ready);
    free(peeling->owner_sums);
    monitor_cover_tree_finish(&peeling->highs);
    monitor_cover_tree_finish(&peeling->cover);
    monitor_cover_tree_finish(&peeling->cover_one);
    monitor_cover_tree_finish(&peeling->look_highs);
    monitor_slot_set_finish(&peeling->open);
}

static void need_meet(struct peeling *peeling, uint32_t number, uint32_t slot)
{
    struct need *need = &peeling->needs[number];
    need->is_met = true;
    monitor_cover_tree_add(&peeling->highs, number, number, SETTLED);
    if (need->look != MONITOR_NONE) {
        peeling->stays->look[need->look] = slot;
        monitor_cover_tree_add(&peeling->look_highs, need->look, need->look, SETTLED);
    }
    if (--peeling->unmet[need->item] == 0)
        peeling->ready[peeling->ready_count++] = need->item;
}

/* Nothing covers the slot: it serves every op that contains it. */
static void slot_open(struct peeling *peeling, uint32_t slot)
{
    monitor_slot_set_insert(&peeling->open, slot);
    uint32_t upto = peeling->needs_upto[slot];
    for (uint32_t from = 0; from < upto;) {
        uint32_t number = monitor_cover_tree_find(&peeling->highs, from, upto - 1, -(int32_t)slot);
        if (number == MONITOR_NONE)
            return;
        need_meet(peeling, number, slot);
        from = number + 1;
    }
}

/* One item covers the slot: it serves the looks at that item. */
static void slot_owned(struct peeling *peeling, uint32_t slot)
{
    const struct monitor_item *item = &peeling->container->items[owner_of(peeling, slot)];
    const uint32_t *low = peeling->container->slots.low;
    uint32_t from = item[0].looks, upto = item[1].looks;
    for (uint32_t middle; from < upto;) {
        middle = from + (upto - from) / 2;
        if (low[peeling->container->looks[middle]] <= slot)
            from = middle + 1;
        else
            upto = middle;
    }
    for (from = item[0].looks; from < upto;) {
        uint32_t look =
            monitor_cover_tree_find(&peeling->look_highs, from, upto - 1, -(int32_t)slot);
        if (look == MONITOR_NONE)
            return;
        need_meet(peeling, peeling->need_of_look[look], slot);
        from = look + 1;
    }
}

/* Slots of low to high that have become open, or owned by one item. */
static void slots_settle(struct peeling *peeling, uint32_t low, uint32_t high)
{
    for (uint32_t slot = low; slot <= high; slot++) {
        slot = monitor_cover_tree_find(&peeling->cover, slot, high, 0);
        if (slot == MONITOR_NONE)
            break;
        monitor_cover_tree_add(&peeling->cover, slot, slot, SETTLED);
        if (peeling->has_looks)
            monitor_cover_tree_add(&peeling->cover_one, slot, slot, SETTLED);
        slot_open(peeling, slot);
    }
    for (uint32_t slot = low; peeling->has_looks && slot <= high; slot++) {
        slot = monitor_cover_tree_find(&peeling->cover_one, slot, high, 1);
        if (slot == MONITOR_NONE)
            break;
        monitor_cover_tree_add(&peeling->cover_one, slot, slot, SETTLED);
        slot_owned(peeling, slot);
    }
}

/* The item's stay: from the last open slot in which it may go in to the first in which it may come
 * out, so that it lies within whatever was peeled before. */
static void item_peel(struct peeling *peeling, uint32_t index)
{
    const struct monitor_item *item = &peeling->container->items[index];
    struct monitor_stays *stays = peeling->stays;
    uint32_t out = item->take == MONITOR_NONE ? peeling->container->slots.last
                                              : monitor_slot_set_next(&peeling->open, item->c);
    /* All ops of the item contain the slots from c to b, where there are any: one is enough then.
     */
    uint32_t in = out <= item->b ? out : monitor_slot_set_previous(&peeling->open, item->b);
    stays->in[index] = in;
    stays->out[index] = out;
    for (uint32_t look = item[0].looks; look < item[1].looks; look++) {
        if (stays->look[look] < in)
            stays->look[look] = in;
        if (stays->look[look] > out)
            stays->look[look] = out;
    }
    if (item->b + 1 >= item->c)
        return;
    monitor_cover_tree_add(&peeling->cover, item->b + 1, item->c - 1, -1);
    if (peeling->has_looks) {
        monitor_cover_tree_add(&peeling->cover_one, item->b + 1, item->c - 1, -1);
        owner_add(peeling, item->b + 1, (uint64_t)0 - index);
        owner_add(peeling, item->c, index);
    }
    slots_settle(peeling, item->b + 1, item->c - 1);
}

static bool empties_place(struct peeling *peeling, uint32_t *stuck)
{
    const struct monitor_container *container = peeling->container;
    *stuck = MONITOR_NONE;
    if (peeling->alive != NULL)
        return true;
    for (size_t i = 0; i < container->empty_count; i++) {
        uint32_t op = container->empties[i];
        peeling->stays->empty[i] = monitor_slot_set_next(&peeling->open, container->slots.low[op]);
        if (peeling->stays->empty[i] > container->slots.high[op]) {
            *stuck = op;
            return false;
        }
    }
    return true;
}

bool monitor_stack_peel(const struct monitor_container *container, const bool *alive,
                        struct monitor_stays *stays, uint32_t *peeled, size_t *peeled_count,
                        uint32_t *stuck_empty)
{
    CLEANUP(peeling_finish)
    struct peeling peeling = {.container = container, .alive = alive, .stays = stays};
    size_t alive_count = 0;
    peeling_init(&peeling);
    for (uint32_t i = 0; i < container->item_count; i++)
        alive_count += item_is_alive(&peeling, i);
    *peeled_count = 0;
    slots_settle(&peeling, 0, container->slots.last);
    if (!empties_place(&peeling, stuck_empty))
        return false;
    while (peeling.ready_count > 0) {
        uint32_t item = peeling.ready[--peeling.ready_count];
        peeled[(*peeled_count)++] = item;
        item_peel(&peeling, item);
    }
    return *peeled_count == alive_count;
}
