/* Columns of operations: growing, moving and freeing all of them alike. */
#include "history/ops.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

/* Large columns are filled from end to end: huge pages spare most of the page faults, which cost as
 * much as reading the file. */
static void *column_resize(void *old, size_t count, size_t size)
{
    enum { HUGE_PAGE_BYTES = 1 << 21, HUGE_FROM_PAGES = 4 };
    size_t pages = count / (HUGE_PAGE_BYTES / size) + 1;
    if (old || pages < HUGE_FROM_PAGES)
        return rift_reallocarray(old, count, size);
    void *column = aligned_alloc(HUGE_PAGE_BYTES, pages * HUGE_PAGE_BYTES);
    if (!column)
        return rift_reallocarray(NULL, count, size);
    madvise(column, pages * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    return column;
}

void rift_ops_resize(struct rift_ops *ops, size_t capacity)
{
    struct rift_ops_column columns[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(ops, columns);
    for (size_t i = 0; i < n; i++) {
        void *data = rift_ops_column_data(&columns[i]);
        if (i < COLUMN_FIRST_OPTIONAL || data)
            column_set(&columns[i], column_resize(data, capacity, columns[i].size));
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

/* Moves the rows of these numbers, which count up, to another column; what lies between two of them
 * moves up as a whole. */
static void move_rows(char *data, char *to, size_t size, size_t row_count, const size_t *moved,
                      size_t moved_count)
{
    char *kept = data + moved[0] * size;
    for (size_t m = 0; m < moved_count; m++) {
        size_t next = m + 1 < moved_count ? moved[m + 1] : row_count;
        size_t bytes = (next - moved[m] - 1) * size;
        memcpy(to + m * size, data + moved[m] * size, size);
        memmove(kept, data + (moved[m] + 1) * size, bytes);
        kept += bytes;
    }
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

    struct rift_ops_column from[RIFT_OPS_COLUMNS], to[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(ops, from);
    rift_ops_columns(nemesis, to);
    size_t *moved CLEANUP(rift_free) = rift_reallocarray(NULL, count, sizeof *moved);
    for (size_t i = 0, m = 0; m < count; i++)
        if (ops->process[i] == RIFT_PROCESS_NEMESIS)
            moved[m++] = i;
    for (size_t c = 0; c < n; c++) {
        char *data = rift_ops_column_data(&from[c]);
        if (data)
            move_rows(data, rift_ops_column_data(&to[c]), from[c].size, ops->count, moved, count);
    }
    nemesis->count = count;
    ops->count -= count;
    rift_ops_resize(ops, ops->count);
}

void rift_ops_finish(struct rift_ops *ops)
{
    struct rift_ops_column columns[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(ops, columns);
    for (size_t i = 0; i < n; i++)
        free(rift_ops_column_data(&columns[i]));
    *ops = (struct rift_ops){0};
}
