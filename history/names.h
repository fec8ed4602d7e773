/* Texts that become small numbers: names of operations, error codes, nodes. */
#ifndef HISTORY_NAMES_H
#define HISTORY_NAMES_H

#include "common/arena.h"
#include "history/history.h"

/* Zeroed is empty; index 0 is "" from the first text on. */
struct rift_name_table {
    struct rift_names names;
    size_t capacity;
    uint32_t *slots; /* index of a name, 0 for free */
    size_t slot_count;
};

/* The index of a text, 0 for NULL and "". -1 when there is no room for another: indices are 16
 * bits. Characters are copied into the arena. */
int32_t rift_name_table_intern(struct rift_name_table *table, struct rift_arena *arena,
                               const char *text);
/* The same for errors, which may all be different as they carry numbers of requests: where there is
 * no room for more, all further ones are one. */
uint16_t rift_name_table_intern_error(struct rift_name_table *table, struct rift_arena *arena,
                                      const char *error);
/* Frees what is only for interning and hands the list over; it has index 0 at least. */
struct rift_names rift_name_table_take(struct rift_name_table *table);
void rift_name_table_finish(struct rift_name_table *table);

#endif
