/* Filling a block with events, and turning it into bytes. */
#include "history/block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "common/memory.h"
#include "history/block_values.h"
#include "history/packing.h"

enum { COLUMN_FIRST_CAPACITY = 256, COMPRESS_FROM_BYTES = 200, COMPRESSION_LEVEL = 1 };

void rift_block_tables_init(struct rift_block_tables *tables)
{
    *tables = (struct rift_block_tables){.values = rift_values_create(),
                                         .key_values = rift_values_create()};
}

void rift_block_tables_finish(struct rift_block_tables *tables)
{
    rift_arena_finish(&tables->arena);
    rift_name_table_finish(&tables->names);
    rift_name_table_finish(&tables->errors);
    rift_name_table_finish(&tables->nodes);
    rift_key_table_finish(&tables->keys);
    rift_values_destroy(tables->values);
    rift_values_destroy(tables->key_values);
    *tables = (struct rift_block_tables){0};
}

static void column_push(struct rift_block *block, enum rift_block_column c, uint64_t number)
{
    if (block->columns[c].count == block->columns[c].capacity) {
        size_t capacity = block->columns[c].capacity;
        capacity = capacity ? capacity * 2 : COLUMN_FIRST_CAPACITY;
        block->columns[c].numbers =
            rift_reallocarray(block->columns[c].numbers, capacity, sizeof(uint64_t));
        block->columns[c].capacity = capacity;
    }
    block->columns[c].numbers[block->columns[c].count++] = number;
}

static int column_push_value(struct rift_block *block, struct rift_block_tables *tables,
                             enum rift_block_column c, const struct rift_values *values,
                             struct rift_value value, struct rift_error *err)
{
    uint64_t number = 0;
    if (rift_block_value(block, tables, &block->columns[c].boxes, values, value, &number, err) != 0)
        return -1;
    column_push(block, c, number);
    return 0;
}

/* Where a name first appears, its characters go into the block. */
static void append_if_new(const struct rift_name_table *table, size_t known, size_t index,
                          struct rift_text *new_names, size_t *new_count)
{
    if (index == 0 || index < known)
        return;
    size_t length = strlen(table->names.text[index]);
    rift_varint_append(new_names, length);
    rift_text_append_bytes(new_names, table->names.text[index], length);
    (*new_count)++;
}

static int name_number(struct rift_name_table *table, struct rift_block_tables *tables,
                       struct rift_text *new_names, size_t *new_count, const char *name,
                       uint64_t *number, struct rift_error *err)
{
    size_t known = table->names.count;
    int32_t index = rift_name_table_intern(table, &tables->arena, name);
    if (index < 0)
        return rift_fail(err, RIFT_ERR_LIMIT,
                         "more than %d different operations or nodes; '%.60s' has no room",
                         UINT16_MAX, name);
    append_if_new(table, known, (size_t)index, new_names, new_count);
    *number = (uint64_t)index;
    return 0;
}

static uint64_t error_number(struct rift_block *block, struct rift_block_tables *tables,
                             const char *error)
{
    size_t known = tables->errors.names.count;
    uint16_t index = rift_name_table_intern_error(&tables->errors, &tables->arena, error);
    append_if_new(&tables->errors, known, index, &block->new_errors, &block->new_error_count);
    return index;
}

/* The number of a key; where it first appears, it goes into the block. Keys have a pool of their
 * own: the texts of the other one are numbered as the file numbers them. */
static int key_number(struct rift_block *block, struct rift_block_tables *tables,
                      const struct rift_block_invoke *event, uint64_t *number,
                      struct rift_error *err)
{
    *number = 0;
    if (!event->has_key)
        return 0;
    size_t words = tables->key_values->word_count;
    size_t known = tables->keys.count ? tables->keys.count : 1;
    struct rift_value key = rift_value_copy(tables->key_values, event->values, event->key);
    *number = rift_key_table_intern(&tables->keys, tables->key_values, key);
    if (*number < known) {
        tables->key_values->word_count = words; /* the copy is not needed */
        return 0;
    }
    block->new_key_count++;
    return rift_block_stream_value(block, tables, &block->new_keys, tables->key_values, key, err);
}

/* Once a block has an optional column, all events of the block have them. */
static void add_optional(struct rift_block *block)
{
    static const uint64_t blanks[] = {(uint64_t)RIFT_TIME_NEVER, 0, (uint64_t)RIFT_TIME_NEVER, 0};
    for (size_t c = COLUMN_FIRST_OPTIONAL; c < COLUMN_COUNT; c++) {
        bool is_invoke = c == COLUMN_INVOKE_CLOCK || c == COLUMN_INVOKE_EXTRA;
        size_t rows = block->columns[is_invoke ? COLUMN_INVOKE_F : COLUMN_COMPLETE_ID].count;
        while (block->columns[c].count < rows)
            column_push(block, (enum rift_block_column)c, blanks[c - COLUMN_FIRST_OPTIONAL]);
    }
    block->has_optional = true;
}

int rift_block_invoke(struct rift_block *block, struct rift_block_tables *tables,
                      const struct rift_block_invoke *event, struct rift_error *err)
{
    uint64_t f = 0, node = 0, key = 0;
    if (name_number(&tables->names, tables, &block->new_names, &block->new_name_count, event->f, &f,
                    err) != 0 ||
        name_number(&tables->nodes, tables, &block->new_nodes, &block->new_node_count, event->node,
                    &node, err) != 0 ||
        key_number(block, tables, event, &key, err) != 0 ||
        column_push_value(block, tables, COLUMN_INVOKE_ARGUMENT, event->values, event->argument,
                          err) != 0)
        return -1;
    if (block->columns[COLUMN_INVOKE_TIME].count == 0)
        block->first_time = block->last_time = event->time;
    column_push(block, COLUMN_INVOKE_TIME, (uint64_t)event->time - (uint64_t)block->last_time);
    block->last_time = event->time;
    column_push(block, COLUMN_INVOKE_PROCESS, (uint64_t)(int64_t)event->process);
    column_push(block, COLUMN_INVOKE_NODE, node);
    column_push(block, COLUMN_INVOKE_KEY, key);
    if (!block->has_optional &&
        (event->clock != RIFT_TIME_NEVER || !rift_value_is_nil(event->extra)))
        add_optional(block);
    column_push(block, COLUMN_INVOKE_F, f);
    if (!block->has_optional)
        return 0;
    column_push(block, COLUMN_INVOKE_CLOCK, (uint64_t)event->clock);
    return column_push_value(block, tables, COLUMN_INVOKE_EXTRA, event->values, event->extra, err);
}

int rift_block_complete(struct rift_block *block, struct rift_block_tables *tables,
                        const struct rift_block_complete *event, struct rift_error *err)
{
    uint64_t error = error_number(block, tables, event->error);
    if (column_push_value(block, tables, COLUMN_COMPLETE_RESULT, event->values, event->result,
                          err) != 0)
        return -1;
    if (block->columns[COLUMN_COMPLETE_START].count == 0)
        block->first_completion = block->last_completion = event->start;
    column_push(block, COLUMN_COMPLETE_START,
                (uint64_t)event->start - (uint64_t)block->last_completion);
    block->last_completion = event->start;
    column_push(block, COLUMN_COMPLETE_TAKEN, (uint64_t)event->end - (uint64_t)event->start);
    column_push(block, COLUMN_COMPLETE_TYPE, event->type);
    column_push(block, COLUMN_COMPLETE_ERROR, error);
    if (!block->has_optional &&
        (event->clock != RIFT_TIME_NEVER || !rift_value_is_nil(event->extra)))
        add_optional(block);
    column_push(block, COLUMN_COMPLETE_ID, (uint64_t)event->id);
    if (!block->has_optional)
        return 0;
    column_push(block, COLUMN_COMPLETE_CLOCK, (uint64_t)event->clock);
    return column_push_value(block, tables, COLUMN_COMPLETE_EXTRA, event->values, event->extra,
                             err);
}

size_t rift_block_size_bytes(const struct rift_block *block)
{
    size_t size = block->new_texts.length + block->new_names.length + block->new_errors.length +
                  block->new_nodes.length + block->new_keys.length;
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        size += block->columns[c].count * sizeof(uint64_t) + block->columns[c].boxes.length;
    return size;
}

bool rift_block_is_empty(const struct rift_block *block)
{
    return block->columns[COLUMN_INVOKE_F].count + block->columns[COLUMN_COMPLETE_ID].count == 0;
}

bool rift_block_is_full(const struct rift_block *block)
{
    return block->columns[COLUMN_INVOKE_F].count >= RIFT_BLOCK_ROWS_MAX ||
           block->columns[COLUMN_COMPLETE_ID].count >= RIFT_BLOCK_ROWS_MAX ||
           rift_block_size_bytes(block) >= RIFT_BLOCK_BYTES_MAX / 4;
}

static void append_new(struct rift_text *payload, size_t *count, struct rift_text *bytes)
{
    rift_varint_append(payload, *count);
    rift_varint_append(payload, bytes->length);
    rift_text_append_bytes(payload, bytes->data, bytes->length);
    rift_text_clear(bytes);
    *count = 0;
}

static void append_payload(struct rift_block *block, struct rift_text *payload)
{
    rift_varint_append(payload, block->has_optional);
    append_new(payload, &block->new_text_count, &block->new_texts);
    append_new(payload, &block->new_name_count, &block->new_names);
    append_new(payload, &block->new_error_count, &block->new_errors);
    append_new(payload, &block->new_node_count, &block->new_nodes);
    append_new(payload, &block->new_key_count, &block->new_keys);
    rift_varint_append(payload, rift_zigzag(block->first_time));
    rift_varint_append(payload, rift_zigzag(block->first_completion));
    size_t column_count = block->has_optional ? COLUMN_COUNT : COLUMN_FIRST_OPTIONAL;
    for (size_t c = 0; c < column_count; c++) {
        rift_column_append(payload, block->columns[c].numbers, block->columns[c].count);
        rift_varint_append(payload, block->columns[c].boxes.length);
        rift_text_append_bytes(payload, block->columns[c].boxes.data,
                               block->columns[c].boxes.length);
    }
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        block->columns[c].count = 0;
        rift_text_clear(&block->columns[c].boxes);
    }
    block->has_optional = false;
}

uint32_t rift_block_header_check(const struct rift_block_header *header)
{
    return (uint32_t)XXH3_64bits(header, offsetof(struct rift_block_header, header_check));
}

static void append_block(struct rift_block_header *header, const void *stored,
                         struct rift_text *bytes)
{
    header->magic = RIFT_BLOCK_MAGIC;
    header->header_check = rift_block_header_check(header);
    header->checksum = XXH3_64bits(header->stored_bytes ? stored : "", header->stored_bytes);
    rift_text_append_bytes(bytes, header, sizeof *header);
    rift_text_append_bytes(bytes, stored, header->stored_bytes);
}

int rift_block_encode(struct rift_block *block, uint32_t number, struct rift_text *bytes,
                      struct rift_error *err)
{
    struct rift_block_header header = {
        .number = number,
        .invoke_count = (uint32_t)block->columns[COLUMN_INVOKE_F].count,
        .complete_count = (uint32_t)block->columns[COLUMN_COMPLETE_ID].count,
        .kind = RIFT_BLOCK_EVENTS,
    };
    CLEANUP(rift_text_finish) struct rift_text payload = {0};
    append_payload(block, &payload);
    if (payload.length > RIFT_BLOCK_BYTES_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "values of %zu bytes do not fit into one block of %d",
                         payload.length, RIFT_BLOCK_BYTES_MAX);
    header.raw_bytes = header.stored_bytes = (uint32_t)payload.length;
    if (payload.length >= COMPRESS_FROM_BYTES) {
        size_t bound = ZSTD_compressBound(payload.length);
        char *packed CLEANUP(rift_free) = rift_malloc(bound);
        size_t length =
            ZSTD_compress(packed, bound, payload.data, payload.length, COMPRESSION_LEVEL);
        if (!ZSTD_isError(length) && length < payload.length) {
            header.compression = RIFT_BLOCK_ZSTD;
            header.stored_bytes = (uint32_t)length;
            append_block(&header, packed, bytes);
            return 0;
        }
    }
    append_block(&header, payload.data, bytes);
    return 0;
}

void rift_block_encode_end(uint32_t number, struct rift_text *bytes)
{
    struct rift_block_header header = {.number = number, .kind = RIFT_BLOCK_END};
    append_block(&header, NULL, bytes);
}

void rift_block_encode_file_header(enum rift_time_kind time_kind, const char *model,
                                   struct rift_text *bytes)
{
    json_t *meta = json_pack("{s:s}", "time", time_kind == RIFT_TIME_NS ? "ns" : "lines");
    if (model)
        json_object_set_new(meta, "model", json_string(model));
    char *text CLEANUP(rift_free) = json_dumps(meta, JSON_COMPACT);
    json_decref(meta);
    size_t length = strlen(text);
    struct rift_file_header header = {.version = RIFT_FILE_VERSION,
                                      .meta_bytes = (uint32_t)length,
                                      .checksum = XXH3_64bits(text, length)};
    memcpy(header.magic, RIFT_FILE_MAGIC, sizeof header.magic);
    rift_text_append_bytes(bytes, &header, sizeof header);
    rift_text_append_bytes(bytes, text, length);
}

void rift_block_finish(struct rift_block *block)
{
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        free(block->columns[c].numbers);
        rift_text_finish(&block->columns[c].boxes);
    }
    rift_text_finish(&block->new_texts);
    rift_text_finish(&block->new_names);
    rift_text_finish(&block->new_errors);
    rift_text_finish(&block->new_nodes);
    rift_text_finish(&block->new_keys);
    *block = (struct rift_block){0};
}
