/* Deep equality, hashes that agree with it, and copies between pools. */
#include "history/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/memory.h"

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

/* Pairs hash as lists, as they are equal to lists of two. */
static enum rift_value_kind comparable_kind(const struct rift_values *values,
                                            struct rift_value value)
{
    enum rift_value_kind kind = rift_value_kind(values, value);
    return kind == RIFT_PAIR ? RIFT_LIST : kind;
}

static uint64_t hash_double(double number)
{
    if (isnan(number))
        return mix(RIFT_DOUBLE);
    if (number == 0)
        number = 0; /* -0.0 equals 0.0 */
    uint64_t bits = 0;
    memcpy(&bits, &number, sizeof bits);
    return mix(bits + RIFT_DOUBLE);
}

/* An item of a set, or key and value of a map. */
static uint64_t hash_entry(const struct rift_values *values, struct rift_value box, size_t index,
                           size_t width)
{
    uint64_t hash = rift_value_hash(values, rift_value_item(values, box, index));
    if (width == 2)
        hash = mix(hash * 3 + rift_value_hash(values, rift_value_item(values, box, index + 1)));
    return hash;
}

uint64_t rift_value_hash(const struct rift_values *values, struct rift_value value)
{
    enum rift_value_kind kind = comparable_kind(values, value);
    size_t count = rift_value_count(values, value);
    uint64_t hash = mix(count * 16 + kind);
    switch (kind) {
    case RIFT_NIL:
    case RIFT_BOOL:
        return mix(value.bits + 1);
    case RIFT_INTEGER:
        return mix((uint64_t)rift_value_as_integer(values, value) + UINT64_C(0x9e3779b97f4a7c15));
    case RIFT_TEXT:
    case RIFT_KEYWORD: {
        size_t length = 0;
        const char *text = rift_value_as_text(values, value, &length);
        return XXH3_64bits_withSeed(text, length, kind);
    }
    case RIFT_DOUBLE:
        return hash_double(rift_value_as_double(values, value));
    case RIFT_LIST:
    case RIFT_PAIR:
    case RIFT_TXN:
        for (size_t i = 0; i < count; i++)
            hash = mix(hash * 31 + rift_value_hash(values, rift_value_item(values, value, i)));
        return hash;
    case RIFT_SET:
    case RIFT_MAP: {
        size_t width = kind == RIFT_MAP ? 2 : 1;
        for (size_t i = 0; i < count; i += width)
            hash += hash_entry(values, value, i, width);
        return mix(hash);
    }
    }
    return hash;
}

struct entry {
    uint64_t hash;
    size_t index;
};

static int entry_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static struct entry *sorted_entries(const struct rift_values *values, struct rift_value box,
                                    size_t count, size_t width)
{
    struct entry *entries = rift_reallocarray(NULL, count / width, sizeof *entries);
    for (size_t i = 0; i < count; i += width)
        entries[i / width] = (struct entry){hash_entry(values, box, i, width), i};
    qsort(entries, count / width, sizeof *entries, entry_compare);
    return entries;
}

static bool entries_equal(const struct rift_values *values, struct rift_value a, size_t i,
                          struct rift_value b, size_t j, size_t width)
{
    for (size_t k = 0; k < width; k++)
        if (!rift_value_equal(values, rift_value_item(values, a, i + k),
                              rift_value_item(values, b, j + k)))
            return false;
    return true;
}

/* Both sorted by hash; among entries of one hash the order may differ, so each looks for its twin
 * and swaps it into place. */
static bool unordered_equal(const struct rift_values *values, struct rift_value a,
                            struct rift_value b, size_t count, size_t width)
{
    struct entry *x CLEANUP(rift_free) = sorted_entries(values, a, count, width);
    struct entry *y CLEANUP(rift_free) = sorted_entries(values, b, count, width);
    for (size_t i = 0; i < count / width; i++) {
        size_t j = i;
        while (j < count / width && y[j].hash == x[i].hash &&
               !entries_equal(values, a, x[i].index, b, y[j].index, width))
            j++;
        if (j == count / width || y[j].hash != x[i].hash)
            return false;
        struct entry twin = y[j];
        y[j] = y[i];
        y[i] = twin;
    }
    return true;
}

static bool boxes_equal(const struct rift_values *values, struct rift_value a, struct rift_value b,
                        enum rift_value_kind kind)
{
    size_t count = rift_value_count(values, a);
    if (count != rift_value_count(values, b))
        return false;
    const int32_t *x = rift_value_packed(values, a), *y = rift_value_packed(values, b);
    if (x && y)
        return memcmp(x, y, count * sizeof *x) == 0;
    size_t i = 0;
    while (i < count &&
           rift_value_equal(values, rift_value_item(values, a, i), rift_value_item(values, b, i)))
        i++;
    if (i == count)
        return true;
    if (kind == RIFT_SET || kind == RIFT_MAP)
        return unordered_equal(values, a, b, count, kind == RIFT_MAP ? 2 : 1);
    return false;
}

bool rift_value_equal(const struct rift_values *values, struct rift_value a, struct rift_value b)
{
    if (a.bits == b.bits)
        return true;
    enum rift_value_kind kind = comparable_kind(values, a);
    if (kind != comparable_kind(values, b))
        return false;
    switch (kind) {
    case RIFT_NIL:
    case RIFT_BOOL:
    case RIFT_TEXT:
    case RIFT_KEYWORD:
        return false;
    case RIFT_INTEGER:
        return rift_value_as_integer(values, a) == rift_value_as_integer(values, b);
    case RIFT_DOUBLE: {
        double x = rift_value_as_double(values, a), y = rift_value_as_double(values, b);
        return x == y || (isnan(x) && isnan(y));
    }
    case RIFT_LIST:
    case RIFT_PAIR:
    case RIFT_SET:
    case RIFT_MAP:
    case RIFT_TXN:
        return boxes_equal(values, a, b, kind);
    }
    return false;
}

static struct rift_value copy_box(struct rift_values *to, const struct rift_values *from,
                                  struct rift_value value)
{
    enum { ON_STACK = 16 };
    size_t count = rift_value_count(from, value);
    struct rift_value few[ON_STACK];
    struct rift_value *many CLEANUP(rift_free) = NULL;
    if (count > ON_STACK)
        many = rift_reallocarray(NULL, count, sizeof *many);
    struct rift_value *items = many ? many : few;
    for (size_t i = 0; i < count; i++)
        items[i] = rift_value_copy(to, from, rift_value_item(from, value, i));
    return rift_value_box(to, rift_value_kind(from, value), items, count);
}

struct rift_value rift_value_copy(struct rift_values *to, const struct rift_values *from,
                                  struct rift_value value)
{
    size_t length = 0;
    switch (rift_value_tag(value)) {
    case RIFT_TEXT: {
        const char *text = rift_value_as_text(from, value, &length);
        return rift_value_text(to, text, length);
    }
    case RIFT_KEYWORD: {
        const char *text = rift_value_as_text(from, value, &length);
        return rift_value_keyword(to, text, length);
    }
    case RIFT_DOUBLE:
        return rift_value_double(to, rift_value_as_double(from, value));
    case RIFT_TAG_WIDE_INTEGER:
        return rift_value_integer(to, rift_value_as_integer(from, value));
    case RIFT_TAG_PACKED_LIST:
        if (to != from)
            return rift_value_list_of_int32(to, rift_value_packed(from, value),
                                            rift_value_count(from, value));
        return copy_box(to, from, value);
    case RIFT_LIST:
    case RIFT_PAIR:
    case RIFT_SET:
    case RIFT_MAP:
    case RIFT_TXN:
        return copy_box(to, from, value);
    default: /* the word itself */
        return value;
    }
}
