#include "checkers/monitors/container.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/monitors/monitor.h"
#include "checkers/monitors/proof.h"
#include "common/memory.h"

/* Item of each value id while the container is filled. */
struct filling {
    struct monitor_container *container;
    uint32_t *item_of;
    uint32_t *insert_of; /* op */
    bool *is_returned;   /* a completed op answered the value */
    struct rift_certificate *certificate;
};

void monitor_container_finish(struct monitor_container *container)
{
    monitor_slots_finish(&container->slots);
    free(container->items);
    free(container->looks);
    free(container->empties);
    free(container->pending);
    memset(container, 0, sizeof *container);
}

static bool op_returns_value(const struct rift_problem_op *op)
{
    return op->complete != RIFT_EVENT_NEVER &&
           (op->call.kind == RIFT_CALL_TAKE || op->call.kind == RIFT_CALL_PEEK);
}

/* Inserts by value; false where the condition does not hold. */
static bool filling_read(struct filling *filling)
{
    struct monitor_container *container = filling->container;
    const struct rift_problem *problem = container->problem;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        switch (op->call.kind) {
        case RIFT_CALL_INSERT:
            if (filling->insert_of[op->call.a] != MONITOR_NONE)
                return false;
            filling->insert_of[op->call.a] = (uint32_t)i;
            break;
        case RIFT_CALL_TAKE:
        case RIFT_CALL_PEEK:
            if (op_returns_value(op))
                filling->is_returned[op->call.a] = true;
            break;
        case RIFT_CALL_TAKE_EMPTY:
        case RIFT_CALL_PEEK_EMPTY:
            if (op->complete != RIFT_EVENT_NEVER)
                container->empties[container->empty_count++] = (uint32_t)i;
            break;
        case RIFT_CALL_TAKE_UNKNOWN:
            if (op->complete != RIFT_EVENT_NEVER)
                return false;
            container->pending[container->pending_count++] = (uint32_t)i;
            break;
        default:
            return false;
        }
    }
    return true;
}

static void filling_make_items(struct filling *filling)
{
    struct monitor_container *container = filling->container;
    const struct rift_problem *problem = container->problem;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op->call.kind != RIFT_CALL_INSERT ||
            (op->complete == RIFT_EVENT_NEVER && !filling->is_returned[op->call.a]))
            continue;
        filling->item_of[op->call.a] = (uint32_t)container->item_count;
        container->items[container->item_count++] = (struct monitor_item){
            .value = op->call.a,
            .insert = (uint32_t)i,
            .take = MONITOR_NONE,
            .a = container->slots.low[i],
            .b = container->slots.high[i],
            .c = container->slots.low[i],
            .x = container->slots.last,
            .y = container->slots.low[i],
            .end = container->slots.last,
            .first_look = MONITOR_NONE,
            .last_look = MONITOR_NONE,
        };
    }
}

static int refuse(struct filling *filling, const struct monitor_item *item, uint32_t op,
                  const char *pattern)
{
    if (item)
        monitor_item_prove(filling->container, item, filling->certificate);
    monitor_proof_add(filling->certificate, op);
    return monitor_proof_close(filling->certificate, pattern);
}

/* One op that returned a value: bounds of its item. */
static int filling_bound(struct filling *filling, uint32_t op)
{
    struct monitor_container *container = filling->container;
    const struct monitor_slots *slots = &container->slots;
    const struct rift_call *call = &container->problem->ops[op].call;
    if (filling->item_of[call->a] == MONITOR_NONE)
        return refuse(filling, NULL, op, "value out of thin air");
    struct monitor_item *item = &container->items[filling->item_of[call->a]];
    if (slots->high[op] < item->a)
        return refuse(filling, item, op, "value returned before it was put in");
    if (call->kind == RIFT_CALL_TAKE) {
        if (item->take != MONITOR_NONE)
            return refuse(filling, item, op, "value taken twice");
        item->take = op;
        item->end = slots->high[op];
    } else {
        if (item->first_look == MONITOR_NONE || slots->high[op] < slots->high[item->first_look])
            item->first_look = op;
        item->last_look = op;
    }
    if (slots->high[op] < item->x)
        item->x = slots->high[op];
    if (slots->low[op] > item->y)
        item->y = slots->low[op];
    return RIFT_MONITOR_VALID;
}

static int filling_close(struct filling *filling)
{
    struct monitor_container *container = filling->container;
    const struct rift_problem *problem = container->problem;
    for (size_t i = 0; i < container->item_count; i++) {
        struct monitor_item *item = &container->items[i];
        if (item->take != MONITOR_NONE && item->last_look != MONITOR_NONE &&
            container->slots.low[item->last_look] > item->end)
            return refuse(filling, item, item->take, "value seen after it was taken");
        if (item->x < item->b)
            item->b = item->x;
        item->c = item->y;
        if (item->take == MONITOR_NONE) {
            item->c = container->slots.last;
            container->stay_count++;
        }
    }
    /* Peeks by item: counted one place ahead, so that filling moves each start into its place. */
    size_t count = container->item_count;
    CLEANUP(rift_free) uint32_t *first = rift_calloc(count + 2, sizeof *first);
    for (size_t i = 0; i < problem->count; i++)
        if (problem->ops[i].call.kind == RIFT_CALL_PEEK && op_returns_value(&problem->ops[i]))
            first[filling->item_of[problem->ops[i].call.a] + 1]++;
    for (size_t i = 0; i <= count; i++) {
        first[i + 1] += first[i];
        container->items[i].looks = first[i];
    }
    container->looks = rift_malloc(((size_t)first[count] + 1) * sizeof *container->looks);
    for (size_t i = 0; i < problem->count; i++)
        if (problem->ops[i].call.kind == RIFT_CALL_PEEK && op_returns_value(&problem->ops[i]))
            container->looks[first[filling->item_of[problem->ops[i].call.a]]++] = (uint32_t)i;
    return RIFT_MONITOR_VALID;
}

static int filling_run(struct filling *filling)
{
    struct monitor_container *container = filling->container;
    if (!filling_read(filling))
        return RIFT_MONITOR_NOT_APPLICABLE;
    filling_make_items(filling);
    for (size_t i = 0; i < container->problem->count; i++) {
        if (!op_returns_value(&container->problem->ops[i]))
            continue;
        int answer = filling_bound(filling, (uint32_t)i);
        if (answer != RIFT_MONITOR_VALID)
            return answer;
    }
    return filling_close(filling);
}

int monitor_container_init(struct monitor_container *container, const struct rift_problem *problem,
                           struct rift_certificate *certificate)
{
    size_t insert_count = 0, other_count = 0;
    for (size_t i = 0; i < problem->count; i++)
        if (problem->ops[i].call.kind == RIFT_CALL_INSERT)
            insert_count++;
        else
            other_count++;
    *container = (struct monitor_container){
        .problem = problem,
        .items = rift_malloc((insert_count + 1) * sizeof(struct monitor_item)),
        .empties = rift_malloc((other_count + 1) * sizeof(uint32_t)),
        .pending = rift_malloc((other_count + 1) * sizeof(uint32_t)),
    };
    monitor_slots_init(&container->slots, problem);
    struct filling filling = {
        .container = container,
        .item_of = monitor_numbers_none(problem->value_count),
        .insert_of = monitor_numbers_none(problem->value_count),
        .is_returned = rift_calloc((size_t)problem->value_count + 1, sizeof(bool)),
        .certificate = certificate,
    };
    int answer = problem->initial == 0 ? filling_run(&filling) : RIFT_MONITOR_NOT_APPLICABLE;
    free(filling.item_of);
    free(filling.insert_of);
    free(filling.is_returned);
    return answer;
}

void monitor_item_give(struct monitor_container *container, struct monitor_item *item,
                       uint32_t take)
{
    const struct monitor_slots *slots = &container->slots;
    uint32_t seen = item->a;
    if (item->last_look != MONITOR_NONE && slots->low[item->last_look] > seen)
        seen = slots->low[item->last_look];
    item->take = take;
    if (take == MONITOR_NONE) {
        item->c = slots->last;
        item->y = seen;
    } else {
        item->c = item->y = slots->low[take] > seen ? slots->low[take] : seen;
    }
}

void monitor_item_prove(const struct monitor_container *container, const struct monitor_item *item,
                        struct rift_certificate *certificate)
{
    monitor_proof_add(certificate, item->insert);
    if (!monitor_item_stays(container, item))
        monitor_proof_add(certificate, item->take);
    if (item->first_look != MONITOR_NONE) {
        monitor_proof_add(certificate, item->first_look);
        monitor_proof_add(certificate, item->last_look);
    }
}

void monitor_container_prove_pending(const struct monitor_container *container, uint32_t slot,
                                     struct rift_certificate *certificate)
{
    for (size_t i = 0; i < container->pending_count; i++)
        if (container->slots.low[container->pending[i]] <= slot)
            monitor_proof_add(certificate, container->pending[i]);
}

static uint32_t core_until(const struct monitor_container *container, uint32_t item, bool seen_only)
{
    const struct monitor_item *it = &container->items[item];
    return seen_only ? monitor_item_seen_until(container, it) : it->c;
}

uint32_t *monitor_container_furthest(const struct monitor_container *container,
                                     const uint32_t *items, size_t count, bool seen_only)
{
    size_t size = (size_t)container->slots.last + 2;
    uint32_t *furthest = monitor_numbers_none(size);
    for (size_t i = 0; i < count; i++) {
        uint32_t *best = &furthest[container->items[items[i]].b + 1];
        if (*best == MONITOR_NONE ||
            core_until(container, items[i], seen_only) > core_until(container, *best, seen_only))
            *best = items[i];
    }
    for (size_t slot = 1; slot < size; slot++) {
        uint32_t before = furthest[slot - 1];
        if (before != MONITOR_NONE && (furthest[slot] == MONITOR_NONE ||
                                       core_until(container, before, seen_only) >
                                           core_until(container, furthest[slot], seen_only)))
            furthest[slot] = before;
    }
    return furthest;
}

uint32_t *monitor_container_takes_by_slot(const struct monitor_container *container)
{
    uint32_t last = container->slots.last;
    uint32_t *takes = rift_calloc((size_t)last + 1, sizeof *takes);
    for (size_t i = 0; i < container->pending_count; i++)
        takes[container->slots.low[container->pending[i]]]++;
    for (size_t slot = 1; slot <= last; slot++)
        takes[slot] += takes[slot - 1];
    return takes;
}

bool monitor_container_give_by_deadline(struct monitor_container *container,
                                        const uint32_t *deadlines, uint32_t *at)
{
    CLEANUP(monitor_sequence_finish) struct monitor_sequence due = {0};
    monitor_sequence_init(&due, container->item_count);
    for (size_t i = 0; i < container->item_count; i++)
        if (deadlines[i] != MONITOR_NONE && deadlines[i] < container->slots.last)
            monitor_sequence_append(&due, (uint32_t)i, deadlines[i]);
    CLEANUP(rift_free) uint32_t *sorted = monitor_sequence_sort(&due, container->slots.last);
    for (size_t i = 0; i < due.count; i++) {
        *at = deadlines[sorted[i]];
        if (i >= container->pending_count || container->slots.low[container->pending[i]] > *at)
            return false;
    }
    for (size_t i = 0; i < due.count; i++)
        monitor_item_give(container, &container->items[sorted[i]], container->pending[i]);
    return true;
}

void monitor_container_take_back(struct monitor_container *container)
{
    for (size_t i = 0; i < container->item_count; i++)
        if (monitor_item_stays(container, &container->items[i]))
            monitor_item_give(container, &container->items[i], MONITOR_NONE);
}
