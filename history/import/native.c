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
#include "history/import/native_events.h"
#include "history/ops.h"

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
    size_t row_capacity, longest_column; /* that the headers promise */
    bool has_end;
    struct rift_native_events events;
    ZSTD_DCtx *unpacker; /* from the first compressed block on */
    unsigned char *raw;
    size_t raw_capacity;
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

static void cut(struct native *native, size_t offset)
{
    native->history->is_truncated = true;
    native->history->cut_at_byte = offset;
}

static int cut_or_fail(struct native *native, size_t offset, size_t search_from, const char *what,
                       struct rift_error *err)
{
    if (has_intact_block_from(native->source, search_from))
        return native_fail(native, offset, what, err);
    cut(native, offset);
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
    if (!native->unpacker)
        native->unpacker = ZSTD_createDCtx();
    size_t length = ZSTD_decompressDCtx(native->unpacker, native->raw, header->raw_bytes,
                                        block->payload, header->stored_bytes);
    if (ZSTD_isError(length) || length != header->raw_bytes)
        return native_fail(native, block->offset, "the compressed payload", err);
    *bytes = (struct rift_bytes){native->raw, native->raw + length};
    return 0;
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
        if (!rift_native_events_read(&native->events, &block->header, bytes))
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
    rift_native_events_init(&native->events, native->history, native->row_capacity,
                            native->longest_column);
    return read_blocks(native, err);
}

static struct rift_history *native_read(const struct rift_source *source,
                                        const struct rift_read_options *options,
                                        struct rift_error *err)
{
    struct native native = {.source = source, .options = options};
    struct rift_history *history = rift_calloc(1, sizeof *history);
    history->values = rift_values_create();
    history->format = "rift";
    native.history = history;
    if (read_all(&native, err) == 0) {
        rift_native_events_complete(&native.events);
        if (!history->is_truncated && !native.has_end)
            cut(&native, source->length);
    } else {
        rift_history_destroy(history);
        history = NULL;
    }
    rift_native_events_finish(&native.events);
    ZSTD_freeDCtx(native.unpacker);
    free(native.blocks);
    free(native.raw);
    return history;
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
