/* Numbers for a row of slots: add to a range, find a low one. Nodes of 16 children, so that most of
 * the work is short loops over neighbouring words. */
#ifndef CHECKERS_MONITORS_COVER_TREE_H
#define CHECKERS_MONITORS_COVER_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MONITOR_COVER_LEVELS = 9 };

struct monitor_cover_tree {
    /* lowest[0] are the slots; above, the lowest of 16 children plus what was added to all of them.
     */
    int32_t *lowest[MONITOR_COVER_LEVELS];
    int32_t *added[MONITOR_COVER_LEVELS];
    uint32_t count[MONITOR_COVER_LEVELS];
    unsigned level_count;
};

/* numbers: size of them (at least one), copied. */
void monitor_cover_tree_init(struct monitor_cover_tree *tree, const int32_t *numbers,
                             uint32_t size);
void monitor_cover_tree_finish(struct monitor_cover_tree *tree);
/* Slots low to high, both included; low <= high. */
void monitor_cover_tree_add(struct monitor_cover_tree *tree, uint32_t low, uint32_t high,
                            int32_t number);
/* The first slot of low to high with a number of at most bound; UINT32_MAX: none. */
uint32_t monitor_cover_tree_find(const struct monitor_cover_tree *tree, uint32_t low, uint32_t high,
                                 int32_t bound);

#endif
