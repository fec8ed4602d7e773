/* JSON lines, as elle-cli and our own reader take them. What JSON cannot say becomes the nearest
 * that it can: a keyword a string, a set an array, a map with keys that are not text an array of
 * [key, value]. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "history/export/record.h"

/* The length of the UTF-8 sequence at these bytes, or 0 where there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    size_t length = *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90);
    bool is_beyond = (*at == 0xed && at[1] >= 0xa0) || (*at == 0xf4 && at[1] >= 0x90);
    return is_overlong || is_beyond ? 0 : length;
}

static void append_string(struct rift_text *text, const char *chars, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)chars;
    rift_text_append(text, "\"");
    for (size_t i = 0; i < length;) {
        size_t run = i;
        while (run < length && bytes[run] >= ' ' && bytes[run] < 127 && bytes[run] != '"' &&
               bytes[run] != '\\')
            run++;
        rift_text_append_bytes(text, chars + i, run - i);
        if ((i = run) == length)
            break;
        size_t sequence = bytes[i] >= 0x80 ? utf8_length(bytes + i, length - i) : 0;
        if (sequence)
            rift_text_append_bytes(text, chars + i, sequence);
        else if (bytes[i] >= 0x80)
            rift_text_append(text, "\xef\xbf\xbd"); /* U+FFFD */
        else if (bytes[i] == '"' || bytes[i] == '\\')
            rift_text_printf(text, "\\%c", bytes[i]);
        else
            rift_text_printf(text, "\\u%04x", bytes[i]);
        i += sequence ? sequence : 1;
    }
    rift_text_append(text, "\"");
}

static void append_value(struct rift_text *text, const struct rift_values *values,
                         struct rift_value value);

/* Items in brackets; in inner brackets too where they come in groups. */
static void append_items(struct rift_text *text, const struct rift_values *values,
                         struct rift_value value, size_t width)
{
    rift_text_append(text, "[");
    for (size_t i = 0, n = rift_value_count(values, value); i < n; i++) {
        if (i)
            rift_text_append(text, width > 1 && i % width == 0 ? "],[" : ",");
        else if (width > 1)
            rift_text_append(text, "[");
        append_value(text, values, rift_value_item(values, value, i));
    }
    rift_text_append(text, width > 1 && rift_value_count(values, value) ? "]]" : "]");
}

static bool has_names_for_keys(const struct rift_values *values, struct rift_value map)
{
    for (size_t i = 0, n = rift_value_count(values, map); i < n; i += 2) {
        enum rift_value_kind kind = rift_value_kind(values, rift_value_item(values, map, i));
        if (kind != RIFT_TEXT && kind != RIFT_KEYWORD)
            return false;
    }
    return true;
}

static void append_entries(struct rift_text *text, const struct rift_values *values,
                           struct rift_value map, const char *separator)
{
    for (size_t i = 0, n = rift_value_count(values, map); i < n; i += 2) {
        struct rift_value key = rift_value_item(values, map, i);
        size_t length = 0;
        const char *chars = rift_value_as_text(values, key, &length);
        rift_text_append(text, separator);
        append_string(text, chars, length);
        rift_text_append(text, ":");
        append_value(text, values, rift_value_item(values, map, i + 1));
        separator = ",";
    }
}

static void append_double(struct rift_text *text, double number)
{
    char digits[40];
    if (!isfinite(number)) {
        rift_text_append(text, "null");
        return;
    }
    snprintf(digits, sizeof digits, "%.17g", number);
    rift_text_append(text, digits);
    if (!strpbrk(digits, ".e"))
        rift_text_append(text, ".0");
}

static void append_value(struct rift_text *text, const struct rift_values *values,
                         struct rift_value value)
{
    size_t length = 0;
    const char *chars = rift_value_as_text(values, value, &length);
    switch (rift_value_kind(values, value)) {
    case RIFT_NIL:
        rift_text_append(text, "null");
        break;
    case RIFT_BOOL:
        rift_text_append(text, rift_value_as_bool(value) ? "true" : "false");
        break;
    case RIFT_INTEGER:
        rift_value_print_to(text, values, value);
        break;
    case RIFT_TEXT:
    case RIFT_KEYWORD:
        append_string(text, chars, length);
        break;
    case RIFT_DOUBLE:
        append_double(text, rift_value_as_double(values, value));
        break;
    case RIFT_LIST:
    case RIFT_PAIR:
    case RIFT_SET:
        append_items(text, values, value, 1);
        break;
    case RIFT_MAP:
        if (!has_names_for_keys(values, value)) {
            append_items(text, values, value, 2);
            break;
        }
        rift_text_append(text, "{");
        append_entries(text, values, value, "");
        rift_text_append(text, "}");
        break;
    case RIFT_TXN:
        append_items(text, values, value, 3);
        break;
    }
}

static void append_name(struct rift_text *text, const char *label, const char *name)
{
    if (!*name)
        return;
    rift_text_append(text, label);
    append_string(text, name, strlen(name));
}

static void append_record(struct rift_text *text, const struct rift_values *values,
                          const struct rift_export_record *record)
{
    rift_text_append(text, "{\"index\":");
    rift_text_append_integer(text, (int64_t)record->index);
    if (record->has_time) {
        rift_text_append(text, ",\"time\":");
        rift_text_append_integer(text, record->time);
    }
    rift_text_append(text, ",\"type\":\"");
    rift_text_append(text, record->type);
    rift_text_append(text, "\",\"process\":");
    if (record->is_nemesis)
        rift_text_append(text, "\"nemesis\"");
    else
        rift_text_append_integer(text, record->process);
    append_name(text, ",\"f\":", record->f);
    if (record->has_key) {
        rift_text_append(text, ",\"key\":");
        append_value(text, values, record->key);
    }
    rift_text_append(text, ",\"value\":");
    append_value(text, values, record->value);
    append_name(text, ",\"error\":", record->error);
    append_name(text, ",\"node\":", record->node);
    if (record->has_no_result)
        rift_text_append(text, ",\"rift/result\":null");
    if (record->is_timeless)
        rift_text_append(text, ",\"rift/timeless\":true");
    if (has_names_for_keys(values, record->extra)) {
        if (record->has_odd_extra) {
            rift_text_append(text, ",\"rift/extra\":");
            append_value(text, values, record->extra);
        } else {
            append_entries(text, values, record->extra, ",");
        }
    }
    rift_text_append(text, "}\n");
}

int rift_export_jsonl(const struct rift_history *history, struct rift_sink *sink,
                      struct rift_error *err)
{
    return rift_export_records(history, append_record, sink, err);
}
