/* Rows in the order of start.
 *
 * Workers start a little after they are told to, so the rows of a run are nearly in order: short
 * stretches of them are sorted in place, one after the other. Where that would take long, all rows
 * are sorted at once. */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/ops.h"

enum {
    LOOK_AHEAD = 64,     /* rows past a stretch that may still belong to it */
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
        sorter->places[i] = (struct place){sorter->ops->start[first + i], first + i};
    if (!insert_places(sorter->places, count))
        qsort(sorter->places, count, sizeof *sorter->places, place_compare);

    struct rift_ops_column columns[RIFT_OPS_COLUMNS];
    size_t n = rift_ops_columns(sorter->ops, columns);
    for (size_t c = 0; c < n; c++) {
        char *data = rift_ops_column_data(&columns[c]);
        size_t size = columns[c].size;
        if (!data)
            continue;
        gather(sorter->places, count, data, size, sorter->scratch);
        memcpy(data + first * size, sorter->scratch, count * size);
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

void rift_ops_sort(struct rift_ops *ops)
{
    struct sorter sorter = {.ops = ops};
    const int64_t *starts = ops->start;
    size_t count = ops->count, work_left = count * WORK_PER_ROW;
    for (size_t i = 1; i < count; i++) {
        if (starts[i - 1] <= starts[i])
            continue;
        /* Rows before i are in order. The stretch takes in what is out of order from here on. */
        int64_t least = starts[i], most = starts[i - 1];
        size_t end = i + 1;
        for (size_t j = end; j < count && j < end + LOOK_AHEAD; j++) {
            if (starts[j] >= most)
                continue;
            for (; end <= j; end++) {
                least = starts[end] < least ? starts[end] : least;
                most = starts[end] > most ? starts[end] : most;
            }
        }
        size_t first = first_later(starts, i, least);
        if (end - first > work_left) {
            sort_stretch(&sorter, 0, count);
            break;
        }
        work_left -= end - first;
        sort_stretch(&sorter, first, end - first);
        i = end - 1;
    }
    free(sorter.places);
    free(sorter.scratch);
}
