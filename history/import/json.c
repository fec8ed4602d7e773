/* A strict parser by descent (RFC 8259). */
#include "history/import/json.h"

#include <stdlib.h>
#include <string.h>

void rift_json_skip(struct rift_cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n' ||
                                        *cursor->at == '\t' || *cursor->at == '\r'))
        cursor->at++;
}

int rift_json_string(struct rift_cursor *cursor, const char **text, size_t *length)
{
    if (cursor->at == cursor->end || *cursor->at != '"')
        return rift_cursor_fail(cursor, "a string should stand here");
    const char *start = cursor->at + 1, *at = start;
    while (at < cursor->end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ')
        at++;
    if (at < cursor->end && *at == '"') {
        *text = start;
        *length = (size_t)(at - start);
        cursor->at = at + 1;
        return 0;
    }
    rift_text_clear(&cursor->scratch);
    rift_text_append_bytes(&cursor->scratch, start, (size_t)(at - start));
    while (at < cursor->end && *at != '"') {
        if ((unsigned char)*at < ' ')
            return rift_cursor_fail_at(cursor, at, "a control character or line end in a string");
        if (*at == '\\') {
            if (!rift_cursor_escape(cursor, &at))
                return rift_cursor_fail_at(cursor, at, "an escape that JSON does not have");
            continue;
        }
        const char *run = at;
        while (at < cursor->end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ')
            at++;
        rift_text_append_bytes(&cursor->scratch, run, (size_t)(at - run));
    }
    if (at == cursor->end)
        return rift_cursor_fail(cursor, "a string that does not end");
    *text = cursor->scratch.data;
    *length = cursor->scratch.length;
    cursor->at = at + 1;
    return 0;
}

static bool is_number_character(char c)
{
    return (unsigned)(c - '0') < 10 || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static bool is_digit_at(const char *at, const char *end)
{
    return at < end && (unsigned)(*at - '0') < 10;
}

/* -? digits (. digits)? ([eE] [+-]? digits)? */
static bool is_real(const char *at, const char *end)
{
    at += at < end && *at == '-';
    if (!is_digit_at(at, end))
        return false;
    while (is_digit_at(at, end))
        at++;
    if (at < end && *at == '.') {
        if (!is_digit_at(++at, end))
            return false;
        while (is_digit_at(at, end))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '-' || *at == '+');
        if (!is_digit_at(at, end))
            return false;
        while (is_digit_at(at, end))
            at++;
    }
    return at == end;
}

static int real(struct rift_cursor *cursor, const char *start, struct rift_value *value)
{
    enum { NUMBER_MAX = 512 };
    char text[NUMBER_MAX + 1];
    const char *end = start;
    while (end < cursor->end && is_number_character(*end))
        end++;
    size_t length = (size_t)(end - start);
    cursor->at = start;
    if (length > NUMBER_MAX)
        return rift_cursor_fail(cursor, "a number of more than %d characters", NUMBER_MAX);
    if (!is_real(start, end))
        return rift_cursor_fail(cursor, "this is not a number");
    memcpy(text, start, length);
    text[length] = '\0';
    if (strcmp(text, "-9223372036854775808") == 0)
        *value = rift_value_integer(cursor->values, INT64_MIN);
    else if (!strpbrk(text, ".eE"))
        *value = rift_value_text(cursor->values, text, length);
    else
        *value = rift_value_double(cursor->values, strtod(text, NULL));
    cursor->at = end;
    return 0;
}

static inline int number(struct rift_cursor *cursor, struct rift_value *value)
{
    const char *start = cursor->at;
    bool is_negative = *start == '-';
    int64_t magnitude = 0;
    cursor->at += is_negative;
    if (rift_cursor_digits(cursor, &magnitude) &&
        (cursor->at == cursor->end || !is_number_character(*cursor->at))) {
        *value = rift_value_integer(cursor->values, is_negative ? -magnitude : magnitude);
        return 0;
    }
    return real(cursor, start, value);
}

bool rift_json_enter(struct rift_cursor *cursor, char close)
{
    cursor->at++;
    rift_json_skip(cursor);
    bool is_more = cursor->at == cursor->end || *cursor->at != close;
    cursor->at += !is_more;
    return is_more;
}

int rift_json_name(struct rift_cursor *cursor, const char **name, size_t *length)
{
    if (rift_json_string(cursor, name, length) != 0)
        return -1;
    rift_json_skip(cursor);
    if (cursor->at == cursor->end || *cursor->at != ':')
        return rift_cursor_fail(cursor, "a colon should stand here");
    cursor->at++;
    rift_json_skip(cursor);
    return 0;
}

int rift_json_next(struct rift_cursor *cursor, char close, bool *is_more)
{
    rift_json_skip(cursor);
    if (cursor->at < cursor->end && (*cursor->at == ',' || *cursor->at == close)) {
        *is_more = *cursor->at++ == ',';
        rift_json_skip(cursor);
        return 0;
    }
    return rift_cursor_fail(cursor, "a comma or '%c' should stand here", close);
}

static int array(struct rift_cursor *cursor, struct rift_value *value)
{
    size_t first = cursor->stack.count;
    bool is_more = rift_json_enter(cursor, ']');
    while (is_more) {
        struct rift_value item;
        if (rift_json_value(cursor, &item) != 0 || rift_json_next(cursor, ']', &is_more) != 0)
            return -1;
        rift_value_stack_push(&cursor->stack, item);
    }
    *value = rift_cursor_box(cursor, RIFT_LIST, first);
    return 0;
}

static int object(struct rift_cursor *cursor, struct rift_value *value)
{
    size_t first = cursor->stack.count;
    bool is_more = rift_json_enter(cursor, '}');
    while (is_more) {
        const char *name = NULL;
        size_t length = 0;
        struct rift_value item;
        if (rift_json_name(cursor, &name, &length) != 0)
            return -1;
        rift_value_stack_push(&cursor->stack, rift_value_text(cursor->values, name, length));
        if (rift_json_value(cursor, &item) != 0 || rift_json_next(cursor, '}', &is_more) != 0)
            return -1;
        rift_value_stack_push(&cursor->stack, item);
    }
    *value = rift_cursor_box(cursor, RIFT_MAP, first);
    return 0;
}

static bool word(struct rift_cursor *cursor, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, text, length) != 0)
        return false;
    cursor->at += length;
    return true;
}

int rift_json_value(struct rift_cursor *cursor, struct rift_value *value)
{
    if (cursor->at == cursor->end)
        return rift_cursor_fail(cursor, "the file ends where a value should stand");
    char c = *cursor->at;
    if ((unsigned)(c - '0') < 10 || c == '-')
        return number(cursor, value);
    if (c == '"') {
        const char *text = NULL;
        size_t length = 0;
        if (rift_json_string(cursor, &text, &length) != 0)
            return -1;
        *value = rift_value_text(cursor->values, text, length);
        return 0;
    }
    if (c == '[' || c == '{') {
        if (++cursor->depth > RIFT_VALUE_DEPTH_MAX)
            return rift_cursor_fail(cursor, "values nest deeper than %d levels",
                                    RIFT_VALUE_DEPTH_MAX);
        int failed = c == '[' ? array(cursor, value) : object(cursor, value);
        cursor->depth--;
        return failed;
    }
    *value = RIFT_VALUE_NIL;
    if (word(cursor, "null"))
        return 0;
    *value = rift_value_bool(c == 't');
    if (word(cursor, "true") || word(cursor, "false"))
        return 0;
    return rift_cursor_fail(cursor, "'%c' does not belong here", rift_shown(c));
}
