/* Allocation that never returns NULL, and clean-up bound to a scope. */
#include "common/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EXIT_HARNESS_FAILED = 255 };

static _Noreturn void die_out_of_memory(size_t size)
{
    fprintf(stderr, "rift: out of memory: %zu bytes asked for\n", size);
    exit(EXIT_HARNESS_FAILED);
}

/* Large arrays are filled from end to end, and the page faults of that cost as much as the filling:
 * with huge pages there is one for what takes 512 small ones. */
enum { PAGE_BYTES = 1 << 12, HUGE_PAGE_BYTES = 1 << 21, HUGE_FROM_BYTES = 2 * HUGE_PAGE_BYTES };

static void *malloc_huge(size_t size)
{
    size_t rest = size % HUGE_PAGE_BYTES;
    size_t bytes = rest ? size - rest + HUGE_PAGE_BYTES : size;
    void *memory = aligned_alloc(HUGE_PAGE_BYTES, bytes);
    if (memory)
        madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

/* Where calloc gets its memory from the kernel it need not clear it, and nothing is touched yet. */
static void advise_huge(char *memory, size_t bytes)
{
    uintptr_t first = ((uintptr_t)memory + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    uintptr_t end = ((uintptr_t)memory + bytes) / PAGE_BYTES * PAGE_BYTES;
    madvise((void *)first, end - first, MADV_HUGEPAGE);
}

void *rift_malloc(size_t size)
{
    void *memory = size >= HUGE_FROM_BYTES && size < SIZE_MAX / 2 ? malloc_huge(size)
                                                                  : malloc(size ? size : 1);
    if (!memory)
        die_out_of_memory(size);
    return memory;
}

void *rift_calloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        die_out_of_memory(size);
    if (count * size >= HUGE_FROM_BYTES)
        advise_huge(memory, count * size);
    return memory;
}

void *rift_realloc(void *old, size_t size)
{
    if (!old)
        return rift_malloc(size);
    void *memory = realloc(old, size ? size : 1);
    if (!memory)
        die_out_of_memory(size);
    return memory;
}

void *rift_reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        die_out_of_memory(SIZE_MAX);
    return rift_realloc(old, bytes);
}

char *rift_strdup(const char *text)
{
    return rift_strndup(text, strlen(text));
}

char *rift_strndup(const char *text, size_t length)
{
    char *copy = rift_malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *rift_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        die_out_of_memory(0);
    return text;
}

void rift_free(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;
    free(*pointer);
    *pointer = NULL;
}

void rift_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
