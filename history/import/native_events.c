/* Columns of blocks become columns of the history. An invocation adds a row; a completion fills in
 * the row of its number, which may be in a block before. */
#include "history/import/native_events.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/ops.h"
#include "history/packing.h"

static bool read_section(struct rift_bytes *bytes, uint64_t *count, struct rift_bytes *section)
{
    uint64_t length = 0;
    const unsigned char *data = NULL;
    if (!rift_bytes_varint(bytes, count) || !rift_bytes_varint(bytes, &length) ||
        !rift_bytes_take(bytes, length, &data))
        return false;
    *section = (struct rift_bytes){data, data + length};
    return true;
}

static bool read_texts(struct rift_native_events *events, struct rift_bytes *bytes)
{
    uint64_t count = 0, length = 0;
    struct rift_bytes section;
    const unsigned char *chars = NULL;
    if (!read_section(bytes, &count, &section))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!rift_bytes_varint(&section, &length) || !rift_bytes_take(&section, length, &chars))
            return false;
        if (events->values.text_count == events->text_capacity) {
            events->text_capacity = events->text_capacity ? events->text_capacity * 2 : 64;
            events->texts =
                rift_reallocarray(events->texts, events->text_capacity, sizeof *events->texts);
            events->values.texts = events->texts;
        }
        events->texts[events->values.text_count++] =
            rift_value_text(events->values.values, (const char *)chars, length).bits >>
            RIFT_TAG_BITS;
    }
    return section.at == section.end;
}

static bool read_names(struct rift_native_events *events, struct rift_bytes *bytes,
                       struct rift_name_table *table)
{
    uint64_t count = 0, length = 0;
    struct rift_bytes section;
    const unsigned char *chars = NULL;
    if (!read_section(bytes, &count, &section))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!rift_bytes_varint(&section, &length) || !rift_bytes_take(&section, length, &chars) ||
            length == 0 || memchr(chars, '\0', length))
            return false;
        char *name CLEANUP(rift_free) = rift_strndup((const char *)chars, length);
        size_t known = table->names.count ? table->names.count : 1;
        if (rift_name_table_intern(table, &events->history->texts, name) != (int32_t)known)
            return false;
    }
    return section.at == section.end;
}

static bool read_keys(struct rift_native_events *events, struct rift_bytes *bytes)
{
    uint64_t count = 0;
    struct rift_bytes section;
    struct rift_value key;
    if (!read_section(bytes, &count, &section))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        size_t known = events->keys.count ? events->keys.count : 1;
        if (!rift_block_read_stream_value(&events->values, &section, &key) ||
            rift_key_table_intern(&events->keys, events->values.values, key) != known)
            return false;
    }
    return section.at == section.end;
}

/* A column and its stream of boxes. */
static bool read_column(struct rift_bytes *bytes, size_t count, struct rift_column *column,
                        struct rift_bytes *boxes)
{
    uint64_t length = 0;
    const unsigned char *data = NULL;
    if (!rift_bytes_column(bytes, count, column) || !rift_bytes_varint(bytes, &length) ||
        !rift_bytes_take(bytes, length, &data))
        return false;
    *boxes = (struct rift_bytes){data, data + length};
    return true;
}

/* A column of numbers, each at most most. */
static bool read_packed(struct rift_bytes *bytes, size_t count, uint64_t most,
                        struct rift_column *column)
{
    struct rift_bytes boxes;
    return read_column(bytes, count, column, &boxes) && boxes.at == boxes.end &&
           rift_column_is_within(column, count, most);
}

static bool read_numbers(struct rift_bytes *bytes, size_t count, uint64_t *numbers, uint64_t most)
{
    struct rift_column column;
    if (!read_packed(bytes, count, most, &column))
        return false;
    rift_column_unpack(&column, count, numbers);
    return true;
}

/* A column of nothing but zeros. */
static bool is_zero(const struct rift_column *column)
{
    return column->width == 0 && column->least == 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t last_of(size_t count)
{
    return count ? count - 1 : 0;
}

static bool read_values(struct rift_native_events *events, struct rift_bytes *bytes, size_t count,
                        uint64_t *words)
{
    struct rift_column column;
    struct rift_bytes boxes;
    if (!read_column(bytes, count, &column, &boxes))
        return false;
    rift_column_unpack(&column, count, words);
    for (size_t i = 0; i < count; i++) {
        struct rift_value value = {words[i]};
        unsigned tag = rift_value_tag(value);
        if (tag == RIFT_INTEGER || tag == RIFT_TAG_SMALL_PAIR || words[i] == 0)
            continue;
        if (!rift_block_read_value(&events->values, &boxes, words[i], &value))
            return false;
        words[i] = value.bits;
    }
    return boxes.at == boxes.end;
}

static bool read_processes(struct rift_bytes *bytes, size_t count, int32_t *processes)
{
    struct rift_column column;
    struct rift_bytes boxes;
    if (!read_column(bytes, count, &column, &boxes) || boxes.at != boxes.end)
        return false;
    const struct rift_column above = {column.data, column.least - (uint64_t)INT32_MIN,
                                      column.width};
    if (!rift_column_is_within(&above, count, UINT32_MAX))
        return false;
    rift_column_unpack_32(&column, count, (uint32_t *)processes);
    return true;
}

/* first: the time from which the first distance counts. */
static bool read_invocations(struct rift_native_events *events, struct rift_bytes *bytes,
                             size_t count, int64_t first)
{
    struct rift_ops *ops = &events->history->ops;
    size_t row = events->row_count;
    struct rift_column column;
    uint64_t time = (uint64_t)first;
    if (!read_numbers(bytes, count, (uint64_t *)ops->start + row, UINT64_MAX))
        return false;
    for (size_t i = row; i < row + count; i++)
        ops->start[i] = (int64_t)(time += (uint64_t)ops->start[i]);
    if (!read_processes(bytes, count, ops->process + row) ||
        !read_packed(bytes, count, last_of(events->names.names.count), &column))
        return false;
    rift_column_unpack_16(&column, count, ops->f + row);
    if (!read_packed(bytes, count, last_of(events->nodes.names.count), &column))
        return false;
    if (!events->has_blank_rows || !is_zero(&column))
        rift_column_unpack_16(&column, count, ops->node + row);
    if (!read_packed(bytes, count, last_of(events->keys.count), &column))
        return false;
    if (!events->has_blank_rows || !is_zero(&column))
        rift_column_unpack_32(&column, count, ops->key + row);
    if (!read_values(events, bytes, count, (uint64_t *)(void *)(ops->argument + row)))
        return false;
    for (size_t i = row; i < row + count; i++) {
        ops->end[i] = RIFT_TIME_NEVER;
        ops->result[i] = RIFT_VALUE_NIL;
    }
    if (!events->has_blank_rows)
        memset(ops->error + row, 0, count * sizeof *ops->error);
    memset(ops->type + row, RIFT_OP_OPEN, count * sizeof *ops->type);
    events->row_count += count;
    return true;
}

/* The numbers of operations become rows: those from first_id on stand after the open ones. */
static bool rows_of_ids(const struct rift_native_events *events, size_t count, uint64_t *ids)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] >= events->first_id) {
            ids[i] = ids[i] - events->first_id + events->open_count;
            continue;
        }
        const uint64_t *open = events->open_count
                                   ? bsearch(&ids[i], events->open_ids, events->open_count,
                                             sizeof *events->open_ids, compare_ids)
                                   : NULL;
        if (!open)
            return false; /* completed twice */
        ids[i] = (uint64_t)(open - events->open_ids);
    }
    return true;
}

/* Exact starts and ends. */
static bool read_intervals(struct rift_native_events *events, struct rift_bytes *bytes,
                           size_t count, int64_t first)
{
    struct rift_ops *ops = &events->history->ops;
    const uint64_t *ids = events->scratch_ids;
    uint64_t *taken = events->scratch, time = (uint64_t)first;
    if (!read_numbers(bytes, count, taken, UINT64_MAX))
        return false;
    for (size_t i = 0; i < count; i++)
        ops->start[ids[i]] = (int64_t)(time += taken[i]);
    if (!read_numbers(bytes, count, taken, INT64_MAX))
        return false;
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(ops->start[ids[i]], (int64_t)taken[i], &ops->end[ids[i]]))
            return false;
    return true;
}

static bool read_completions(struct rift_native_events *events, struct rift_bytes *bytes,
                             size_t count, int64_t first)
{
    struct rift_ops *ops = &events->history->ops;
    struct rift_column column;
    uint64_t *ids = events->scratch_ids;
    uint8_t *types = (uint8_t *)events->scratch;
    uint64_t id_count = events->first_id + events->row_count - events->open_count;
    if ((count && id_count == 0) || !read_numbers(bytes, count, ids, last_of(id_count)) ||
        (events->first_id && !rows_of_ids(events, count, ids)) ||
        !read_packed(bytes, count, RIFT_OP_INFO, &column))
        return false;
    rift_column_unpack_8(&column, count, types);
    for (size_t i = 0; i < count; i++) {
        if (ops->type[ids[i]] != RIFT_OP_OPEN)
            return false; /* completed twice */
        ops->type[ids[i]] = types[i];
    }
    if (!read_intervals(events, bytes, count, first) ||
        !read_packed(bytes, count, last_of(events->errors.names.count), &column))
        return false;
    if (!is_zero(&column)) {
        uint16_t *errors = (uint16_t *)events->scratch;
        rift_column_unpack_16(&column, count, errors);
        for (size_t i = 0; i < count; i++)
            ops->error[ids[i]] = errors[i];
    }
    if (!read_values(events, bytes, count, events->scratch))
        return false;
    for (size_t i = 0; i < count; i++)
        ops->result[ids[i]].bits = events->scratch[i];
    return true;
}

/* Further keys are a map, where there are any. */
static bool read_extras(struct rift_native_events *events, struct rift_bytes *bytes, size_t count,
                        uint64_t *words)
{
    if (!read_values(events, bytes, count, words))
        return false;
    for (size_t i = 0; i < count; i++)
        if (words[i] != 0 && (words[i] & RIFT_TAG_MASK) != RIFT_MAP)
            return false;
    return true;
}

static bool read_optional(struct rift_native_events *events, struct rift_bytes *bytes,
                          const struct rift_block_header *header)
{
    struct rift_ops *ops = &events->history->ops;
    size_t row = events->row_count - header->invoke_count;
    if (!ops->time_start) {
        rift_ops_add_times(ops, events->row_capacity);
        rift_ops_add_extras(ops, events->row_capacity);
    }
    if (!read_numbers(bytes, header->invoke_count, events->scratch, UINT64_MAX))
        return false;
    for (size_t i = 0; i < header->invoke_count; i++) {
        ops->time_start[row + i] = (int64_t)events->scratch[i];
        events->has_times |= ops->time_start[row + i] != RIFT_TIME_NEVER;
    }
    if (!read_extras(events, bytes, header->invoke_count, events->scratch))
        return false;
    for (size_t i = 0; i < header->invoke_count; i++) {
        ops->extra_start[row + i].bits = events->scratch[i];
        events->has_extras |= events->scratch[i] != 0;
    }
    if (!read_numbers(bytes, header->complete_count, events->scratch, UINT64_MAX))
        return false;
    for (size_t i = 0; i < header->complete_count; i++) {
        ops->time_end[events->scratch_ids[i]] = (int64_t)events->scratch[i];
        events->has_times |= (int64_t)events->scratch[i] != RIFT_TIME_NEVER;
    }
    if (!read_extras(events, bytes, header->complete_count, events->scratch))
        return false;
    for (size_t i = 0; i < header->complete_count; i++) {
        ops->extra_end[events->scratch_ids[i]].bits = events->scratch[i];
        events->has_extras |= events->scratch[i] != 0;
    }
    return true;
}

void rift_native_events_init(struct rift_native_events *events, struct rift_history *history,
                             size_t row_capacity, size_t longest_column)
{
    *events = (struct rift_native_events){
        .history = history, .row_capacity = row_capacity, .values.values = history->values};
    rift_ops_resize(&history->ops, row_capacity);
    events->scratch = rift_reallocarray(NULL, longest_column, 2 * sizeof *events->scratch);
    events->scratch_ids = events->scratch + longest_column;
}

void rift_native_events_blank_rows(struct rift_native_events *events)
{
    struct rift_ops *ops = &events->history->ops;
    free(ops->key);
    free(ops->error);
    free(ops->node);
    ops->key = rift_calloc(events->row_capacity, sizeof *ops->key);
    ops->error = rift_calloc(events->row_capacity, sizeof *ops->error);
    ops->node = rift_calloc(events->row_capacity, sizeof *ops->node);
    events->has_blank_rows = true;
}

bool rift_native_events_read(struct rift_native_events *events,
                             const struct rift_block_header *header, struct rift_bytes payload)
{
    struct rift_bytes *bytes = &payload;
    uint64_t has_optional = 0, first_time = 0, first_completion = 0;
    return rift_bytes_varint(bytes, &has_optional) && has_optional <= 1 &&
           read_texts(events, bytes) && read_names(events, bytes, &events->names) &&
           read_names(events, bytes, &events->errors) &&
           read_names(events, bytes, &events->nodes) && read_keys(events, bytes) &&
           rift_bytes_varint(bytes, &first_time) && rift_bytes_varint(bytes, &first_completion) &&
           read_invocations(events, bytes, header->invoke_count, rift_unzigzag(first_time)) &&
           read_completions(events, bytes, header->complete_count,
                            rift_unzigzag(first_completion)) &&
           (!has_optional || read_optional(events, bytes, header)) && bytes->at == bytes->end;
}

void rift_native_events_complete(struct rift_native_events *events)
{
    struct rift_history *history = events->history;
    history->ops.count = events->row_count;
    for (size_t i = 0; i < events->row_count; i++)
        if (history->ops.type[i] == RIFT_OP_OPEN)
            history->ops.type[i] = RIFT_OP_INFO;
    history->names = rift_name_table_take(&events->names);
    history->errors = rift_name_table_take(&events->errors);
    history->nodes = rift_name_table_take(&events->nodes);
    history->keys = rift_key_table_take(&events->keys, &history->key_count);
    if (!events->has_times)
        rift_ops_drop_times(&history->ops);
    if (!events->has_extras)
        rift_ops_drop_extras(&history->ops);
    rift_ops_move_nemesis(&history->ops, &history->nemesis);
    rift_ops_sort(&history->ops);
    rift_ops_sort(&history->nemesis);
}

void rift_native_events_finish(struct rift_native_events *events)
{
    rift_name_table_finish(&events->names);
    rift_name_table_finish(&events->errors);
    rift_name_table_finish(&events->nodes);
    rift_key_table_finish(&events->keys);
    rift_value_stack_finish(&events->values.stack);
    free(events->texts);
    free(events->scratch);
    free(events->open_ids);
}
