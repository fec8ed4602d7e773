/* A value of an operation: nil, integer, text, list, pair, transaction... in one 64-bit word.
 *
 * The low four bits are a tag: the kind, or a shorter form of one. Small things (nil, booleans,
 * integers of 60 bits, interned text, pairs of two integers of 30 bits) are the word itself, so
 * equal words are equal values. Everything else is a box: the upper 60 bits are an offset into the
 * pool's words, where a header word holds the count. Two boxes may be equal though their words
 * differ: rift_value_equal. */
#ifndef HISTORY_VALUE_H
#define HISTORY_VALUE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "common/text.h"

struct rift_value {
    uint64_t bits;
};

enum rift_value_kind {
    RIFT_NIL,
    RIFT_BOOL,
    RIFT_INTEGER,
    RIFT_TEXT,    /* interned; a string */
    RIFT_KEYWORD, /* interned; EDN's :word, without the colon */
    RIFT_DOUBLE,
    RIFT_LIST, /* count items */
    RIFT_PAIR, /* two items: cas [from, to] */
    RIFT_SET,  /* count items, in the order written */
    RIFT_MAP,  /* count items: key, value, key, value... (count is even) */
    RIFT_TXN,  /* count items: f (a KEYWORD), key, value for each micro-operation */
};

/* Values nest at most this deep; readers refuse deeper ones. */
enum { RIFT_VALUE_DEPTH_MAX = 64 };

/* Owns text and boxes of many values; one for a history, one for each worker. Not for two threads
 * at once, except that any number may read while none writes. The members are for values.c and the
 * inline accessors below. */
struct rift_values {
    uint64_t *words;
    size_t word_count;
    size_t word_capacity;
    struct rift_texts *texts;
};

#define RIFT_VALUE_NIL ((struct rift_value){0})

/* How a value is stored, for the inline accessors: the tags above the kinds. */
enum {
    RIFT_TAG_BITS = 4,
    RIFT_TAG_MASK = 15,
    RIFT_TAG_WIDE_INTEGER = 11, /* one word in the pool */
    RIFT_TAG_PACKED_LIST = 12,  /* count, then 32-bit integers, two a word */
    RIFT_TAG_SMALL_PAIR = 13,   /* two integers of 30 bits in the word itself */
};

struct rift_values *rift_values_create(void);
void rift_values_destroy(struct rift_values *values);
/* Forgets everything, keeps the memory: for a scratch pool. */
void rift_values_reset(struct rift_values *values);
/* Bytes held. */
size_t rift_values_size_bytes(const struct rift_values *values);

static inline unsigned rift_value_tag(struct rift_value value)
{
    return (unsigned)(value.bits & RIFT_TAG_MASK);
}

static inline enum rift_value_kind rift_value_kind(const struct rift_values *values,
                                                   struct rift_value value)
{
    (void)values;
    unsigned tag = rift_value_tag(value);
    if (tag <= RIFT_TXN)
        return (enum rift_value_kind)tag;
    if (tag == RIFT_TAG_PACKED_LIST)
        return RIFT_LIST;
    return tag == RIFT_TAG_SMALL_PAIR ? RIFT_PAIR : RIFT_INTEGER;
}

static inline bool rift_value_is_nil(struct rift_value value)
{
    return value.bits == 0;
}

static inline bool rift_value_as_bool(struct rift_value value)
{
    return value.bits >> RIFT_TAG_BITS != 0;
}

/* 0 for anything but an integer. */
static inline int64_t rift_value_as_integer(const struct rift_values *values,
                                            struct rift_value value)
{
    if (rift_value_tag(value) == RIFT_INTEGER)
        return (int64_t)value.bits >> RIFT_TAG_BITS;
    if (rift_value_tag(value) == RIFT_TAG_WIDE_INTEGER)
        return (int64_t)values->words[value.bits >> RIFT_TAG_BITS];
    return 0;
}

/* The integer in the word itself, if it fits into 60 bits; rift_value_integer takes any. */
static inline struct rift_value rift_value_small_integer(int64_t number)
{
    return (struct rift_value){(uint64_t)number << RIFT_TAG_BITS | RIFT_INTEGER};
}

/* Items of a box; 0 for anything else. */
static inline size_t rift_value_count(const struct rift_values *values, struct rift_value value)
{
    unsigned tag = rift_value_tag(value);
    if (tag == RIFT_TAG_SMALL_PAIR)
        return 2;
    if ((tag >= RIFT_LIST && tag <= RIFT_TXN) || tag == RIFT_TAG_PACKED_LIST)
        return (size_t)values->words[value.bits >> RIFT_TAG_BITS];
    return 0;
}

/* index < rift_value_count. */
static inline struct rift_value rift_value_item(const struct rift_values *values,
                                                struct rift_value value, size_t index)
{
    unsigned tag = rift_value_tag(value);
    size_t offset = (size_t)(value.bits >> RIFT_TAG_BITS) + 1;
    if (tag == RIFT_TAG_PACKED_LIST)
        return rift_value_small_integer(((const int32_t *)(values->words + offset))[index]);
    if (tag == RIFT_TAG_SMALL_PAIR) /* the first in bits 4 to 33, the second in 34 to 63 */
        return rift_value_small_integer(index == 0 ? (int64_t)(value.bits << 30) >> 34
                                                   : (int64_t)value.bits >> 34);
    assert(tag >= RIFT_LIST && tag <= RIFT_TXN);
    return (struct rift_value){values->words[offset + index]};
}

/* The integers of a list that is stored packed (every non-empty list of integers of 32 bits is), or
 * NULL. Valid until a value is made in the pool. */
static inline const int32_t *rift_value_packed(const struct rift_values *values,
                                               struct rift_value value)
{
    if (rift_value_tag(value) != RIFT_TAG_PACKED_LIST)
        return NULL;
    return (const int32_t *)(values->words + (value.bits >> RIFT_TAG_BITS) + 1);
}

struct rift_value rift_value_bool(bool truth);
struct rift_value rift_value_integer(struct rift_values *values, int64_t number);
struct rift_value rift_value_double(struct rift_values *values, double number);
struct rift_value rift_value_text(struct rift_values *values, const char *text, size_t length);
struct rift_value rift_value_keyword(struct rift_values *values, const char *text, size_t length);
/* LIST, PAIR, SET, MAP or TXN of count items (copied). */
struct rift_value rift_value_box(struct rift_values *values, enum rift_value_kind kind,
                                 const struct rift_value *items, size_t count);
/* A LIST of integers, without the detour over values. */
struct rift_value rift_value_list_of_int32(struct rift_values *values, const int32_t *numbers,
                                           size_t count);

double rift_value_as_double(const struct rift_values *values, struct rift_value value);
/* The characters of a TEXT or KEYWORD, NUL-terminated, valid until the pool is reset; "" for
 * anything else. length may be NULL. */
const char *rift_value_as_text(const struct rift_values *values, struct rift_value value,
                               size_t *length);
/* Whether the value is the TEXT or KEYWORD of these characters. */
bool rift_value_is_word(const struct rift_values *values, struct rift_value value,
                        const char *word);
/* The value of a key, TEXT or KEYWORD, in a MAP; false where it is absent. */
bool rift_value_map_get(const struct rift_values *values, struct rift_value map, const char *key,
                        struct rift_value *found);

/* Deep equality; lists of two and pairs are the same thing, sets and maps ignore order. Both values
 * in the same pool. */
bool rift_value_equal(const struct rift_values *values, struct rift_value a, struct rift_value b);
/* Equal values have equal hashes, in whatever pool. */
uint64_t rift_value_hash(const struct rift_values *values, struct rift_value value);
/* The same value in another pool. */
struct rift_value rift_value_copy(struct rift_values *to, const struct rift_values *from,
                                  struct rift_value value);

/* JSON both ways. A list, pair, set is an array; a transaction an array of [f, key, value]; a
 * keyword its text; a map with keys that are not text an array of [key, value]. */
json_t *rift_value_to_json(const struct rift_values *values, struct rift_value value);
int rift_value_from_json(struct rift_values *values, const json_t *json, struct rift_value *value,
                         struct rift_error *err);
/* As a person reads it, EDN style: nil, 3, "x", [1 2], [[:append 5 1] [:r 5 [1]]]. free() it. */
char *rift_value_print(const struct rift_values *values, struct rift_value value);
/* The same, appended. */
void rift_value_print_to(struct rift_text *text, const struct rift_values *values,
                         struct rift_value value);

/* Characters as an EDN string: in quotes, with escapes. */
void rift_text_append_quoted(struct rift_text *text, const char *chars, size_t length);

/* A number in digits. */
void rift_text_append_integer(struct rift_text *text, int64_t number);

#endif
