#include "checkers/monitors/queue_order.h"

#include <stdlib.h>

#include "common/memory.h"

/* A node is ready when no other remaining node has a b below its a, or an x below its y. Both
 * minima only rise while nodes are taken, so nodes become ready in order of a and of y. The one
 * node that is itself the minimum of x is measured against the next one. */
struct ordering {
    const struct monitor_queue_node *nodes;
    size_t count;
    uint32_t *by_a, *by_b, *by_y;
    size_t next_a, next_b, next_y;
    uint32_t *x_next, *x_previous; /* remaining nodes by x, a ring through the index `count` */
    uint8_t *passed;               /* of the two conditions; TAKEN */
    uint32_t *ready;
    size_t ready_count;
};

enum { PASSED_A = 1, PASSED_Y = 2, PASSED_BOTH = 3, TAKEN = 4 };

static uint32_t *sorted_by(const struct monitor_queue_node *nodes, size_t count, size_t offset,
                           uint32_t last)
{
    CLEANUP(monitor_sequence_finish) struct monitor_sequence sequence = {0};
    monitor_sequence_init(&sequence, count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t *fields = &nodes[i].a;
        monitor_sequence_append(&sequence, (uint32_t)i, fields[offset]);
    }
    return monitor_sequence_sort(&sequence, last);
}

static void ordering_init(struct ordering *ordering, const struct monitor_queue_node *nodes,
                          size_t count, uint32_t last)
{
    *ordering = (struct ordering){.nodes = nodes, .count = count};
    ordering->by_a = sorted_by(nodes, count, 0, last);
    ordering->by_b = sorted_by(nodes, count, 1, last);
    ordering->by_y = sorted_by(nodes, count, 3, last);
    CLEANUP(rift_free) uint32_t *by_x = sorted_by(nodes, count, 2, last);
    ordering->x_next = rift_malloc((count + 1) * sizeof(uint32_t));
    ordering->x_previous = rift_malloc((count + 1) * sizeof(uint32_t));
    uint32_t before = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        ordering->x_next[before] = by_x[i];
        ordering->x_previous[by_x[i]] = before;
        before = by_x[i];
    }
    ordering->x_next[before] = (uint32_t)count;
    ordering->x_previous[count] = before;
    ordering->passed = rift_calloc(count + 1, 1);
    ordering->ready = rift_malloc((count + 1) * sizeof(uint32_t));
}

static void ordering_finish(struct ordering *ordering)
{
    free(ordering->by_a);
    free(ordering->by_b);
    free(ordering->by_y);
    free(ordering->x_next);
    free(ordering->x_previous);
    free(ordering->passed);
    free(ordering->ready);
}

static uint32_t lowest_x(const struct ordering *ordering, uint32_t after)
{
    uint32_t node = ordering->x_next[after];
    return node == ordering->count ? UINT32_MAX : ordering->nodes[node].x;
}

static void pass(struct ordering *ordering, uint32_t node, uint8_t condition)
{
    ordering->passed[node] |= condition;
    if (ordering->passed[node] == PASSED_BOTH)
        ordering->ready[ordering->ready_count++] = node;
}

static void advance(struct ordering *ordering)
{
    while (ordering->next_b < ordering->count &&
           ordering->passed[ordering->by_b[ordering->next_b]] & TAKEN)
        ordering->next_b++;
    if (ordering->next_b == ordering->count)
        return;
    uint32_t lowest_b = ordering->nodes[ordering->by_b[ordering->next_b]].b;
    while (ordering->next_a < ordering->count &&
           ordering->nodes[ordering->by_a[ordering->next_a]].a <= lowest_b)
        pass(ordering, ordering->by_a[ordering->next_a++], PASSED_A);
    uint32_t lowest = lowest_x(ordering, (uint32_t)ordering->count);
    while (ordering->next_y < ordering->count &&
           ordering->nodes[ordering->by_y[ordering->next_y]].y <= lowest)
        pass(ordering, ordering->by_y[ordering->next_y++], PASSED_Y);
}

/* MONITOR_NONE: every remaining node must stand behind another. */
static uint32_t choose(struct ordering *ordering)
{
    while (ordering->ready_count > 0) {
        uint32_t node = ordering->ready[--ordering->ready_count];
        if (!(ordering->passed[node] & TAKEN))
            return node;
    }
    uint32_t front = ordering->x_next[ordering->count];
    if (front != ordering->count && ordering->passed[front] & PASSED_A &&
        ordering->nodes[front].y <= lowest_x(ordering, front))
        return front;
    return MONITOR_NONE;
}

uint32_t *monitor_queue_order(const struct monitor_queue_node *nodes, size_t count, uint32_t last)
{
    CLEANUP(ordering_finish) struct ordering ordering;
    ordering_init(&ordering, nodes, count, last);
    uint32_t *order = rift_malloc((count + 1) * sizeof *order);
    for (size_t i = 0; i < count; i++) {
        advance(&ordering);
        uint32_t node = choose(&ordering);
        if (node == MONITOR_NONE) {
            free(order);
            return NULL;
        }
        ordering.passed[node] |= TAKEN;
        ordering.x_next[ordering.x_previous[node]] = ordering.x_next[node];
        ordering.x_previous[ordering.x_next[node]] = ordering.x_previous[node];
        order[i] = node;
    }
    return order;
}
