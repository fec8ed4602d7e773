/* Numbers in few bytes: variable-length integers, and columns of equal width above their least. */
#ifndef HISTORY_PACKING_H
#define HISTORY_PACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

/* Seven bits a byte, the least first; the top bit says that more follow. */
void rift_varint_append(struct rift_text *bytes, uint64_t number);

/* Bytes that are read from the front. Every reader returns false at the end or at nonsense. */
struct rift_bytes {
    const unsigned char *at;
    const unsigned char *end;
};

bool rift_bytes_varint(struct rift_bytes *bytes, uint64_t *number);
/* The next length bytes, in place. */
bool rift_bytes_take(struct rift_bytes *bytes, uint64_t length, const unsigned char **taken);

static inline uint64_t rift_zigzag(int64_t number)
{
    return (uint64_t)number << 1 ^ (uint64_t)(number >> 63);
}

static inline int64_t rift_unzigzag(uint64_t number)
{
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

/* A column: width (0, 1, 2, 4 or 8 bytes), the least number, then each number's distance from it,
 * little-endian. Numbers are compared as signed. */
void rift_column_append(struct rift_text *bytes, const uint64_t *numbers, size_t count);

/* A packed column of count numbers, in place. */
struct rift_column {
    const unsigned char *data;
    uint64_t least;
    unsigned width;
};

bool rift_bytes_column(struct rift_bytes *bytes, size_t count, struct rift_column *column);
/* Whether all numbers, taken as unsigned, are at most most. */
bool rift_column_is_within(const struct rift_column *column, size_t count, uint64_t most);
/* The numbers of a column; into narrower ones, their low bits. */
void rift_column_unpack(const struct rift_column *column, size_t count, uint64_t *numbers);
void rift_column_unpack_32(const struct rift_column *column, size_t count, uint32_t *numbers);
void rift_column_unpack_16(const struct rift_column *column, size_t count, uint16_t *numbers);
void rift_column_unpack_8(const struct rift_column *column, size_t count, uint8_t *numbers);

#endif
