/* Logs of calls and returns in the order in which they happened: LiMo's, and those of the artifact
 * of POPL 2016: "[1] call push(3)", "[1] return". A call without return is pending. */
#include <string.h>

#include "history/builder.h"
#include "history/import/lines.h"
#include "history/import/logs.h"

enum role { ROLE_INSERT, ROLE_TAKE, ROLE_ASK };

static const struct method {
    const char *object;
    const char *word;
    const char *f;
    enum role role;
} methods[] = {
    {"stack", "push", "push", ROLE_INSERT},
    {"stack", "add", "push", ROLE_INSERT},
    {"stack", "pop", "pop", ROLE_TAKE},
    {"stack", "remove", "pop", ROLE_TAKE},
    {"stack", "peek", "peek", ROLE_TAKE},
    {"queue", "enq", "enqueue", ROLE_INSERT},
    {"queue", "enqueue", "enqueue", ROLE_INSERT},
    {"queue", "add", "enqueue", ROLE_INSERT},
    {"queue", "deq", "dequeue", ROLE_TAKE},
    {"queue", "dequeue", "dequeue", ROLE_TAKE},
    {"queue", "remove", "dequeue", ROLE_TAKE},
    {"queue", "peek", "peek", ROLE_TAKE},
    {"priority-queue", "add", "insert", ROLE_INSERT},
    {"priority-queue", "insert", "insert", ROLE_INSERT},
    {"priority-queue", "remove", "poll", ROLE_TAKE},
    {"priority-queue", "poll", "poll", ROLE_TAKE},
    {"priority-queue", "peek", "peek", ROLE_TAKE},
    {"set", "add", "add", ROLE_ASK},
    {"set", "insert", "add", ROLE_ASK},
    {"set", "remove", "remove", ROLE_ASK},
    {"set", "contains", "contains", ROLE_ASK},
};

/* "# @object atomic-queue" */
static const char *object_of(const struct rift_line *line)
{
    static const char *const objects[] = {"stack", "queue", "priority-queue", "set"};
    if (line->count != 3 || !rift_word_is(line->words[0], "#") ||
        !rift_word_is(line->words[1], "@object"))
        return NULL;
    struct rift_word word = line->words[2];
    static const char atomic[] = "atomic-";
    if (word.length > sizeof atomic - 1 && memcmp(word.at, atomic, sizeof atomic - 1) == 0) {
        word.at += sizeof atomic - 1;
        word.length -= sizeof atomic - 1;
    }
    if (rift_word_is(word, "priorityqueue") || rift_word_is(word, "pqueue"))
        return "priority-queue";
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (rift_word_is(word, objects[i]))
            return objects[i];
    return NULL;
}

static bool is_comment(const struct rift_line *line)
{
    return line->count == 0 || *line->words[0].at == '#';
}

static bool calls_recognise(const struct rift_source *source)
{
    struct rift_cursor cursor = {.at = source->data, .end = source->data + source->length};
    struct rift_line line;
    bool has_object = false;
    while (rift_line_next(&cursor, &line)) {
        has_object |= object_of(&line) != NULL;
        if (!is_comment(&line))
            return has_object || (*line.words[0].at == '[' && line.count >= 3 &&
                                  rift_word_is(line.words[1], "call"));
    }
    return has_object;
}

struct calls {
    struct rift_cursor cursor;
    struct rift_builder *builder;
    const char *object;
};

static const struct method *find_method(const char *object, struct rift_word word)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].object, object) == 0 && rift_word_is(word, methods[i].word))
            return &methods[i];
    return NULL;
}

/* The words from index on up to the end of the line, without the blanks around them. */
static struct rift_word rest_of(const struct calls *calls, const struct rift_line *line,
                                size_t index)
{
    if (line->count <= index)
        return (struct rift_word){calls->cursor.at, 0};
    const char *start = line->words[index].at, *end = calls->cursor.at;
    while (end > start && strchr(" \t\r\n", end[-1]))
        end--;
    return (struct rift_word){start, (size_t)(end - start)};
}

static int add_event(struct calls *calls, const struct rift_line *line,
                     const struct rift_event *event)
{
    if (rift_builder_add(calls->builder, event, calls->cursor.err) != 0)
        return rift_cursor_wrap(&calls->cursor, line->start);
    return 0;
}

/* "push(3)", "push 3", "pop", "pop()", and LiMo's "pop(3)", which says what it will return. */
static int read_call(struct calls *calls, const struct rift_line *line, struct rift_event *event)
{
    struct rift_cursor *cursor = &calls->cursor;
    struct rift_word text = rest_of(calls, line, 2), name = text;
    const char *paren = memchr(text.at, '(', text.length);
    const char *blank = memchr(text.at, ' ', text.length);
    if (paren)
        name.length = (size_t)(paren - text.at);
    if (blank && (size_t)(blank - text.at) < name.length)
        name.length = (size_t)(blank - text.at);
    const struct method *method = find_method(calls->object, name);
    if (!method)
        return rift_cursor_fail_at(cursor, text.at, "a %s has no operation '%.*s'", calls->object,
                                   (int)(name.length < 40 ? name.length : 40), name.at);
    struct rift_word value = {name.at + name.length, text.length - name.length};
    while (value.length && strchr(" \t(", *value.at)) {
        value.at++;
        value.length--;
    }
    while (value.length && strchr(" \t)", value.at[value.length - 1]))
        value.length--;
    if (!value.length && method->role != ROLE_TAKE)
        return rift_cursor_fail_at(cursor, text.at, "'%s' without a value", method->word);
    event->f = method->f;
    if (value.length)
        event->value = rift_word_value(cursor, value);
    return add_event(calls, line, event);
}

static bool is_take(const char *f)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].f, f) == 0)
            return methods[i].role == ROLE_TAKE;
    return false;
}

static int read_return(struct calls *calls, const struct rift_line *line, struct rift_event *event)
{
    struct rift_cursor *cursor = &calls->cursor;
    struct rift_word value = rest_of(calls, line, 2);
    const char *f = NULL;
    struct rift_value asked;
    if (!rift_builder_is_open(calls->builder, event->process, &f, &asked))
        return rift_cursor_fail_at(cursor, line->start, "a return without a call");
    bool is_set = strcmp(calls->object, "set") == 0;
    if (is_set && (rift_word_is(value, "true") || rift_word_is(value, "1")))
        event->value = rift_value_bool(true);
    else if (is_set && (rift_word_is(value, "false") || rift_word_is(value, "0")))
        event->value = rift_value_bool(false);
    else if (value.length && !rift_word_is(value, "empty") && !rift_word_is(value, "Empty"))
        event->value = rift_word_value(cursor, value);
    if (is_take(f) && !rift_value_is_nil(asked) && value.length &&
        !rift_value_equal(cursor->values, asked, event->value))
        return rift_cursor_fail_at(cursor, value.at, "the call of this return names another value");
    return add_event(calls, line, event);
}

static int read_line(struct calls *calls, const struct rift_line *line)
{
    struct rift_cursor *cursor = &calls->cursor;
    const char *object = object_of(line);
    if (object)
        calls->object = object;
    if (is_comment(line))
        return 0;
    struct rift_word id = line->words[0];
    int64_t number = 0;
    if (!calls->object)
        return rift_cursor_fail_at(cursor, line->start,
                                   "a line like '# @object stack' should come first");
    if (id.length < 3 || *id.at != '[' || id.at[id.length - 1] != ']' ||
        !rift_word_number((struct rift_word){id.at + 1, id.length - 2}, &number) || number < 0 ||
        number > INT32_MAX || line->count < 2)
        return rift_cursor_fail_at(cursor, line->start,
                                   "a line is '[ID] call METHOD(VALUE)' or '[ID] return VALUE'");
    struct rift_event event = {.process = (int32_t)number};
    if (rift_word_is(line->words[1], "call")) {
        event.type = RIFT_EVENT_INVOKE;
        return read_call(calls, line, &event);
    }
    if (!rift_word_is(line->words[1], "return"))
        return rift_cursor_fail_at(cursor, line->words[1].at,
                                   "'call' or 'return' should stand here");
    event.type = RIFT_EVENT_OK;
    return read_return(calls, line, &event);
}

/* LiMo may put what is taken into the call; it is the result. */
static void move_taken(struct rift_history *history)
{
    struct rift_ops *ops = &history->ops;
    for (size_t i = 0; i < ops->count; i++) {
        if (rift_value_is_nil(ops->argument[i]) || strcmp(history->model, "set") == 0 ||
            !is_take(history->names.text[ops->f[i]]))
            continue;
        if (ops->type[i] == RIFT_OP_OK)
            ops->result[i] = ops->argument[i];
        ops->argument[i] = RIFT_VALUE_NIL;
    }
}

static struct rift_history *calls_read(const struct rift_source *source,
                                       const struct rift_read_options *options,
                                       struct rift_error *err)
{
    (void)options;
    struct calls calls = {.builder = rift_builder_create(RIFT_TIME_LINES)};
    struct rift_line line;
    int failed = 0;
    rift_cursor_init(&calls.cursor, source, rift_builder_values(calls.builder), err);
    while (!failed && rift_line_next(&calls.cursor, &line))
        failed = read_line(&calls, &line);
    if (!failed && !calls.object)
        failed = rift_cursor_fail(&calls.cursor, "a line like '# @object stack' is missing");
    rift_cursor_finish(&calls.cursor);
    if (failed) {
        rift_builder_destroy(calls.builder);
        return NULL;
    }
    struct rift_history *history = rift_builder_finish(calls.builder, err);
    if (history) {
        history->format = "calls-log";
        history->model = calls.object;
        move_taken(history);
    }
    return history;
}

const struct rift_importer rift_importer_calls = {
    .format = "calls-log",
    .summary = "LiMo and POPL 2016: # @object stack, then [1] call push(3), [1] return",
    .recognise = calls_recognise,
    .read = calls_read,
};
