/* Our own file: blocks of columns, see history/block.h.
 *
 * The first pass walks the block headers, so that the columns of the history are allocated once;
 * the second checks and unpacks the blocks. What is broken at the end of the file is a torn tail,
 * which is cut; what is broken before an intact block is damage, and an error. */
#include "history/import/native.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "common/memory.h"
#include "history/block.h"
#include "history/block_values.h"
#include "history/ops.h"

/* The type of an operation until its completion is read. */
enum { TYPE_OPEN = 255 };

struct native_block {
    struct rift_block_header header;
    const unsigned char *payload;
    size_t offset; /* of the header in the file */
};

struct native {
    const struct rift_source *source;
    const struct rift_read_options *options;
    struct rift_history *history;
    struct native_block *blocks;
    size_t block_count, block_capacity;
    size_t row_capacity; /* invocations that the headers promise */
    size_t row_count;
    bool has_end, has_times, has_extras;
    struct rift_name_table names, errors, nodes;
    struct rift_key_table keys;
    uint64_t *texts;
    size_t text_capacity;
    struct rift_value_reader values;
    ZSTD_DCtx *unpacker;
    unsigned char *raw;
    size_t raw_capacity;
    size_t longest_column;           /* that the headers promise */
    uint64_t *scratch, *scratch_ids; /* as many numbers each */
};

static int native_fail(const struct native *native, size_t offset, const char *what,
                       struct rift_error *err)
{
    return rift_fail(err, RIFT_ERR_INVALID, "%s: damaged at byte %zu: %s", native->source->name,
                     offset, what);
}

/* A header at this place that can be believed, with its payload inside the file. */
static bool block_at(const struct rift_source *source, size_t offset, struct native_block *block)
{
    if (source->length < sizeof block->header || offset > source->length - sizeof block->header)
        return false;
    memcpy(&block->header, source->data + offset, sizeof block->header);
    const struct rift_block_header *header = &block->header;
    if (header->magic != RIFT_BLOCK_MAGIC ||
        header->header_check != rift_block_header_check(header))
        return false;
    block->offset = offset;
    block->payload = (const unsigned char *)source->data + offset + sizeof *header;
    return header->stored_bytes <= source->length - offset - sizeof *header;
}

static bool is_intact(const struct native_block *block)
{
    return XXH3_64bits(block->payload, block->header.stored_bytes) == block->header.checksum;
}

static bool has_intact_block_from(const struct rift_source *source, size_t offset)
{
    static const uint32_t magic = RIFT_BLOCK_MAGIC;
    while (offset < source->length) {
        const char *found =
            memmem(source->data + offset, source->length - offset, &magic, sizeof magic);
        if (!found)
            return false;
        struct native_block block;
        offset = (size_t)(found - source->data);
        if (block_at(source, offset, &block) && is_intact(&block))
            return true;
        offset++;
    }
    return false;
}

static int cut_or_fail(struct native *native, size_t offset, size_t search_from, const char *what,
                       struct rift_error *err)
{
    if (has_intact_block_from(native->source, search_from))
        return native_fail(native, offset, what, err);
    native->history->is_truncated = true;
    return 0;
}

/* The meta text: what the times are, and the model of an imported history. */
static int read_meta(struct native *native, const char *text, size_t length, struct rift_error *err)
{
    json_t *meta = json_loadb(text, length, 0, NULL);
    const char *time = json_string_value(json_object_get(meta, "time"));
    const char *model = json_string_value(json_object_get(meta, "model"));
    int failed = 0;
    if (time && strcmp(time, "lines") == 0)
        native->history->time_kind = RIFT_TIME_LINES;
    else if (!time || strcmp(time, "ns") != 0)
        failed = native_fail(native, sizeof(struct rift_file_header), "the meta text", err);
    if (model)
        native->history->model = rift_arena_strdup(&native->history->texts, model);
    json_decref(meta);
    return failed;
}

/* Whether the file starts as ours do, as far as it goes: it may be cut. */
static bool has_magic(const struct rift_source *source)
{
    size_t length = sizeof(RIFT_FILE_MAGIC) - 1;
    return memcmp(source->data, RIFT_FILE_MAGIC,
                  length < source->length ? length : source->length) == 0;
}

/* Sets first to the offset of the first block. */
static int read_file_header(struct native *native, size_t *first, struct rift_error *err)
{
    const struct rift_source *source = native->source;
    struct rift_file_header header;
    *first = source->length;
    if (!has_magic(source))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "%s: not a history.rift: it does not start with '%s'", source->name,
                         RIFT_FILE_MAGIC);
    if (source->length < sizeof header)
        return cut_or_fail(native, 0, 0, "the file header", err);
    memcpy(&header, source->data, sizeof header);
    if (header.version != RIFT_FILE_VERSION)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "%s: version %" PRIu32 " of the format; this build reads version %d",
                         source->name, header.version, RIFT_FILE_VERSION);
    if (header.meta_bytes > source->length - sizeof header)
        return cut_or_fail(native, 0, 0, "the file header", err);
    const char *meta = source->data + sizeof header;
    if (XXH3_64bits(meta, header.meta_bytes) != header.checksum)
        return native_fail(native, 0, "the file header", err);
    *first = sizeof header + header.meta_bytes;
    return read_meta(native, meta, header.meta_bytes, err);
}

static int check_header(const struct native *native, const struct native_block *block,
                        struct rift_error *err)
{
    const struct rift_block_header *header = &block->header;
    if (header->number != native->block_count)
        return native_fail(native, block->offset, "a block is missing before this one", err);
    if (header->kind != RIFT_BLOCK_EVENTS && header->kind != RIFT_BLOCK_END)
        return native_fail(native, block->offset, "a block of an unknown kind", err);
    if (header->compression > RIFT_BLOCK_ZSTD || header->raw_bytes > RIFT_BLOCK_BYTES_MAX ||
        header->invoke_count > RIFT_BLOCK_ROWS_MAX || header->complete_count > RIFT_BLOCK_ROWS_MAX)
        return native_fail(native, block->offset, "a block beyond the format's limits", err);
    return 0;
}

static int walk_headers(struct native *native, size_t offset, struct rift_error *err)
{
    const struct rift_source *source = native->source;
    while (offset < source->length) {
        struct native_block block;
        if (native->has_end)
            return native_fail(native, offset, "bytes after the end mark", err);
        if (!block_at(source, offset, &block))
            return cut_or_fail(native, offset, offset + 1, "not a block", err);
        if (check_header(native, &block, err) != 0)
            return -1;
        if (native->block_count == native->block_capacity) {
            native->block_capacity = native->block_capacity ? native->block_capacity * 2 : 64;
            native->blocks =
                rift_reallocarray(native->blocks, native->block_capacity, sizeof *native->blocks);
        }
        native->blocks[native->block_count++] = block;
        native->row_capacity += block.header.invoke_count;
        size_t longer = block.header.invoke_count > block.header.complete_count
                            ? block.header.invoke_count
                            : block.header.complete_count;
        if (native->longest_column < longer)
            native->longest_column = longer;
        native->has_end = block.header.kind == RIFT_BLOCK_END;
        offset += sizeof block.header + block.header.stored_bytes;
    }
    return 0;
}

static int unpack_payload(struct native *native, const struct native_block *block,
                          struct rift_bytes *bytes, struct rift_error *err)
{
    const struct rift_block_header *header = &block->header;
    *bytes = (struct rift_bytes){block->payload, block->payload + header->stored_bytes};
    if (header->compression == RIFT_BLOCK_PLAIN)
        return 0;
    if (native->raw_capacity < header->raw_bytes) {
        free(native->raw);
        native->raw = rift_malloc(header->raw_bytes);
        native->raw_capacity = header->raw_bytes;
    }
    size_t length = ZSTD_decompressDCtx(native->unpacker, native->raw, header->raw_bytes,
                                        block->payload, header->stored_bytes);
    if (ZSTD_isError(length) || length != header->raw_bytes)
        return native_fail(native, block->offset, "the compressed payload", err);
    *bytes = (struct rift_bytes){native->raw, native->raw + length};
    return 0;
}

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

static bool read_texts(struct native *native, struct rift_bytes *bytes)
{
    uint64_t count = 0, length = 0;
    struct rift_bytes section;
    const unsigned char *chars = NULL;
    if (!read_section(bytes, &count, &section))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!rift_bytes_varint(&section, &length) || !rift_bytes_take(&section, length, &chars))
            return false;
        if (native->values.text_count == native->text_capacity) {
            native->text_capacity = native->text_capacity ? native->text_capacity * 2 : 64;
            native->texts =
                rift_reallocarray(native->texts, native->text_capacity, sizeof *native->texts);
            native->values.texts = native->texts;
        }
        native->texts[native->values.text_count++] =
            rift_value_text(native->values.values, (const char *)chars, length).bits >>
            RIFT_TAG_BITS;
    }
    return section.at == section.end;
}

static bool read_names(struct native *native, struct rift_bytes *bytes,
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
        if (rift_name_table_intern(table, &native->history->texts, name) != (int32_t)known)
            return false;
    }
    return section.at == section.end;
}

static bool read_keys(struct native *native, struct rift_bytes *bytes)
{
    uint64_t count = 0;
    struct rift_bytes section;
    struct rift_value key;
    if (!read_section(bytes, &count, &section))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        size_t known = native->keys.count ? native->keys.count : 1;
        if (!rift_block_read_stream_value(&native->values, &section, &key) ||
            rift_key_table_intern(&native->keys, native->values.values, key) != known)
            return false;
    }
    return section.at == section.end;
}

/* A column and its stream of boxes; the numbers go to scratch. */
static bool read_column(struct rift_bytes *bytes, size_t count, uint64_t *scratch,
                        struct rift_bytes *boxes)
{
    struct rift_column column;
    uint64_t length = 0;
    const unsigned char *data = NULL;
    if (!rift_bytes_column(bytes, count, &column) || !rift_bytes_varint(bytes, &length) ||
        !rift_bytes_take(bytes, length, &data))
        return false;
    *boxes = (struct rift_bytes){data, data + length};
    rift_column_unpack(&column, count, scratch);
    return true;
}

/* A column of numbers, each at most most. */
static bool read_numbers(struct rift_bytes *bytes, size_t count, uint64_t *scratch, uint64_t most)
{
    struct rift_bytes boxes;
    if (!read_column(bytes, count, scratch, &boxes) || boxes.at != boxes.end)
        return false;
    uint64_t largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = scratch[i] > largest ? scratch[i] : largest;
    return largest <= most;
}

static bool read_values(struct native *native, struct rift_bytes *bytes, size_t count)
{
    struct rift_bytes boxes;
    uint64_t *words = native->scratch;
    if (!read_column(bytes, count, words, &boxes))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct rift_value value = {words[i]};
        unsigned tag = rift_value_tag(value);
        if (tag == RIFT_INTEGER || tag == RIFT_TAG_SMALL_PAIR || words[i] == 0)
            continue;
        if (!rift_block_read_value(&native->values, &boxes, words[i], &value))
            return false;
        words[i] = value.bits;
    }
    return boxes.at == boxes.end;
}

#define SPREAD(column, type)                                                                       \
    for (size_t i = 0; i < count; i++)                                                             \
        (column)[i] = (type)native->scratch[i];

/* first: the time from which the first distance counts. */
static bool read_invocations(struct native *native, struct rift_bytes *bytes, size_t count,
                             int64_t first)
{
    struct rift_ops *ops = &native->history->ops;
    size_t row = native->row_count;
    struct rift_bytes boxes;
    uint64_t time = (uint64_t)first;
    if (!read_numbers(bytes, count, native->scratch, UINT64_MAX))
        return false;
    for (size_t i = 0; i < count; i++)
        ops->start[row + i] = (int64_t)(time += native->scratch[i]);
    if (!read_column(bytes, count, native->scratch, &boxes))
        return false;
    uint64_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        ops->process[row + i] = (int32_t)native->scratch[i];
        wrong |= (uint64_t)(int64_t)ops->process[row + i] ^ native->scratch[i];
    }
    size_t name_count = native->names.names.count, node_count = native->nodes.names.count;
    if (wrong || !read_numbers(bytes, count, native->scratch, name_count ? name_count - 1 : 0))
        return false;
    SPREAD(ops->f + row, uint16_t)
    if (!read_numbers(bytes, count, native->scratch, node_count ? node_count - 1 : 0))
        return false;
    SPREAD(ops->node + row, uint16_t)
    if (!read_numbers(bytes, count, native->scratch,
                      native->keys.count ? native->keys.count - 1 : 0))
        return false;
    SPREAD(ops->key + row, uint32_t)
    if (!read_values(native, bytes, count))
        return false;
    memcpy(ops->argument + row, native->scratch, count * sizeof *native->scratch);
    for (size_t i = row; i < row + count; i++) {
        ops->end[i] = RIFT_TIME_NEVER;
        ops->result[i] = RIFT_VALUE_NIL;
    }
    memset(ops->error + row, 0, count * sizeof *ops->error);
    memset(ops->type + row, TYPE_OPEN, count * sizeof *ops->type);
    native->row_count += count;
    return true;
}

static bool read_completions(struct native *native, struct rift_bytes *bytes, size_t count,
                             int64_t first)
{
    struct rift_ops *ops = &native->history->ops;
    uint64_t *ids = native->scratch_ids;
    uint64_t time = (uint64_t)first;
    if (!read_numbers(bytes, count, ids, native->row_count ? native->row_count - 1 : 0) ||
        (count && native->row_count == 0) ||
        !read_numbers(bytes, count, native->scratch, RIFT_OP_INFO))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (ops->type[ids[i]] != TYPE_OPEN)
            return false; /* completed twice */
        ops->type[ids[i]] = (uint8_t)native->scratch[i];
    }
    if (!read_numbers(bytes, count, native->scratch, UINT64_MAX))
        return false;
    for (size_t i = 0; i < count; i++)
        ops->start[ids[i]] = (int64_t)(time += native->scratch[i]);
    if (!read_numbers(bytes, count, native->scratch, INT64_MAX))
        return false;
    for (size_t i = 0; i < count; i++) {
        int64_t start = ops->start[ids[i]];
        if (__builtin_add_overflow(start, (int64_t)native->scratch[i], &ops->end[ids[i]]))
            return false;
    }
    size_t error_count = native->errors.names.count;
    if (!read_numbers(bytes, count, native->scratch, error_count ? error_count - 1 : 0))
        return false;
    for (size_t i = 0; i < count; i++)
        ops->error[ids[i]] = (uint16_t)native->scratch[i];
    if (!read_values(native, bytes, count))
        return false;
    for (size_t i = 0; i < count; i++)
        ops->result[ids[i]].bits = native->scratch[i];
    return true;
}

static bool read_optional(struct native *native, struct rift_bytes *bytes,
                          const struct rift_block_header *header)
{
    struct rift_ops *ops = &native->history->ops;
    size_t row = native->row_count - header->invoke_count;
    if (!ops->time_start) {
        rift_ops_add_times(ops, native->row_capacity);
        rift_ops_add_extras(ops, native->row_capacity);
    }
    if (!read_numbers(bytes, header->invoke_count, native->scratch, UINT64_MAX))
        return false;
    for (size_t i = 0; i < header->invoke_count; i++) {
        ops->time_start[row + i] = (int64_t)native->scratch[i];
        native->has_times |= ops->time_start[row + i] != RIFT_TIME_NEVER;
    }
    if (!read_values(native, bytes, header->invoke_count))
        return false;
    for (size_t i = 0; i < header->invoke_count; i++) {
        ops->extra_start[row + i].bits = native->scratch[i];
        native->has_extras |= native->scratch[i] != 0;
    }
    if (!read_numbers(bytes, header->complete_count, native->scratch, UINT64_MAX))
        return false;
    for (size_t i = 0; i < header->complete_count; i++) {
        ops->time_end[native->scratch_ids[i]] = (int64_t)native->scratch[i];
        native->has_times |= (int64_t)native->scratch[i] != RIFT_TIME_NEVER;
    }
    if (!read_values(native, bytes, header->complete_count))
        return false;
    for (size_t i = 0; i < header->complete_count; i++) {
        ops->extra_end[native->scratch_ids[i]].bits = native->scratch[i];
        native->has_extras |= native->scratch[i] != 0;
    }
    return true;
}

static bool read_events(struct native *native, struct rift_bytes *bytes,
                        const struct rift_block_header *header)
{
    uint64_t has_optional = 0, first_time = 0, first_completion = 0;
    return rift_bytes_varint(bytes, &has_optional) && has_optional <= 1 &&
           read_texts(native, bytes) && read_names(native, bytes, &native->names) &&
           read_names(native, bytes, &native->errors) &&
           read_names(native, bytes, &native->nodes) && read_keys(native, bytes) &&
           rift_bytes_varint(bytes, &first_time) && rift_bytes_varint(bytes, &first_completion) &&
           read_invocations(native, bytes, header->invoke_count, rift_unzigzag(first_time)) &&
           read_completions(native, bytes, header->complete_count,
                            rift_unzigzag(first_completion)) &&
           (!has_optional || read_optional(native, bytes, header)) && bytes->at == bytes->end;
}

static int check_memory(const struct native *native, struct rift_error *err)
{
    uint64_t bound = native->options ? native->options->memory_bytes : 0;
    size_t needed =
        native->row_capacity * RIFT_OP_BYTES + rift_values_size_bytes(native->history->values);
    if (bound && needed > bound)
        return rift_fail(err, RIFT_ERR_LIMIT,
                         "%s: %zu operations need %zu MB of memory, more than the bound of %" PRIu64
                         " MB",
                         native->source->name, native->row_capacity, needed >> 20, bound >> 20);
    return 0;
}

static int read_blocks(struct native *native, struct rift_error *err)
{
    for (size_t i = 0; i < native->block_count; i++) {
        const struct native_block *block = &native->blocks[i];
        struct rift_bytes bytes;
        if (!is_intact(block)) {
            native->has_end = false;
            return cut_or_fail(native, block->offset, block->offset + 1, "the checksum", err);
        }
        if (block->header.kind == RIFT_BLOCK_END)
            return 0;
        if (unpack_payload(native, block, &bytes, err) != 0)
            return -1;
        if (!read_events(native, &bytes, &block->header))
            return native_fail(native, block->offset, "the content of a block", err);
        if (check_memory(native, err) != 0)
            return -1;
    }
    return 0;
}

static int read_all(struct native *native, struct rift_error *err)
{
    size_t first = 0;
    if (read_file_header(native, &first, err) != 0 || walk_headers(native, first, err) != 0 ||
        check_memory(native, err) != 0)
        return -1;
    if (native->row_capacity > UINT32_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "%s: more than %u operations", native->source->name,
                         UINT32_MAX);
    rift_ops_resize(&native->history->ops, native->row_capacity);
    native->scratch = rift_reallocarray(NULL, native->longest_column, 2 * sizeof *native->scratch);
    native->scratch_ids = native->scratch + native->longest_column;
    native->unpacker = ZSTD_createDCtx();
    return read_blocks(native, err);
}

static void native_finish(struct native *native)
{
    rift_name_table_finish(&native->names);
    rift_name_table_finish(&native->errors);
    rift_name_table_finish(&native->nodes);
    rift_key_table_finish(&native->keys);
    rift_value_stack_finish(&native->values.stack);
    ZSTD_freeDCtx(native->unpacker);
    free(native->blocks);
    free(native->texts);
    free(native->raw);
    free(native->scratch);
}

/* Faults go to their own table, rows into order, and columns that turned out empty away. */
static void native_complete(struct native *native)
{
    struct rift_history *history = native->history;
    history->ops.count = native->row_count;
    for (size_t i = 0; i < native->row_count; i++)
        if (history->ops.type[i] == TYPE_OPEN)
            history->ops.type[i] = RIFT_OP_INFO;
    history->is_truncated |= !native->has_end;
    history->names = rift_name_table_take(&native->names);
    history->errors = rift_name_table_take(&native->errors);
    history->nodes = rift_name_table_take(&native->nodes);
    history->keys = rift_key_table_take(&native->keys, &history->key_count);
    history->format = "rift";
    if (!native->has_times)
        rift_ops_drop_times(&history->ops);
    if (!native->has_extras)
        rift_ops_drop_extras(&history->ops);
    rift_ops_move_nemesis(&history->ops, &history->nemesis);
    rift_ops_sort(&history->ops);
    rift_ops_sort(&history->nemesis);
}

static struct rift_history *native_read(const struct rift_source *source,
                                        const struct rift_read_options *options,
                                        struct rift_error *err)
{
    struct native native = {.source = source, .options = options};
    native.history = rift_calloc(1, sizeof *native.history);
    native.history->values = rift_values_create();
    native.values.values = native.history->values;
    if (read_all(&native, err) != 0) {
        rift_history_destroy(native.history);
        native.history = NULL;
    } else {
        native_complete(&native);
    }
    native_finish(&native);
    return native.history;
}

static bool native_recognise(const struct rift_source *source)
{
    return source->length > 0 && has_magic(source);
}

const struct rift_importer rift_importer_native = {
    .format = "rift",
    .summary = "history.rift, the file that Rift itself writes",
    .recognise = native_recognise,
    .read = native_read,
};
