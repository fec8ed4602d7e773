/* Which of n things: uniform, or a few of them far more often than the rest. */
#ifndef PLAN_GENERATORS_DISTRIBUTION_H
#define PLAN_GENERATORS_DISTRIBUTION_H

#include <stddef.h>

#include "common/arena.h"
#include "common/rng.h"

enum rift_distribution_kind {
    RIFT_UNIFORM,
    RIFT_ZIPF,        /* chance of the i-th (from 1) proportional to 1 / i */
    RIFT_EXPONENTIAL, /* falls evenly by a factor of 2^8 from the first to the last */
};

/* The words of the configuration, NULL-terminated, in the order of the enum. */
extern const char *const rift_distribution_words[];

struct rift_distribution {
    enum rift_distribution_kind kind;
    size_t count;
    const double *cumulative; /* NULL: uniform */
};

/* count > 0; lives in the arena. word is one of rift_distribution_words. */
void rift_distribution_init(struct rift_distribution *distribution, struct rift_arena *arena,
                            const char *word, size_t count);
size_t rift_distribution_draw(const struct rift_distribution *distribution, struct rift_rng *rng);

#endif
