/* Open addressing by the value's hash. */
#include "history/key_table.h"

#include <stdlib.h>

#include "common/memory.h"

enum { KEYS_FIRST = 64 };

static void table_append(struct rift_key_table *table, struct rift_value key)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : KEYS_FIRST;
        table->keys = rift_reallocarray(table->keys, table->capacity, sizeof *table->keys);
    }
    table->keys[table->count++] = key;
}

static size_t table_slot(const struct rift_key_table *table, const struct rift_values *values,
                         struct rift_value key)
{
    size_t slot = rift_value_hash(values, key) & (table->slot_count - 1);
    while (table->slots[slot] && !rift_value_equal(values, table->keys[table->slots[slot]], key))
        slot = (slot + 1) & (table->slot_count - 1);
    return slot;
}

static void table_grow(struct rift_key_table *table, const struct rift_values *values)
{
    table->slot_count = table->slot_count ? table->slot_count * 2 : (size_t)KEYS_FIRST * 2;
    free(table->slots);
    table->slots = rift_calloc(table->slot_count, sizeof *table->slots);
    for (size_t i = 1; i < table->count; i++)
        table->slots[table_slot(table, values, table->keys[i])] = (uint32_t)i;
}

uint32_t rift_key_table_intern(struct rift_key_table *table, const struct rift_values *values,
                               struct rift_value key)
{
    if (table->count == 0)
        table_append(table, RIFT_VALUE_NIL);
    if (table->count * 2 >= table->slot_count)
        table_grow(table, values);
    size_t slot = table_slot(table, values, key);
    if (!table->slots[slot]) {
        assert(table->count < UINT32_MAX);
        table->slots[slot] = (uint32_t)table->count;
        table_append(table, key);
    }
    return table->slots[slot];
}

uint32_t rift_key_table_find(const struct rift_key_table *table, const struct rift_values *values,
                             struct rift_value key)
{
    return table->slot_count ? table->slots[table_slot(table, values, key)] : 0;
}

struct rift_value *rift_key_table_take(struct rift_key_table *table, size_t *count)
{
    if (table->count == 0)
        table_append(table, RIFT_VALUE_NIL);
    struct rift_value *keys = table->keys;
    *count = table->count;
    free(table->slots);
    *table = (struct rift_key_table){0};
    return keys;
}

void rift_key_table_finish(struct rift_key_table *table)
{
    free(table->keys);
    free(table->slots);
    *table = (struct rift_key_table){0};
}
