/* A place in the bytes of a file, for parsers; and errors that name it by line and column. */
#ifndef HISTORY_IMPORT_CURSOR_H
#define HISTORY_IMPORT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "history/import/importer.h"
#include "history/value_stack.h"

struct rift_cursor {
    const char *at;
    const char *end;
    const struct rift_source *source;
    struct rift_values *values;
    struct rift_value_stack stack; /* items of boxes that are not closed yet */
    struct rift_text scratch;      /* characters of a text with escapes */
    unsigned depth;
    struct rift_error *err;
    size_t released; /* bytes from the start that the system may have back */
};

void rift_cursor_init(struct rift_cursor *cursor, const struct rift_source *source,
                      struct rift_values *values, struct rift_error *err);
void rift_cursor_finish(struct rift_cursor *cursor);
/* "file:line:column: text", for the place where; returns -1. */
int rift_cursor_fail_at(struct rift_cursor *cursor, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for the place where the cursor stands. */
int rift_cursor_fail(struct rift_cursor *cursor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts "file:line:column: " in front of an error that the builder wrote; returns -1. */
int rift_cursor_wrap(struct rift_cursor *cursor, const char *where);
/* Lets go of the pages of a mapped file that the cursor is past. */
void rift_cursor_release(struct rift_cursor *cursor);

/* A character that a message can show: control characters and bytes past ASCII become '?'. */
static inline int rift_shown(char c)
{
    return c >= ' ' && c < 127 ? c : '?';
}

/* The digits from the cursor on as a number, if they fit into 63 bits; moves past them. False
 * leaves the cursor. */
bool rift_cursor_digits(struct rift_cursor *cursor, int64_t *number);
/* The value at the cursor as parsers of both EDN and JSON need it. */
struct rift_value rift_cursor_box(struct rift_cursor *cursor, enum rift_value_kind kind,
                                  size_t first);
/* The escape of EDN and JSON at the backslash *at, appended to the scratch text; moves *at past it.
 * False where they have none such. */
bool rift_cursor_escape(struct rift_cursor *cursor, const char **at);

#endif
