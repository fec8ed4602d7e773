/* The leaf that every stream of operations comes from. */
#include "plan/generators/source.h"

struct source_generator {
    struct rift_generator base;
    struct rift_source source;
    rift_source_make *make;
};

void rift_source_init(struct rift_source *source, void *shared, uint64_t seed, const char *stream,
                      int64_t number)
{
    *source = (struct rift_source){.shared = shared, .number = number};
    rift_rng_init_named(&source->rng, seed, stream);
    /* Streams of one name differ by their number; mixing it into the state keeps them independent
     * of how many there are. */
    rift_rng_init(&source->rng, rift_rng_next(&source->rng) + (uint64_t)number);
}

static enum rift_next source_next(struct rift_generator *generator,
                                  const struct rift_generator_context *context,
                                  struct rift_planned_op *op, int64_t *wake_ns)
{
    (void)wake_ns;
    struct source_generator *self = (struct source_generator *)generator;
    if (!rift_generator_has_free_thread(context))
        return RIFT_NEXT_PENDING;
    *op = (struct rift_planned_op){.thread = RIFT_THREAD_ANY};
    self->make(&self->source, context->values, op);
    self->source.index++;
    return RIFT_NEXT_OP;
}

struct rift_generator *rift_generator_source(struct rift_arena *arena, rift_source_make *make,
                                             void *shared, uint64_t seed, const char *stream,
                                             int64_t number)
{
    static const struct rift_generator_kind kind = {.name = "source", .next = source_next};
    struct source_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    self->base.kind = &kind;
    self->make = make;
    rift_source_init(&self->source, shared, seed, stream, number);
    return &self->base;
}
