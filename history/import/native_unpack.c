/* The thread fills a ring of payloads; the reader has one of them at a time. */
#include "history/import/native_unpack.h"

#include <pthread.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zstd.h>

#include "common/memory.h"

enum {
    RING_PAYLOADS = 4,
    AHEAD_FROM_BYTES = 1 << 18, /* unpacked: less is not worth a thread */
};

struct rift_native_unpacker {
    const struct rift_native_block *blocks;
    size_t block_count;
    struct rift_native_payload ring[RING_PAYLOADS];
    ZSTD_DCtx *context; /* from the first compressed block on */
    size_t read_count;  /* blocks that the reader asked for */
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    size_t filled_count, freed_count; /* blocks */
    bool is_ending;
};

static void unpack(struct rift_native_unpacker *unpacker, const struct rift_native_block *block,
                   struct rift_native_payload *payload)
{
    const struct rift_block_header *header = &block->header;
    payload->state = RIFT_NATIVE_INTACT;
    payload->data = block->payload;
    payload->length = header->stored_bytes;
    if (XXH3_64bits(block->payload, header->stored_bytes) != header->checksum) {
        payload->state = RIFT_NATIVE_BAD_CHECKSUM;
        return;
    }
    if (header->compression == RIFT_BLOCK_PLAIN)
        return;
    if (payload->raw_capacity < header->raw_bytes) {
        free(payload->raw);
        payload->raw = rift_malloc(header->raw_bytes);
        payload->raw_capacity = header->raw_bytes;
    }
    if (!unpacker->context)
        unpacker->context = ZSTD_createDCtx();
    payload->length = ZSTD_decompressDCtx(unpacker->context, payload->raw, header->raw_bytes,
                                          block->payload, header->stored_bytes);
    if (payload->length != header->raw_bytes) /* or an error of zstd, which is larger */
        payload->state = RIFT_NATIVE_BAD_PAYLOAD;
    payload->data = payload->raw;
}

/* False where the reader wants no more. */
static bool wait_for_room(struct rift_native_unpacker *unpacker)
{
    pthread_mutex_lock(&unpacker->lock);
    while (!unpacker->is_ending && unpacker->filled_count - unpacker->freed_count == RING_PAYLOADS)
        pthread_cond_wait(&unpacker->changed, &unpacker->lock);
    bool goes_on = !unpacker->is_ending;
    pthread_mutex_unlock(&unpacker->lock);
    return goes_on;
}

static void *run_ahead(void *context)
{
    struct rift_native_unpacker *unpacker = context;
    for (size_t i = 0; i < unpacker->block_count && wait_for_room(unpacker); i++) {
        unpack(unpacker, &unpacker->blocks[i], &unpacker->ring[i % RING_PAYLOADS]);
        pthread_mutex_lock(&unpacker->lock);
        unpacker->filled_count++;
        pthread_cond_signal(&unpacker->changed);
        pthread_mutex_unlock(&unpacker->lock);
    }
    return NULL;
}

struct rift_native_unpacker *rift_native_unpacker_create(const struct rift_native_block *blocks,
                                                         size_t block_count)
{
    struct rift_native_unpacker *unpacker = rift_calloc(1, sizeof *unpacker);
    size_t bytes = 0;
    unpacker->blocks = blocks;
    unpacker->block_count = block_count;
    for (size_t i = 0; i < block_count && bytes < AHEAD_FROM_BYTES; i++)
        bytes += blocks[i].header.raw_bytes;
    pthread_mutex_init(&unpacker->lock, NULL);
    pthread_cond_init(&unpacker->changed, NULL);
    unpacker->has_thread = bytes >= AHEAD_FROM_BYTES && block_count > 1 &&
                           pthread_create(&unpacker->thread, NULL, run_ahead, unpacker) == 0;
    return unpacker;
}

const struct rift_native_payload *rift_native_unpacker_next(struct rift_native_unpacker *unpacker)
{
    size_t number = unpacker->read_count++;
    struct rift_native_payload *payload = &unpacker->ring[number % RING_PAYLOADS];
    if (!unpacker->has_thread) {
        unpack(unpacker, &unpacker->blocks[number], payload);
        return payload;
    }
    pthread_mutex_lock(&unpacker->lock);
    unpacker->freed_count = number;
    pthread_cond_signal(&unpacker->changed);
    while (unpacker->filled_count <= number)
        pthread_cond_wait(&unpacker->changed, &unpacker->lock);
    pthread_mutex_unlock(&unpacker->lock);
    return payload;
}

void rift_native_unpacker_destroy(struct rift_native_unpacker *unpacker)
{
    if (!unpacker)
        return;
    if (unpacker->has_thread) {
        pthread_mutex_lock(&unpacker->lock);
        unpacker->is_ending = true;
        pthread_cond_signal(&unpacker->changed);
        pthread_mutex_unlock(&unpacker->lock);
        pthread_join(unpacker->thread, NULL);
    }
    pthread_cond_destroy(&unpacker->changed);
    pthread_mutex_destroy(&unpacker->lock);
    ZSTD_freeDCtx(unpacker->context);
    for (size_t i = 0; i < RING_PAYLOADS; i++)
        free(unpacker->ring[i].raw);
    free(unpacker);
}
