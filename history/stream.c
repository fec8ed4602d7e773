/* A window over the rows: the operations that are open, then those that the block invokes. What the
 * block completed leaves the window and is the part. */
#include "history/stream.h"

#include <stdlib.h>

#include "common/memory.h"
#include "history/import/native_events.h"
#include "history/import/native_file.h"
#include "history/import/source.h"
#include "history/ops.h"

enum {
    WORDS_KEPT = 1 << 20, /* of values, before those that nobody needs any more are dropped */
    OPEN_ROWS_EXPECTED = 1024,
};

struct rift_stream {
    struct rift_source source;
    struct rift_native_file file;
    struct rift_native_events events;
    struct rift_history *window;
    struct rift_history part; /* its names, keys and values are the window's */
    size_t capacity;          /* rows of the window, and of operations in a part */
    size_t nemesis_capacity, open_capacity;
    size_t *picked; /* capacity row numbers */
    struct rift_values *kept;
    size_t words_needed; /* words of values that were still needed, the last time */
    size_t op_count;
    int64_t last_ns;
    bool is_at_end;
};

static int stream_start(struct rift_stream *stream, struct rift_error *err)
{
    if (rift_native_file_open(&stream->file, &stream->source, stream->window, err) != 0)
        return -1;
    stream->capacity = stream->file.longest_column + OPEN_ROWS_EXPECTED;
    rift_native_events_init(&stream->events, stream->window, stream->capacity,
                            stream->file.longest_column);
    rift_ops_resize(&stream->part.ops, stream->capacity);
    stream->picked = rift_reallocarray(NULL, stream->capacity, sizeof *stream->picked);
    stream->part.format = stream->window->format;
    stream->part.model = stream->window->model;
    stream->part.time_kind = stream->window->time_kind;
    stream->part.values = stream->window->values;
    return 0;
}

int rift_stream_open(const char *path, struct rift_stream **stream, struct rift_error *err)
{
    *stream = NULL;
    struct rift_source source;
    if (rift_source_open(&source, path, err) != 0)
        return -1;
    if (!rift_native_file_recognise(&source)) {
        rift_source_close(&source);
        return 0;
    }
    struct rift_stream *opened = rift_calloc(1, sizeof *opened);
    opened->source = source;
    opened->window = rift_calloc(1, sizeof *opened->window);
    opened->window->values = rift_values_create();
    opened->kept = rift_values_create();
    if (stream_start(opened, err) != 0) {
        rift_stream_close(opened);
        return -1;
    }
    *stream = opened;
    return 0;
}

static void reserve_rows(struct rift_stream *stream, size_t count)
{
    if (count <= stream->capacity)
        return;
    stream->capacity = 2 * count;
    stream->events.row_capacity = stream->capacity;
    rift_ops_resize(&stream->window->ops, stream->capacity);
    rift_ops_resize(&stream->part.ops, stream->capacity);
    stream->picked = rift_reallocarray(stream->picked, stream->capacity, sizeof *stream->picked);
}

/* Not every block fills in the optional columns. */
static void clear_optional(struct rift_ops *ops, size_t first, size_t end)
{
    for (size_t i = first; ops->time_start && i < end; i++)
        ops->time_start[i] = ops->time_end[i] = RIFT_TIME_NEVER;
    for (size_t i = first; ops->extra_start && i < end; i++)
        ops->extra_start[i] = ops->extra_end[i] = RIFT_VALUE_NIL;
}

/* Copies every value that outlives the block into another pool. */
static void copy_values(struct rift_stream *stream, struct rift_values *to,
                        const struct rift_values *from)
{
    struct rift_ops *ops = &stream->window->ops;
    struct rift_key_table *keys = &stream->events.keys;
    for (size_t i = 0; i < keys->count; i++)
        keys->keys[i] = rift_value_copy(to, from, keys->keys[i]);
    for (size_t i = 0; i < ops->count; i++) {
        ops->argument[i] = rift_value_copy(to, from, ops->argument[i]);
        if (ops->extra_start)
            ops->extra_start[i] = rift_value_copy(to, from, ops->extra_start[i]);
    }
}

/* Texts stay, so that they keep their numbers; boxes that nobody needs any more go. */
static void drop_values(struct rift_stream *stream)
{
    struct rift_values *values = stream->window->values;
    if (values->word_count < 2 * stream->words_needed + WORDS_KEPT)
        return;
    rift_values_reset(stream->kept);
    copy_values(stream, stream->kept, values);
    values->word_count = 0;
    copy_values(stream, values, stream->kept);
    stream->words_needed = values->word_count;
}

/* The open operations of the window, which are its rows from now on, keep their numbers. */
static void note_open(struct rift_stream *stream)
{
    struct rift_native_events *events = &stream->events;
    const struct rift_ops *ops = &stream->window->ops;
    size_t count = 0;
    for (size_t row = 0; row < ops->count; row++) {
        if (ops->type[row] != RIFT_OP_OPEN)
            continue;
        if (count == stream->open_capacity) {
            stream->open_capacity = 2 * count + OPEN_ROWS_EXPECTED;
            events->open_ids =
                rift_reallocarray(events->open_ids, stream->open_capacity, sizeof(uint64_t));
        }
        events->open_ids[count++] = row < events->open_count
                                        ? events->open_ids[row]
                                        : events->first_id + row - events->open_count;
    }
    events->first_id += ops->count - events->open_count;
    events->open_count = count;
}

/* Rows of completed operations, of clients or of the nemesis. */
static size_t pick_completed(struct rift_stream *stream, bool is_nemesis)
{
    const struct rift_ops *ops = &stream->window->ops;
    size_t count = 0;
    for (size_t row = 0; row < ops->count; row++) {
        stream->picked[count] = row;
        count += ops->type[row] != RIFT_OP_OPEN &&
                 (ops->process[row] == RIFT_PROCESS_NEMESIS) == is_nemesis;
    }
    return count;
}

static void add_optional(const struct rift_ops *like, struct rift_ops *ops, size_t capacity)
{
    if (!like->time_start || ops->time_start)
        return;
    rift_ops_add_times(ops, capacity);
    rift_ops_add_extras(ops, capacity);
}

static void fill_part(struct rift_stream *stream)
{
    struct rift_ops *window = &stream->window->ops;
    struct rift_history *part = &stream->part;
    size_t fault_count = pick_completed(stream, true);
    if (fault_count > stream->nemesis_capacity) {
        stream->nemesis_capacity = 2 * fault_count;
        rift_ops_resize(&part->nemesis, stream->nemesis_capacity);
    }
    add_optional(window, &part->nemesis, stream->nemesis_capacity);
    add_optional(window, &part->ops, stream->capacity);
    rift_ops_move(window, stream->picked, fault_count, &part->nemesis);
    rift_ops_move(window, stream->picked, pick_completed(stream, false), &part->ops);
    stream->op_count += part->ops.count;
    int64_t client = rift_ops_last_moment(&part->ops);
    int64_t fault = rift_ops_last_moment(&part->nemesis);
    stream->last_ns = client > stream->last_ns ? client : stream->last_ns;
    stream->last_ns = fault > stream->last_ns ? fault : stream->last_ns;
}

/* Index 0 is there even before the first name. */
static struct rift_names names_of(const struct rift_name_table *table)
{
    static const char *none[] = {""};
    return table->names.count ? table->names : (struct rift_names){1, none};
}

static void show_tables(struct rift_stream *stream)
{
    static struct rift_value no_key[] = {{0}};
    struct rift_native_events *events = &stream->events;
    struct rift_history *part = &stream->part;
    part->names = names_of(&events->names);
    part->errors = names_of(&events->errors);
    part->nodes = names_of(&events->nodes);
    part->keys = events->keys.count ? events->keys.keys : no_key;
    part->key_count = events->keys.count ? events->keys.count : 1;
}

/* What never completed; the window is empty afterwards. */
static void end_window(struct rift_stream *stream)
{
    struct rift_ops *ops = &stream->window->ops;
    stream->is_at_end = true;
    for (size_t row = 0; row < ops->count; row++)
        ops->type[row] = RIFT_OP_INFO;
    fill_part(stream);
    stream->part.is_truncated = stream->window->is_truncated;
    stream->part.cut_at_byte = stream->window->cut_at_byte;
}

static int read_block(struct rift_stream *stream, const struct rift_block_header *header,
                      struct rift_bytes payload, struct rift_error *err)
{
    struct rift_native_events *events = &stream->events;
    struct rift_ops *ops = &stream->window->ops;
    drop_values(stream);
    size_t end = events->open_count + header->invoke_count;
    reserve_rows(stream, end);
    clear_optional(ops, events->open_count, end);
    events->row_count = events->open_count;
    if (!rift_native_events_read(events, header, payload))
        return rift_native_file_refuse(&stream->file, err);
    ops->count = end;
    note_open(stream);
    fill_part(stream);
    return 0;
}

int rift_stream_next(struct rift_stream *stream, const struct rift_history **part,
                     struct rift_error *err)
{
    const struct rift_block_header *header;
    struct rift_bytes payload;
    *part = &stream->part;
    stream->part.ops.count = stream->part.nemesis.count = 0;
    while (!stream->is_at_end && stream->part.ops.count + stream->part.nemesis.count == 0) {
        int more = rift_native_file_next(&stream->file, &header, &payload, err);
        if (more < 0 || (more > 0 && read_block(stream, header, payload, err) != 0))
            return -1;
        if (more == 0)
            end_window(stream);
    }
    show_tables(stream);
    return stream->part.ops.count + stream->part.nemesis.count > 0;
}

struct rift_reach rift_stream_reach(const struct rift_stream *stream)
{
    return (struct rift_reach){.cut_at_byte = stream->window->cut_at_byte,
                               .op_count = stream->op_count,
                               .has_time = stream->window->time_kind == RIFT_TIME_NS,
                               .last_ns = stream->last_ns};
}

void rift_stream_close(struct rift_stream *stream)
{
    if (!stream)
        return;
    rift_native_events_finish(&stream->events);
    rift_native_file_close(&stream->file);
    rift_history_destroy(stream->window);
    rift_ops_finish(&stream->part.ops);
    rift_ops_finish(&stream->part.nemesis);
    rift_values_destroy(stream->kept);
    rift_source_close(&stream->source);
    free(stream->picked);
    free(stream);
}
