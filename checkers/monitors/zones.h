/* Blocks of ops that must stand together in every order, each known by two of its ops: the one that
 * completes first and the one that is invoked last. The zone test of Gibbons and Korach, Testing
 * Shared Memories, SIAM J. Comput. 26(4), 1997: the blocks of a register are a write with its
 * reads, those of a lock one hold. */
#ifndef CHECKERS_MONITORS_ZONES_H
#define CHECKERS_MONITORS_ZONES_H

#include "checkers/monitors/slots.h"

struct monitor_block {
    uint32_t root;  /* whatever the caller knows the block by */
    uint32_t first; /* op with the lowest high; MONITOR_NONE: the block is first of all */
    uint32_t last;  /* op with the highest low; MONITOR_NONE: the block is last of all */
};

/* The blocks in an order that respects real time (the caller frees it), or NULL: then no order
 * exists and clash holds two blocks that cannot stand in any. Linear time. The ops of each block
 * must be in order among themselves. */
uint32_t *monitor_zones_order(const struct monitor_slots *slots, const struct monitor_block *blocks,
                              size_t count, uint32_t clash[2]);

#endif
