/* The content of the blocks of our own file, one block after the other, into the columns of a
 * history: of all blocks, or, for a stream, of one block after the operations that are open. */
#ifndef HISTORY_IMPORT_NATIVE_EVENTS_H
#define HISTORY_IMPORT_NATIVE_EVENTS_H

#include "history/block.h"
#include "history/block_values.h"

/* The type of an operation until its completion is read. */
enum { RIFT_OP_OPEN = 255 };

struct rift_native_events {
    struct rift_history *history;
    size_t row_capacity, row_count;
    bool has_blank_rows; /* the columns key, error and node hold zeros where nothing was read yet */
    /* Of a stream: the first open_count rows are the operations of these numbers, which count up;
     * the rows after them have the numbers from first_id on. */
    uint64_t *open_ids;
    size_t open_count;
    uint64_t first_id;
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
/* For a history that is read whole, right after init: where nothing has a key, an error or a node
 * these columns are never touched, so that they take no memory. */
void rift_native_events_blank_rows(struct rift_native_events *events);
/* The unpacked payload of the next block. False for nonsense: the history is then unusable. */
bool rift_native_events_read(struct rift_native_events *events,
                             const struct rift_block_header *header, struct rift_bytes payload);
/* Hands everything over to the history: names and keys, faults in their own table, rows in order.
 */
void rift_native_events_complete(struct rift_native_events *events);
void rift_native_events_finish(struct rift_native_events *events);

#endif
