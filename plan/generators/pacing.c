/* How many and when: limit, time limit, rate, bursts. */
#include <math.h>

#include "plan/generators/combinators.h"

struct limit_generator {
    struct rift_generator base;
    struct rift_generator *child;
    uint64_t left;
};

static enum rift_next limit_next(struct rift_generator *generator,
                                 const struct rift_generator_context *context,
                                 struct rift_planned_op *op, int64_t *wake_ns)
{
    struct limit_generator *self = (struct limit_generator *)generator;
    if (self->left == 0)
        return RIFT_NEXT_DONE;
    enum rift_next next = rift_generator_next(self->child, context, op, wake_ns);
    if (next == RIFT_NEXT_OP)
        self->left--;
    return next;
}

static void limit_update(struct rift_generator *generator, const struct rift_generator_event *event)
{
    rift_generator_update(((struct limit_generator *)generator)->child, event);
}

struct rift_generator *rift_generator_limit(struct rift_arena *arena, uint64_t count,
                                            struct rift_generator *child)
{
    static const struct rift_generator_kind kind = {"limit", limit_next, limit_update};
    struct limit_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    *self = (struct limit_generator){.base = {&kind}, .child = child, .left = count};
    return &self->base;
}

struct time_limit_generator {
    struct rift_generator base;
    struct rift_generator *child;
    int64_t limit_ns;
    bool is_done;
};

static enum rift_next time_limit_next(struct rift_generator *generator,
                                      const struct rift_generator_context *context,
                                      struct rift_planned_op *op, int64_t *wake_ns)
{
    struct time_limit_generator *self = (struct time_limit_generator *)generator;
    if (self->is_done || context->now_ns >= self->limit_ns)
        return RIFT_NEXT_DONE;
    enum rift_next next = rift_generator_next(self->child, context, op, wake_ns);
    if (next == RIFT_NEXT_PENDING && *wake_ns > self->limit_ns)
        *wake_ns = self->limit_ns;
    self->is_done = next == RIFT_NEXT_DONE;
    return next;
}

static void time_limit_update(struct rift_generator *generator,
                              const struct rift_generator_event *event)
{
    rift_generator_update(((struct time_limit_generator *)generator)->child, event);
}

struct rift_generator *rift_generator_time_limit(struct rift_arena *arena, int64_t limit_ns,
                                                 struct rift_generator *child)
{
    static const struct rift_generator_kind kind = {"time limit", time_limit_next,
                                                    time_limit_update};
    struct time_limit_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    *self = (struct time_limit_generator){.base = {&kind}, .child = child, .limit_ns = limit_ns};
    return &self->base;
}

/* Holds the child back until the next due time. */
struct paced_generator {
    struct rift_generator base;
    struct rift_generator *child;
    struct rift_rng rng;
    double mean_gap_ns;
    int64_t due_ns;
    unsigned burst_size;  /* operations at each due time */
    unsigned burst_count; /* of them handed out at this one */
};

static int64_t paced_gap(struct paced_generator *self)
{
    return (int64_t)llround(rift_rng_unit(&self->rng) * 2 * self->mean_gap_ns);
}

static enum rift_next paced_next(struct rift_generator *generator,
                                 const struct rift_generator_context *context,
                                 struct rift_planned_op *op, int64_t *wake_ns)
{
    struct paced_generator *self = (struct paced_generator *)generator;
    if (context->now_ns < self->due_ns) {
        *wake_ns = self->due_ns;
        return RIFT_NEXT_PENDING;
    }
    enum rift_next next = rift_generator_next(self->child, context, op, wake_ns);
    if (next == RIFT_NEXT_OP) {
        op->due_ns = self->due_ns;
        if (++self->burst_count >= self->burst_size) {
            self->burst_count = 0;
            self->due_ns += paced_gap(self);
        }
    }
    return next;
}

static void paced_update(struct rift_generator *generator, const struct rift_generator_event *event)
{
    rift_generator_update(((struct paced_generator *)generator)->child, event);
}

static const struct rift_generator_kind paced_kind = {"pace", paced_next, paced_update};

struct rift_generator *rift_generator_bursts(struct rift_arena *arena, double rate_hz,
                                             unsigned burst_size, uint64_t seed, const char *stream,
                                             int64_t number, struct rift_generator *child)
{
    if (rate_hz <= 0)
        return child;
    struct paced_generator *self = rift_arena_calloc(arena, 1, sizeof *self);
    *self = (struct paced_generator){.base = {&paced_kind},
                                     .child = child,
                                     .mean_gap_ns = 1e9 * burst_size / rate_hz,
                                     .burst_size = burst_size};
    struct rift_source seeded;
    rift_source_init(&seeded, NULL, seed, stream, number);
    self->rng = seeded.rng;
    self->due_ns = paced_gap(self);
    return &self->base;
}

struct rift_generator *rift_generator_rate(struct rift_arena *arena, double rate_hz, uint64_t seed,
                                           const char *stream, int64_t number,
                                           struct rift_generator *child)
{
    return rift_generator_bursts(arena, rate_hz, 1, seed, stream, number, child);
}
