/* Which child: mix and phases. */
#include <string.h>

#include "plan/generators/combinators.h"

static struct rift_generator **copy_children(struct rift_arena *arena,
                                             struct rift_generator *const *children, size_t count)
{
    struct rift_generator **copy = rift_arena_calloc(arena, count, sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = children[i];
    return copy;
}

struct mix_generator {
    struct rift_generator base;
    struct rift_generator **children;
    double *weights; /* 0: the child is done */
    size_t count;
    struct rift_rng rng;
    size_t chosen; /* kept until it gives an operation: one draw for each operation */
    bool has_chosen;
};

static bool mix_choose(struct mix_generator *self)
{
    double total = 0;
    for (size_t i = 0; i < self->count; i++)
        total += self->weights[i];
    if (total <= 0)
        return false;
    double point = rift_rng_unit(&self->rng) * total;
    for (size_t i = 0; i < self->count; i++) {
        if (self->weights[i] <= 0)
            continue;
        self->chosen = i;
        if (point < self->weights[i])
            break;
        point -= self->weights[i];
    }
    self->has_chosen = true;
    return true;
}

static enum rift_next mix_next(struct rift_generator *generator,
                               const struct rift_generator_context *context,
                               struct rift_planned_op *op, int64_t *wake_ns)
{
    struct mix_generator *self = (struct mix_generator *)generator;
    while (self->has_chosen || mix_choose(self)) {
        enum rift_next next =
            rift_generator_next(self->children[self->chosen], context, op, wake_ns);
        if (next == RIFT_NEXT_PENDING)
            return next;
        self->has_chosen = false;
        if (next == RIFT_NEXT_OP)
            return next;
        self->weights[self->chosen] = 0;
    }
    return RIFT_NEXT_DONE;
}

static void mix_update(struct rift_generator *generator, const struct rift_generator_event *event)
{
    struct mix_generator *self = (struct mix_generator *)generator;
    for (size_t i = 0; i < self->count; i++)
        rift_generator_update(self->children[i], event);
}

struct rift_generator *rift_generator_mix(struct rift_arena *arena, uint64_t seed,
                                          const char *stream,
                                          struct rift_generator *const *children,
                                          const double *weights, size_t count)
{
    static const struct rift_generator_kind kind = {"mix", mix_next, mix_update};
    struct mix_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    self->base.kind = &kind;
    self->children = copy_children(arena, children, count);
    self->weights = rift_arena_calloc(arena, count, sizeof *self->weights);
    for (size_t i = 0; i < count; i++)
        self->weights[i] = weights[i];
    self->count = count;
    rift_rng_init_named(&self->rng, seed, stream);
    return &self->base;
}

struct phases_generator {
    struct rift_generator base;
    struct rift_generator **children;
    size_t count;
    size_t current;
};

static bool all_are_free(const struct rift_generator_context *context)
{
    for (unsigned i = context->first_thread; i < context->thread_count; i++)
        if (!context->is_free[i])
            return false;
    return true;
}

static enum rift_next phases_next(struct rift_generator *generator,
                                  const struct rift_generator_context *context,
                                  struct rift_planned_op *op, int64_t *wake_ns)
{
    struct phases_generator *self = (struct phases_generator *)generator;
    while (self->current < self->count) {
        enum rift_next next =
            rift_generator_next(self->children[self->current], context, op, wake_ns);
        if (next != RIFT_NEXT_DONE)
            return next;
        /* The last child needs no barrier behind it: whoever comes after it brings its own. */
        if (self->current + 1 < self->count && !all_are_free(context)) {
            *wake_ns = RIFT_TIME_NEVER;
            return RIFT_NEXT_PENDING;
        }
        self->current++;
    }
    return RIFT_NEXT_DONE;
}

static void phases_update(struct rift_generator *generator,
                          const struct rift_generator_event *event)
{
    struct phases_generator *self = (struct phases_generator *)generator;
    if (self->current < self->count)
        rift_generator_update(self->children[self->current], event);
}

struct rift_generator *rift_generator_phases(struct rift_arena *arena,
                                             struct rift_generator *const *children, size_t count)
{
    static const struct rift_generator_kind kind = {"phases", phases_next, phases_update};
    struct phases_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    *self = (struct phases_generator){
        .base = {&kind}, .children = copy_children(arena, children, count), .count = count};
    return &self->base;
}
