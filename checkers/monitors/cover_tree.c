#include "checkers/monitors/cover_tree.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { FAN = 16 };

/* Ends a level whose last group is not full; far above every number, and safe to add to. */
enum { FILLER = 1 << 30 };

static int32_t group_lowest(const int32_t *group)
{
    int32_t lowest = group[0];
    for (int i = 1; i < FAN; i++)
        lowest = group[i] < lowest ? group[i] : lowest;
    return lowest;
}

void monitor_cover_tree_init(struct monitor_cover_tree *tree, const int32_t *numbers, uint32_t size)
{
    memset(tree, 0, sizeof *tree);
    for (uint32_t count = size;; count = (count + FAN - 1) / FAN) {
        unsigned level = tree->level_count++;
        size_t room = ((size_t)count + FAN - 1) / FAN * FAN;
        tree->count[level] = count;
        tree->lowest[level] = rift_malloc(room * sizeof(int32_t));
        tree->added[level] = level ? rift_calloc(room, sizeof(int32_t)) : NULL;
        if (level == 0)
            memcpy(tree->lowest[0], numbers, size * sizeof *numbers);
        else
            for (uint32_t i = 0; i < count; i++)
                tree->lowest[level][i] = group_lowest(&tree->lowest[level - 1][(size_t)i * FAN]);
        for (size_t i = count; i < room; i++)
            tree->lowest[level][i] = FILLER;
        if (count <= FAN)
            return;
    }
}

void monitor_cover_tree_finish(struct monitor_cover_tree *tree)
{
    for (unsigned i = 0; i < tree->level_count; i++) {
        free(tree->lowest[i]);
        free(tree->added[i]);
    }
    memset(tree, 0, sizeof *tree);
}

static void add_to_nodes(struct monitor_cover_tree *tree, unsigned level, uint32_t low,
                         uint32_t high, int32_t number)
{
    for (uint32_t i = low; i <= high; i++)
        tree->lowest[level][i] += number;
    if (level > 0)
        for (uint32_t i = low; i <= high; i++)
            tree->added[level][i] += number;
}

/* The ancestors of a slot, from the lowest of their children. */
static void refresh(struct monitor_cover_tree *tree, uint32_t slot)
{
    for (unsigned level = 1; level < tree->level_count; level++) {
        slot /= FAN;
        tree->lowest[level][slot] =
            group_lowest(&tree->lowest[level - 1][(size_t)slot * FAN]) + tree->added[level][slot];
    }
}

void monitor_cover_tree_add(struct monitor_cover_tree *tree, uint32_t low, uint32_t high,
                            int32_t number)
{
    uint32_t from = low, to = high;
    for (unsigned level = 0;; level++) {
        bool is_top = level + 1 == tree->level_count;
        if (is_top || (from / FAN == to / FAN && (from % FAN != 0 || to % FAN != FAN - 1))) {
            add_to_nodes(tree, level, from, to, number);
            break;
        }
        if (from % FAN != 0) {
            uint32_t end = from | (FAN - 1);
            add_to_nodes(tree, level, from, end, number);
            from = end + 1;
        }
        if (to % FAN != FAN - 1) {
            uint32_t start = to & ~(uint32_t)(FAN - 1);
            add_to_nodes(tree, level, start, to, number);
            if (start == 0 || start - 1 < from)
                break;
            to = start - 1;
        }
        if (from > to)
            break;
        from /= FAN;
        to /= FAN;
    }
    refresh(tree, low);
    refresh(tree, high);
}

static uint32_t find_below(const struct monitor_cover_tree *tree, unsigned level, uint32_t node,
                           uint32_t low, uint32_t high, int64_t bound)
{
    if (tree->lowest[level][node] > bound)
        return UINT32_MAX;
    if (level == 0)
        return node;
    bound -= tree->added[level][node];
    uint32_t width = 1;
    for (unsigned i = 1; i < level; i++)
        width *= FAN;
    for (uint32_t i = 0; i < FAN; i++) {
        uint64_t child = (uint64_t)node * FAN + i, start = child * width;
        if (child >= tree->count[level - 1] || start > high)
            break;
        if (start + width - 1 < low)
            continue;
        uint32_t found = find_below(tree, level - 1, (uint32_t)child, low, high, bound);
        if (found != UINT32_MAX)
            return found;
    }
    return UINT32_MAX;
}

uint32_t monitor_cover_tree_find(const struct monitor_cover_tree *tree, uint32_t low, uint32_t high,
                                 int32_t bound)
{
    unsigned top = tree->level_count - 1;
    uint32_t width = 1;
    for (unsigned i = 0; i < top; i++)
        width *= FAN;
    for (uint32_t node = low / width; node < tree->count[top] && node <= high / width; node++) {
        uint32_t found = find_below(tree, top, node, low, high, bound);
        if (found != UINT32_MAX)
            return found;
    }
    return UINT32_MAX;
}
