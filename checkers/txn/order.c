#include "checkers/txn/order.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { DIGIT_BITS = 11, DIGIT_COUNT = 1 << DIGIT_BITS };

struct process_slot {
    int64_t process; /* plus one; 0: free */
    uint32_t last;
};

void txn_order_processes(const struct txn_set *set, struct txn_edges *edges)
{
    size_t slot_count = 64;
    while (slot_count < 2 * (size_t)set->count)
        slot_count *= 2;
    struct process_slot *slots = rift_calloc(slot_count, sizeof *slots);
    for (uint32_t t = 0; t < set->count; t++) {
        if (set->type[t] == RIFT_OP_FAIL)
            continue;
        int64_t process = (int64_t)set->history->ops.process[set->row[t]] + 1;
        size_t slot = (uint64_t)process * UINT64_C(0x9e3779b97f4a7c15) >> 20 & (slot_count - 1);
        while (slots[slot].process && slots[slot].process != process)
            slot = (slot + 1) & (slot_count - 1);
        if (!slots[slot].process)
            slots[slot] = (struct process_slot){process, TXN_NONE};
        if (slots[slot].last != TXN_NONE)
            txn_edges_add(edges, slots[slot].last, t, TXN_PROCESS);
        if (txn_is_committed(set, t))
            slots[slot].last = t;
    }
    free(slots);
}

/* Committed transactions by ascending end: a radix sort, as ends come nearly in any order. */
static uint32_t *sort_by_end(const struct txn_set *set, uint32_t *count_out)
{
    uint32_t *order = rift_reallocarray(NULL, (size_t)set->count + 1, sizeof *order);
    uint32_t *other = rift_reallocarray(NULL, (size_t)set->count + 1, sizeof *other);
    uint32_t count = 0;
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (uint32_t t = 0; t < set->count; t++) {
        if (!txn_is_committed(set, t))
            continue;
        int64_t end = txn_end(set, t);
        order[count++] = t;
        least = end < least ? end : least;
        most = end > most ? end : most;
    }
    uint64_t range = count ? (uint64_t)most - (uint64_t)least : 0;
    for (unsigned shift = 0; shift < 64 && range >> shift; shift += DIGIT_BITS) {
        uint32_t place[DIGIT_COUNT + 1] = {0};
        for (uint32_t i = 0; i < count; i++) {
            uint64_t end = (uint64_t)txn_end(set, order[i]) - (uint64_t)least;
            place[(end >> shift & (DIGIT_COUNT - 1)) + 1]++;
        }
        for (int d = 0; d < DIGIT_COUNT; d++)
            place[d + 1] += place[d];
        for (uint32_t i = 0; i < count; i++) {
            uint64_t end = (uint64_t)txn_end(set, order[i]) - (uint64_t)least;
            other[place[end >> shift & (DIGIT_COUNT - 1)]++] = order[i];
        }
        uint32_t *swap = order;
        order = other;
        other = swap;
    }
    free(other);
    *count_out = count;
    return order;
}

void txn_order_realtime(const struct txn_set *set, struct txn_edges *edges)
{
    uint32_t count, ended = 0, junction = TXN_NONE;
    uint32_t *by_end = sort_by_end(set, &count);
    for (uint32_t t = 0; t < set->count; t++) {
        if (set->type[t] == RIFT_OP_FAIL)
            continue;
        int64_t start = txn_start(set, t);
        if (ended < count && txn_end(set, by_end[ended]) < start) {
            uint32_t next = txn_edges_junction(edges);
            if (junction != TXN_NONE)
                txn_edges_add(edges, junction, next, TXN_THROUGH);
            junction = next;
            for (; ended < count && txn_end(set, by_end[ended]) < start; ended++)
                txn_edges_add(edges, by_end[ended], junction, TXN_REALTIME);
        }
        if (junction != TXN_NONE)
            txn_edges_add(edges, junction, t, TXN_THROUGH);
    }
    free(by_end);
}
