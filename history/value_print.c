/* Values as EDN: what people read in reports, and what the EDN export writes. */
#include "history/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void rift_text_append_integer(struct rift_text *text, int64_t number)
{
    char digits[24];
    char *end = digits + sizeof digits, *at = end;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0)
        *--at = '-';
    rift_text_append_bytes(text, at, (size_t)(end - at));
}

void rift_text_append_quoted(struct rift_text *text, const char *chars, size_t length)
{
    rift_text_append_bytes(text, "\"", 1);
    size_t done = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)chars[i];
        if (c != '"' && c != '\\' && c >= ' ' && c != 127)
            continue;
        rift_text_append_bytes(text, chars + done, i - done);
        done = i + 1;
        const char *escapes = "n\nt\tr\r\"\"\\\\";
        const char *found = NULL;
        for (const char *e = escapes; *e && !found; e += 2)
            if ((unsigned char)e[1] == c)
                found = e;
        if (found)
            rift_text_printf(text, "\\%c", found[0]);
        else
            rift_text_printf(text, "\\u%04x", c);
    }
    rift_text_append_bytes(text, chars + done, length - done);
    rift_text_append_bytes(text, "\"", 1);
}

/* The shortest digits that read back as the same number, with a point or an exponent. */
static void print_double(struct rift_text *text, double number)
{
    if (!isfinite(number)) {
        rift_text_append(text, isnan(number) ? "##NaN" : number > 0 ? "##Inf" : "##-Inf");
        return;
    }
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        double back = 0;
        if (sscanf(digits, "%lf", &back) == 1 && back == number)
            break;
    }
    rift_text_append(text, digits);
    if (!strpbrk(digits, ".e"))
        rift_text_append(text, ".0");
}

static void print_items(struct rift_text *text, const struct rift_values *values,
                        struct rift_value value, const char *open, const char *close)
{
    rift_text_append(text, open);
    for (size_t i = 0, n = rift_value_count(values, value); i < n; i++) {
        if (i)
            rift_text_append_bytes(text, " ", 1);
        rift_value_print_to(text, values, rift_value_item(values, value, i));
    }
    rift_text_append(text, close);
}

static void print_map(struct rift_text *text, const struct rift_values *values,
                      struct rift_value value)
{
    rift_text_append(text, "{");
    for (size_t i = 0, n = rift_value_count(values, value); i < n; i++) {
        if (i)
            rift_text_append(text, i % 2 ? " " : ", ");
        rift_value_print_to(text, values, rift_value_item(values, value, i));
    }
    rift_text_append(text, "}");
}

static void print_txn(struct rift_text *text, const struct rift_values *values,
                      struct rift_value value)
{
    rift_text_append(text, "[");
    for (size_t i = 0, n = rift_value_count(values, value); i < n; i += 3) {
        rift_text_append(text, i ? " [" : "[");
        for (size_t k = 0; k < 3; k++) {
            if (k)
                rift_text_append_bytes(text, " ", 1);
            rift_value_print_to(text, values, rift_value_item(values, value, i + k));
        }
        rift_text_append(text, "]");
    }
    rift_text_append(text, "]");
}

/* Whether these characters are one word in EDN. The keys of JSON and of our own file may be any
 * text; after a colon it would be read as further keys, or as further operations. */
static bool is_edn_word(const char *chars, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)chars[i] <= ' ' || strchr(",()[]{}\";", chars[i]))
            return false;
    return length > 0;
}

void rift_value_print_to(struct rift_text *text, const struct rift_values *values,
                         struct rift_value value)
{
    size_t length = 0;
    const char *chars = rift_value_as_text(values, value, &length);
    switch (rift_value_kind(values, value)) {
    case RIFT_NIL:
        rift_text_append(text, "nil");
        break;
    case RIFT_BOOL:
        rift_text_append(text, rift_value_as_bool(value) ? "true" : "false");
        break;
    case RIFT_INTEGER:
        rift_text_append_integer(text, rift_value_as_integer(values, value));
        break;
    case RIFT_TEXT:
        rift_text_append_quoted(text, chars, length);
        break;
    case RIFT_KEYWORD:
        if (is_edn_word(chars, length)) {
            rift_text_append_bytes(text, ":", 1);
            rift_text_append_bytes(text, chars, length);
        } else {
            rift_text_append_quoted(text, chars, length);
        }
        break;
    case RIFT_DOUBLE:
        print_double(text, rift_value_as_double(values, value));
        break;
    case RIFT_LIST:
    case RIFT_PAIR:
        print_items(text, values, value, "[", "]");
        break;
    case RIFT_SET:
        print_items(text, values, value, "#{", "}");
        break;
    case RIFT_MAP:
        print_map(text, values, value);
        break;
    case RIFT_TXN:
        print_txn(text, values, value);
        break;
    }
}

char *rift_value_print(const struct rift_values *values, struct rift_value value)
{
    struct rift_text text = {0};
    rift_value_print_to(&text, values, value);
    return rift_text_take(&text);
}
