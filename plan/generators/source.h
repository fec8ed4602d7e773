/* A source: an endless stream of operations, a function of its own random numbers and nothing else.
 */
#ifndef PLAN_GENERATORS_SOURCE_H
#define PLAN_GENERATORS_SOURCE_H

#include <stdint.h>

#include "common/arena.h"
#include "common/rng.h"
#include "plan/generators/generator.h"

struct rift_source {
    void *shared; /* the workload's settings; also its state, where it has one stream only */
    struct rift_rng rng;
    int64_t number;    /* which of its kind: a key, a thread */
    uint64_t index;    /* operations made so far */
    int64_t counter;   /* of the maker, 0 at first: values written, say */
    int64_t recent[8]; /* of the maker, zeroed at first */
};

/* Fills f, key and argument of the next operation; the rest has its defaults. */
typedef void rift_source_make(struct rift_source *source, struct rift_values *values,
                              struct rift_planned_op *op);

/* Streams of different seed, stream or number are independent. */
void rift_source_init(struct rift_source *source, void *shared, uint64_t seed, const char *stream,
                      int64_t number);

struct rift_generator *rift_generator_source(struct rift_arena *arena, rift_source_make *make,
                                             void *shared, uint64_t seed, const char *stream,
                                             int64_t number);

#endif
