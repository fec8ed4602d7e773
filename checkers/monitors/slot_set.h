/* A set of slots that finds neighbours: bits in layers of 64, each layer saying which words of the
 * one below hold anything. Every operation touches one word a layer. */
#ifndef CHECKERS_MONITORS_SLOT_SET_H
#define CHECKERS_MONITORS_SLOT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MONITOR_SLOT_SET_LAYERS = 6 };

struct monitor_slot_set {
    uint64_t *layers[MONITOR_SLOT_SET_LAYERS];
    unsigned layer_count;
    uint32_t size; /* slots are 0 .. size - 1 */
};

void monitor_slot_set_init(struct monitor_slot_set *set, uint32_t size, bool is_full);
void monitor_slot_set_finish(struct monitor_slot_set *set);
void monitor_slot_set_insert(struct monitor_slot_set *set, uint32_t slot);
void monitor_slot_set_erase(struct monitor_slot_set *set, uint32_t slot);
/* The first member from slot on, the last up to slot; MONITOR_NONE (UINT32_MAX) where there is
 * none. */
uint32_t monitor_slot_set_next(const struct monitor_slot_set *set, uint32_t slot);
uint32_t monitor_slot_set_previous(const struct monitor_slot_set *set, uint32_t slot);

#endif
