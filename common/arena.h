/* Memory for things that die together: allocated one by one, released all at once. */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stddef.h>

struct rift_arena_block;

/* Zeroed is empty and ready. Not for two threads at once. */
struct rift_arena {
    struct rift_arena_block *head;
    size_t used_bytes;  /* handed out since the last reset */
    size_t total_bytes; /* held from the system */
};

/* size bytes, aligned for any type, not zeroed; never NULL. */
void *rift_arena_alloc(struct rift_arena *arena, size_t size) __attribute__((returns_nonnull));
/* As rift_arena_alloc(count * size), zeroed. */
void *rift_arena_calloc(struct rift_arena *arena, size_t count, size_t size)
    __attribute__((returns_nonnull));
char *rift_arena_strdup(struct rift_arena *arena, const char *text);
char *rift_arena_printf(struct rift_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Everything handed out is gone; the largest block is kept for the next round. */
void rift_arena_reset(struct rift_arena *arena);
/* Everything is given back; the arena is zeroed. */
void rift_arena_finish(struct rift_arena *arena);

#endif
