/* Open addressing over keys of varying length, which stand in blocks and are never moved. */
#include "checkers/linearizability/memo.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* Blocks grow from the first size to the last, so that ten thousand small keys cost little. */
enum { BLOCK_WORDS_FIRST = 1 << 10, BLOCK_WORDS_MAX = 1 << 18, BLOCKS_MAX = 1 << 15 };

struct memo_slot {
    uint32_t tag;    /* high half of the hash */
    uint32_t length; /* 0: free; else words + 1 */
    uint32_t block, offset;
};

struct rift_memo {
    struct memo_slot *slots;
    size_t size, count;
    uint32_t **blocks;
    uint32_t block_count, block_used, block_words;
    uint64_t bytes, memory_bytes;
    bool is_full;
};

struct rift_memo *rift_memo_create(uint64_t memory_bytes)
{
    struct rift_memo *memo = rift_calloc(1, sizeof *memo);
    memo->size = 256;
    memo->slots = rift_calloc(memo->size, sizeof *memo->slots);
    memo->bytes = memo->size * sizeof *memo->slots;
    memo->memory_bytes = memory_bytes;
    return memo;
}

void rift_memo_destroy(struct rift_memo *memo)
{
    if (!memo)
        return;
    for (uint32_t i = 0; i < memo->block_count; i++)
        free(memo->blocks[i]);
    free(memo->blocks);
    free(memo->slots);
    free(memo);
}

bool rift_memo_is_full(const struct rift_memo *memo)
{
    return memo->is_full;
}

/* The hash of a slot is not kept: its tag and its place give it back while the table grows. */
static void memo_grow(struct rift_memo *memo)
{
    size_t old_size = memo->size;
    struct memo_slot *old = memo->slots;
    if (memo->bytes + old_size * sizeof *old > memo->memory_bytes) {
        memo->is_full = true;
        return;
    }
    memo->size *= 2;
    memo->slots = rift_calloc(memo->size, sizeof *memo->slots);
    memo->bytes += old_size * sizeof *old;
    for (size_t i = 0; i < old_size; i++) {
        if (!old[i].length)
            continue;
        size_t at = (old[i].tag * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & (memo->size - 1);
        while (memo->slots[at].length)
            at = (at + 1) & (memo->size - 1);
        memo->slots[at] = old[i];
    }
    free(old);
}

static bool memo_reserve(struct rift_memo *memo, uint32_t count)
{
    if (memo->block_count > 0 && memo->block_used + count <= memo->block_words)
        return true;
    uint32_t words = memo->block_words ? memo->block_words * 2 : BLOCK_WORDS_FIRST;
    if (words > BLOCK_WORDS_MAX)
        words = BLOCK_WORDS_MAX;
    if (words < count)
        words = count;
    uint64_t block_bytes = words * sizeof(uint32_t);
    if (memo->block_count == BLOCKS_MAX || memo->bytes + block_bytes > memo->memory_bytes)
        return false;
    memo->blocks = rift_reallocarray(memo->blocks, memo->block_count + 1, sizeof *memo->blocks);
    memo->blocks[memo->block_count++] = rift_malloc(block_bytes);
    memo->block_words = words;
    memo->block_used = 0;
    memo->bytes += block_bytes;
    return true;
}

bool rift_memo_add(struct rift_memo *memo, uint64_t hash, const uint32_t *words, uint32_t count)
{
    if (!memo->is_full && memo->count * 3 >= memo->size * 2)
        memo_grow(memo);
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = (tag * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & (memo->size - 1);
    for (; memo->slots[at].length; at = (at + 1) & (memo->size - 1)) {
        const struct memo_slot *slot = &memo->slots[at];
        if (slot->tag == tag && slot->length == count + 1 &&
            memcmp(memo->blocks[slot->block] + slot->offset, words, count * sizeof *words) == 0)
            return false;
    }
    if (memo->is_full || !memo_reserve(memo, count)) {
        memo->is_full = true;
        return true;
    }
    memcpy(memo->blocks[memo->block_count - 1] + memo->block_used, words, count * sizeof *words);
    memo->slots[at] = (struct memo_slot){tag, count + 1, memo->block_count - 1, memo->block_used};
    memo->block_used += count;
    memo->count++;
    return true;
}
