/* A table of operations in columns, and what those who fill one need. */
#ifndef HISTORY_OPS_H
#define HISTORY_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "history/op.h"
#include "history/value.h"

/* Index 0 of keys, errors and nodes means none. */
struct rift_ops {
    size_t count;
    int64_t *start;
    int64_t *end;     /* RIFT_TIME_NEVER: no completion, or, for OK and FAIL, nobody knows when */
    int32_t *process; /* RIFT_PROCESS_NEMESIS in the nemesis table */
    uint32_t *key;    /* index into rift_history.keys: the independent key of a keyed history */
    uint16_t *f;      /* index into rift_history.names */
    uint16_t *error;  /* index into rift_history.errors */
    uint16_t *node;   /* index into rift_history.nodes: whom the client spoke to */
    uint8_t *type;    /* enum rift_op_type */
    struct rift_value *argument; /* value of the invocation */
    struct rift_value *result;   /* value of the completion; nil for INFO without one */
    /* Optional columns, NULL where the format has none. Times are ns, for people, where start and
     * end are numbers of events; RIFT_TIME_NEVER: not known. Extras are MAPs of the further keys
     * of the invocation's and of the completion's record, or nil. */
    int64_t *time_start, *time_end;
    struct rift_value *extra_start, *extra_end;
};

/* What one row takes in the columns that every table has. */
enum { RIFT_OP_BYTES = 47 };

/* Any column: where its pointer stands, and the size of an item, 1, 2, 4 or 8 bytes. */
struct rift_ops_column {
    void **pointer;
    size_t size;
};

enum { RIFT_OPS_COLUMNS = 14 };

/* All columns of a table; returns how many. Of optional ones that it lacks, the data is NULL. */
size_t rift_ops_columns(struct rift_ops *ops, struct rift_ops_column columns[RIFT_OPS_COLUMNS]);
void *rift_ops_column_data(const struct rift_ops_column *column);

/* Room for capacity rows in every column that the table has; the optional ones stay NULL. */
void rift_ops_resize(struct rift_ops *ops, size_t capacity);
/* Gives a table of capacity rows an optional column pair, filled with RIFT_TIME_NEVER or nil. */
void rift_ops_add_times(struct rift_ops *ops, size_t capacity);
void rift_ops_add_extras(struct rift_ops *ops, size_t capacity);
void rift_ops_drop_times(struct rift_ops *ops);
void rift_ops_drop_extras(struct rift_ops *ops);
/* Moves the rows of these numbers, which count up, to the end of another table, which has the same
 * columns and room; what stands after them moves up. */
void rift_ops_move(struct rift_ops *ops, const size_t *rows, size_t count, struct rift_ops *to);
/* Moves the rows of RIFT_PROCESS_NEMESIS into the other table, which is empty. */
void rift_ops_move_nemesis(struct rift_ops *ops, struct rift_ops *nemesis);
/* Brings the rows into the order of start; rows of equal start keep theirs. */
void rift_ops_sort(struct rift_ops *ops);
/* Gives the rows, which are sorted, as few processes as can be so that none has two at once. */
void rift_ops_name_processes(struct rift_ops *ops);
/* The latest start or end that is known, 0 at least. */
int64_t rift_ops_last_moment(const struct rift_ops *ops);
void rift_ops_finish(struct rift_ops *ops);

#endif
