/* Keys of a keyed history: a value becomes a small number. */
#ifndef HISTORY_KEY_TABLE_H
#define HISTORY_KEY_TABLE_H

#include "history/value.h"

/* Zeroed is empty; keys[0] is nil and stands for "no key". */
struct rift_key_table {
    struct rift_value *keys;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* index of a key, 0 for free */
    size_t slot_count;
};

/* The index of a key, 1 or more; nil is a key too. */
uint32_t rift_key_table_intern(struct rift_key_table *table, const struct rift_values *values,
                               struct rift_value key);
/* The index of a key, or 0 if it has none. */
uint32_t rift_key_table_find(const struct rift_key_table *table, const struct rift_values *values,
                             struct rift_value key);
/* Frees what is only for interning and hands the list over, with its count, 1 at least. */
struct rift_value *rift_key_table_take(struct rift_key_table *table, size_t *count);
void rift_key_table_finish(struct rift_key_table *table);

#endif
