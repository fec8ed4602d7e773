/* The choices that a generator of small cases makes: at random from a seed, or every one of them in
 * turn, so that one generator serves both the exhaustive and the random half of an oracle. */
#ifndef TESTS_LIB_CHOICES_H
#define TESTS_LIB_CHOICES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rng.h"

enum { CHOICES_MAX = 128 };

struct choices {
    bool is_random;
    struct rift_rng rng;
    unsigned made[CHOICES_MAX], among[CHOICES_MAX];
    int count; /* of this round so far */
};

void choices_random(struct choices *choices, uint64_t seed);
/* The first of all rounds: every choice is 0. */
void choices_all(struct choices *choices);
/* From 0 to among - 1. */
unsigned choose(struct choices *choices, unsigned among);
/* The next round of all; false after the last. */
bool choices_next(struct choices *choices);

/* How many rounds a random half runs: base, times RIFT_ROUNDS for a longer campaign. */
uint64_t oracle_rounds(uint64_t base);

#endif
