/* Packing of numbers; the byte order of the file is little-endian, as that of the machine. */
#include "history/packing.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "history files are little-endian");

void rift_varint_append(struct rift_text *bytes, uint64_t number)
{
    unsigned char out[10];
    size_t length = 0;
    for (; number >= 128; number >>= 7)
        out[length++] = (unsigned char)(number | 128);
    out[length++] = (unsigned char)number;
    rift_text_append_bytes(bytes, out, length);
}

bool rift_bytes_varint(struct rift_bytes *bytes, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 64 && bytes->at < bytes->end; shift += 7) {
        unsigned char byte = *bytes->at++;
        *number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

bool rift_bytes_take(struct rift_bytes *bytes, uint64_t length, const unsigned char **taken)
{
    if (length > (uint64_t)(bytes->end - bytes->at))
        return false;
    *taken = bytes->at;
    bytes->at += length;
    return true;
}

static unsigned width_of(uint64_t span)
{
    if (span == 0)
        return 0;
    if (span <= UINT8_MAX)
        return 1;
    if (span <= UINT16_MAX)
        return 2;
    return span <= UINT32_MAX ? 4 : 8;
}

void rift_column_append(struct rift_text *bytes, const uint64_t *numbers, size_t count)
{
    int64_t least = count ? INT64_MAX : 0, most = count ? INT64_MIN : 0;
    for (size_t i = 0; i < count; i++) {
        int64_t number = (int64_t)numbers[i];
        least = number < least ? number : least;
        most = number > most ? number : most;
    }
    unsigned width = width_of((uint64_t)most - (uint64_t)least);
    rift_varint_append(bytes, width);
    rift_text_append_bytes(bytes, &least, sizeof least);
    unsigned char buffer[4096];
    size_t filled = 0;
    for (size_t i = 0; i < count && width; i++) {
        uint64_t distance = numbers[i] - (uint64_t)least;
        memcpy(buffer + filled, &distance, width);
        filled += width;
        if (filled == sizeof buffer) {
            rift_text_append_bytes(bytes, buffer, filled);
            filled = 0;
        }
    }
    rift_text_append_bytes(bytes, buffer, filled);
}

bool rift_bytes_column(struct rift_bytes *bytes, size_t count, struct rift_column *column)
{
    uint64_t width = 0;
    const unsigned char *least = NULL;
    if (!rift_bytes_varint(bytes, &width) || !rift_bytes_take(bytes, sizeof column->least, &least))
        return false;
    if (width > 8 || (width & (width - 1)) != 0)
        return false;
    memcpy(&column->least, least, sizeof column->least);
    column->width = (unsigned)width;
    return rift_bytes_take(bytes, count * width, &column->data);
}

/* One loop for each pair of widths, so that the compiler makes vectors of them. */
#define UNPACK(packed, unpacked)                                                                   \
    for (size_t i = 0; i < count; i++) {                                                           \
        packed distance;                                                                           \
        memcpy(&distance, column->data + i * sizeof distance, sizeof distance);                    \
        numbers[i] = (unpacked)(column->least + distance);                                         \
    }

#define UNPACKER(name, unpacked)                                                                   \
    void name(const struct rift_column *column, size_t count, unpacked *numbers)                   \
    {                                                                                              \
        switch (column->width) {                                                                   \
        case 0:                                                                                    \
            for (size_t i = 0; i < count; i++)                                                     \
                numbers[i] = (unpacked)column->least;                                              \
            break;                                                                                 \
        case 1:                                                                                    \
            UNPACK(uint8_t, unpacked)                                                              \
            break;                                                                                 \
        case 2:                                                                                    \
            UNPACK(uint16_t, unpacked)                                                             \
            break;                                                                                 \
        case 4:                                                                                    \
            UNPACK(uint32_t, unpacked)                                                             \
            break;                                                                                 \
        default:                                                                                   \
            UNPACK(uint64_t, unpacked)                                                             \
            break;                                                                                 \
        }                                                                                          \
    }

UNPACKER(rift_column_unpack, uint64_t)
UNPACKER(rift_column_unpack_32, uint32_t)
UNPACKER(rift_column_unpack_16, uint16_t)
UNPACKER(rift_column_unpack_8, uint8_t)

#define FARTHEST(packed)                                                                           \
    {                                                                                              \
        packed most_packed = 0;                                                                    \
        for (size_t i = 0; i < count; i++) {                                                       \
            packed distance;                                                                       \
            memcpy(&distance, column->data + i * sizeof distance, sizeof distance);                \
            most_packed = distance > most_packed ? distance : most_packed;                         \
        }                                                                                          \
        farthest = most_packed;                                                                    \
    }

bool rift_column_is_within(const struct rift_column *column, size_t count, uint64_t most)
{
    uint64_t farthest = 0;
    if (count == 0 || most == UINT64_MAX)
        return true;
    if (column->least > most)
        return false;
    switch (column->width) {
    case 0:
        break;
    case 1:
        FARTHEST(uint8_t)
        break;
    case 2:
        FARTHEST(uint16_t)
        break;
    case 4:
        FARTHEST(uint32_t)
        break;
    default:
        FARTHEST(uint64_t)
        break;
    }
    return farthest <= most - column->least;
}
