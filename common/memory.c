/* Allocation that never returns NULL, and clean-up bound to a scope. */
#include "common/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_HARNESS_FAILED = 255 };

static _Noreturn void die_out_of_memory(size_t size)
{
    fprintf(stderr, "rift: out of memory: %zu bytes asked for\n", size);
    exit(EXIT_HARNESS_FAILED);
}

void *rift_malloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        die_out_of_memory(size);
    return memory;
}

void *rift_calloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        die_out_of_memory(size);
    return memory;
}

void *rift_realloc(void *old, size_t size)
{
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
