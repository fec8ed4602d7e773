/* Runs a generator against imagined clients, without waiting: what `--dry-run --schedule` shows,
 * and how tests see that outcomes never choose operations. */
#ifndef PLAN_GENERATORS_SIMULATE_H
#define PLAN_GENERATORS_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "plan/generators/generator.h"

struct rift_simulation {
    unsigned thread_count;
    /* What became of an operation: its type, and how long it took; NULL: OK, at once. */
    enum rift_op_type (*outcome)(void *context, const struct rift_planned_op *op, unsigned thread,
                                 int64_t *latency_ns);
    /* Sees each operation when it is sent. false ends the simulation. */
    bool (*visit)(void *context, const struct rift_planned_op *op, unsigned thread, int64_t now_ns,
                  const struct rift_values *values);
    void *context;
};

/* Returns when the generator is done, visit said so, or nothing can ever happen again (false). */
bool rift_generator_simulate(struct rift_generator *generator,
                             const struct rift_simulation *simulation);

#endif
