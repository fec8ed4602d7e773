/* A parser by descent, made for histories: small integers in lists, keywords, maps. */
#include "history/import/edn.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* What ends a symbol, keyword or number. */
static bool is_delimiter(char c)
{
    switch (c) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case '\f':
    case ',':
    case '(':
    case ')':
    case '[':
    case ']':
    case '{':
    case '}':
    case '"':
    case ';':
        return true;
    default:
        return false;
    }
}

static const char *token_end(const struct rift_cursor *cursor, const char *at)
{
    while (at < cursor->end && !is_delimiter(*at))
        at++;
    return at;
}

static int discard(struct rift_cursor *cursor)
{
    size_t words = cursor->values->word_count;
    struct rift_value ignored;
    if (++cursor->depth > RIFT_VALUE_DEPTH_MAX)
        return rift_cursor_fail(cursor, "forms nest deeper than %d levels", RIFT_VALUE_DEPTH_MAX);
    cursor->at += 2;
    if (rift_edn_skip(cursor) != 0 || rift_edn_value(cursor, &ignored) != 0)
        return -1;
    cursor->depth--;
    cursor->values->word_count = words;
    return 0;
}

int rift_edn_skip(struct rift_cursor *cursor)
{
    while (cursor->at < cursor->end) {
        char c = *cursor->at;
        if (c == ' ' || c == '\n' || c == ',' || c == '\t' || c == '\r' || c == '\f') {
            cursor->at++;
        } else if (c == ';') {
            const char *line = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
            cursor->at = line ? line + 1 : cursor->end;
        } else if (c == '#' && cursor->end - cursor->at > 1 && cursor->at[1] == '_') {
            if (discard(cursor) != 0)
                return -1;
        } else {
            break;
        }
    }
    return 0;
}

int rift_edn_keyword(struct rift_cursor *cursor, const char **name, size_t *length)
{
    *name = cursor->at + 1;
    const char *end = token_end(cursor, *name);
    *length = (size_t)(end - *name);
    if (*length == 0)
        return rift_cursor_fail(cursor, "a colon without a keyword");
    cursor->at = end;
    return 0;
}

int rift_edn_skip_tag(struct rift_cursor *cursor)
{
    while (cursor->at < cursor->end && *cursor->at == '#' && cursor->end - cursor->at > 1 &&
           cursor->at[1] != '{' && cursor->at[1] != '#') {
        const char *end = token_end(cursor, cursor->at);
        if (end == cursor->at + 1)
            return rift_cursor_fail(cursor, "a # without a tag");
        cursor->at = end;
        if (rift_edn_skip(cursor) != 0)
            return -1;
    }
    return 0;
}

static int string(struct rift_cursor *cursor, struct rift_value *value)
{
    const char *start = cursor->at + 1, *at = start;
    while (at < cursor->end && *at != '"' && *at != '\\')
        at++;
    if (at < cursor->end && *at == '"') {
        *value = rift_value_text(cursor->values, start, (size_t)(at - start));
        cursor->at = at + 1;
        return 0;
    }
    rift_text_clear(&cursor->scratch);
    rift_text_append_bytes(&cursor->scratch, start, (size_t)(at - start));
    while (at < cursor->end && *at != '"') {
        if (*at == '\\') {
            if (!rift_cursor_escape(cursor, &at))
                return rift_cursor_fail_at(cursor, at, "an escape that EDN does not have");
            continue;
        }
        const char *run = at;
        while (at < cursor->end && *at != '"' && *at != '\\')
            at++;
        rift_text_append_bytes(&cursor->scratch, run, (size_t)(at - run));
    }
    if (at == cursor->end)
        return rift_cursor_fail(cursor, "a text that does not end");
    *value = rift_value_text(cursor->values, cursor->scratch.data, cursor->scratch.length);
    cursor->at = at + 1;
    return 0;
}

static bool is_all_digits(const char *at, const char *end)
{
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const char *first = at;
    while (at < end && (unsigned)(*at - '0') < 10)
        at++;
    return at == end && at > first;
}

/* Floats, integers with a suffix or too large, ratios. */
static int odd_number(struct rift_cursor *cursor, const char *start, struct rift_value *value)
{
    enum { NUMBER_MAX = 512 };
    const char *end = token_end(cursor, start);
    size_t length = (size_t)(end - start);
    const char *slash = memchr(start, '/', length);
    bool is_big = end[-1] == 'N' && is_all_digits(start, end - 1);
    cursor->at = start;
    if (is_big || is_all_digits(start, end)) {
        size_t digits = length - is_big;
        char *text CLEANUP(rift_free) = rift_strndup(start, digits);
        int64_t number = 0;
        struct rift_source source = {.data = text, .length = digits};
        struct rift_cursor inner = {.at = text, .end = text + digits, .source = &source};
        bool is_negative = *text == '-';
        inner.at += *text == '-' || *text == '+';
        *value = rift_cursor_digits(&inner, &number)
                     ? rift_value_integer(cursor->values, is_negative ? -number : number)
                 : strcmp(text, "-9223372036854775808") == 0
                     ? rift_value_integer(cursor->values, INT64_MIN)
                     : rift_value_text(cursor->values, text, digits);
    } else if (slash && is_all_digits(start, slash) && is_all_digits(slash + 1, end)) {
        *value = rift_value_text(cursor->values, start, length);
    } else {
        char text[NUMBER_MAX + 1];
        if (length > NUMBER_MAX)
            return rift_cursor_fail(cursor, "a number of more than %d characters", NUMBER_MAX);
        memcpy(text, start, length);
        text[length] = '\0';
        if (text[length - 1] == 'M')
            text[--length] = '\0';
        char *rest = NULL;
        double number = strtod(text, &rest);
        if (*rest || strpbrk(text, "xXpPnN"))
            return rift_cursor_fail(cursor, "'%.40s' is not a number", text);
        *value = rift_value_double(cursor->values, number);
    }
    cursor->at = end;
    return 0;
}

static inline int number(struct rift_cursor *cursor, struct rift_value *value)
{
    const char *start = cursor->at;
    bool is_negative = *start == '-';
    int64_t magnitude = 0;
    cursor->at += is_negative || *start == '+';
    if (rift_cursor_digits(cursor, &magnitude) &&
        (cursor->at == cursor->end || is_delimiter(*cursor->at))) {
        *value = rift_value_integer(cursor->values, is_negative ? -magnitude : magnitude);
        return 0;
    }
    return odd_number(cursor, start, value);
}

static int character(struct rift_cursor *cursor, struct rift_value *value)
{
    const char *start = cursor->at + 1;
    if (start == cursor->end)
        return rift_cursor_fail(cursor, "a backslash without a character");
    const char *end = token_end(cursor, start + 1);
    *value = rift_value_text(cursor->values, start, (size_t)(end - start));
    cursor->at = end;
    return 0;
}

static int symbol(struct rift_cursor *cursor, struct rift_value *value)
{
    const char *start = cursor->at, *end = token_end(cursor, start);
    size_t length = (size_t)(end - start);
    if (length == 0)
        return rift_cursor_fail(cursor, "'%c' does not belong here", rift_shown(*start));
    if (length == 3 && memcmp(start, "nil", 3) == 0)
        *value = RIFT_VALUE_NIL;
    else if (length == 4 && memcmp(start, "true", 4) == 0)
        *value = rift_value_bool(true);
    else if (length == 5 && memcmp(start, "false", 5) == 0)
        *value = rift_value_bool(false);
    else
        *value = rift_value_text(cursor->values, start, length);
    cursor->at = end;
    return 0;
}

/* Items up to the closing character, onto the stack. Returns how many, or -1. */
static int64_t items(struct rift_cursor *cursor, char close)
{
    const char *open = cursor->at++;
    size_t first = cursor->stack.count;
    if (++cursor->depth > RIFT_VALUE_DEPTH_MAX)
        return rift_cursor_fail(cursor, "values nest deeper than %d levels", RIFT_VALUE_DEPTH_MAX);
    for (;;) {
        if (rift_edn_skip(cursor) != 0)
            return -1;
        if (cursor->at == cursor->end)
            return rift_cursor_fail_at(cursor, open, "'%c' is never closed", *open);
        if (*cursor->at == close)
            break;
        struct rift_value item;
        int failed = (unsigned)(*cursor->at - '0') < 10 ? number(cursor, &item)
                                                        : rift_edn_value(cursor, &item);
        if (failed)
            return -1;
        rift_value_stack_push(&cursor->stack, item);
    }
    cursor->at++;
    cursor->depth--;
    return (int64_t)(cursor->stack.count - first);
}

static int box(struct rift_cursor *cursor, enum rift_value_kind kind, char close,
               struct rift_value *value)
{
    const char *open = cursor->at;
    size_t first = cursor->stack.count;
    int64_t count = items(cursor, close);
    if (count < 0)
        return -1;
    if (kind == RIFT_MAP && count % 2)
        return rift_cursor_fail_at(cursor, open, "a map with a key but no value for it");
    *value = rift_cursor_box(cursor, kind, first);
    return 0;
}

/* #{set}, ##Inf, #tag form. */
static int dispatch(struct rift_cursor *cursor, struct rift_value *value)
{
    const char *start = cursor->at;
    if (cursor->end - start > 1 && start[1] == '{') {
        cursor->at++;
        return box(cursor, RIFT_SET, '}', value);
    }
    if (cursor->end - start > 1 && start[1] == '#') {
        const char *end = token_end(cursor, start);
        size_t length = (size_t)(end - start);
        bool is_nan = length == 5 && memcmp(start, "##NaN", 5) == 0;
        bool is_plus = length == 5 && memcmp(start, "##Inf", 5) == 0;
        bool is_minus = length == 6 && memcmp(start, "##-Inf", 6) == 0;
        if (!is_nan && !is_plus && !is_minus)
            return rift_cursor_fail(cursor, "## is followed by Inf, -Inf or NaN");
        *value = rift_value_double(cursor->values, is_nan    ? __builtin_nan("")
                                                   : is_plus ? __builtin_inf()
                                                             : -__builtin_inf());
        cursor->at = end;
        return 0;
    }
    if (rift_edn_skip_tag(cursor) != 0)
        return -1;
    if (cursor->at == cursor->end)
        return rift_cursor_fail_at(cursor, start, "a tag without a form");
    if (cursor->at == start)
        return rift_cursor_fail(cursor, "a # without a tag");
    return rift_edn_value(cursor, value);
}

int rift_edn_value(struct rift_cursor *cursor, struct rift_value *value)
{
    if (cursor->at == cursor->end)
        return rift_cursor_fail(cursor, "the file ends where a value should stand");
    char c = *cursor->at;
    switch (c) {
    case '[':
        return box(cursor, RIFT_LIST, ']', value);
    case '(':
        return box(cursor, RIFT_LIST, ')', value);
    case '{':
        return box(cursor, RIFT_MAP, '}', value);
    case '"':
        return string(cursor, value);
    case '#':
        return dispatch(cursor, value);
    case '\\':
        return character(cursor, value);
    case ':': {
        const char *name = NULL;
        size_t length = 0;
        if (rift_edn_keyword(cursor, &name, &length) != 0)
            return -1;
        *value = rift_value_keyword(cursor->values, name, length);
        return 0;
    }
    default:
        break;
    }
    char next = cursor->end - cursor->at > 1 ? cursor->at[1] : '\0';
    if ((unsigned)(c - '0') < 10 || ((c == '-' || c == '+') && (unsigned)(next - '0') < 10))
        return number(cursor, value);
    return symbol(cursor, value);
}
