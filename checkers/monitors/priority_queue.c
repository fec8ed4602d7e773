/* Priority queues with unique numbers, the largest first, with peeks and answers "empty".
 *
 * Values are judged from the largest down. What a poll or a peek of a value needs is one slot of
 * its interval in which no larger value is inside for certain, and "empty" needs a slot in which no
 * value is; nothing else is needed, as each value can go in late and come out early enough.
 *
 * Crashed polls take unknown values. Valid without them is valid. Otherwise an op also needs a slot
 * in which the values that stay, larger than its own, are no more than the crashed polls so far: an
 * op that has none proves invalid. Each op chooses its earliest such slot, which gives deadlines
 * for the values that stay; the earliest deadlines are met first, and the result is judged again:
 * there only a valid answer counts. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/cover_tree.h"
#include "checkers/monitors/proof.h"
#include "checkers/monitors/slot_set.h"
#include "checkers/monitors/stays.h"
#include "common/memory.h"

struct pq {
    struct monitor_container container;
    struct monitor_stays stays;
    uint32_t *ascending; /* items, the smallest number first */
};

static void pq_finish(struct pq *pq)
{
    monitor_stays_finish(&pq->stays);
    monitor_container_finish(&pq->container);
    free(pq->ascending);
}

static int64_t item_number(const struct pq *pq, uint32_t item)
{
    return pq->container.problem->numbers[pq->container.items[item].value];
}

static size_t item_digit(const struct pq *pq, uint32_t item, int64_t smallest, unsigned shift,
                         size_t base)
{
    uint64_t above = (uint64_t)item_number(pq, item) - (uint64_t)smallest;
    return (size_t)(above >> shift) & (base - 1);
}

/* By digits, as many as the numbers need. */
static bool pq_sort(struct pq *pq)
{
    const struct monitor_container *container = &pq->container;
    size_t count = container->item_count;
    int64_t smallest = count ? item_number(pq, 0) : 0, largest = smallest;
    pq->ascending = rift_malloc((count + 1) * sizeof *pq->ascending);
    CLEANUP(rift_free) uint32_t *other = rift_malloc((count + 1) * sizeof *other);
    unsigned width = count < 4096 ? 8 : 16;
    size_t base = (size_t)1 << width;
    CLEANUP(rift_free) uint32_t *first = rift_malloc((base + 1) * sizeof *first);
    for (uint32_t i = 0; i < count; i++) {
        if (!container->problem->is_number[container->items[i].value])
            return false;
        smallest = item_number(pq, i) < smallest ? item_number(pq, i) : smallest;
        largest = item_number(pq, i) > largest ? item_number(pq, i) : largest;
        pq->ascending[i] = i;
    }
    uint64_t range = (uint64_t)largest - (uint64_t)smallest;
    for (unsigned shift = 0; shift < 64 && range >> shift; shift += width) {
        memset(first, 0, (base + 1) * sizeof *first);
        for (size_t i = 0; i < count; i++)
            first[item_digit(pq, pq->ascending[i], smallest, shift, base) + 1]++;
        for (size_t i = 1; i <= base; i++)
            first[i] += first[i - 1];
        for (size_t i = 0; i < count; i++)
            other[first[item_digit(pq, pq->ascending[i], smallest, shift, base)]++] =
                pq->ascending[i];
        uint32_t *swapped = pq->ascending;
        pq->ascending = other;
        other = swapped;
    }
    for (size_t i = 1; i < count; i++)
        if (item_number(pq, pq->ascending[i]) == item_number(pq, pq->ascending[i - 1]))
            return false;
    return true;
}

/* The slot of a peek: near the item's stay, or the last open one before it. MONITOR_NONE: none. */
static uint32_t look_slot(const struct pq *pq, const struct monitor_slot_set *open,
                          const struct monitor_item *item, uint32_t op)
{
    const struct monitor_slots *slots = &pq->container.slots;
    uint32_t low = slots->low[op] > item->a ? slots->low[op] : item->a;
    uint32_t high = slots->high[op] < item->end ? slots->high[op] : item->end;
    uint32_t from = item->b < item->c ? item->b : item->c;
    uint32_t slot = monitor_slot_set_next(open, low > from ? low : from);
    if (slot <= high)
        return slot;
    slot = monitor_slot_set_previous(open, item->b);
    return slot != MONITOR_NONE && slot >= low ? slot : MONITOR_NONE;
}

/* Slots for the ops of one item. MONITOR_NONE, or the op that has none. */
static uint32_t place_item(struct pq *pq, const struct monitor_slot_set *open, uint32_t index)
{
    const struct monitor_item *item = &pq->container.items[index];
    uint32_t in = item->b;
    pq->stays.out[index] = pq->container.slots.last;
    if (item->take != MONITOR_NONE) {
        uint32_t out = monitor_slot_set_next(open, item->c);
        if (out > item->end)
            return item->take;
        pq->stays.out[index] = out;
        in = out < in ? out : in;
    }
    for (uint32_t look = item[0].looks; look < item[1].looks; look++) {
        uint32_t slot = look_slot(pq, open, item, pq->container.looks[look]);
        if (slot == MONITOR_NONE)
            return pq->container.looks[look];
        pq->stays.look[look] = slot;
        in = slot < in ? slot : in;
    }
    pq->stays.in[index] = in;
    return MONITOR_NONE;
}

static void cover(struct monitor_slot_set *open, const struct monitor_item *item)
{
    for (uint32_t slot = monitor_slot_set_next(open, item->b + 1); slot < item->c;
         slot = monitor_slot_set_next(open, slot + 1))
        monitor_slot_set_erase(open, slot);
}

/* All ops with the items as they are. MONITOR_NONE, or the op that has no slot; then rank is the
 * place of its item in ascending order (item_count: an answer "empty" is below all). */
static uint32_t place_all(struct pq *pq, size_t *rank)
{
    const struct monitor_container *container = &pq->container;
    uint32_t failing = MONITOR_NONE;
    struct monitor_slot_set open;
    monitor_slot_set_init(&open, container->slots.last + 1, true);
    size_t i = container->item_count;
    while (failing == MONITOR_NONE && i-- > 0) {
        failing = place_item(pq, &open, pq->ascending[i]);
        cover(&open, &container->items[pq->ascending[i]]);
        *rank = i;
    }
    for (i = 0; failing == MONITOR_NONE && i < container->empty_count; i++) {
        uint32_t op = container->empties[i];
        pq->stays.empty[i] = monitor_slot_set_next(&open, container->slots.low[op]);
        if (pq->stays.empty[i] > container->slots.high[op]) {
            failing = op;
            *rank = MONITOR_NONE;
        }
    }
    monitor_slot_set_finish(&open);
    return failing;
}

/* Larger values whose cores cover every slot of the op. */
static int prove(const struct pq *pq, uint32_t op, size_t rank,
                 struct rift_certificate *certificate)
{
    const struct monitor_container *container = &pq->container;
    const struct monitor_slots *slots = &container->slots;
    uint32_t low = slots->low[op], high = slots->high[op];
    if (rank != MONITOR_NONE) {
        const struct monitor_item *own = &container->items[pq->ascending[rank]];
        bool is_take = op == own->take;
        monitor_item_prove(container, own, certificate);
        low = is_take ? own->c : low > own->a ? low : own->a;
        high = !is_take && own->end < high ? own->end : high;
    }
    monitor_proof_add(certificate, op);
    size_t above = rank == MONITOR_NONE ? 0 : rank + 1;
    CLEANUP(rift_free)
    uint32_t *furthest = monitor_container_furthest(container, pq->ascending + above,
                                                    container->item_count - above, false);
    for (uint32_t slot = low; slot <= high;) {
        if (furthest[slot] == MONITOR_NONE || container->items[furthest[slot]].c <= slot)
            break;
        monitor_item_prove(container, &container->items[furthest[slot]], certificate);
        slot = container->items[furthest[slot]].c;
    }
    return monitor_proof_close(certificate, rank == MONITOR_NONE
                                                ? "found empty while something was inside"
                                                : "larger value was inside");
}

/* The largest leaf that means "covered". */
enum { COVERED = 1 << 28 };

struct window {
    struct monitor_cover_tree tree; /* values that stay, less crashed takes; COVERED */
    struct monitor_slot_set open;
    struct monitor_slot_set chosen;
};

static void window_cover(struct pq *pq, struct window *window, const struct monitor_item *item)
{
    uint32_t last = pq->container.slots.last;
    uint32_t until = monitor_item_seen_until(&pq->container, item);
    for (uint32_t slot = monitor_slot_set_next(&window->open, item->b + 1); slot < until;
         slot = monitor_slot_set_next(&window->open, slot + 1)) {
        monitor_slot_set_erase(&window->open, slot);
        monitor_cover_tree_add(&window->tree, slot, slot, COVERED);
    }
    if (monitor_item_stays(&pq->container, item) && item->b < last)
        monitor_cover_tree_add(&window->tree, item->b + 1, last, 1);
}

/* Values that cover the op's slots for certain, and where they do not, more values that stay than
 * crashed polls could have taken. rank as in place_all. */
static void prove_window(const struct pq *pq, uint32_t op, uint32_t low, uint32_t high, size_t rank,
                         struct rift_certificate *certificate)
{
    const struct monitor_container *container = &pq->container;
    CLEANUP(rift_free) uint32_t *takes = monitor_container_takes_by_slot(container);
    CLEANUP(monitor_sequence_finish) struct monitor_sequence staying = {0};
    monitor_sequence_init(&staying, container->item_count);
    size_t above = rank == MONITOR_NONE ? 0 : rank + 1;
    for (size_t i = above; i < container->item_count; i++) {
        const struct monitor_item *item = &container->items[pq->ascending[i]];
        if (monitor_item_stays(container, item))
            monitor_sequence_append(&staying, pq->ascending[i], item->b);
    }
    CLEANUP(rift_free) uint32_t *sorted = monitor_sequence_sort(&staying, container->slots.last);
    CLEANUP(rift_free)
    uint32_t *furthest = monitor_container_furthest(container, pq->ascending + above,
                                                    container->item_count - above, true);
    uint32_t crowd = 0;
    for (uint32_t slot = low; slot <= high;) {
        const struct monitor_item *best =
            furthest[slot] == MONITOR_NONE ? NULL : &container->items[furthest[slot]];
        uint32_t until = best ? monitor_item_seen_until(container, best) : 0;
        if (until > slot) {
            monitor_item_prove(container, best, certificate);
            slot = until;
            continue;
        }
        if (takes[slot] + 1 > crowd)
            crowd = takes[slot] + 1;
        slot++;
    }
    for (size_t i = 0; i < staying.count && i < crowd; i++)
        monitor_item_prove(container, &container->items[sorted[i]], certificate);
    monitor_proof_add(certificate, op);
    if (rank != MONITOR_NONE)
        monitor_item_prove(container, &container->items[pq->ascending[rank]], certificate);
    monitor_container_prove_pending(container, high, certificate);
    monitor_proof_close(certificate, rank == MONITOR_NONE ? "found empty while something was inside"
                                                          : "larger value was inside");
}

/* The earliest slot of an op into *slot; false where it has none: that is a proof. */
static bool window_choose(const struct pq *pq, const struct window *window, uint32_t op,
                          size_t rank, uint32_t *slot, struct rift_certificate *certificate)
{
    const struct monitor_slots *slots = &pq->container.slots;
    uint32_t low = slots->low[op], high = slots->high[op];
    if (rank != MONITOR_NONE) {
        const struct monitor_item *item = &pq->container.items[pq->ascending[rank]];
        uint32_t from = op == item->take ? item->c : item->a;
        low = low > from ? low : from;
        high = high < item->end ? high : item->end;
    }
    *slot = low > high ? MONITOR_NONE : monitor_cover_tree_find(&window->tree, low, high, 0);
    if (*slot == MONITOR_NONE)
        prove_window(pq, op, low, high, rank, certificate);
    return *slot != MONITOR_NONE;
}

/* The earliest slot of each op, kept in stays. */
static bool windows_choose(struct pq *pq, struct window *window,
                           struct rift_certificate *certificate)
{
    const struct monitor_container *container = &pq->container;
    for (size_t i = container->item_count; i-- > 0;) {
        uint32_t index = pq->ascending[i];
        const struct monitor_item *item = &container->items[index];
        for (uint32_t look = item[0].looks; look < item[1].looks; look++)
            if (!window_choose(pq, window, container->looks[look], i, &pq->stays.look[look],
                               certificate))
                return false;
        pq->stays.out[index] = MONITOR_NONE;
        if (!monitor_item_stays(container, item) &&
            !window_choose(pq, window, item->take, i, &pq->stays.out[index], certificate))
            return false;
        window_cover(pq, window, item);
    }
    for (size_t i = 0; i < container->empty_count; i++)
        if (!window_choose(pq, window, container->empties[i], MONITOR_NONE, &pq->stays.empty[i],
                           certificate))
            return false;
    return true;
}

/* The first chosen slot of a smaller value's op after an item went in for certain. */
static void windows_deadlines(struct pq *pq, struct window *window, uint32_t *deadlines)
{
    const struct monitor_container *container = &pq->container;
    for (size_t i = 0; i < container->empty_count; i++)
        monitor_slot_set_insert(&window->chosen, pq->stays.empty[i]);
    for (size_t i = 0; i < container->item_count; i++) {
        uint32_t index = pq->ascending[i];
        const struct monitor_item *item = &container->items[index];
        deadlines[index] = MONITOR_NONE;
        if (monitor_item_stays(container, item))
            deadlines[index] = monitor_slot_set_next(&window->chosen, item->b + 1);
        else
            monitor_slot_set_insert(&window->chosen, pq->stays.out[index]);
        for (uint32_t look = item[0].looks; look < item[1].looks; look++)
            monitor_slot_set_insert(&window->chosen, pq->stays.look[look]);
    }
}

static int give_takes(struct pq *pq, struct rift_certificate *certificate)
{
    struct monitor_container *container = &pq->container;
    uint32_t size = container->slots.last + 1;
    CLEANUP(rift_free) uint32_t *takes = monitor_container_takes_by_slot(container);
    CLEANUP(rift_free) int32_t *numbers = rift_malloc(size * sizeof *numbers);
    for (uint32_t slot = 0; slot < size; slot++)
        numbers[slot] = -(int32_t)takes[slot];
    struct window window;
    monitor_cover_tree_init(&window.tree, numbers, size);
    monitor_slot_set_init(&window.open, size, true);
    monitor_slot_set_init(&window.chosen, size, false);
    CLEANUP(rift_free)
    uint32_t *deadlines = rift_malloc((container->item_count + 1) * sizeof *deadlines);
    uint32_t at;
    int answer = RIFT_MONITOR_INVALID;
    monitor_container_take_back(container);
    if (windows_choose(pq, &window, certificate)) {
        windows_deadlines(pq, &window, deadlines);
        answer = monitor_container_give_by_deadline(container, deadlines, &at)
                     ? RIFT_MONITOR_VALID
                     : RIFT_MONITOR_NOT_APPLICABLE;
    }
    monitor_cover_tree_finish(&window.tree);
    monitor_slot_set_finish(&window.open);
    monitor_slot_set_finish(&window.chosen);
    return answer;
}

static int pq_run(struct pq *pq, struct rift_certificate *certificate)
{
    struct monitor_container *container = &pq->container;
    size_t rank = 0;
    monitor_stays_init(&pq->stays, container);
    uint32_t failing = place_all(pq, &rank);
    if (failing != MONITOR_NONE && (container->pending_count == 0 || container->stay_count == 0))
        return prove(pq, failing, rank, certificate);
    if (failing != MONITOR_NONE) {
        int answer = give_takes(pq, certificate);
        if (answer != RIFT_MONITOR_VALID)
            return answer;
        if (place_all(pq, &rank) != MONITOR_NONE)
            return RIFT_MONITOR_NOT_APPLICABLE;
    }
    monitor_stays_emit(&pq->stays, container, pq->ascending, certificate);
    return RIFT_MONITOR_VALID;
}

static enum rift_monitor_answer pq_judge(const struct rift_problem *problem,
                                         const struct rift_limits *limits,
                                         struct rift_certificate *certificate)
{
    if (!monitor_memory_suffices(problem, limits, 140, 12))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(pq_finish) struct pq pq = {0};
    int answer = monitor_container_init(&pq.container, problem, certificate);
    if (answer != RIFT_MONITOR_VALID)
        return (enum rift_monitor_answer)answer;
    if (!pq_sort(&pq))
        return RIFT_MONITOR_NOT_APPLICABLE;
    return (enum rift_monitor_answer)pq_run(&pq, certificate);
}

static const char *const priority_queue_models[] = {"priority-queue", NULL};

const struct rift_monitor rift_monitor_priority_queue = {
    .name = "priority-queue-unique",
    .models = priority_queue_models,
    .condition = "each value is inserted at most once",
    .judge = pq_judge,
};
