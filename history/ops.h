/* The columns of a table of operations, as those who fill one see them. */
#ifndef HISTORY_OPS_H
#define HISTORY_OPS_H

#include "history/history.h"

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
/* Moves the rows of RIFT_PROCESS_NEMESIS into the other table, which is empty. */
void rift_ops_move_nemesis(struct rift_ops *ops, struct rift_ops *nemesis);
/* Brings the rows into the order of start; rows of equal start keep theirs. */
void rift_ops_sort(struct rift_ops *ops);
/* Gives the rows, which are sorted, as few processes as can be so that none has two at once. */
void rift_ops_name_processes(struct rift_ops *ops);
void rift_ops_finish(struct rift_ops *ops);

#endif
