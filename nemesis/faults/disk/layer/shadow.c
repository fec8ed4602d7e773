/* Saved blocks are bounded over all files. Past the bound a file counts as written back, which a
 * kernel may do at any time: less is lost then than could be, never more. */
#include "nemesis/faults/disk/layer/shadow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

enum { BLOCKS_MAX = 32768 /* 128 MiB */, BUCKETS_FIRST = 16 };

struct layer_block {
    struct layer_block *next;
    off_t number;
    unsigned char bytes[LAYER_BLOCK]; /* zeros past the end of the file */
};

static size_t blocks_saved; /* of all files */

static struct layer_block **block_bucket(const struct layer_shadow *shadow, off_t number)
{
    return &shadow->buckets[(size_t)number % shadow->bucket_count];
}

static bool block_is_saved(const struct layer_shadow *shadow, off_t number)
{
    struct layer_block *block = shadow->buckets ? *block_bucket(shadow, number) : NULL;
    while (block && block->number != number)
        block = block->next;
    return block != NULL;
}

static void shadow_grow(struct layer_shadow *shadow)
{
    struct layer_shadow old = *shadow;
    shadow->bucket_count = old.bucket_count ? old.bucket_count * 4 : BUCKETS_FIRST;
    shadow->buckets = rift_calloc(shadow->bucket_count, sizeof *shadow->buckets);
    for (size_t i = 0; i < old.bucket_count; i++)
        for (struct layer_block *block = old.buckets[i], *next; block; block = next) {
            next = block->next;
            struct layer_block **bucket = block_bucket(shadow, block->number);
            block->next = *bucket;
            *bucket = block;
        }
    free(old.buckets);
}

static bool shadow_begin(struct layer_shadow *shadow, int fd)
{
    struct stat now;
    if (shadow->is_dirty)
        return true;
    if (fstat(fd, &now))
        return false;
    shadow->is_dirty = true;
    shadow->size = now.st_size;
    return true;
}

void layer_shadow_before_write(struct layer_shadow *shadow, int fd, off_t offset, size_t length)
{
    if (!shadow_begin(shadow, fd) || length == 0)
        return;
    off_t end = offset + (off_t)length < shadow->size ? offset + (off_t)length : shadow->size;
    for (off_t number = offset / LAYER_BLOCK; number * LAYER_BLOCK < end; number++) {
        if (block_is_saved(shadow, number))
            continue;
        if (blocks_saved >= BLOCKS_MAX) {
            layer_shadow_settle(shadow);
            return;
        }
        if (shadow->block_count >= shadow->bucket_count * 4)
            shadow_grow(shadow);
        struct layer_block *block = rift_calloc(1, sizeof *block);
        block->number = number;
        /* Past a shorter end there was nothing to save: what was cut off is saved already. */
        ssize_t n = pread(fd, block->bytes, LAYER_BLOCK, number * LAYER_BLOCK);
        if (n < 0)
            n = 0;
        if (number * LAYER_BLOCK + n > shadow->size) {
            size_t kept = (size_t)(shadow->size - number * LAYER_BLOCK);
            memset(block->bytes + kept, 0, LAYER_BLOCK - kept);
        }
        struct layer_block **bucket = block_bucket(shadow, number);
        block->next = *bucket;
        *bucket = block;
        shadow->block_count++;
        blocks_saved++;
    }
}

void layer_shadow_before_resize(struct layer_shadow *shadow, int fd, off_t size)
{
    struct stat now;
    if (!shadow_begin(shadow, fd) || fstat(fd, &now) || size >= now.st_size)
        return;
    layer_shadow_before_write(shadow, fd, size, (size_t)(now.st_size - size));
}

void layer_shadow_settle(struct layer_shadow *shadow)
{
    for (size_t i = 0; i < shadow->bucket_count; i++)
        for (struct layer_block *block = shadow->buckets[i], *next; block; block = next) {
            next = block->next;
            free(block);
        }
    blocks_saved -= shadow->block_count;
    free(shadow->buckets);
    *shadow = (struct layer_shadow){0};
}

struct loss {
    int fd;
    double keep;
    struct rift_rng *rng;
    int64_t sectors; /* lost */
};

static bool loss_hits(struct loss *loss)
{
    return loss->keep <= 0 || rift_rng_unit(loss->rng) >= loss->keep;
}

/* Writes back each sector of the block that differs and is lost. */
static int lose_block(const struct layer_block *block, off_t size, struct loss *loss)
{
    unsigned char now[LAYER_BLOCK] = {0};
    off_t at = block->number * LAYER_BLOCK;
    if (pread(loss->fd, now, LAYER_BLOCK, at) < 0)
        return -1;
    for (off_t i = 0; i < LAYER_BLOCK && at + i < size; i += LAYER_SECTOR) {
        if (memcmp(now + i, block->bytes + i, LAYER_SECTOR) == 0 || !loss_hits(loss))
            continue;
        off_t length = at + i + LAYER_SECTOR <= size ? LAYER_SECTOR : size - at - i;
        if (pwrite(loss->fd, block->bytes + i, (size_t)length, at + i) != length)
            return -1;
        loss->sectors++;
    }
    return 0;
}

/* What was appended, a block at a time, as it would have been written back: a lost one before one
 * that stays is zeros. Returns the new size, or -1. */
static off_t lose_tail(off_t old_size, off_t now, struct loss *loss)
{
    static const unsigned char zeros[LAYER_BLOCK];
    off_t size = old_size;
    if (loss->keep <= 0) {
        loss->sectors += (now - old_size + LAYER_SECTOR - 1) / LAYER_SECTOR;
        return old_size;
    }
    for (off_t at = old_size; at < now;) {
        off_t next = (at / LAYER_BLOCK + 1) * LAYER_BLOCK;
        next = next < now ? next : now;
        if (!loss_hits(loss)) {
            size = next;
        } else {
            if (pwrite(loss->fd, zeros, (size_t)(next - at), at) != next - at)
                return -1;
            loss->sectors += (next - at + LAYER_SECTOR - 1) / LAYER_SECTOR;
        }
        at = next;
    }
    return size;
}

int64_t layer_shadow_lose(struct layer_shadow *shadow, int fd, double keep, struct rift_rng *rng)
{
    struct loss loss = {.fd = fd, .keep = keep, .rng = rng};
    struct stat now;
    if (!shadow->is_dirty)
        return 0;
    if (fstat(fd, &now))
        return -1;
    off_t size = shadow->size;
    if (now.st_size > size)
        size = lose_tail(size, now.st_size, &loss);
    if (size < 0 || ftruncate(fd, size))
        return -1;
    for (size_t i = 0; i < shadow->bucket_count; i++)
        for (const struct layer_block *block = shadow->buckets[i]; block; block = block->next)
            if (lose_block(block, shadow->size, &loss))
                return -1;
    layer_shadow_settle(shadow);
    return loss.sectors;
}
