/* A list of blocks, the newest first; a block is at least twice as large as the one before it. */
#include "common/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { ARENA_FIRST_BLOCK_BYTES = 4096, ARENA_LARGEST_BLOCK_BYTES = 1 << 22 };

struct rift_arena_block {
    struct rift_arena_block *next;
    size_t size;
    size_t used;
    max_align_t data[];
};

static struct rift_arena_block *arena_grow(struct rift_arena *arena, size_t size)
{
    size_t wanted = arena->head ? arena->head->size * 2 : ARENA_FIRST_BLOCK_BYTES;
    if (wanted > ARENA_LARGEST_BLOCK_BYTES)
        wanted = ARENA_LARGEST_BLOCK_BYTES;
    if (wanted < size)
        wanted = size;
    struct rift_arena_block *block = rift_malloc(sizeof *block + wanted);
    block->next = arena->head;
    block->size = wanted;
    block->used = 0;
    arena->head = block;
    arena->total_bytes += wanted;
    return block;
}

void *rift_arena_alloc(struct rift_arena *arena, size_t size)
{
    const size_t align = sizeof(max_align_t);
    size = (size + align - 1) / align * align;
    struct rift_arena_block *block = arena->head;
    if (!block || block->size - block->used < size)
        block = arena_grow(arena, size);
    void *memory = (char *)block->data + block->used;
    block->used += size;
    arena->used_bytes += size;
    return memory;
}

void *rift_arena_calloc(struct rift_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX - 2 * sizeof(max_align_t); /* ends in the out-of-memory exit */
    return memset(rift_arena_alloc(arena, bytes), 0, bytes);
}

char *rift_arena_strdup(struct rift_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(rift_arena_alloc(arena, size), text, size);
}

char *rift_arena_printf(struct rift_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = (size_t)(length < 0 ? 0 : length) + 1;
    char *text = rift_arena_alloc(arena, size);
    vsnprintf(text, size, format, again);
    va_end(again);
    return text;
}

static void arena_free_list(struct rift_arena_block *block)
{
    while (block) {
        struct rift_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void rift_arena_reset(struct rift_arena *arena)
{
    struct rift_arena_block *kept = arena->head;
    if (!kept)
        return;
    arena_free_list(kept->next);
    kept->next = NULL;
    kept->used = 0;
    arena->used_bytes = 0;
    arena->total_bytes = kept->size;
}

void rift_arena_finish(struct rift_arena *arena)
{
    arena_free_list(arena->head);
    *arena = (struct rift_arena){0};
}
