#include "checkers/monitors/slot_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

void monitor_slot_set_init(struct monitor_slot_set *set, uint32_t size, bool is_full)
{
    memset(set, 0, sizeof *set);
    set->size = size;
    size_t bits = size ? size : 1;
    do {
        size_t words = (bits + 63) / 64;
        uint64_t *layer = rift_calloc(words, sizeof *layer);
        if (is_full) {
            memset(layer, 0xff, words * sizeof *layer);
            if (bits % 64)
                layer[words - 1] = ((uint64_t)1 << bits % 64) - 1;
        }
        set->layers[set->layer_count++] = layer;
        bits = words;
    } while (bits > 1);
}

void monitor_slot_set_finish(struct monitor_slot_set *set)
{
    for (unsigned i = 0; i < set->layer_count; i++)
        free(set->layers[i]);
    memset(set, 0, sizeof *set);
}

void monitor_slot_set_insert(struct monitor_slot_set *set, uint32_t slot)
{
    for (unsigned i = 0; i < set->layer_count; i++) {
        set->layers[i][slot / 64] |= (uint64_t)1 << slot % 64;
        slot /= 64;
    }
}

void monitor_slot_set_erase(struct monitor_slot_set *set, uint32_t slot)
{
    for (unsigned i = 0; i < set->layer_count; i++) {
        set->layers[i][slot / 64] &= ~((uint64_t)1 << slot % 64);
        if (set->layers[i][slot / 64])
            return;
        slot /= 64;
    }
}

/* Down from a member of a layer to its first or last slot. */
static uint32_t descend(const struct monitor_slot_set *set, unsigned layer, uint32_t at,
                        bool is_first)
{
    while (layer-- > 0) {
        uint64_t word = set->layers[layer][at];
        at = at * 64 + (uint32_t)(is_first ? __builtin_ctzll(word) : 63 - __builtin_clzll(word));
    }
    return at;
}

uint32_t monitor_slot_set_next(const struct monitor_slot_set *set, uint32_t slot)
{
    if (slot >= set->size)
        return UINT32_MAX;
    uint64_t from = ~(uint64_t)0 << slot % 64;
    for (unsigned layer = 0;; layer++) {
        uint64_t word = set->layers[layer][slot / 64] & from;
        if (word) {
            uint32_t at = (slot & ~63u) + (uint32_t)__builtin_ctzll(word);
            return descend(set, layer, at, true);
        }
        if (layer + 1 == set->layer_count)
            return UINT32_MAX;
        slot /= 64;
        from = slot % 64 == 63 ? 0 : ~(uint64_t)0 << (slot % 64 + 1);
    }
}

uint32_t monitor_slot_set_previous(const struct monitor_slot_set *set, uint32_t slot)
{
    if (slot >= set->size)
        slot = set->size - 1;
    uint64_t upto = ~(uint64_t)0 >> (63 - slot % 64);
    for (unsigned layer = 0;; layer++) {
        uint64_t word = set->layers[layer][slot / 64] & upto;
        if (word) {
            uint32_t at = (slot & ~63u) + 63 - (uint32_t)__builtin_clzll(word);
            return descend(set, layer, at, false);
        }
        if (layer + 1 == set->layer_count)
            return UINT32_MAX;
        slot /= 64;
        upto = ((uint64_t)1 << slot % 64) - 1;
    }
}
