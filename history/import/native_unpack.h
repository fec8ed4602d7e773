/* Payloads of the blocks of our own file: checked and unpacked, of long files by a thread that goes
 * ahead of the reader. */
#ifndef HISTORY_IMPORT_NATIVE_UNPACK_H
#define HISTORY_IMPORT_NATIVE_UNPACK_H

#include "history/block.h"

struct rift_native_block {
    struct rift_block_header header;
    const unsigned char *payload;
    size_t offset; /* of the header in the file */
};

enum rift_native_state { RIFT_NATIVE_INTACT, RIFT_NATIVE_BAD_CHECKSUM, RIFT_NATIVE_BAD_PAYLOAD };

struct rift_native_payload {
    enum rift_native_state state;
    const unsigned char *data; /* of an intact one */
    size_t length;
    unsigned char *raw; /* room for unpacked ones */
    size_t raw_capacity;
};

struct rift_native_unpacker;

/* Unpacks these blocks, each once, in their order. blocks and what they point to must live as long.
 */
struct rift_native_unpacker *rift_native_unpacker_create(const struct rift_native_block *blocks,
                                                         size_t block_count);
/* The next block's payload, valid until the next call. No more calls than there are blocks. */
const struct rift_native_payload *rift_native_unpacker_next(struct rift_native_unpacker *unpacker);
void rift_native_unpacker_destroy(struct rift_native_unpacker *unpacker);

#endif
