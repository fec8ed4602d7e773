/* What of a file would come back if its unsynced writes were lost: how long it was when it was last
 * synced, and what stood in the blocks that were written since. Writes themselves go through at
 * once, so that nothing depends on the life of our process. */
#ifndef NEMESIS_FAULTS_DISK_LAYER_SHADOW_H
#define NEMESIS_FAULTS_DISK_LAYER_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/rng.h"

enum { LAYER_BLOCK = 4096, LAYER_SECTOR = 512 };

struct layer_block;

struct layer_shadow {
    bool is_dirty; /* written since the last sync */
    off_t size;    /* then */
    struct layer_block **buckets;
    size_t bucket_count, block_count;
};

/* Before [offset, offset + length) of the file behind fd (readable) is written. */
void layer_shadow_before_write(struct layer_shadow *shadow, int fd, off_t offset, size_t length);
/* Before its size becomes that. */
void layer_shadow_before_resize(struct layer_shadow *shadow, int fd, off_t size);
/* What is there now stays: it was synced, or the kernel might have written it back by itself. */
void layer_shadow_settle(struct layer_shadow *shadow);
/* Puts back what was there when it was last synced. Each sector that was overwritten since, and
 * each block that was appended, stays with the chance keep (0 to 1), which tears writes. fd is
 * readable and writable. Returns how many sectors were lost, or -1 with errno. */
int64_t layer_shadow_lose(struct layer_shadow *shadow, int fd, double keep, struct rift_rng *rng);

#endif
