/* Values in a block: small ones are the number in the column, the others follow in its stream. */
#include "history/block_values.h"

#include <string.h>

#include "history/packing.h"

/* The file's number of a text: where it first appears, its characters go into the block. */
static uint64_t text_number(struct rift_block *block, struct rift_block_tables *tables,
                            const struct rift_values *values, struct rift_value value)
{
    size_t length = 0;
    const char *chars = rift_value_as_text(values, value, &length);
    uint64_t number = rift_value_text(tables->values, chars, length).bits >> RIFT_TAG_BITS;
    if (number == tables->text_count) {
        tables->text_count++;
        block->new_text_count++;
        rift_varint_append(&block->new_texts, length);
        rift_text_append_bytes(&block->new_texts, chars, length);
    }
    return number;
}

static int stream_append(struct rift_block *block, struct rift_block_tables *tables,
                         struct rift_text *stream, const struct rift_values *values,
                         struct rift_value value, unsigned depth, struct rift_error *err)
{
    enum rift_value_kind kind = rift_value_kind(values, value);
    size_t count = rift_value_count(values, value);
    const int32_t *packed = rift_value_packed(values, value);
    if (depth > RIFT_VALUE_DEPTH_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "a value nests deeper than %d levels",
                         RIFT_VALUE_DEPTH_MAX);
    rift_varint_append(stream, packed ? RIFT_STREAM_PACKED_LIST : kind);
    switch (kind) {
    case RIFT_NIL:
        return 0;
    case RIFT_BOOL:
        rift_varint_append(stream, rift_value_as_bool(value));
        return 0;
    case RIFT_INTEGER:
        rift_varint_append(stream, rift_zigzag(rift_value_as_integer(values, value)));
        return 0;
    case RIFT_TEXT:
    case RIFT_KEYWORD:
        rift_varint_append(stream, text_number(block, tables, values, value));
        return 0;
    case RIFT_DOUBLE: {
        double number = rift_value_as_double(values, value);
        rift_text_append_bytes(stream, &number, sizeof number);
        return 0;
    }
    default:
        break;
    }
    rift_varint_append(stream, count);
    if (packed) {
        rift_text_append_bytes(stream, packed, count * sizeof *packed);
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        if (stream_append(block, tables, stream, values, rift_value_item(values, value, i),
                          depth + 1, err) != 0)
            return -1;
    return 0;
}

int rift_block_stream_value(struct rift_block *block, struct rift_block_tables *tables,
                            struct rift_text *stream, const struct rift_values *values,
                            struct rift_value value, struct rift_error *err)
{
    return stream_append(block, tables, stream, values, value, 1, err);
}

int rift_block_value(struct rift_block *block, struct rift_block_tables *tables,
                     struct rift_text *stream, const struct rift_values *values,
                     struct rift_value value, uint64_t *number, struct rift_error *err)
{
    switch (rift_value_tag(value)) {
    case RIFT_NIL:
    case RIFT_BOOL:
    case RIFT_INTEGER:
    case RIFT_TAG_SMALL_PAIR:
        *number = value.bits;
        return 0;
    case RIFT_TEXT:
    case RIFT_KEYWORD:
        *number =
            text_number(block, tables, values, value) << RIFT_TAG_BITS | rift_value_tag(value);
        return 0;
    default:
        *number = RIFT_TAG_IN_STREAM;
        return stream_append(block, tables, stream, values, value, 1, err);
    }
}

static bool read_value(struct rift_value_reader *reader, struct rift_bytes *stream, unsigned depth,
                       struct rift_value *value);

static bool read_text(const struct rift_value_reader *reader, enum rift_value_kind kind,
                      uint64_t number, struct rift_value *value)
{
    if (number >= reader->text_count)
        return false;
    *value = (struct rift_value){reader->texts[number] << RIFT_TAG_BITS | kind};
    return true;
}

/* Items wait on a stack until their box is made; each takes a byte of the stream at least, which
 * bounds the count. */
static bool read_items(struct rift_value_reader *reader, struct rift_bytes *stream,
                       enum rift_value_kind kind, uint64_t count, unsigned depth,
                       struct rift_value *value)
{
    if (count > (uint64_t)(stream->end - stream->at))
        return false;
    if ((kind == RIFT_PAIR && count != 2) || (kind == RIFT_MAP && count % 2) ||
        (kind == RIFT_TXN && count % 3))
        return false;
    size_t first = reader->stack.count;
    for (uint64_t i = 0; i < count; i++) {
        struct rift_value item;
        if (!read_value(reader, stream, depth + 1, &item))
            return false;
        rift_value_stack_push(&reader->stack, item);
    }
    *value = rift_value_stack_box(&reader->stack, reader->values, kind, first);
    return true;
}

static bool read_packed(struct rift_value_reader *reader, struct rift_bytes *stream, uint64_t count,
                        struct rift_value *value)
{
    const unsigned char *data = NULL;
    if (count == 0 || count > UINT32_MAX ||
        !rift_bytes_take(stream, count * sizeof(int32_t), &data))
        return false;
    *value = rift_value_list_of_int32(reader->values, (const void *)data, count);
    return true;
}

static bool read_value(struct rift_value_reader *reader, struct rift_bytes *stream, unsigned depth,
                       struct rift_value *value)
{
    uint64_t tag = 0, number = 0;
    if (depth > RIFT_VALUE_DEPTH_MAX || !rift_bytes_varint(stream, &tag))
        return false;
    if (tag == RIFT_NIL) {
        *value = RIFT_VALUE_NIL;
        return true;
    }
    if (tag == RIFT_DOUBLE) {
        const unsigned char *data = NULL;
        double real = 0;
        if (!rift_bytes_take(stream, sizeof real, &data))
            return false;
        memcpy(&real, data, sizeof real);
        *value = rift_value_double(reader->values, real);
        return true;
    }
    if (!rift_bytes_varint(stream, &number))
        return false;
    switch (tag) {
    case RIFT_BOOL:
        *value = rift_value_bool(number != 0);
        return number <= 1;
    case RIFT_INTEGER:
        *value = rift_value_integer(reader->values, rift_unzigzag(number));
        return true;
    case RIFT_TEXT:
    case RIFT_KEYWORD:
        return read_text(reader, (enum rift_value_kind)tag, number, value);
    case RIFT_LIST:
    case RIFT_PAIR:
    case RIFT_SET:
    case RIFT_MAP:
    case RIFT_TXN:
        return read_items(reader, stream, (enum rift_value_kind)tag, number, depth, value);
    case RIFT_STREAM_PACKED_LIST:
        return read_packed(reader, stream, number, value);
    default:
        return false;
    }
}

bool rift_block_read_stream_value(struct rift_value_reader *reader, struct rift_bytes *stream,
                                  struct rift_value *value)
{
    return read_value(reader, stream, 1, value);
}

bool rift_block_read_value(struct rift_value_reader *reader, struct rift_bytes *stream,
                           uint64_t number, struct rift_value *value)
{
    struct rift_value word = {number};
    switch (rift_value_tag(word)) {
    case RIFT_NIL:
    case RIFT_BOOL:
        *value = word;
        return number >> RIFT_TAG_BITS <= (rift_value_tag(word) == RIFT_BOOL);
    case RIFT_INTEGER:
    case RIFT_TAG_SMALL_PAIR:
        *value = word;
        return true;
    case RIFT_TEXT:
    case RIFT_KEYWORD:
        return read_text(reader, rift_value_kind(NULL, word), number >> RIFT_TAG_BITS, value);
    case RIFT_TAG_IN_STREAM:
        return number == RIFT_TAG_IN_STREAM && read_value(reader, stream, 1, value);
    default:
        return false;
    }
}
