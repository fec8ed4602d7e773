/* Who was served when. */
#include "checkers/availability.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/memory.h"

static int compare_ends(const void *a, const void *b, void *context)
{
    const int64_t *ends = context;
    int64_t x = ends[*(const uint32_t *)a], y = ends[*(const uint32_t *)b];
    return (x > y) - (x < y);
}

void availability_init(struct availability *availability, const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    *availability = (struct availability){.history = history};
    availability->rows = rift_calloc(ops->count, sizeof *availability->rows);
    availability->begin_ns = ops->count ? ops->start[0] : 0;
    for (size_t row = 0; row < ops->count; row++) {
        if (ops->type[row] == RIFT_OP_OK)
            availability->rows[availability->count++] = (uint32_t)row;
        int64_t last_ns = ops->end[row] == RIFT_TIME_NEVER ? ops->start[row] : ops->end[row];
        if (last_ns > availability->last_ns)
            availability->last_ns = last_ns;
    }
    qsort_r(availability->rows, availability->count, sizeof *availability->rows, compare_ends,
            ops->end);
}

void availability_finish(struct availability *availability)
{
    free(availability->rows);
    *availability = (struct availability){0};
}

/* The first completion at from_ns or later, as an index of rows. */
static size_t first_since(const struct availability *availability, int64_t from_ns)
{
    const int64_t *ends = availability->history->ops.end;
    size_t low = 0, high = availability->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ends[availability->rows[middle]] < from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t availability_longest_gap(const struct availability *availability, int64_t from_ns,
                                 int64_t to_ns, uint16_t node)
{
    const struct rift_ops *ops = &availability->history->ops;
    int64_t served_ns = from_ns, longest_ns = 0;
    for (size_t i = first_since(availability, from_ns); i < availability->count; i++) {
        uint32_t row = availability->rows[i];
        if (node && ops->node[row] != node)
            continue;
        if (ops->end[row] > to_ns)
            break;
        if (ops->end[row] - served_ns > longest_ns)
            longest_ns = ops->end[row] - served_ns;
        served_ns = ops->end[row];
    }
    return to_ns - served_ns > longest_ns ? to_ns - served_ns : longest_ns;
}

int64_t availability_recovery(const struct availability *availability, int64_t since_ns,
                              uint16_t *missing)
{
    const struct rift_history *history = availability->history;
    CLEANUP(rift_free) bool *is_served = rift_calloc(history->nodes.count, sizeof *is_served);
    size_t served = 1; /* index 0 is no node */
    int64_t latest_ns = since_ns;
    for (size_t i = first_since(availability, since_ns);
         i < availability->count && served < history->nodes.count; i++) {
        uint32_t row = availability->rows[i];
        uint16_t node = history->ops.node[row];
        if (node == 0 || is_served[node] || history->ops.start[row] < since_ns)
            continue;
        is_served[node] = true;
        served++;
        latest_ns = history->ops.end[row];
    }
    if (served >= history->nodes.count)
        return latest_ns - since_ns;
    for (uint16_t node = 1; missing && node < history->nodes.count; node++) {
        if (is_served[node])
            continue;
        *missing = node;
        break;
    }
    return RIFT_TIME_NEVER;
}
