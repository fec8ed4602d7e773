/* The only source of randomness: a small generator, seeded by the plan. */
#ifndef COMMON_RNG_H
#define COMMON_RNG_H

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** by Blackman and Vigna, seeded through splitmix64. */
struct rift_rng {
    uint64_t state[4];
};

void rift_rng_init(struct rift_rng *rng, uint64_t seed);
/* A stream of its own for each (seed, name): adding one consumer never shifts another's numbers. */
void rift_rng_init_named(struct rift_rng *rng, uint64_t seed, const char *name);
uint64_t rift_rng_next(struct rift_rng *rng);
/* Uniform in [0, bound), without bias; bound > 0. */
uint64_t rift_rng_below(struct rift_rng *rng, uint64_t bound);
/* Uniform in [low, high], both included; low <= high. */
int64_t rift_rng_between(struct rift_rng *rng, int64_t low, int64_t high);
/* Uniform in [0, 1), 53 bits. */
double rift_rng_unit(struct rift_rng *rng);
/* Fisher-Yates over count items of size bytes each. */
void rift_rng_shuffle(struct rift_rng *rng, void *items, size_t count, size_t size);

#endif
