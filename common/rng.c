/* xoshiro256** (Blackman and Vigna 2018, public domain reference) with splitmix64 seeding. */
#include "common/rng.h"

#include <assert.h>
#include <string.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void rift_rng_init(struct rift_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rng->state[i] = splitmix64(&seed);
}

void rift_rng_init_named(struct rift_rng *rng, uint64_t seed, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3u;
    rift_rng_init(rng, seed ^ hash);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rift_rng_next(struct rift_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rift_rng_below(struct rift_rng *rng, uint64_t bound)
{
    assert(bound > 0);
    uint64_t threshold = -bound % bound;
    for (;;) {
        uint64_t x = rift_rng_next(rng);
        if (x >= threshold)
            return x % bound;
    }
}

int64_t rift_rng_between(struct rift_rng *rng, int64_t low, int64_t high)
{
    assert(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t offset = span ? rift_rng_below(rng, span) : rift_rng_next(rng);
    return (int64_t)((uint64_t)low + offset);
}

double rift_rng_unit(struct rift_rng *rng)
{
    return (double)(rift_rng_next(rng) >> 11) * 0x1.0p-53;
}

void rift_rng_shuffle(struct rift_rng *rng, void *items, size_t count, size_t size)
{
    char *base = items;
    char spare[256];
    assert(size <= sizeof spare);
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rift_rng_below(rng, i);
        memcpy(spare, base + (i - 1) * size, size);
        memcpy(base + (i - 1) * size, base + j * size, size);
        memcpy(base + j * size, spare, size);
    }
}
