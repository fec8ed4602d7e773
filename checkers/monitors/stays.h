/* From slots at which values go in and come out to an order of the ops. */
#ifndef CHECKERS_MONITORS_STAYS_H
#define CHECKERS_MONITORS_STAYS_H

#include "checkers/monitors/container.h"

/* Slots in which ops take effect, by index of container.items, looks and empties. */
struct monitor_stays {
    uint32_t *in, *out; /* out of a value that stays: slots.last */
    uint32_t *look;
    uint32_t *empty;
};

void monitor_stays_init(struct monitor_stays *stays, const struct monitor_container *container);
void monitor_stays_finish(struct monitor_stays *stays);

/* Fills the order. What shares a slot happens in this sequence: values go out, the inner ones
 * first; looks at values that stay over the slot, and answers "empty"; values that only touch this
 * slot, one by one; values go in, the outer ones first. outer_first: indices of the items, those
 * that others may lie upon first. */
void monitor_stays_emit(const struct monitor_stays *stays,
                        const struct monitor_container *container, const uint32_t *outer_first,
                        struct rift_certificate *certificate);

#endif
