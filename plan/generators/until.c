/* Again and again until an operation ended in a certain way. What ended otherwise is tried again a
 * while after its end, so that a system that refuses at once is not asked in a hot loop. */
#include <string.h>

#include "plan/generators/combinators.h"

typedef bool until_claim(const struct rift_generator_event *event);

struct until_generator {
    struct rift_generator base;
    struct rift_generator *child;
    until_claim *ends;
    int64_t retry_gap_ns;
    int64_t not_before_ns;
    bool is_done;
};

static bool was_ok(const struct rift_generator_event *event)
{
    return event->type == RIFT_OP_OK;
}

static bool was_empty(const struct rift_generator_event *event)
{
    if (event->type == RIFT_OP_OK)
        return rift_value_is_nil(event->result);
    return event->type == RIFT_OP_FAIL && event->error && strcmp(event->error, "empty") == 0;
}

static bool found_nothing(const struct rift_generator_event *event)
{
    const struct rift_values *values = event->values;
    if (event->type != RIFT_OP_OK)
        return false;
    for (size_t i = 2; i < rift_value_count(values, event->result); i += 3) {
        struct rift_value polled = rift_value_item(values, event->result, i);
        if (rift_value_kind(values, polled) != RIFT_MAP)
            continue;
        for (size_t at = 1; at < rift_value_count(values, polled); at += 2)
            if (rift_value_count(values, rift_value_item(values, polled, at)) > 0)
                return false;
    }
    return true;
}

static enum rift_next until_next(struct rift_generator *generator,
                                 const struct rift_generator_context *context,
                                 struct rift_planned_op *op, int64_t *wake_ns)
{
    struct until_generator *self = (struct until_generator *)generator;
    if (self->is_done)
        return RIFT_NEXT_DONE;
    if (context->now_ns < self->not_before_ns) {
        *wake_ns = self->not_before_ns;
        return RIFT_NEXT_PENDING;
    }
    enum rift_next next = rift_generator_next(self->child, context, op, wake_ns);
    if (next == RIFT_NEXT_OP)
        op->owner = self;
    return next;
}

static void until_update(struct rift_generator *generator, const struct rift_generator_event *event)
{
    struct until_generator *self = (struct until_generator *)generator;
    if (event->op->owner == self) {
        self->is_done = self->is_done || self->ends(event);
        if (event->type != RIFT_OP_OK)
            self->not_before_ns = event->time_ns + self->retry_gap_ns;
    }
    rift_generator_update(self->child, event);
}

static struct rift_generator *until_create(struct rift_arena *arena, until_claim *ends,
                                           int64_t retry_gap_ns, struct rift_generator *child)
{
    static const struct rift_generator_kind kind = {"until", until_next, until_update};
    struct until_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    *self = (struct until_generator){
        .base = {&kind}, .child = child, .ends = ends, .retry_gap_ns = retry_gap_ns};
    return &self->base;
}

struct rift_generator *rift_generator_until_ok(struct rift_arena *arena, int64_t retry_gap_ns,
                                               struct rift_generator *child)
{
    return until_create(arena, was_ok, retry_gap_ns, child);
}

struct rift_generator *rift_generator_until_empty(struct rift_arena *arena, int64_t retry_gap_ns,
                                                  struct rift_generator *child)
{
    return until_create(arena, was_empty, retry_gap_ns, child);
}

struct rift_generator *rift_generator_until_polled(struct rift_arena *arena, int64_t retry_gap_ns,
                                                   struct rift_generator *child)
{
    return until_create(arena, found_nothing, retry_gap_ns, child);
}
