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

/* The box of the items from first on, which leave the stack. */
static inline struct rift_value rift_value_stack_box(struct rift_value_stack *stack,
                                                     struct rift_values *values,
                                                     enum rift_value_kind kind, size_t first)
{
    size_t count = stack->count - first;
    stack->count = first;
    return rift_value_box(values, kind, count ? stack->items + first : NULL, count);
}

static inline void rift_value_stack_finish(struct rift_value_stack *stack)
{
    free(stack->items);
    *stack = (struct rift_value_stack){0};
}

#endif
