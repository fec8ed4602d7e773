/* Porcupine's logs of Jepsen tests of etcd: "INFO  jepsen.util - 0 :invoke :read nil".
 *
 * A failed cas is an observation there: the register did not hold the value expected. The model
 * "etcd" says so. A read that timed out says nothing. */
#include <string.h>

#include "history/builder.h"
#include "history/import/edn.h"
#include "history/import/lines.h"
#include "history/import/logs.h"

static const char prefix[] = "INFO  jepsen.util - ";

static bool porcupine_recognise(const struct rift_source *source)
{
    size_t length = sizeof prefix - 1;
    return source->length > length && memcmp(source->data, prefix, length) == 0;
}

static int set_type(struct rift_cursor *cursor, struct rift_word word, struct rift_event *event)
{
    static const char *const names[] = {":invoke", ":ok", ":fail", ":info"};
    static const unsigned types[] = {RIFT_EVENT_INVOKE, RIFT_EVENT_OK, RIFT_EVENT_FAIL,
                                     RIFT_EVENT_INFO};
    for (size_t i = 0; i < 4; i++) {
        if (rift_word_is(word, names[i])) {
            event->type = types[i];
            return 0;
        }
    }
    return rift_cursor_fail_at(cursor, word.at,
                               "':invoke', ':ok', ':fail' or ':info' should stand here");
}

/* The name of an operation without its colon, as the pool has it: NUL-terminated. */
static const char *name_of(struct rift_cursor *cursor, struct rift_word word)
{
    struct rift_value name = rift_value_keyword(cursor->values, word.at + 1, word.length - 1);
    return rift_value_as_text(cursor->values, name, NULL);
}

/* The rest of the line as a value; a keyword there says what went wrong. */
static int set_value(struct rift_cursor *cursor, struct rift_word word, struct rift_event *event)
{
    const char *line_end = cursor->at;
    cursor->at = word.at;
    if (rift_edn_value(cursor, &event->value) != 0)
        return -1;
    if (cursor->at > line_end)
        return rift_cursor_fail_at(cursor, word.at, "a value that does not end on its line");
    while (cursor->at < line_end && strchr(" \t\r\n", *cursor->at))
        cursor->at++;
    if (cursor->at != line_end)
        return rift_cursor_fail(cursor, "more after the value");
    if (rift_value_kind(cursor->values, event->value) == RIFT_KEYWORD) {
        event->error = rift_value_as_text(cursor->values, event->value, NULL);
        event->value = RIFT_VALUE_NIL;
    }
    if (strcmp(event->f, "cas") == 0 && rift_value_count(cursor->values, event->value) == 2) {
        struct rift_value sides[2] = {rift_value_item(cursor->values, event->value, 0),
                                      rift_value_item(cursor->values, event->value, 1)};
        event->value = rift_value_box(cursor->values, RIFT_PAIR, sides, 2);
    }
    return 0;
}

static int read_line(struct rift_cursor *cursor, const struct rift_line *line,
                     struct rift_builder *builder)
{
    struct rift_event event = {0};
    const struct rift_word *words = line->words;
    int64_t process = 0;
    if (!rift_word_is(words[0], "INFO") || line->count < 7 ||
        !rift_word_is(words[1], "jepsen.util") || !rift_word_is(words[2], "-"))
        return rift_cursor_fail_at(cursor, line->start, "not a line like '%s0 :invoke :read nil'",
                                   prefix);
    if (rift_word_number(words[3], &process) && process >= 0 && process <= INT32_MAX)
        event.process = (int32_t)process;
    else if (rift_word_is(words[3], ":nemesis"))
        event.process = RIFT_PROCESS_NEMESIS;
    else
        return rift_cursor_fail_at(cursor, words[3].at, "a process should stand here");
    if (set_type(cursor, words[4], &event) != 0)
        return -1;
    if (words[5].length < 2 || *words[5].at != ':')
        return rift_cursor_fail_at(cursor, words[5].at,
                                   "an operation like ':read' should stand here");
    event.f = name_of(cursor, words[5]);
    if (set_value(cursor, words[6], &event) != 0)
        return -1;
    if (rift_builder_add(builder, &event, cursor->err) != 0)
        return rift_cursor_wrap(cursor, line->start);
    return 0;
}

static struct rift_history *porcupine_read(const struct rift_source *source,
                                           const struct rift_read_options *options,
                                           struct rift_error *err)
{
    (void)options;
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_LINES);
    struct rift_cursor cursor;
    struct rift_line line;
    int failed = 0;
    rift_cursor_init(&cursor, source, rift_builder_values(builder), err);
    while (!failed && rift_line_next(&cursor, &line))
        if (line.count)
            failed = read_line(&cursor, &line, builder);
    rift_cursor_finish(&cursor);
    if (failed) {
        rift_builder_destroy(builder);
        return NULL;
    }
    struct rift_history *history = rift_builder_finish(builder, err);
    if (history) {
        history->format = "porcupine-jepsen-log";
        history->model = "etcd";
    }
    return history;
}

const struct rift_importer rift_importer_porcupine = {
    .format = "porcupine-jepsen-log",
    .summary = "Porcupine's logs of etcd under Jepsen: INFO  jepsen.util - 0 :invoke :read nil",
    .recognise = porcupine_recognise,
    .read = porcupine_read,
};
