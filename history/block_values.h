/* Values in the columns of a block. */
#ifndef HISTORY_BLOCK_VALUES_H
#define HISTORY_BLOCK_VALUES_H

#include "history/block.h"
#include "history/packing.h"
#include "history/value_stack.h"

/* The number that stands for a value in a column; what does not fit goes to the column's stream. */
int rift_block_value(struct rift_block *block, struct rift_block_tables *tables,
                     struct rift_text *stream, const struct rift_values *values,
                     struct rift_value value, uint64_t *number, struct rift_error *err);
/* The value itself at the end of a stream. */
int rift_block_stream_value(struct rift_block *block, struct rift_block_tables *tables,
                            struct rift_text *stream, const struct rift_values *values,
                            struct rift_value value, struct rift_error *err);

/* What reading values takes: where they go, and what the numbers of texts mean there. */
struct rift_value_reader {
    struct rift_values *values;
    const uint64_t *texts; /* number in the file to number in the pool */
    size_t text_count;
    struct rift_value_stack stack; /* zeroed; the caller frees it */
};

/* The other way. Both return false for nonsense; the stack may then hold items. */
bool rift_block_read_stream_value(struct rift_value_reader *reader, struct rift_bytes *stream,
                                  struct rift_value *value);
bool rift_block_read_value(struct rift_value_reader *reader, struct rift_bytes *stream,
                           uint64_t number, struct rift_value *value);

#endif
