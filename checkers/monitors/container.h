/* What queues, stacks, priority queues and unordered queues share: one entry for each value, with
 * the ops that put it in, looked at it, and took it out, and how they bound its stay.
 *
 * Terms. b: the lowest high of any op of the value, c: the highest low; in the slots b < t < c the
 * value is in the container for certain: its core. A crashed insert whose value nobody returned is
 * left out; a crashed take takes an unknown value, or nothing. A value that nobody took stays, up
 * to the slot `last`, unless it is given a crashed take. */
#ifndef CHECKERS_MONITORS_CONTAINER_H
#define CHECKERS_MONITORS_CONTAINER_H

#include "checkers/monitors/slots.h"

struct monitor_item {
    uint32_t value;      /* its id */
    uint32_t insert;     /* op */
    uint32_t take;       /* op; MONITOR_NONE: nobody; a crashed take where one was given to it */
    uint32_t a;          /* low of the insert */
    uint32_t b, c;       /* as above; c of a value that stays: slots.last */
    uint32_t x;          /* lowest high of its looks and its completed take; slots.last: none */
    uint32_t y;          /* highest low of its looks and its take; a without looks and take */
    uint32_t end;        /* high of the take; slots.last of a value that stays */
    uint32_t first_look; /* the peek that completes first, MONITOR_NONE */
    uint32_t last_look;  /* the peek that is invoked last */
    uint32_t looks;      /* its peeks: container.looks[item.looks] .. up to the next item's */
};

struct monitor_container {
    const struct rift_problem *problem;
    struct monitor_slots slots;
    struct monitor_item *items; /* in order of a; one more marks the end of looks */
    size_t item_count;
    uint32_t *looks;   /* ops, grouped by item, in order of invocation */
    uint32_t *empties; /* ops that found it empty, in order of invocation */
    size_t empty_count;
    uint32_t *pending; /* crashed takes, in order of invocation */
    size_t pending_count;
    size_t stay_count; /* items without a completed take */
};

/* VALID: filled. INVALID: a value taken twice, out of thin air, before it was put in, or seen after
 * it was taken; the certificate is closed. NOT_APPLICABLE: a value inserted twice, or calls of
 * other objects. finish is due after each. */
int monitor_container_init(struct monitor_container *container, const struct rift_problem *problem,
                           struct rift_certificate *certificate);
void monitor_container_finish(struct monitor_container *container);

static inline bool monitor_item_stays(const struct monitor_container *container,
                                      const struct monitor_item *item)
{
    return item->take == MONITOR_NONE ||
           container->problem->ops[item->take].complete == RIFT_EVENT_NEVER;
}

/* Where the last core of a value that stays ends when only what was seen counts: its last look. */
static inline uint32_t monitor_item_seen_until(const struct monitor_container *container,
                                               const struct monitor_item *item)
{
    return monitor_item_stays(container, item)
               ? item->last_look == MONITOR_NONE ? item->b : container->slots.low[item->last_look]
               : item->c;
}

/* Gives a crashed take to an item that stays, or takes it back (MONITOR_NONE). */
void monitor_item_give(struct monitor_container *container, struct monitor_item *item,
                       uint32_t take);
/* Adds the ops that show the item's core to the proof: insert, take, first and last look. A crashed
 * take that was given to it is none of them. */
void monitor_item_prove(const struct monitor_container *container, const struct monitor_item *item,
                        struct rift_certificate *certificate);
/* Adds the crashed takes that were invoked in or before the slot. */
void monitor_container_prove_pending(const struct monitor_container *container, uint32_t slot,
                                     struct rift_certificate *certificate);

/* For each slot, of these items (indices) the one whose core starts at or before it and reaches
 * furthest; MONITOR_NONE: none does. A core ends at c, or where only what was seen counts, as
 * monitor_item_seen_until says. The caller frees it. */
uint32_t *monitor_container_furthest(const struct monitor_container *container,
                                     const uint32_t *items, size_t count, bool seen_only);

/* How many crashed takes were invoked in or before each slot. The caller frees it. */
uint32_t *monitor_container_takes_by_slot(const struct monitor_container *container);
/* Gives the crashed takes to items with deadlines (slots; MONITOR_NONE: none), the earliest
 * deadline first. False where there are too few in time: then at[0] is the slot of the deadline
 * that cannot be met, and nothing is given. */
bool monitor_container_give_by_deadline(struct monitor_container *container,
                                        const uint32_t *deadlines, uint32_t *at);
void monitor_container_take_back(struct monitor_container *container);

#endif
