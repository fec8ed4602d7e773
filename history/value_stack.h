/* Items that wait for the end of their box: what every parser of values needs. */
#ifndef HISTORY_VALUE_STACK_H
#define HISTORY_VALUE_STACK_H

#include <stdlib.h>

#include "common/memory.h"
#include "history/value.h"

/* Zeroed is empty. */
struct rift_value_stack {
    struct rift_value *items;
    size_t count;
    size_t capacity;
};

static inline void rift_value_stack_push(struct rift_value_stack *stack, struct rift_value value)
{
    if (stack->count == stack->capacity) {
        stack->capacity = stack->capacity ? stack->capacity * 2 : 64;
        stack->items = rift_reallocarray(stack->items, stack->capacity, sizeof *stack->items);
    }
    stack->items[stack->count++] = value;
}

static inline void rift_value_stack_finish(struct rift_value_stack *stack)
{
    free(stack->items);
    *stack = (struct rift_value_stack){0};
}

#endif
