/* The pool behind values: boxes in one array of words that grows, texts interned in a table.
 *
 * Boxes are found by offset, so the array may move; the characters of a text never do, as callers
 * keep pointers to them. */
#include "history/value.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/arena.h"
#include "common/memory.h"

enum { WORDS_FIRST = 64, SLOTS_FIRST = 64, SLOTS_KEPT_AT_RESET = 4096 };

#define WIDE_LIMIT  (INT64_C(1) << 59)
#define SMALL_LIMIT (INT64_C(1) << 29)

struct text_entry {
    const char *data;
    uint32_t length;
    uint32_t hash;
};

struct rift_texts {
    struct text_entry *entries;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* index of an entry plus one, 0 for free; open addressing */
    size_t slot_count;
    struct rift_arena arena;
};

struct rift_values *rift_values_create(void)
{
    struct rift_values *values = rift_calloc(1, sizeof *values);
    values->texts = rift_calloc(1, sizeof *values->texts);
    return values;
}

void rift_values_destroy(struct rift_values *values)
{
    if (!values)
        return;
    free(values->texts->entries);
    free(values->texts->slots);
    rift_arena_finish(&values->texts->arena);
    free(values->texts);
    free(values->words);
    free(values);
}

void rift_values_reset(struct rift_values *values)
{
    struct rift_texts *texts = values->texts;
    values->word_count = 0;
    if (texts->count == 0)
        return;
    texts->count = 0;
    rift_arena_reset(&texts->arena);
    /* A table that was once large would cost its size at each reset. */
    if (texts->slot_count > SLOTS_KEPT_AT_RESET) {
        free(texts->slots);
        texts->slots = NULL;
        texts->slot_count = 0;
    } else {
        memset(texts->slots, 0, texts->slot_count * sizeof *texts->slots);
    }
}

size_t rift_values_size_bytes(const struct rift_values *values)
{
    const struct rift_texts *texts = values->texts;
    return sizeof *values + sizeof *texts + values->word_capacity * sizeof *values->words +
           texts->capacity * sizeof *texts->entries + texts->slot_count * sizeof *texts->slots +
           texts->arena.total_bytes;
}

/* Room for count words; returns the offset of the first. */
static size_t values_take(struct rift_values *values, size_t count)
{
    if (values->word_capacity - values->word_count < count) {
        size_t capacity = values->word_capacity + values->word_capacity / 2 + WORDS_FIRST;
        if (capacity < values->word_count + count)
            capacity = values->word_count + count;
        values->words = rift_reallocarray(values->words, capacity, sizeof *values->words);
        values->word_capacity = capacity;
    }
    size_t offset = values->word_count;
    values->word_count += count;
    return offset;
}

static struct rift_value value_at(unsigned tag, size_t offset)
{
    return (struct rift_value){(uint64_t)offset << RIFT_TAG_BITS | tag};
}

static void texts_grow_slots(struct rift_texts *texts)
{
    size_t slot_count = texts->slot_count ? texts->slot_count * 2 : SLOTS_FIRST;
    free(texts->slots);
    texts->slots = rift_calloc(slot_count, sizeof *texts->slots);
    texts->slot_count = slot_count;
    for (size_t i = 0; i < texts->count; i++) {
        size_t slot = texts->entries[i].hash & (slot_count - 1);
        while (texts->slots[slot])
            slot = (slot + 1) & (slot_count - 1);
        texts->slots[slot] = (uint32_t)i + 1;
    }
}

static size_t texts_add(struct rift_texts *texts, const char *text, size_t length, uint32_t hash)
{
    if (texts->count == texts->capacity) {
        texts->capacity = texts->capacity ? texts->capacity * 2 : SLOTS_FIRST;
        texts->entries = rift_reallocarray(texts->entries, texts->capacity, sizeof *texts->entries);
    }
    char *data = rift_arena_alloc(&texts->arena, length + 1);
    if (length)
        memcpy(data, text, length);
    data[length] = '\0';
    texts->entries[texts->count] = (struct text_entry){data, (uint32_t)length, hash};
    return texts->count++;
}

static size_t texts_intern(struct rift_texts *texts, const char *text, size_t length)
{
    assert(length <= UINT32_MAX && texts->count < UINT32_MAX);
    if ((texts->count + 1) * 2 > texts->slot_count)
        texts_grow_slots(texts);
    uint32_t hash = (uint32_t)XXH3_64bits(length ? text : "", length);
    size_t slot = hash & (texts->slot_count - 1);
    for (; texts->slots[slot]; slot = (slot + 1) & (texts->slot_count - 1)) {
        const struct text_entry *entry = &texts->entries[texts->slots[slot] - 1];
        if (entry->hash == hash && entry->length == length &&
            (length == 0 || memcmp(entry->data, text, length) == 0))
            return texts->slots[slot] - 1;
    }
    size_t index = texts_add(texts, text, length, hash);
    texts->slots[slot] = (uint32_t)index + 1;
    return index;
}

struct rift_value rift_value_bool(bool truth)
{
    return value_at(RIFT_BOOL, truth ? 1 : 0);
}

struct rift_value rift_value_integer(struct rift_values *values, int64_t number)
{
    if (number >= -WIDE_LIMIT && number < WIDE_LIMIT)
        return rift_value_small_integer(number);
    size_t offset = values_take(values, 1);
    values->words[offset] = (uint64_t)number;
    return value_at(RIFT_TAG_WIDE_INTEGER, offset);
}

struct rift_value rift_value_double(struct rift_values *values, double number)
{
    size_t offset = values_take(values, 1);
    memcpy(&values->words[offset], &number, sizeof number);
    return value_at(RIFT_DOUBLE, offset);
}

struct rift_value rift_value_text(struct rift_values *values, const char *text, size_t length)
{
    return value_at(RIFT_TEXT, texts_intern(values->texts, text, length));
}

struct rift_value rift_value_keyword(struct rift_values *values, const char *text, size_t length)
{
    return value_at(RIFT_KEYWORD, texts_intern(values->texts, text, length));
}

struct rift_value rift_value_list_of_int32(struct rift_values *values, const int32_t *numbers,
                                           size_t count)
{
    size_t offset = values_take(values, 1 + (count + 1) / 2);
    values->words[offset] = count;
    if (count == 0)
        return value_at(RIFT_LIST, offset);
    memcpy(values->words + offset + 1, numbers, count * sizeof *numbers);
    return value_at(RIFT_TAG_PACKED_LIST, offset);
}

static bool is_int32(struct rift_value item)
{
    int64_t number = (int64_t)item.bits >> RIFT_TAG_BITS;
    return rift_value_tag(item) == RIFT_INTEGER && number == (int32_t)number;
}

static bool is_small(struct rift_value item)
{
    int64_t number = (int64_t)item.bits >> RIFT_TAG_BITS;
    return rift_value_tag(item) == RIFT_INTEGER && number >= -SMALL_LIMIT && number < SMALL_LIMIT;
}

static bool are_packable(const struct rift_value *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_int32(items[i]))
            return false;
    return count > 0;
}

static struct rift_value box_packed(struct rift_values *values, const struct rift_value *items,
                                    size_t count)
{
    size_t offset = values_take(values, 1 + (count + 1) / 2);
    values->words[offset] = count;
    int32_t *numbers = (int32_t *)(values->words + offset + 1);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int32_t)((int64_t)items[i].bits >> RIFT_TAG_BITS);
    return value_at(RIFT_TAG_PACKED_LIST, offset);
}

struct rift_value rift_value_box(struct rift_values *values, enum rift_value_kind kind,
                                 const struct rift_value *items, size_t count)
{
    assert(kind >= RIFT_LIST && kind <= RIFT_TXN);
    assert(kind != RIFT_PAIR || count == 2);
    assert(kind != RIFT_MAP || count % 2 == 0);
    assert(kind != RIFT_TXN || count % 3 == 0);
    if (kind == RIFT_LIST && are_packable(items, count))
        return box_packed(values, items, count);
    if (kind == RIFT_PAIR && is_small(items[0]) && is_small(items[1])) {
        uint64_t low = (items[0].bits >> RIFT_TAG_BITS) & ((UINT64_C(1) << 30) - 1);
        uint64_t high = items[1].bits >> RIFT_TAG_BITS << 34;
        return (struct rift_value){high | low << RIFT_TAG_BITS | RIFT_TAG_SMALL_PAIR};
    }
    size_t offset = values_take(values, 1 + count);
    values->words[offset] = count;
    if (count)
        memcpy(values->words + offset + 1, items, count * sizeof *items);
    return value_at(kind, offset);
}

double rift_value_as_double(const struct rift_values *values, struct rift_value value)
{
    double number = 0;
    if (rift_value_tag(value) == RIFT_DOUBLE)
        memcpy(&number, &values->words[value.bits >> RIFT_TAG_BITS], sizeof number);
    else
        number = (double)rift_value_as_integer(values, value);
    return number;
}

const char *rift_value_as_text(const struct rift_values *values, struct rift_value value,
                               size_t *length)
{
    unsigned tag = rift_value_tag(value);
    if (length)
        *length = 0;
    if (tag != RIFT_TEXT && tag != RIFT_KEYWORD)
        return "";
    const struct text_entry *entry = &values->texts->entries[value.bits >> RIFT_TAG_BITS];
    if (length)
        *length = entry->length;
    return entry->data;
}

bool rift_value_is_word(const struct rift_values *values, struct rift_value value, const char *word)
{
    unsigned tag = rift_value_tag(value);
    return (tag == RIFT_TEXT || tag == RIFT_KEYWORD) &&
           strcmp(rift_value_as_text(values, value, NULL), word) == 0;
}

bool rift_value_map_get(const struct rift_values *values, struct rift_value map, const char *key,
                        struct rift_value *found)
{
    if (rift_value_tag(map) != RIFT_MAP)
        return false;
    for (size_t i = 0, n = rift_value_count(values, map); i < n; i += 2) {
        if (rift_value_is_word(values, rift_value_item(values, map, i), key)) {
            *found = rift_value_item(values, map, i + 1);
            return true;
        }
    }
    return false;
}
