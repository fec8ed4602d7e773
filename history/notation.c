/* The notation in which tests write small histories: "p0 w1 ok, p1 r0 ok". */
#include "history/builder.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { WORD_MAX = 64, ITEMS_MAX = 256 };

struct notation {
    const char *text;
    const char *at;
    struct rift_builder *builder;
    /* What the open operation of a process will have returned once it ends ok. */
    struct pending {
        int32_t process;
        struct rift_value result;
    } * pending;
    size_t pending_count;
};

static int notation_fail(const struct notation *notation, const char *what, struct rift_error *err)
{
    return rift_fail(err, RIFT_ERR_INVALID, "notation, column %d: %s",
                     (int)(notation->at - notation->text) + 1, what);
}

static void skip_blanks(struct notation *notation)
{
    while (*notation->at == ' ' || *notation->at == '\t')
        notation->at++;
}

static bool is_word_end(char c)
{
    return c == '\0' || isspace((unsigned char)c) || strchr(",:/>[]", c) != NULL;
}

static int parse_value(struct notation *notation, struct rift_value *value, struct rift_error *err);

static int parse_list(struct notation *notation, struct rift_value *value, struct rift_error *err)
{
    struct rift_value items[ITEMS_MAX];
    size_t count = 0;
    for (notation->at++;; count++) {
        skip_blanks(notation);
        if (*notation->at == ']')
            break;
        if (count == ITEMS_MAX || !*notation->at)
            return notation_fail(notation, "a list does not end", err);
        if (parse_value(notation, &items[count], err) != 0)
            return -1;
    }
    notation->at++;
    *value = rift_value_box(rift_builder_values(notation->builder), RIFT_LIST, items, count);
    return 0;
}

static int parse_scalar(struct notation *notation, struct rift_value *value, struct rift_error *err)
{
    struct rift_values *values = rift_builder_values(notation->builder);
    const char *start = notation->at;
    char *end = NULL;
    long long number = strtoll(start, &end, 10);
    if (end != start && is_word_end(*end)) {
        notation->at = end;
        *value = rift_value_integer(values, number);
        return 0;
    }
    while (!is_word_end(*notation->at))
        notation->at++;
    size_t length = (size_t)(notation->at - start);
    if (length == 0)
        return notation_fail(notation, "a value is missing", err);
    if (length == 1 && *start == '-')
        *value = RIFT_VALUE_NIL;
    else if (length == 4 && memcmp(start, "true", 4) == 0)
        *value = rift_value_bool(true);
    else if (length == 5 && memcmp(start, "false", 5) == 0)
        *value = rift_value_bool(false);
    else
        *value = rift_value_text(values, start, length);
    return 0;
}

/* A number, "-" for nil, a word, [a list], or a>b. */
static int parse_value(struct notation *notation, struct rift_value *value, struct rift_error *err)
{
    if (*notation->at == '[')
        return parse_list(notation, value, err);
    struct rift_value sides[2];
    if (parse_scalar(notation, &sides[0], err) != 0)
        return -1;
    *value = sides[0];
    if (*notation->at != '>')
        return 0;
    notation->at++;
    if (parse_scalar(notation, &sides[1], err) != 0)
        return -1;
    *value = rift_value_box(rift_builder_values(notation->builder), RIFT_PAIR, sides, 2);
    return 0;
}

static bool parse_type(struct notation *notation, unsigned *type)
{
    static const char *const names[] = {"ok", "fail", "info"};
    static const unsigned types[] = {RIFT_EVENT_OK, RIFT_EVENT_FAIL, RIFT_EVENT_INFO};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(names[i]);
        char after = notation->at[strncmp(notation->at, names[i], length) == 0 ? length : 0];
        if (strncmp(notation->at, names[i], length) == 0 &&
            (after == '\0' || after == ',' || isspace((unsigned char)after))) {
            notation->at += length;
            *type = types[i];
            return true;
        }
    }
    return false;
}

static int parse_process(struct notation *notation, int32_t *process, struct rift_error *err)
{
    if (strncmp(notation->at, "nemesis", 7) == 0) {
        notation->at += 7;
        *process = RIFT_PROCESS_NEMESIS;
        return 0;
    }
    char *end = NULL;
    long number = *notation->at == 'p' && isdigit((unsigned char)notation->at[1])
                      ? strtol(notation->at + 1, &end, 10)
                      : -1;
    if (number < 0 || number > INT32_MAX)
        return notation_fail(notation, "expected a process: p0, p1... or nemesis", err);
    notation->at = end;
    *process = (int32_t)number;
    return 0;
}

/* w1, r1, r-, c1>2, or f:argument:result. */
static int parse_operation(struct notation *notation, char f[WORD_MAX], struct rift_value *argument,
                           struct rift_value *result, struct rift_error *err)
{
    static const char *const short_names[] = {"write", "read", "cas"};
    const char *start = notation->at;
    while (!is_word_end(*notation->at))
        notation->at++;
    *argument = *result = RIFT_VALUE_NIL;
    const char *letter = *start ? strchr("wrc", *start) : NULL;
    char second = start[0] ? start[1] : '\0';
    bool is_short = letter && (isdigit((unsigned char)second) || second == '-' || second == '[' ||
                               second == ' ' || second == ',' || second == '\0');
    if (is_short) {
        snprintf(f, WORD_MAX, "%s", short_names[letter - "wrc"]);
        notation->at = start + 1;
        if (*start == 'r' && !isdigit((unsigned char)second) && second != '-' && second != '[')
            return 0;
        return parse_value(notation, *start == 'r' ? result : argument, err);
    }
    size_t length = (size_t)(notation->at - start);
    if (length == 0 || length >= WORD_MAX)
        return notation_fail(notation, "expected an operation: w1, r1, c1>2 or f:value", err);
    memcpy(f, start, length);
    f[length] = '\0';
    if (*notation->at != ':')
        return 0;
    notation->at++;
    if (*notation->at != ':' && parse_value(notation, argument, err) != 0)
        return -1;
    if (*notation->at != ':')
        return 0;
    notation->at++;
    return parse_value(notation, result, err);
}

/* "k7/" gives key 7. */
static void parse_key(struct notation *notation, struct rift_event *event)
{
    char *end = NULL;
    if (*notation->at != 'k' || !isdigit((unsigned char)notation->at[1]))
        return;
    long long key = strtoll(notation->at + 1, &end, 10);
    if (*end != '/')
        return;
    notation->at = end + 1;
    event->has_key = true;
    event->key = rift_value_integer(rift_builder_values(notation->builder), key);
}

static struct rift_value *pending_of(struct notation *notation, int32_t process)
{
    for (size_t i = 0; i < notation->pending_count; i++)
        if (notation->pending[i].process == process)
            return &notation->pending[i].result;
    notation->pending = rift_reallocarray(notation->pending, notation->pending_count + 1,
                                          sizeof *notation->pending);
    notation->pending[notation->pending_count] = (struct pending){.process = process};
    return &notation->pending[notation->pending_count++].result;
}

static int parse_item(struct notation *notation, struct rift_error *err)
{
    char f[WORD_MAX] = "";
    struct rift_event event = {0};
    unsigned type = RIFT_EVENT_INVOKE;
    if (parse_process(notation, &event.process, err) != 0)
        return -1;
    skip_blanks(notation);
    if (!parse_type(notation, &type)) {
        parse_key(notation, &event);
        struct rift_value result;
        if (parse_operation(notation, f, &event.value, &result, err) != 0)
            return -1;
        event.f = f;
        *pending_of(notation, event.process) = result;
        if (rift_builder_add(notation->builder, &event, err) != 0)
            return rift_wrap(err, "notation, column %d", (int)(notation->at - notation->text));
        skip_blanks(notation);
        if (!parse_type(notation, &type))
            return 0;
    }
    struct rift_event end = {.process = event.process, .type = type, .f = event.f};
    if (type == RIFT_EVENT_OK)
        end.value = *pending_of(notation, event.process);
    if (rift_builder_add(notation->builder, &end, err) != 0)
        return rift_wrap(err, "notation, column %d", (int)(notation->at - notation->text));
    return 0;
}

static int parse_all(struct notation *notation, struct rift_error *err)
{
    for (;;) {
        while (isspace((unsigned char)*notation->at) || *notation->at == ',')
            notation->at++;
        if (!*notation->at)
            return 0;
        if (parse_item(notation, err) != 0)
            return -1;
        skip_blanks(notation);
        if (*notation->at && *notation->at != ',' && *notation->at != '\n')
            return notation_fail(notation, "expected a comma", err);
    }
}

struct rift_history *rift_history_from_notation(const char *text, struct rift_error *err)
{
    struct notation notation = {
        .text = text, .at = text, .builder = rift_builder_create(RIFT_TIME_LINES)};
    int failed = parse_all(&notation, err);
    free(notation.pending);
    if (failed) {
        rift_builder_destroy(notation.builder);
        return NULL;
    }
    return rift_builder_finish(notation.builder, err);
}
