/* Any bytes as our own file. A first byte of 1 stands for the file as it is; otherwise the bytes
 * are the payload of a block, around which header and checksums are put in order: else nearly every
 * input would end at a checksum. */
#include "tests/fuzz/fuzz_history.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "history/block.h"

static void fuzz_payload(const uint8_t *data, size_t size)
{
    struct rift_text file = {0};
    struct rift_block_header header = {
        .magic = RIFT_BLOCK_MAGIC,
        .stored_bytes = (uint32_t)size - 2,
        .raw_bytes = (uint32_t)size - 2,
        .invoke_count = data[0],
        .complete_count = data[1],
        .kind = RIFT_BLOCK_EVENTS,
        .checksum = XXH3_64bits(data + 2, size - 2),
    };
    header.header_check = rift_block_header_check(&header);
    rift_block_encode_file_header(RIFT_TIME_NS, NULL, &file);
    rift_text_append_bytes(&file, &header, sizeof header);
    rift_text_append_bytes(&file, data + 2, size - 2);
    rift_block_encode_end(1, &file);
    fuzz_history("rift", false, (const uint8_t *)file.data, file.length);
    rift_text_finish(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 1)
        fuzz_history("rift", false, data + 1, size - 1);
    else if (size >= 3)
        fuzz_payload(data + 1, size - 1);
    return 0;
}
