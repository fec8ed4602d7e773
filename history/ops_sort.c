/* Rows in the order of start.
 *
 * Workers start a little after they are told to, so the rows of a run are nearly in order. They are
 * taken chunk by chunk: what is out of order in a chunk is sorted together with the rows before it
 * that start later than the first of them. Where that reaches back too often, all rows are sorted
 * at once. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/ops.h"

enum {
    CHUNK_ROWS = 1024,   /* all their columns stay in the cache */
    WORK_PER_ROW = 16,   /* rows sorted for each row, before all are sorted at once */
    MOVES_PER_ROW = 128, /* steps of insertion for each row, before qsort takes over */
};

struct place {
    int64_t start;
    size_t row;
};

struct sorter {
    struct rift_ops *ops;
    struct place *places;
    char *scratch; /* 8 bytes for each place */
    size_t capacity;
};

static int place_compare(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* False where it gives up; the places are then in some order. */
static bool insert_places(struct place *places, size_t count)
{
    size_t moves_left = count * MOVES_PER_ROW;
    for (size_t i = 1; i < count; i++) {
        struct place item = places[i];
        size_t at = i;
        for (; at > 0 && places[at - 1].start > item.start; at--)
            places[at] = places[at - 1];
        places[at] = item;
        if (i - at > moves_left)
            return false;
        moves_left -= i - at;
    }
    return true;
}

#define GATHER(type)                                                                               \
    for (size_t i = 0; i < count; i++)                                                             \
        ((type *)(void *)scratch)[i] = ((const type *)data)[places[i].row];

static void gather(const struct place *places, size_t count, const void *data, size_t size,
                   char *scratch)
{
    switch (size) {
    case 1:
        GATHER(uint8_t)
        break;
    case 2:
        GATHER(uint16_t)
        break;
    case 4:
        GATHER(uint32_t)
        break;
    default:
        GATHER(uint64_t)
        break;
    }
}

static bool is_constant(const char *data, size_t bytes, size_t size)
{
    return memcmp(data, data + size, bytes - size) == 0;
}

static void sort_stretch(struct sorter *sorter, size_t first, size_t count)
{
    if (sorter->capacity < count) {
        free(sorter->places);
        free(sorter->scratch);
        sorter->places = rift_reallocarray(NULL, count, sizeof *sorter->places);
        sorter->scratch = rift_reallocarray(NULL, count, sizeof(uint64_t));
        sorter->capacity = count;
    }
    for (size_t i = 0; i < count; i++)
        sorter->places[i] = (struct place){sorter->ops->start[first + i], i};
    if (!insert_places(sorter->places, count))
        qsort(sorter->places, count, sizeof *sorter->places, place_compare);

    struct rift_ops_column columns[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(sorter->ops, columns);
    for (size_t c = 0; c < n; c++) {
        char *data = rift_ops_column_data(&columns[c]);
        size_t size = columns[c].size;
        if (!data || is_constant(data + first * size, count * size, size))
            continue;
        data += first * size;
        gather(sorter->places, count, data, size, sorter->scratch);
        memcpy(data, sorter->scratch, count * size);
    }
}

/* The first of count sorted rows whose start is later than this. */
static size_t first_later(const int64_t *starts, size_t count, int64_t start)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (starts[middle] <= start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Rows before begin are in order; brings those up to end into it too, unless that takes more work
 * than is left. Returns the number of rows sorted, 0 where all are in order, or SIZE_MAX. */
static size_t sort_chunk(struct sorter *sorter, size_t begin, size_t end, size_t work_left)
{
    const int64_t *starts = sorter->ops->start;
    int64_t most = begin ? starts[begin - 1] : INT64_MIN, least = INT64_MAX;
    size_t first_early = end, last_early = end;
    for (size_t i = begin; i < end; i++) {
        if (starts[i] >= most) {
            most = starts[i];
            continue;
        }
        first_early = first_early == end ? i : first_early;
        last_early = i;
        least = starts[i] < least ? starts[i] : least;
    }
    if (first_early == end)
        return 0;
    size_t first = first_later(starts, first_early, least);
    size_t count = last_early + 1 - first;
    if (count > work_left)
        return SIZE_MAX;
    sort_stretch(sorter, first, count);
    return count;
}

void rift_ops_sort(struct rift_ops *ops)
{
    struct sorter sorter = {.ops = ops};
    size_t work_left = ops->count * WORK_PER_ROW;
    for (size_t begin = 0; begin < ops->count; begin += CHUNK_ROWS) {
        size_t left = ops->count - begin;
        size_t work =
            sort_chunk(&sorter, begin, begin + (left < CHUNK_ROWS ? left : CHUNK_ROWS), work_left);
        if (work == SIZE_MAX) {
            sort_stretch(&sorter, 0, ops->count);
            break;
        }
        work_left -= work;
    }
    free(sorter.places);
    free(sorter.scratch);
}
