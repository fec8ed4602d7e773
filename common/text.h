/* Text that grows, and the nearest word to a mistyped one. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed is empty. data is NUL-terminated once anything was appended; NULL before. */
struct rift_text {
    char *data;
    size_t length;
    size_t capacity;
};

void rift_text_append(struct rift_text *text, const char *more);
void rift_text_append_bytes(struct rift_text *text, const void *bytes, size_t length);
void rift_text_printf(struct rift_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void rift_text_clear(struct rift_text *text);
void rift_text_finish(struct rift_text *text);
/* Hands the characters over (free() them; "" when empty) and leaves the text empty. */
char *rift_text_take(struct rift_text *text);

/* The candidate nearest to word by edit distance, if near enough to be a typing mistake (at most a
 * third of the word, at least 1); NULL otherwise. */
const char *rift_text_nearest(const char *word, const char *const *candidates, size_t count);
bool rift_text_starts_with(const char *text, const char *prefix);
bool rift_text_ends_with(const char *text, const char *suffix);

#endif
