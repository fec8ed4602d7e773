/* Blocks of our own file. What is broken at the end of the file is a torn tail, which is cut; what
 * is broken before an intact block is damage, and an error. */
#include "history/import/native_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/memory.h"

/* So much of a mapped file is passed before its pages are given back. */
enum { RELEASE_BYTES = 1 << 24 };

static int damage(const struct rift_native_file *file, size_t offset, const char *what,
                  struct rift_error *err)
{
    return rift_fail(err, RIFT_ERR_INVALID, "%s: damaged at byte %zu: %s", file->source->name,
                     offset, what);
}

/* A header at this place that can be believed, with its payload inside the file. */
static bool block_at(const struct rift_source *source, size_t offset,
                     struct rift_native_block *block)
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

static bool is_intact(const struct rift_native_block *block)
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
        struct rift_native_block block;
        offset = (size_t)(found - source->data);
        if (block_at(source, offset, &block) && is_intact(&block))
            return true;
        offset++;
    }
    return false;
}

static void cut(struct rift_native_file *file, size_t offset)
{
    file->history->is_truncated = true;
    file->history->cut_at_byte = offset;
}

static int cut_or_fail(struct rift_native_file *file, size_t offset, size_t search_from,
                       const char *what, struct rift_error *err)
{
    if (has_intact_block_from(file->source, search_from))
        return damage(file, offset, what, err);
    cut(file, offset);
    return 0;
}

/* The meta text: what the times are, and the model of an imported history. */
static int read_meta(struct rift_native_file *file, const char *text, size_t length,
                     struct rift_error *err)
{
    json_t *meta = json_loadb(text, length, 0, NULL);
    const char *time = json_string_value(json_object_get(meta, "time"));
    const char *model = json_string_value(json_object_get(meta, "model"));
    int failed = 0;
    if (time && strcmp(time, "lines") == 0)
        file->history->time_kind = RIFT_TIME_LINES;
    else if (!time || strcmp(time, "ns") != 0)
        failed = damage(file, sizeof(struct rift_file_header), "the meta text", err);
    if (model)
        file->history->model = rift_arena_strdup(&file->history->texts, model);
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
static int read_file_header(struct rift_native_file *file, size_t *first, struct rift_error *err)
{
    const struct rift_source *source = file->source;
    struct rift_file_header header;
    *first = source->length;
    if (!has_magic(source))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "%s: not a history.rift: it does not start with '%s'", source->name,
                         RIFT_FILE_MAGIC);
    if (source->length < sizeof header)
        return cut_or_fail(file, 0, 0, "the file header", err);
    memcpy(&header, source->data, sizeof header);
    if (header.version != RIFT_FILE_VERSION)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "%s: version %" PRIu32 " of the format; this build reads version %d",
                         source->name, header.version, RIFT_FILE_VERSION);
    if (header.meta_bytes > source->length - sizeof header)
        return cut_or_fail(file, 0, 0, "the file header", err);
    const char *meta = source->data + sizeof header;
    if (XXH3_64bits(meta, header.meta_bytes) != header.checksum)
        return damage(file, 0, "the file header", err);
    *first = sizeof header + header.meta_bytes;
    return read_meta(file, meta, header.meta_bytes, err);
}

static int check_header(const struct rift_native_file *file, const struct rift_native_block *block,
                        struct rift_error *err)
{
    const struct rift_block_header *header = &block->header;
    if (header->number != file->block_count)
        return damage(file, block->offset, "a block is missing before this one", err);
    if (header->kind != RIFT_BLOCK_EVENTS && header->kind != RIFT_BLOCK_END)
        return damage(file, block->offset, "a block of an unknown kind", err);
    if (header->compression > RIFT_BLOCK_ZSTD || header->raw_bytes > RIFT_BLOCK_BYTES_MAX ||
        header->invoke_count > RIFT_BLOCK_ROWS_MAX || header->complete_count > RIFT_BLOCK_ROWS_MAX)
        return damage(file, block->offset, "a block beyond the format's limits", err);
    return 0;
}

/* The pages of a mapped file count as memory of this process until they are given back. released:
 * the bytes whose pages were. */
static void release_until(const struct rift_source *source, size_t offset, size_t *released)
{
    if (!source->is_mapped || offset - *released < RELEASE_BYTES)
        return;
    size_t bytes = (offset - *released) / RELEASE_BYTES * RELEASE_BYTES;
    madvise((void *)(uintptr_t)(source->data + *released), bytes, MADV_DONTNEED);
    *released += bytes;
}

static int walk_headers(struct rift_native_file *file, size_t offset, struct rift_error *err)
{
    const struct rift_source *source = file->source;
    size_t released = 0;
    while (offset < source->length) {
        struct rift_native_block block;
        release_until(source, offset, &released);
        if (file->has_end)
            return damage(file, offset, "bytes after the end mark", err);
        if (!block_at(source, offset, &block))
            return cut_or_fail(file, offset, offset + 1, "not a block", err);
        if (check_header(file, &block, err) != 0)
            return -1;
        if (file->block_count == file->block_capacity) {
            file->block_capacity = file->block_capacity ? file->block_capacity * 2 : 64;
            file->blocks =
                rift_reallocarray(file->blocks, file->block_capacity, sizeof *file->blocks);
        }
        file->blocks[file->block_count++] = block;
        file->row_count += block.header.invoke_count;
        size_t longer = block.header.invoke_count > block.header.complete_count
                            ? block.header.invoke_count
                            : block.header.complete_count;
        if (file->longest_column < longer)
            file->longest_column = longer;
        file->has_end = block.header.kind == RIFT_BLOCK_END;
        offset += sizeof block.header + block.header.stored_bytes;
    }
    return 0;
}

int rift_native_file_open(struct rift_native_file *file, const struct rift_source *source,
                          struct rift_history *history, struct rift_error *err)
{
    size_t first = 0;
    *file = (struct rift_native_file){.source = source, .history = history};
    history->format = "rift";
    if (read_file_header(file, &first, err) != 0 || walk_headers(file, first, err) != 0)
        return -1;
    file->unpacker = rift_native_unpacker_create(file->blocks, file->block_count);
    return 0;
}

int rift_native_file_next(struct rift_native_file *file, const struct rift_block_header **header,
                          struct rift_bytes *payload, struct rift_error *err)
{
    if (file->next < file->block_count) {
        const struct rift_native_block *block = &file->blocks[file->next++];
        const struct rift_native_payload *unpacked = rift_native_unpacker_next(file->unpacker);
        release_until(file->source, block->offset, &file->released);
        if (unpacked->state == RIFT_NATIVE_BAD_CHECKSUM) {
            file->next = file->block_count;
            return cut_or_fail(file, block->offset, block->offset + 1, "the checksum", err);
        }
        if (block->header.kind == RIFT_BLOCK_END)
            return 0;
        if (unpacked->state == RIFT_NATIVE_BAD_PAYLOAD)
            return damage(file, block->offset, "the compressed payload", err);
        *header = &block->header;
        *payload = (struct rift_bytes){unpacked->data, unpacked->data + unpacked->length};
        return 1;
    }
    if (!file->history->is_truncated && !file->has_end)
        cut(file, file->source->length);
    return 0;
}

int rift_native_file_refuse(const struct rift_native_file *file, struct rift_error *err)
{
    return damage(file, file->blocks[file->next - 1].offset, "the content of a block", err);
}

void rift_native_file_close(struct rift_native_file *file)
{
    rift_native_unpacker_destroy(file->unpacker);
    free(file->blocks);
    *file = (struct rift_native_file){0};
}

bool rift_native_file_recognise(const struct rift_source *source)
{
    return source->length > 0 && has_magic(source);
}
