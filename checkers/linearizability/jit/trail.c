#include "checkers/linearizability/jit/trail.h"

#include <stdlib.h>

#include "common/memory.h"

void jit_trail_init(struct jit_trail *trail)
{
    *trail = (struct jit_trail){.capacity = 256, .count = 1};
    trail->nodes = rift_malloc(trail->capacity * sizeof *trail->nodes);
    trail->nodes[JIT_TRAIL_START] = (struct jit_node){.refs = 1};
}

void jit_trail_finish(struct jit_trail *trail)
{
    free(trail->nodes);
    *trail = (struct jit_trail){0};
}

uint32_t jit_trail_add(struct jit_trail *trail, uint32_t parent, uint32_t what, bool is_class,
                       uint32_t event)
{
    uint32_t node = trail->free_head;
    if (node) {
        trail->free_head = trail->nodes[node].parent;
    } else {
        if (trail->count == trail->capacity) {
            trail->capacity *= 2;
            trail->nodes = rift_reallocarray(trail->nodes, trail->capacity, sizeof *trail->nodes);
        }
        node = trail->count++;
    }
    trail->nodes[parent].refs++;
    trail->nodes[node] = (struct jit_node){.parent = parent,
                                           .refs = 1,
                                           .what = what,
                                           .event = event & INT32_MAX,
                                           .is_class = is_class};
    return node;
}

void jit_trail_release(struct jit_trail *trail, uint32_t node)
{
    while (node != JIT_TRAIL_START && --trail->nodes[node].refs == 0) {
        uint32_t parent = trail->nodes[node].parent;
        trail->nodes[node].parent = trail->free_head;
        trail->free_head = node;
        node = parent;
    }
    if (node == JIT_TRAIL_START)
        trail->nodes[node].refs--;
}
