/* One map for each event: a map a line, or all in one vector, list or array. */
#include "history/import/jepsen.h"

#include <string.h>

#include "history/import/edn.h"
#include "history/import/json.h"
#include "history/import/records.h"

static int edn_next(struct rift_cursor *cursor, char close, bool *is_more)
{
    if (rift_edn_skip(cursor) != 0)
        return -1;
    if (cursor->at == cursor->end)
        return rift_cursor_fail(cursor, "the file ends where '%c' should stand", close);
    *is_more = *cursor->at != close;
    cursor->at += !*is_more;
    return 0;
}

static int edn_word(struct rift_cursor *cursor, const char **word, size_t *length)
{
    if (cursor->at == cursor->end || *cursor->at != ':')
        return 0;
    return rift_edn_keyword(cursor, word, length);
}

static const struct rift_dialect edn = {
    .skip = rift_edn_skip,
    .value = rift_edn_value,
    .next = edn_next,
    .word = edn_word,
};

static int json_skip(struct rift_cursor *cursor)
{
    rift_json_skip(cursor);
    return 0;
}

static int json_word(struct rift_cursor *cursor, const char **word, size_t *length)
{
    if (cursor->at == cursor->end || *cursor->at != '"')
        return 0;
    return rift_json_string(cursor, word, length);
}

static const struct rift_dialect json = {
    .skip = json_skip,
    .value = rift_json_value,
    .next = rift_json_next,
    .word = json_word,
};

static int edn_entry(struct rift_records *records, struct rift_cursor *cursor)
{
    const char *name = NULL;
    size_t length = 0;
    struct rift_value key = RIFT_VALUE_NIL;
    bool is_keyword = *cursor->at == ':';
    if (is_keyword ? rift_edn_keyword(cursor, &name, &length) : rift_edn_value(cursor, &key))
        return -1;
    if (rift_edn_skip(cursor) != 0)
        return -1;
    if (cursor->at < cursor->end && *cursor->at == '}')
        return rift_cursor_fail(cursor, "a map with a key but no value for it");
    return is_keyword ? rift_records_entry(records, name, length)
                      : rift_records_odd_entry(records, key);
}

static int edn_record(struct rift_records *records, struct rift_cursor *cursor)
{
    if (rift_edn_skip_tag(cursor) != 0)
        return -1;
    if (cursor->at == cursor->end || *cursor->at != '{')
        return rift_cursor_fail(cursor, "an operation, which is a map, should stand here");
    const char *open = cursor->at;
    rift_records_begin(records);
    cursor->at++;
    for (;;) {
        if (rift_edn_skip(cursor) != 0)
            return -1;
        if (cursor->at == cursor->end)
            return rift_cursor_fail_at(cursor, open, "'{' is never closed");
        if (*cursor->at == '}')
            break;
        if (edn_entry(records, cursor) != 0)
            return -1;
    }
    cursor->at++;
    return rift_records_end(records);
}

/* Records up to the end of the file, or up to the character that closes the list of them. */
static int edn_records(struct rift_records *records, struct rift_cursor *cursor)
{
    char close = '\0';
    const char *open = NULL;
    if (rift_edn_skip(cursor) != 0)
        return -1;
    if (cursor->at < cursor->end && (*cursor->at == '[' || *cursor->at == '(')) {
        open = cursor->at;
        close = *cursor->at++ == '[' ? ']' : ')';
    }
    for (;;) {
        if (rift_edn_skip(cursor) != 0)
            return -1;
        if (cursor->at == cursor->end)
            return open ? rift_cursor_fail_at(cursor, open, "'%c' is never closed", *open) : 0;
        if (close && *cursor->at == close)
            break;
        if (edn_record(records, cursor) != 0)
            return -1;
    }
    cursor->at++;
    if (rift_edn_skip(cursor) != 0)
        return -1;
    if (cursor->at != cursor->end)
        return rift_cursor_fail(cursor, "more after the end of the history");
    return 0;
}

static int json_record(struct rift_records *records, struct rift_cursor *cursor)
{
    if (cursor->at == cursor->end || *cursor->at != '{')
        return rift_cursor_fail(cursor, "an operation, which is an object, should stand here");
    rift_records_begin(records);
    bool is_more = rift_json_enter(cursor, '}');
    while (is_more) {
        const char *name = NULL;
        size_t length = 0;
        if (rift_json_name(cursor, &name, &length) != 0 ||
            rift_records_entry(records, name, length) != 0 ||
            rift_json_next(cursor, '}', &is_more) != 0)
            return -1;
    }
    return rift_records_end(records);
}

static int json_array_of_records(struct rift_records *records, struct rift_cursor *cursor)
{
    bool is_more = rift_json_enter(cursor, ']');
    while (is_more)
        if (json_record(records, cursor) != 0 || rift_json_next(cursor, ']', &is_more) != 0)
            return -1;
    rift_json_skip(cursor);
    if (cursor->at != cursor->end)
        return rift_cursor_fail(cursor, "more after the end of the history");
    return 0;
}

static int json_records(struct rift_records *records, struct rift_cursor *cursor)
{
    rift_json_skip(cursor);
    if (cursor->at < cursor->end && *cursor->at == '[')
        return json_array_of_records(records, cursor);
    while (cursor->at < cursor->end) {
        if (json_record(records, cursor) != 0)
            return -1;
        rift_json_skip(cursor);
    }
    return 0;
}

static struct rift_history *read_with(const struct rift_source *source,
                                      const struct rift_dialect *dialect,
                                      int (*read)(struct rift_records *, struct rift_cursor *),
                                      const char *format, const struct rift_read_options *options,
                                      struct rift_error *err)
{
    struct rift_records *records = rift_records_create(source, dialect, options, err);
    if (read(records, rift_records_cursor(records)) != 0) {
        rift_records_destroy(records);
        return NULL;
    }
    return rift_records_finish(records, format, err);
}

static struct rift_history *edn_read(const struct rift_source *source,
                                     const struct rift_read_options *options,
                                     struct rift_error *err)
{
    return read_with(source, &edn, edn_records, "jepsen-edn", options, err);
}

static struct rift_history *json_read(const struct rift_source *source,
                                      const struct rift_read_options *options,
                                      struct rift_error *err)
{
    return read_with(source, &json, json_records, "jsonl", options, err);
}

/* The first characters that are neither blank nor comment, at most count of them, into found. */
static size_t first_characters(const struct rift_source *source, char *found, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < source->length && n < count; i++) {
        char c = source->data[i];
        if (c == ';') {
            const char *line = memchr(source->data + i, '\n', source->length - i);
            if (!line)
                break;
            i = (size_t)(line - source->data);
        } else if (!strchr(" \t\r\n,", c)) {
            found[n++] = c;
        }
    }
    return n;
}

/* {" or {} or [{" or []: an array or lines of objects. */
static bool json_recognise(const struct rift_source *source)
{
    char first[3] = "";
    size_t n = first_characters(source, first, sizeof first);
    const char *at = first;
    if (n >= 2 && *at == '[')
        at++;
    return n > (size_t)(at - first) + 1 && at[0] == '{' && at[1] == '"';
}

/* Maps, a list of maps, a tagged record; an empty file is an empty history. Formats whose comments
 * start with # are asked before. */
static bool edn_recognise(const struct rift_source *source)
{
    char first[2] = "";
    size_t n = first_characters(source, first, sizeof first);
    if (n == 0)
        return true;
    if (first[0] == '[' || first[0] == '(')
        return n == 1 || strchr("{#])", first[1]) != NULL;
    return first[0] == '{' || first[0] == '#';
}

const struct rift_importer rift_importer_edn = {
    .format = "jepsen-edn",
    .summary = "EDN of Jepsen, Knossos and Elle: a map for each event",
    .recognise = edn_recognise,
    .read = edn_read,
};

const struct rift_importer rift_importer_json = {
    .format = "jsonl",
    .summary = "JSON: an object for each event, one a line or all in an array (elle-cli)",
    .recognise = json_recognise,
    .read = json_read,
};
