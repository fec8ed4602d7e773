#include "tests/lib/choices.h"

#include <assert.h>
#include <stdlib.h>

void choices_random(struct choices *choices, uint64_t seed)
{
    *choices = (struct choices){.is_random = true};
    rift_rng_init(&choices->rng, seed);
}

void choices_all(struct choices *choices)
{
    *choices = (struct choices){0};
}

unsigned choose(struct choices *choices, unsigned among)
{
    if (choices->is_random)
        return (unsigned)rift_rng_below(&choices->rng, among);
    assert(choices->count < CHOICES_MAX);
    int at = choices->count++;
    choices->among[at] = among;
    return choices->made[at];
}

/* As an odometer counts: the last choice that can go on does, and those after it begin anew. */
bool choices_next(struct choices *choices)
{
    int at = choices->count - 1;
    while (at >= 0 && choices->made[at] + 1 == choices->among[at])
        at--;
    if (at < 0)
        return false;
    choices->made[at]++;
    for (int i = at + 1; i < CHOICES_MAX; i++)
        choices->made[i] = 0;
    choices->count = 0;
    return true;
}

uint64_t oracle_rounds(uint64_t base)
{
    const char *factor = getenv("RIFT_ROUNDS");
    return factor ? base * strtoull(factor, NULL, 10) : base;
}
