/* Text that grows, and the nearest word to a mistyped one. */
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { TEXT_FIRST_CAPACITY = 64, WORD_LENGTH_MAX = 63 };

static void text_reserve(struct rift_text *text, size_t more)
{
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity)
        return;
    size_t capacity = text->capacity ? text->capacity * 2 : TEXT_FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    text->data = rift_realloc(text->data, capacity);
    text->capacity = capacity;
}

void rift_text_append_bytes(struct rift_text *text, const void *bytes, size_t length)
{
    text_reserve(text, length);
    if (length)
        memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void rift_text_append(struct rift_text *text, const char *more)
{
    rift_text_append_bytes(text, more, strlen(more));
}

void rift_text_printf(struct rift_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length > 0) {
        text_reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void rift_text_clear(struct rift_text *text)
{
    text->length = 0;
    if (text->data)
        text->data[0] = '\0';
}

void rift_text_finish(struct rift_text *text)
{
    free(text->data);
    *text = (struct rift_text){0};
}

char *rift_text_take(struct rift_text *text)
{
    char *data = text->data ? text->data : rift_strdup("");
    *text = (struct rift_text){0};
    return data;
}

/* Damerau-Levenshtein (optimal string alignment) on two short words. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > WORD_LENGTH_MAX || m > WORD_LENGTH_MAX)
        return WORD_LENGTH_MAX + 1;
    size_t d[WORD_LENGTH_MAX + 1][WORD_LENGTH_MAX + 1];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *rift_text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t limit = strlen(word) / 3;
    size_t best = (limit ? limit : 1) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

bool rift_text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool rift_text_ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}
