/* What the parsers of all formats share. Lines are counted only when there is an error to report.
 */
#include "history/import/cursor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void rift_cursor_init(struct rift_cursor *cursor, const struct rift_source *source,
                      struct rift_values *values, struct rift_error *err)
{
    *cursor = (struct rift_cursor){
        .at = source->data,
        .end = source->data + source->length,
        .source = source,
        .values = values,
        .err = err,
    };
}

void rift_cursor_finish(struct rift_cursor *cursor)
{
    rift_value_stack_finish(&cursor->stack);
    rift_text_finish(&cursor->scratch);
}

static void locate(const struct rift_cursor *cursor, const char *where, size_t *line,
                   size_t *column)
{
    const char *start = cursor->source->data;
    *line = 1;
    for (const char *at = start; (at = memchr(at, '\n', (size_t)(where - at))) != NULL; at++) {
        ++*line;
        start = at + 1;
    }
    *column = (size_t)(where - start) + 1;
}

int rift_cursor_wrap(struct rift_cursor *cursor, const char *where)
{
    size_t line = 0, column = 0;
    locate(cursor, where, &line, &column);
    return rift_wrap(cursor->err, "%s:%zu:%zu", cursor->source->name, line, column);
}

static int fail_at(struct rift_cursor *cursor, const char *where, const char *format, va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    rift_fail(cursor->err, RIFT_ERR_INVALID, "%s", text);
    return rift_cursor_wrap(cursor, where);
}

int rift_cursor_fail_at(struct rift_cursor *cursor, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_at(cursor, where, format, args);
    va_end(args);
    return -1;
}

int rift_cursor_fail(struct rift_cursor *cursor, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_at(cursor, cursor->at, format, args);
    va_end(args);
    return -1;
}

void rift_cursor_release(struct rift_cursor *cursor)
{
    enum { RELEASE_BYTES = 1 << 22 }; /* a multiple of the page size */
    size_t passed = (size_t)(cursor->at - cursor->source->data);
    if (!cursor->source->is_mapped || passed - cursor->released < RELEASE_BYTES)
        return;
    /* The pages are read again if an error must count the lines before it. */
    madvise((void *)(cursor->source->data + cursor->released), RELEASE_BYTES, MADV_DONTNEED);
    cursor->released += RELEASE_BYTES;
}

bool rift_cursor_digits(struct rift_cursor *cursor, int64_t *number)
{
    const char *at = cursor->at;
    uint64_t sum = 0;
    /* 18 digits cannot overflow. */
    while (at < cursor->end && (unsigned)(*at - '0') < 10 && at - cursor->at < 18)
        sum = sum * 10 + (unsigned)(*at++ - '0');
    for (; at < cursor->end && (unsigned)(*at - '0') < 10; at++)
        if (__builtin_mul_overflow(sum, 10u, &sum) ||
            __builtin_add_overflow(sum, (unsigned)(*at - '0'), &sum) || sum > INT64_MAX)
            return false;
    if (at == cursor->at)
        return false;
    cursor->at = at;
    *number = (int64_t)sum;
    return true;
}

struct rift_value rift_cursor_box(struct rift_cursor *cursor, enum rift_value_kind kind,
                                  size_t first)
{
    return rift_value_stack_box(&cursor->stack, cursor->values, kind, first);
}

static void append_utf8(struct rift_cursor *cursor, uint32_t code)
{
    unsigned char out[4];
    size_t length = 1;
    if (code < 0x80) {
        out[0] = (unsigned char)code;
    } else {
        length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t i = length; i-- > 1; code >>= 6)
            out[i] = (unsigned char)(0x80 | (code & 0x3f));
        out[0] = (unsigned char)(leads[length] | code);
    }
    rift_text_append_bytes(&cursor->scratch, out, length);
}

static bool hex_digits(const struct rift_cursor *cursor, const char *at, uint32_t *code)
{
    *code = 0;
    if (cursor->end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        *code = *code * 16 + digit;
    }
    return true;
}

bool rift_cursor_escape(struct rift_cursor *cursor, const char **at)
{
    static const char from[] = "ntrbf\"\\/", to[] = "\n\t\r\b\f\"\\/";
    const char *e = *at + 1;
    const char *found = e < cursor->end && *e ? strchr(from, *e) : NULL;
    if (found) {
        rift_text_append_bytes(&cursor->scratch, &to[found - from], 1);
        *at = e + 1;
        return true;
    }
    uint32_t code = 0, low = 0;
    if (e == cursor->end || *e != 'u' || !hex_digits(cursor, e + 1, &code))
        return false;
    *at = e + 5;
    if (code >= 0xd800 && code < 0xdc00 && cursor->end - *at >= 6 && (*at)[0] == '\\' &&
        (*at)[1] == 'u' && hex_digits(cursor, *at + 2, &low) && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    append_utf8(cursor, code);
    return true;
}
