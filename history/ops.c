/* Columns of operations: growing, moving and freeing all of them alike. */
#include "history/ops.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* The optional ones stand last. */
enum { COLUMN_FIRST_OPTIONAL = 10 };

size_t rift_ops_columns(struct rift_ops *ops, struct rift_ops_column columns[RIFT_OPS_COLUMNS])
{
    size_t n = 0;
#define COLUMN(name)                                                                               \
    (columns[n++] = (struct rift_ops_column){(void **)&ops->name, sizeof *ops->name})
    COLUMN(start);
    COLUMN(end);
    COLUMN(process);
    COLUMN(key);
    COLUMN(f);
    COLUMN(error);
    COLUMN(node);
    COLUMN(type);
    COLUMN(argument);
    COLUMN(result);
    COLUMN(time_start);
    COLUMN(time_end);
    COLUMN(extra_start);
    COLUMN(extra_end);
#undef COLUMN
    return n;
}

/* The pointers have different types, so they are read and written as bytes. */
void *rift_ops_column_data(const struct rift_ops_column *column)
{
    void *data;
    memcpy(&data, column->pointer, sizeof data);
    return data;
}

static void column_set(const struct rift_ops_column *column, void *data)
{
    memcpy(column->pointer, &data, sizeof data);
}

void rift_ops_resize(struct rift_ops *ops, size_t capacity)
{
    struct rift_ops_column columns[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(ops, columns);
    for (size_t i = 0; i < n; i++) {
        void *data = rift_ops_column_data(&columns[i]);
        if (i < COLUMN_FIRST_OPTIONAL || data)
            column_set(&columns[i], rift_reallocarray(data, capacity, columns[i].size));
    }
}

void rift_ops_add_times(struct rift_ops *ops, size_t capacity)
{
    ops->time_start = rift_reallocarray(NULL, capacity, sizeof *ops->time_start);
    ops->time_end = rift_reallocarray(NULL, capacity, sizeof *ops->time_end);
    for (size_t i = 0; i < capacity; i++)
        ops->time_start[i] = ops->time_end[i] = RIFT_TIME_NEVER;
}

void rift_ops_add_extras(struct rift_ops *ops, size_t capacity)
{
    ops->extra_start = rift_calloc(capacity, sizeof *ops->extra_start);
    ops->extra_end = rift_calloc(capacity, sizeof *ops->extra_end);
}

void rift_ops_drop_times(struct rift_ops *ops)
{
    free(ops->time_start);
    free(ops->time_end);
    ops->time_start = ops->time_end = NULL;
}

void rift_ops_drop_extras(struct rift_ops *ops)
{
    free(ops->extra_start);
    free(ops->extra_end);
    ops->extra_start = ops->extra_end = NULL;
}

/* Of one column. Neighbours move together, and what lies between them moves up as a whole. */
static void move_items(char *data, char *to, size_t size, size_t row_count, const size_t *rows,
                       size_t count)
{
    char *kept = data + rows[0] * size;
    for (size_t first = 0, last; first < count; first = last + 1) {
        for (last = first; last + 1 < count && rows[last + 1] == rows[last] + 1; last++)
            ;
        size_t moved = (last + 1 - first) * size;
        size_t next = last + 1 < count ? rows[last + 1] : row_count;
        size_t between = (next - rows[last] - 1) * size;
        memcpy(to, data + rows[first] * size, moved);
        memmove(kept, data + (rows[last] + 1) * size, between);
        to += moved;
        kept += between;
    }
}

void rift_ops_move(struct rift_ops *ops, const size_t *rows, size_t count, struct rift_ops *to)
{
    struct rift_ops_column from_columns[RIFT_OPS_COLUMNS], to_columns[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(ops, from_columns);
    rift_ops_columns(to, to_columns);
    for (size_t c = 0; c < n && count; c++) {
        char *data = rift_ops_column_data(&from_columns[c]);
        char *to_data = rift_ops_column_data(&to_columns[c]);
        size_t size = from_columns[c].size;
        if (data)
            move_items(data, to_data + to->count * size, size, ops->count, rows, count);
    }
    to->count += count;
    ops->count -= count;
}

void rift_ops_move_nemesis(struct rift_ops *ops, struct rift_ops *nemesis)
{
    size_t count = 0;
    for (size_t i = 0; i < ops->count; i++)
        count += ops->process[i] == RIFT_PROCESS_NEMESIS;
    if (count && ops->time_start)
        rift_ops_add_times(nemesis, count);
    if (count && ops->extra_start)
        rift_ops_add_extras(nemesis, count);
    rift_ops_resize(nemesis, count);
    if (count == 0)
        return;
    size_t *moved CLEANUP(rift_free) = rift_reallocarray(NULL, count, sizeof *moved);
    for (size_t i = 0, m = 0; m < count; i++)
        if (ops->process[i] == RIFT_PROCESS_NEMESIS)
            moved[m++] = i;
    rift_ops_move(ops, moved, count, nemesis);
    rift_ops_resize(ops, ops->count);
}

int64_t rift_ops_last_moment(const struct rift_ops *ops)
{
    int64_t last = 0;
    for (size_t i = 0; i < ops->count; i++) {
        last = ops->start[i] > last ? ops->start[i] : last;
        last = ops->end[i] != RIFT_TIME_NEVER && ops->end[i] > last ? ops->end[i] : last;
    }
    return last;
}

void rift_ops_finish(struct rift_ops *ops)
{
    struct rift_ops_column columns[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(ops, columns);
    for (size_t i = 0; i < n; i++)
        free(rift_ops_column_data(&columns[i]));
    *ops = (struct rift_ops){0};
}
