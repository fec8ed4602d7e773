/* Generators made of generators. All live in the arena; rates, limits and choices count only
 * operations that were handed out. */
#ifndef PLAN_GENERATORS_COMBINATORS_H
#define PLAN_GENERATORS_COMBINATORS_H

#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "plan/generators/distribution.h"
#include "plan/generators/generator.h"
#include "plan/generators/source.h"

/* At most count operations. */
struct rift_generator *rift_generator_limit(struct rift_arena *arena, uint64_t count,
                                            struct rift_generator *child);
/* Nothing that is due, and nothing at all, at limit_ns of the phase or later. */
struct rift_generator *rift_generator_time_limit(struct rift_arena *arena, int64_t limit_ns,
                                                 struct rift_generator *child);
/* Due times at rate_hz on average, gaps uniform in [0, 2 / rate_hz]. What the system was too slow
 * for is caught up. rate_hz 0: the child as it is. */
struct rift_generator *rift_generator_rate(struct rift_arena *arena, double rate_hz, uint64_t seed,
                                           const char *stream, int64_t number,
                                           struct rift_generator *child);
/* The same, but burst_size operations at each due time. */
struct rift_generator *rift_generator_bursts(struct rift_arena *arena, double rate_hz,
                                             unsigned burst_size, uint64_t seed, const char *stream,
                                             int64_t number, struct rift_generator *child);
/* One of the children at random for each operation, by weight; a child that is done drops out. */
struct rift_generator *rift_generator_mix(struct rift_arena *arena, uint64_t seed,
                                          const char *stream,
                                          struct rift_generator *const *children,
                                          const double *weights, size_t count);
/* The first thread_counts[0] threads run children[0], the next children[1]...; children[count] (may
 * be NULL) has the threads that are left. */
struct rift_generator *rift_generator_reserve(struct rift_arena *arena, unsigned thread_count,
                                              const unsigned *thread_counts,
                                              struct rift_generator *const *children, size_t count);
/* Thread i runs children[i]; done when all are. */
struct rift_generator *rift_generator_each_thread(struct rift_arena *arena, unsigned thread_count,
                                                  struct rift_generator *const *children);
/* One after another; the next begins when the one before is done and all threads are free. */
struct rift_generator *rift_generator_phases(struct rift_arena *arena,
                                             struct rift_generator *const *children, size_t count);
/* The child again and again until one of its operations was OK. What was not is tried again
 * retry_gap_ns after its end. */
struct rift_generator *rift_generator_until_ok(struct rift_arena *arena, int64_t retry_gap_ns,
                                               struct rift_generator *child);
/* The same until one came back empty: OK with nil, or FAIL with the error "empty". */
struct rift_generator *rift_generator_until_empty(struct rift_arena *arena, int64_t retry_gap_ns,
                                                  struct rift_generator *child);
/* The same until a poll of a log found nothing: OK with [[:poll nil {key []}]]. */
struct rift_generator *rift_generator_until_polled(struct rift_arena *arena, int64_t retry_gap_ns,
                                                   struct rift_generator *child);

/* Independent keys: active_count at a time, each a source of its own; the slot of each operation is
 * drawn from the distribution. A key is retired after ops_per_key operations, and the lowest number
 * not yet used follows it in its slot. A key that gathered infos_per_key INFOs goes on as a fresh
 * incarnation (generator.h). The maker need not set op->key. */
struct rift_keys_request {
    size_t active_count;
    uint64_t ops_per_key;   /* 0: never retired */
    uint64_t infos_per_key; /* 0: any number */
    const char *distribution;
    rift_source_make *make;
    void *shared;
    uint64_t seed;
};
struct rift_generator *rift_generator_keys(struct rift_arena *arena,
                                           const struct rift_keys_request *request);

#endif
