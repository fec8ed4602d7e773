/* A value of an operation: nil, integer, text, list, pair, transaction... in one 64-bit word.
 *
 * Small things (nil, booleans, integers of 60 bits, interned text) are the word itself, so equal
 * words are equal values. Everything else is a box: an offset into the pool's words, where a header
 * word holds kind and count. Two boxes may be equal though their words differ: rift_value_equal. */
#ifndef HISTORY_VALUE_H
#define HISTORY_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

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
    RIFT_TXN,  /* count items: f, key, value for each micro-operation (count is a multiple of 3) */
};

/* Owns text and boxes of many values; one for a history, one for each worker. Not for two threads
 * at once, except that any number may read while none writes. */
struct rift_values;

#define RIFT_VALUE_NIL ((struct rift_value){0})

struct rift_values *rift_values_create(void);
void rift_values_destroy(struct rift_values *values);
/* Forgets everything, keeps the memory: for a scratch pool. */
void rift_values_reset(struct rift_values *values);
/* Bytes held. */
size_t rift_values_size_bytes(const struct rift_values *values);

enum rift_value_kind rift_value_kind(const struct rift_values *values, struct rift_value value);
static inline bool rift_value_is_nil(struct rift_value value)
{
    return value.bits == 0;
}

struct rift_value rift_value_bool(bool truth);
struct rift_value rift_value_integer(struct rift_values *values, int64_t number);
struct rift_value rift_value_double(struct rift_values *values, double number);
struct rift_value rift_value_text(struct rift_values *values, const char *text, size_t length);
struct rift_value rift_value_keyword(struct rift_values *values, const char *text, size_t length);
/* LIST, PAIR, SET, MAP or TXN of count items (copied). */
struct rift_value rift_value_box(struct rift_values *values, enum rift_value_kind kind,
                                 const struct rift_value *items, size_t count);

bool rift_value_as_bool(struct rift_value value);
int64_t rift_value_as_integer(const struct rift_values *values, struct rift_value value);
double rift_value_as_double(const struct rift_values *values, struct rift_value value);
/* The characters of a TEXT or KEYWORD, NUL-terminated, valid until the pool is reset. */
const char *rift_value_as_text(const struct rift_values *values, struct rift_value value,
                               size_t *length);
/* Items of a box; 0 for anything else. */
size_t rift_value_count(const struct rift_values *values, struct rift_value value);
struct rift_value rift_value_item(const struct rift_values *values, struct rift_value value,
                                  size_t index);

/* Deep equality; lists of two and pairs are the same thing. Both values in the same pool. */
bool rift_value_equal(const struct rift_values *values, struct rift_value a, struct rift_value b);
/* Equal values have equal hashes. */
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

#endif
