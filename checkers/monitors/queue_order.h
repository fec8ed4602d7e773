/* An order of a queue's values in which they may have gone in and come out. */
#ifndef CHECKERS_MONITORS_QUEUE_ORDER_H
#define CHECKERS_MONITORS_QUEUE_ORDER_H

#include "checkers/monitors/container.h"

/* A value, or a moment at which the queue was empty (all four equal). u must stand before v if
 * b of u < a of v (it was put in before) or x of u < y of v (it was in front before). */
struct monitor_queue_node {
    uint32_t a, b, x, y;
};

/* Indices of the nodes in an order that respects both relations; the caller frees it. NULL: there
 * is none. Slots are up to last. Linear time. */
uint32_t *monitor_queue_order(const struct monitor_queue_node *nodes, size_t count, uint32_t last);

#endif
