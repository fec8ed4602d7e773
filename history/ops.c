/* Columns of operations: growing, sorting and freeing all of them alike. */
#include "history/ops.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { COLUMN_COUNT = 14 };

/* Where each column's pointer stands, and the size of its items. */
static void list_columns(struct rift_ops *ops, void **columns[COLUMN_COUNT],
                         size_t sizes[COLUMN_COUNT])
{
    size_t n = 0;
#define COLUMN(name) (columns[n] = (void **)&ops->name, sizes[n++] = sizeof *ops->name)
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
}

/* The optional ones stand last. */
enum { COLUMN_FIRST_OPTIONAL = 10 };

static void *column_get(void *const *column)
{
    void *memory;
    memcpy(&memory, column, sizeof memory);
    return memory;
}

static void column_set(void **column, void *memory)
{
    memcpy(column, &memory, sizeof memory);
}

void rift_ops_resize(struct rift_ops *ops, size_t capacity)
{
    void **columns[COLUMN_COUNT];
    size_t sizes[COLUMN_COUNT];
    list_columns(ops, columns, sizes);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        void *memory = column_get(columns[i]);
        if (i < COLUMN_FIRST_OPTIONAL || memory)
            column_set(columns[i], rift_reallocarray(memory, capacity, sizes[i]));
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

    void **from[COLUMN_COUNT], **to[COLUMN_COUNT];
    size_t sizes[COLUMN_COUNT];
    list_columns(ops, from, sizes);
    list_columns(nemesis, to, sizes);
    bool *is_moved CLEANUP(rift_free) = rift_calloc(ops->count, sizeof *is_moved);
    for (size_t i = 0; i < ops->count; i++)
        is_moved[i] = ops->process[i] == RIFT_PROCESS_NEMESIS;
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        char *kept = column_get(from[c]), *moved = column_get(to[c]);
        for (size_t i = 0, k = 0, m = 0; kept && i < ops->count; i++) {
            if (is_moved[i])
                memcpy(moved + m++ * sizes[c], kept + i * sizes[c], sizes[c]);
            else
                memmove(kept + k++ * sizes[c], kept + i * sizes[c], sizes[c]);
        }
    }
    nemesis->count = count;
    ops->count -= count;
    rift_ops_resize(ops, ops->count);
}

struct place {
    int64_t start;
    size_t row;
};

static int place_compare(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static bool is_sorted(const struct rift_ops *ops)
{
    for (size_t i = 1; i < ops->count; i++)
        if (ops->start[i - 1] > ops->start[i])
            return false;
    return true;
}

void rift_ops_sort(struct rift_ops *ops)
{
    if (is_sorted(ops))
        return;
    size_t count = ops->count;
    struct place *places CLEANUP(rift_free) = rift_reallocarray(NULL, count, sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){ops->start[i], i};
    qsort(places, count, sizeof *places, place_compare);

    void **columns[COLUMN_COUNT];
    size_t sizes[COLUMN_COUNT];
    list_columns(ops, columns, sizes);
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        char *from CLEANUP(rift_free) = column_get(columns[c]);
        if (!from)
            continue;
        char *to = rift_reallocarray(NULL, count, sizes[c]);
        for (size_t i = 0; i < count; i++)
            memcpy(to + i * sizes[c], from + places[i].row * sizes[c], sizes[c]);
        column_set(columns[c], to);
    }
}

/* A heap of the processes that are busy, the first to be free on top. */
struct busy {
    int64_t end;
    int32_t process;
};

static void heap_push(struct busy *heap, size_t count, struct busy item)
{
    size_t at = count;
    for (; at > 0 && heap[(at - 1) / 2].end > item.end; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = item;
}

static struct busy heap_pop(struct busy *heap, size_t count)
{
    struct busy top = heap[0], last = heap[count - 1];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < count - 1; at = child) {
        if (child + 1 < count - 1 && heap[child + 1].end < heap[child].end)
            child++;
        if (heap[child].end >= last.end)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return top;
}

void rift_ops_name_processes(struct rift_ops *ops)
{
    struct busy *heap CLEANUP(rift_free) = rift_reallocarray(NULL, ops->count, sizeof *heap);
    size_t busy_count = 0;
    for (size_t i = 0; i < ops->count; i++) {
        int32_t process = (int32_t)busy_count;
        if (busy_count && heap[0].end < ops->start[i])
            process = heap_pop(heap, busy_count--).process;
        heap_push(heap, busy_count++, (struct busy){ops->end[i], process});
        ops->process[i] = process;
    }
}

void rift_ops_finish(struct rift_ops *ops)
{
    void **columns[COLUMN_COUNT];
    size_t sizes[COLUMN_COUNT];
    list_columns(ops, columns, sizes);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        free(column_get(columns[i]));
    *ops = (struct rift_ops){0};
}
