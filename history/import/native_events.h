/* The content of the blocks of our own file, one block after the other, into the columns of a
 * history. */
#ifndef HISTORY_IMPORT_NATIVE_EVENTS_H
#define HISTORY_IMPORT_NATIVE_EVENTS_H

#include "history/block.h"
#include "history/block_values.h"

struct rift_native_events {
    struct rift_history *history;
    size_t row_capacity; /* invocations that the headers of all blocks promise */
    size_t row_count;
    bool has_times, has_extras;
    struct rift_name_table names, errors, nodes;
    struct rift_key_table keys;
    uint64_t *texts;
    size_t text_capacity;
    struct rift_value_reader values;
    uint64_t *scratch, *scratch_ids; /* as many numbers each as the longest column has */
};

/* The history must have its pool. No block will have a column longer than longest_column. */
void rift_native_events_init(struct rift_native_events *events, struct rift_history *history,
                             size_t row_capacity, size_t longest_column);
/* The unpacked payload of the next block. False for nonsense: the history is then unusable. */
bool rift_native_events_read(struct rift_native_events *events,
                             const struct rift_block_header *header, struct rift_bytes payload);
/* Hands everything over to the history: names and keys, faults in their own table, rows in order.
 */
void rift_native_events_complete(struct rift_native_events *events);
void rift_native_events_finish(struct rift_native_events *events);

#endif
