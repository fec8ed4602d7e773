/* Hash and equality of values that mostly are plain words. */
#ifndef CHECKERS_TXN_WORDS_H
#define CHECKERS_TXN_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "history/value.h"

/* Numbers below this may name keys and written values by their place in an array, as long as it
 * has not more than TXN_DIRECT_SPREAD places for each thing in it. */
enum { TXN_DIRECT_MAX = 1 << 26, TXN_DIRECT_SPREAD = 8 };

static inline uint64_t txn_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 29;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

static inline bool txn_is_immediate(struct rift_value value)
{
    unsigned tag = rift_value_tag(value);
    return tag <= RIFT_KEYWORD || tag == RIFT_TAG_SMALL_PAIR;
}

static inline uint64_t txn_hash_value(const struct rift_values *values, struct rift_value value)
{
    /* A pair of two integers equals a list of them, so only plain words hash by their bits. */
    return txn_is_immediate(value) && rift_value_tag(value) != RIFT_TAG_SMALL_PAIR
               ? txn_mix(value.bits)
               : rift_value_hash(values, value);
}

static inline bool txn_same_value(const struct rift_values *values, struct rift_value a,
                                  struct rift_value b)
{
    if (a.bits == b.bits)
        return true;
    return !(txn_is_immediate(a) && txn_is_immediate(b)) && rift_value_equal(values, a, b);
}

#endif
