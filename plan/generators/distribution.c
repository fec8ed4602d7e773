/* Cumulative weights and a binary search; the weights are the definition, so they can be read. */
#include "plan/generators/distribution.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const char *const rift_distribution_words[] = {"uniform", "zipf", "exponential", NULL};

static double weight(enum rift_distribution_kind kind, size_t i, size_t count)
{
    if (kind == RIFT_ZIPF)
        return 1.0 / (double)(i + 1);
    /* Over the whole range the chance falls by a factor of 2^8, however many things there are. */
    return exp2(-8.0 * (double)i / (double)count);
}

void rift_distribution_init(struct rift_distribution *distribution, struct rift_arena *arena,
                            const char *word, size_t count)
{
    assert(count > 0);
    *distribution = (struct rift_distribution){.count = count};
    size_t kind = 0;
    while (strcmp(rift_distribution_words[kind], word) != 0)
        assert(rift_distribution_words[++kind]);
    distribution->kind = (enum rift_distribution_kind)kind;
    if (distribution->kind == RIFT_UNIFORM)
        return;
    double *cumulative = rift_arena_calloc(arena, count, sizeof *cumulative);
    double total = 0;
    for (size_t i = 0; i < count; i++)
        cumulative[i] = total += weight(distribution->kind, i, count);
    distribution->cumulative = cumulative;
}

size_t rift_distribution_draw(const struct rift_distribution *distribution, struct rift_rng *rng)
{
    size_t count = distribution->count;
    if (!distribution->cumulative)
        return (size_t)rift_rng_below(rng, count);
    double point = rift_rng_unit(rng) * distribution->cumulative[count - 1];
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (point < distribution->cumulative[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
