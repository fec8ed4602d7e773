/* Allocation that never returns NULL, and clean-up bound to a scope. */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

/* Runs function(&variable) when the variable goes out of scope. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* As malloc, calloc, realloc, strdup, strndup and asprintf; out of memory ends the program with
 * one line on stderr and exit code 255. */
void *rift_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *rift_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *rift_realloc(void *old, size_t size) __attribute__((returns_nonnull));
void *rift_reallocarray(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *rift_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *rift_strndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));
char *rift_printf(const char *format, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* For CLEANUP on any pointer that free() takes: CLEANUP(rift_free) char *name = NULL; */
void rift_free(void *pointer_to_pointer);
/* For CLEANUP on a file descriptor; -1 is left alone. */
void rift_close_fd(int *fd);

#endif
