/* Interning by open addressing; at most 65,535 names. */
#include "history/names.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/memory.h"

enum { NAMES_FIRST = 16, SLOTS_FIRST = 64 };

static void table_append(struct rift_name_table *table, const char *text)
{
    if (table->names.count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : NAMES_FIRST;
        table->names.text =
            rift_reallocarray(table->names.text, table->capacity, sizeof *table->names.text);
    }
    table->names.text[table->names.count++] = text;
}

static size_t table_slot(const struct rift_name_table *table, const char *text)
{
    size_t slot = XXH3_64bits(text, strlen(text)) & (table->slot_count - 1);
    while (table->slots[slot] && strcmp(table->names.text[table->slots[slot]], text) != 0)
        slot = (slot + 1) & (table->slot_count - 1);
    return slot;
}

static void table_grow(struct rift_name_table *table)
{
    table->slot_count = table->slot_count ? table->slot_count * 2 : SLOTS_FIRST;
    free(table->slots);
    table->slots = rift_calloc(table->slot_count, sizeof *table->slots);
    for (size_t i = 1; i < table->names.count; i++)
        table->slots[table_slot(table, table->names.text[i])] = (uint32_t)i;
}

int32_t rift_name_table_intern(struct rift_name_table *table, struct rift_arena *arena,
                               const char *text)
{
    if (!text || !*text)
        return 0;
    if (table->names.count == 0)
        table_append(table, "");
    if (table->names.count * 2 >= table->slot_count)
        table_grow(table);
    size_t slot = table_slot(table, text);
    if (table->slots[slot])
        return (int32_t)table->slots[slot];
    if (table->names.count > UINT16_MAX)
        return -1;
    table->slots[slot] = (uint32_t)table->names.count;
    table_append(table, rift_arena_strdup(arena, text));
    return (int32_t)table->slots[slot];
}

uint16_t rift_name_table_intern_error(struct rift_name_table *table, struct rift_arena *arena,
                                      const char *error)
{
    if (!error || !*error)
        return 0;
    bool has_room = table->names.count < UINT16_MAX;
    return (uint16_t)rift_name_table_intern(table, arena,
                                            has_room ? error : "(one of many more errors)");
}

struct rift_names rift_name_table_take(struct rift_name_table *table)
{
    if (table->names.count == 0)
        table_append(table, "");
    struct rift_names names = table->names;
    free(table->slots);
    *table = (struct rift_name_table){0};
    return names;
}

void rift_name_table_finish(struct rift_name_table *table)
{
    free(table->names.text);
    free(table->slots);
    *table = (struct rift_name_table){0};
}
