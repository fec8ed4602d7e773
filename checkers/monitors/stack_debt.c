/* A run of slots without a gap between the cores of values (of one that nobody popped: up to its
 * last look) belongs to one value that lies below all the others there: it goes in before the run
 * and comes out behind it. What was pushed within the run and never popped must be popped by a
 * crashed pop before the run ends; where too few were invoked by then the run grows to the one that
 * makes up the number, and may swallow the next. Then the same within the run, without its lowest
 * value: what is pushed in a gap there lies on that value, and is paid for at the end of the run,
 * or before that value is looked at. */
#include "checkers/monitors/stack_debt.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* Items and slots touched in all, for each op of the history, and levels. */
enum { WORK_PER_OP_MAX = 2000, LEVEL_MAX = 3000 };

struct debts {
    struct monitor_container *container;
    const uint32_t *takes; /* crashed pops invoked up to each slot */
    uint32_t paid;         /* crashed pops given away, the earliest first */
    bool *is_paid;         /* of each item */
    uint32_t *cover;       /* room for run_cover: a number for each slot; NULL without looks */
    size_t work;
    const struct rift_limits *limits;
};

/* What is asked of an item at every level, side by side: the items themselves lie far apart. None
 * of it changes when a crashed pop is given to the item. */
struct entry {
    uint32_t item;
    uint32_t a, b, end;
    uint32_t last; /* slot of its core */
};

/* Items by b: held ones, with a core, or staying ones, that nobody popped. */
struct list {
    struct entry *entries;
    size_t count;
};

struct run {
    uint32_t low, high; /* slots */
    size_t first, end;  /* of the list of held items */
};

static void pay(struct debts *debts, uint32_t item)
{
    monitor_item_give(debts->container, &debts->container->items[item],
                      debts->container->pending[debts->paid++]);
    debts->is_paid[item] = true;
}

/* Past this a search of another kind may do better. */
static bool work_is_spent(const struct debts *debts)
{
    return debts->work > WORK_PER_OP_MAX * debts->container->problem->count ||
           (debts->limits && rift_limits_are_spent(debts->limits));
}

static void run_grow(struct list held, struct run *run)
{
    while (run->end < held.count && held.entries[run->end].b <= run->high) {
        uint32_t last = held.entries[run->end++].last;
        run->high = last > run->high ? last : run->high;
    }
}

/* How many held items cover each slot of the run, as far as looks need to know: NULL where there
 * are none. Good until the next call. */
static const uint32_t *run_cover(struct debts *debts, struct list held, const struct run *run)
{
    uint32_t *cover = debts->cover;
    if (cover == NULL)
        return NULL;
    size_t length = (size_t)(run->high - run->low) + 2;
    memset(cover, 0, length * sizeof *cover);
    debts->work += length + run->end - run->first;
    for (size_t i = run->first; i < run->end; i++) {
        cover[held.entries[i].b + 1 - run->low]++;
        cover[held.entries[i].last + 1 - run->low]--;
    }
    for (size_t i = 1; i < length; i++)
        cover[i] += cover[i - 1];
    return cover;
}

/* A slot of the look lies outside of the run, or no other item covers it. */
static bool look_is_clear(const struct debts *debts, const struct run *run, const uint32_t *cover,
                          const struct monitor_item *item, uint32_t op)
{
    const struct monitor_slots *slots = &debts->container->slots;
    uint32_t low = slots->low[op] > item->a ? slots->low[op] : item->a;
    uint32_t until = monitor_item_seen_until(debts->container, item);
    if (low < run->low || slots->high[op] > run->high)
        return true;
    for (uint32_t slot = low; slot <= slots->high[op]; slot++)
        if (cover[slot - run->low] == (item->b < slot && slot < until))
            return true;
    return false;
}

/* The item lies upon another of the run for certain: it was pushed within the run, or looked at
 * there while others were inside. cover may be NULL for an item that nobody looked at. */
static bool item_is_upon(const struct debts *debts, const struct run *run, const uint32_t *cover,
                         const struct entry *entry)
{
    if (entry->a >= run->low && entry->b <= run->high)
        return true;
    if (cover == NULL)
        return false;
    const struct monitor_item *item = &debts->container->items[entry->item];
    for (uint32_t look = item[0].looks; look < item[1].looks; look++)
        if (!look_is_clear(debts, run, cover, item, debts->container->looks[look]))
            return true;
    return false;
}

/* The first of the items, sorted by b, whose b is at least bound. */
static size_t list_from(struct list list, uint32_t bound)
{
    size_t low = 0;
    for (size_t high = list.count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (list.entries[middle].b < bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Staying items that must be gone before the run ends, not yet paid for. */
static size_t run_debtors(struct debts *debts, struct list held, struct list staying,
                          const struct run *run, struct entry *debtors)
{
    const struct monitor_item *items = debts->container->items;
    const uint32_t *cover = NULL;
    size_t count = 0;
    for (size_t i = list_from(staying, run->low - 1); i < staying.count; i++) {
        const struct entry *entry = &staying.entries[i];
        if (entry->b > run->high)
            break;
        debts->work++;
        if (debts->is_paid[entry->item])
            continue;
        if (cover == NULL && debts->cover != NULL &&
            items[entry->item].looks < items[entry->item + 1].looks)
            cover = run_cover(debts, held, run);
        if (item_is_upon(debts, run, cover, entry))
            debtors[count++] = *entry;
    }
    return count;
}

/* Nothing is popped before it was looked at for the last time. */
static bool run_outlasts_looks(const struct debts *debts, struct run *run,
                               const struct entry *debtors, size_t count)
{
    const struct monitor_container *container = debts->container;
    uint32_t high = run->high;
    for (size_t i = 0; i < count; i++) {
        const struct monitor_item *item = &container->items[debtors[i].item];
        if (item->last_look != MONITOR_NONE && container->slots.low[item->last_look] > high + 1)
            high = container->slots.low[item->last_look] - 1;
    }
    bool is_long_enough = high == run->high;
    run->high = high;
    return is_long_enough;
}

/* The run with its debtors; false where there are too few crashed pops at all. */
static bool run_close(struct debts *debts, struct list held, struct list staying, struct run *run,
                      struct entry *debtors, size_t *debtor_count)
{
    const struct monitor_container *container = debts->container;
    for (;;) {
        *debtor_count = run_debtors(debts, held, staying, run, debtors);
        size_t needed = debts->paid + *debtor_count;
        bool is_long_enough = run_outlasts_looks(debts, run, debtors, *debtor_count);
        if (*debtor_count > 0 && needed > container->pending_count)
            return false;
        if (*debtor_count > 0 && debts->takes[run->high + 1] < needed)
            run->high = container->slots.low[container->pending[needed - 1]] - 1;
        else if (is_long_enough)
            return true;
        run_grow(held, run);
    }
}

static bool settle_level(struct debts *debts, struct list held, struct list staying, unsigned level,
                         const uint32_t *empty_slots, size_t empty_count);

/* The first slot of a look at a value below the run in which no other value is inside for certain,
 * and the crashed pops so far suffice for all that was pushed onto it before: MONITOR_NONE where
 * there is none; 0 where the look may lie outside of the run. */
static uint32_t look_slot(const struct debts *debts, const struct run *run, const uint32_t *cover,
                          struct list debtors, const struct monitor_item *item, uint32_t op)
{
    const struct monitor_slots *slots = &debts->container->slots;
    uint32_t low = slots->low[op] > item->a ? slots->low[op] : item->a;
    uint32_t until = monitor_item_seen_until(debts->container, item);
    if (low < run->low || slots->high[op] > run->high)
        return 0;
    for (uint32_t slot = low; slot <= slots->high[op]; slot++)
        if (cover[slot - run->low] == (item->b < slot && slot < until) &&
            debts->paid + list_from(debtors, slot) <= debts->takes[slot])
            return slot;
    return MONITOR_NONE;
}

static int compare_slots(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Slots of looks at the lowest values of a run. */
struct bare {
    uint32_t *slots;
    size_t count, capacity;
};

/* When a value below the run is looked at nothing may lie on it: for all within the run this is as
 * if the stack were empty. Adds the slots of all looks at this one of the lowest values; false
 * where one has no place. */
static bool bare_add(const struct debts *debts, const struct run *run, const uint32_t *cover,
                     struct list debtors, uint32_t lowest, struct bare *bare)
{
    const struct monitor_container *container = debts->container;
    const struct monitor_item *item = &container->items[lowest];
    for (uint32_t look = item[0].looks; look < item[1].looks; look++) {
        uint32_t slot = look_slot(debts, run, cover, debtors, item, container->looks[look]);
        if (slot == MONITOR_NONE)
            return false;
        if (slot == 0)
            continue;
        if (bare->count == bare->capacity) {
            bare->capacity = bare->capacity * 2 + 8;
            bare->slots = rift_reallocarray(bare->slots, bare->capacity, sizeof *bare->slots);
        }
        bare->slots[bare->count++] = slot;
    }
    return true;
}

/* Takes the lowest values off the run, settles what is within, then pays for the rest. What is
 * within moves to the front of the run's part of held: nobody asks for that part again. */
static bool run_settle(struct debts *debts, struct list held, const struct run *run,
                       struct list debtors, unsigned level, struct bare *bare)
{
    struct list within = {.entries = held.entries + run->first};
    debts->work += run->end - run->first;
    const uint32_t *cover = run_cover(debts, held, run);
    for (size_t i = run->first; i < run->end; i++) {
        struct entry entry = held.entries[i];
        if (item_is_upon(debts, run, cover, &entry) || entry.end <= run->high)
            within.entries[within.count++] = entry;
        else if (cover != NULL && !bare_add(debts, run, cover, debtors, entry.item, bare))
            return false;
    }
    if (within.count == run->end - run->first)
        return false;
    if (bare->count > 1)
        qsort(bare->slots, bare->count, sizeof *bare->slots, compare_slots);
    if (!settle_level(debts, within, debtors, level + 1, bare->slots, bare->count))
        return false;
    for (size_t i = 0; i < debtors.count; i++)
        if (!debts->is_paid[debtors.entries[i].item])
            pay(debts, debtors.entries[i].item);
    return true;
}

/* All that went in for certain before the stack was empty, or bare down to a value below; `from` is
 * how far this came before. */
static bool pay_before(struct debts *debts, struct list staying, uint32_t slot, size_t *from)
{
    for (; *from < staying.count && staying.entries[*from].b < slot; ++*from) {
        uint32_t item = staying.entries[*from].item;
        if (debts->is_paid[item])
            continue;
        if (debts->paid == debts->takes[slot])
            return false;
        pay(debts, item);
    }
    return true;
}

static bool settle_level(struct debts *debts, struct list held, struct list staying, unsigned level,
                         const uint32_t *empty_slots, size_t empty_count)
{
    CLEANUP(rift_free) struct entry *debtors = rift_malloc((staying.count + 1) * sizeof *debtors);
    size_t next_empty = 0, next_before = 0;
    if (level > LEVEL_MAX)
        return false;
    for (size_t i = 0; i < held.count;) {
        struct run run = {held.entries[i].b + 1, held.entries[i].last, i, i + 1};
        for (; next_empty < empty_count && empty_slots[next_empty] < run.low; next_empty++)
            if (!pay_before(debts, staying, empty_slots[next_empty], &next_before))
                return false;
        size_t debtor_count;
        run_grow(held, &run);
        if (!run_close(debts, held, staying, &run, debtors, &debtor_count) || work_is_spent(debts))
            return false;
        struct bare bare = {0};
        bool is_settled =
            debtor_count == 0 ||
            run_settle(debts, held, &run, (struct list){debtors, debtor_count}, level, &bare);
        free(bare.slots);
        if (!is_settled)
            return false;
        i = run.end;
    }
    for (; next_empty < empty_count; next_empty++)
        if (!pay_before(debts, staying, empty_slots[next_empty], &next_before))
            return false;
    return true;
}

/* Items that stay, or items with a core, by b. */
static size_t list_sorted(const struct monitor_container *container, bool stays,
                          struct entry **entries)
{
    CLEANUP(monitor_sequence_finish) struct monitor_sequence by_b = {0};
    monitor_sequence_init(&by_b, container->item_count);
    for (uint32_t i = 0; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[i];
        if (stays ? monitor_item_stays(container, item)
                  : item->b + 1 < monitor_item_seen_until(container, item))
            monitor_sequence_append(&by_b, i, item->b);
    }
    CLEANUP(rift_free) uint32_t *sorted = monitor_sequence_sort(&by_b, container->slots.last);
    *entries = rift_malloc((by_b.count + 1) * sizeof **entries);
    for (size_t i = 0; i < by_b.count; i++) {
        const struct monitor_item *item = &container->items[sorted[i]];
        (*entries)[i] = (struct entry){sorted[i], item->a, item->b, item->end,
                                       monitor_item_seen_until(container, item) - 1};
    }
    return by_b.count;
}

bool monitor_stack_give(struct monitor_container *container, const uint32_t *empty_slots,
                        const struct rift_limits *limits)
{
    CLEANUP(rift_free) uint32_t *takes = monitor_container_takes_by_slot(container);
    CLEANUP(rift_free) bool *is_paid = rift_calloc(container->item_count + 1, sizeof *is_paid);
    CLEANUP(rift_free) struct entry *held = NULL;
    CLEANUP(rift_free) struct entry *staying = NULL;
    monitor_container_take_back(container);
    size_t held_count = list_sorted(container, false, &held);
    size_t staying_count = list_sorted(container, true, &staying);
    CLEANUP(rift_free)
    uint32_t *cover = container->items[container->item_count].looks > 0
                          ? rift_malloc(((size_t)container->slots.last + 2) * sizeof *cover)
                          : NULL;
    struct debts debts = {.container = container,
                          .takes = takes,
                          .is_paid = is_paid,
                          .cover = cover,
                          .limits = limits};
    return settle_level(&debts, (struct list){held, held_count},
                        (struct list){staying, staying_count}, 0, empty_slots,
                        container->empty_count);
}
