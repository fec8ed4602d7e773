/* How each configuration came about: chains of updates that share their beginnings, counted by
 * reference. */
#ifndef CHECKERS_LINEARIZABILITY_JIT_TRAIL_H
#define CHECKERS_LINEARIZABILITY_JIT_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JIT_TRAIL_START 0 /* the node of the start: never freed, refers to nothing */

struct jit_node {
    uint32_t parent;
    uint32_t refs;
    uint32_t what; /* an op, or a class with is_class */
    uint32_t event : 31;
    uint32_t is_class : 1;
};

struct jit_trail {
    struct jit_node *nodes;
    uint32_t count, capacity;
    uint32_t free_head; /* through parent; 0: none */
};

void jit_trail_init(struct jit_trail *trail);
void jit_trail_finish(struct jit_trail *trail);
/* A node with one reference; it takes one of its own to parent. */
uint32_t jit_trail_add(struct jit_trail *trail, uint32_t parent, uint32_t what, bool is_class,
                       uint32_t event);
static inline uint32_t jit_trail_hold(struct jit_trail *trail, uint32_t node)
{
    trail->nodes[node].refs++;
    return node;
}
void jit_trail_release(struct jit_trail *trail, uint32_t node);

#endif
