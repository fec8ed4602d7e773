/* Logs with an operation a line and its two times: fastlin and PolyLin ("push 1 0 5"), and fptlin
 * ("0 0 5 PUSH 1").
 *
 * In these formats an operation that ends at t precedes one that starts at t; with us the two would
 * be concurrent. So times are doubled, and starts moved half a step later. */
#include <inttypes.h>
#include <string.h>

#include "history/builder.h"
#include "history/import/lines.h"
#include "history/import/logs.h"

/* Where the value of a line goes. */
enum role {
    ROLE_INSERT, /* the argument */
    ROLE_TAKE,   /* the result; -1 is empty */
    ROLE_TRUE,   /* the argument; the answer was true */
    ROLE_FALSE,  /* the argument; the answer was false */
    ROLE_ASK,    /* the argument, then the answer 0 or 1 */
    ROLE_COUNT,  /* no argument; the answer 0 or 1 */
    ROLE_SWAP,   /* the value found and the value written */
};

struct method {
    const char *object;
    const char *word; /* in the log */
    const char *f;
    enum role role;
};

static const struct method fastlin_methods[] = {
    {"stack", "push", "push", ROLE_INSERT},
    {"stack", "pop", "pop", ROLE_TAKE},
    {"stack", "peek", "peek", ROLE_TAKE},
    {"queue", "enq", "enqueue", ROLE_INSERT},
    {"queue", "deq", "dequeue", ROLE_TAKE},
    {"queue", "peek", "peek", ROLE_TAKE},
    {"priority-queue", "insert", "insert", ROLE_INSERT},
    {"priority-queue", "poll", "poll", ROLE_TAKE},
    {"priority-queue", "peek", "peek", ROLE_TAKE},
    {"set", "insert", "add", ROLE_ASK},
    {"set", "remove", "remove", ROLE_ASK},
    {"set", "contains", "contains", ROLE_ASK},
    {"set", "contains_true", "contains", ROLE_TRUE},
    {"set", "contains_false", "contains", ROLE_FALSE},
    {"deque", "push_front", "push-front", ROLE_INSERT},
    {"deque", "push_back", "push-back", ROLE_INSERT},
    {"deque", "pop_front", "pop-front", ROLE_TAKE},
    {"deque", "pop_back", "pop-back", ROLE_TAKE},
    {"deque", "peek_front", "peek-front", ROLE_TAKE},
    {"deque", "peek_back", "peek-back", ROLE_TAKE},
    {NULL, NULL, NULL, ROLE_INSERT},
};

static const struct method fptlin_methods[] = {
    {"stack", "PUSH", "push", ROLE_INSERT},
    {"stack", "POP", "pop", ROLE_TAKE},
    {"stack", "PEEK", "peek", ROLE_TAKE},
    {"queue", "ENQ", "enqueue", ROLE_INSERT},
    {"queue", "DEQ", "dequeue", ROLE_TAKE},
    {"queue", "PEEK", "peek", ROLE_TAKE},
    {"priority-queue", "INSERT", "insert", ROLE_INSERT},
    {"priority-queue", "POLL", "poll", ROLE_TAKE},
    {"priority-queue", "PEEK", "peek", ROLE_TAKE},
    {"set", "INSERT", "add", ROLE_ASK},
    {"set", "REMOVE", "remove", ROLE_ASK},
    {"set", "CONTAINS", "contains", ROLE_ASK},
    {"semaphore", "INCR", "incr", ROLE_COUNT},
    {"semaphore", "DECR", "decr", ROLE_COUNT},
    {"rmw", "READ_MODIFY_WRITE", "cas", ROLE_SWAP},
    {NULL, NULL, NULL, ROLE_INSERT},
};

/* The object as Rift names it, or NULL. */
static const char *object_named(struct rift_word word)
{
    static const char *const objects[] = {"stack",     "queue", "priority-queue", "set", "deque",
                                          "semaphore", "rmw"};
    if (rift_word_is(word, "priorityqueue") || rift_word_is(word, "pqueue"))
        return "priority-queue";
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        if (rift_word_is(word, objects[i]))
            return objects[i];
    return NULL;
}

/* The header "# stack", and the first line behind it. False without a header. */
static bool read_head(struct rift_cursor *cursor, const char **object, struct rift_line *first)
{
    *object = NULL;
    while (rift_line_next(cursor, first)) {
        if (first->count == 0)
            continue;
        if (*first->words[0].at != '#')
            return *object != NULL;
        if (first->count == 2 && first->words[0].length == 1)
            *object = object_named(first->words[1]);
        if (!*object)
            return false;
    }
    first->count = 0;
    return *object != NULL;
}

static const struct method *find_method(const struct method *methods, const char *object,
                                        struct rift_word word)
{
    for (; methods->f; methods++)
        if (strcmp(methods->object, object) == 0 && rift_word_is(word, methods->word))
            return methods;
    return NULL;
}

static int read_answer(struct rift_cursor *cursor, struct rift_word word, struct rift_value *answer)
{
    int64_t number = 0;
    if (!rift_word_number(word, &number) || number < 0 || number > 1)
        return rift_cursor_fail_at(cursor, word.at, "an answer, 0 or 1, should stand here");
    *answer = rift_value_bool(number == 1);
    return 0;
}

static int set_values(struct rift_cursor *cursor, const struct method *method,
                      const struct rift_line *line, const struct rift_word *words, size_t count,
                      struct rift_event *event, struct rift_value *result)
{
    /* fastlin's sets have no answers: what is inserted or removed was. */
    bool has_answer = method->role == ROLE_ASK && count == 2;
    size_t expected = method->role == ROLE_SWAP ? 2 : 1 + has_answer;
    if (count != expected)
        return rift_cursor_fail_at(cursor, line->start, "'%s' takes %zu value%s, not %zu",
                                   method->word, expected, expected == 1 ? "" : "s", count);
    struct rift_value first = rift_word_value(cursor, words[0]);
    event->value = first;
    *result = RIFT_VALUE_NIL;
    switch (method->role) {
    case ROLE_INSERT:
        return 0;
    case ROLE_TAKE:
        event->value = RIFT_VALUE_NIL;
        if (!rift_word_is(words[0], "-1"))
            *result = first;
        return 0;
    case ROLE_TRUE:
    case ROLE_FALSE:
        *result = rift_value_bool(method->role == ROLE_TRUE);
        return 0;
    case ROLE_ASK:
        *result = rift_value_bool(true);
        return has_answer ? read_answer(cursor, words[1], result) : 0;
    case ROLE_COUNT:
        event->value = RIFT_VALUE_NIL;
        return read_answer(cursor, words[0], result);
    case ROLE_SWAP: {
        struct rift_value sides[2] = {first, rift_word_value(cursor, words[1])};
        event->value = rift_value_box(cursor->values, RIFT_PAIR, sides, 2);
        return 0;
    }
    }
    return 0;
}

static int read_times(struct rift_cursor *cursor, const struct rift_word words[2], int64_t *start,
                      int64_t *end)
{
    for (int i = 0; i < 2; i++) {
        int64_t *time = i ? end : start;
        if (!rift_word_number(words[i], time) || *time > INT64_MAX / 4 || *time < -INT64_MAX / 4)
            return rift_cursor_fail_at(cursor, words[i].at, "a time should stand here");
    }
    if (*end < *start)
        return rift_cursor_fail_at(cursor, words[1].at, "an operation that ends before it starts");
    bool is_moment = *start == *end;
    *start = 2 * *start + 1;
    *end = 2 * *end + is_moment;
    return 0;
}

struct interval_format {
    const char *name;
    const struct method *methods;
    bool has_process; /* process, times, method, values; otherwise method, values, times */
};

static int read_line(struct rift_cursor *cursor, const struct interval_format *format,
                     const char *object, const struct rift_line *line, struct rift_builder *builder)
{
    struct rift_event event = {.process = RIFT_PROCESS_UNNAMED};
    struct rift_value result;
    int64_t start = 0, end = 0, process = 0;
    const struct rift_word *words = line->words;
    size_t count = line->count;
    if (count < 4 || count > RIFT_LINE_WORDS_MAX)
        return rift_cursor_fail_at(cursor, line->start, "a line of %s is '%s'", format->name,
                                   format->has_process ? "PROCESS START END METHOD VALUE..."
                                                       : "METHOD VALUE... START END");
    struct rift_word name = words[format->has_process ? 3 : 0];
    const struct method *method = find_method(format->methods, object, name);
    if (!method)
        return rift_cursor_fail_at(cursor, name.at, "a %s has no operation '%.*s'", object,
                                   (int)(name.length < 40 ? name.length : 40), name.at);
    event.f = method->f;
    if (format->has_process) {
        if (!rift_word_number(words[0], &process) || process < 0 || process > INT32_MAX)
            return rift_cursor_fail_at(cursor, words[0].at, "a process should stand here");
        event.process = (int32_t)process;
    }
    if (read_times(cursor, format->has_process ? words + 1 : words + count - 2, &start, &end) ||
        set_values(cursor, method, line, format->has_process ? words + 4 : words + 1,
                   count - (format->has_process ? 4 : 3), &event, &result))
        return -1;
    if (rift_builder_add_op(builder, &event, RIFT_OP_OK, start, end, result, cursor->err) != 0)
        return rift_cursor_wrap(cursor, line->start);
    return 0;
}

static struct rift_history *read_intervals(const struct rift_source *source,
                                           const struct interval_format *format,
                                           struct rift_error *err)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_LINES);
    struct rift_cursor cursor;
    struct rift_line line;
    const char *object = NULL;
    int failed = 0;
    rift_cursor_init(&cursor, source, rift_builder_values(builder), err);
    if (!read_head(&cursor, &object, &line))
        failed = rift_cursor_fail_at(&cursor, source->data,
                                     "the first line should name the object: '# stack'");
    do {
        if (!failed && line.count)
            failed = read_line(&cursor, format, object, &line, builder);
    } while (!failed && rift_line_next(&cursor, &line));
    rift_cursor_finish(&cursor);
    if (failed) {
        rift_builder_destroy(builder);
        return NULL;
    }
    struct rift_history *history = rift_builder_finish(builder, err);
    if (history) {
        history->format = format->name;
        history->model = object;
    }
    return history;
}

static const struct interval_format fastlin = {"fastlin-log", fastlin_methods, false};
static const struct interval_format fptlin = {"fptlin-log", fptlin_methods, true};

static bool recognise(const struct rift_source *source, bool has_process)
{
    struct rift_cursor cursor = {.at = source->data, .end = source->data + source->length};
    struct rift_line line;
    const char *object = NULL;
    int64_t number = 0;
    if (source->length == 0 || !read_head(&cursor, &object, &line))
        return false;
    if (line.count == 0)
        return !has_process;
    return line.count >= 4 && rift_word_number(line.words[0], &number) == has_process;
}

static bool fastlin_recognise(const struct rift_source *source)
{
    return recognise(source, false);
}

static bool fptlin_recognise(const struct rift_source *source)
{
    return recognise(source, true);
}

static struct rift_history *fastlin_read(const struct rift_source *source,
                                         const struct rift_read_options *options,
                                         struct rift_error *err)
{
    (void)options;
    return read_intervals(source, &fastlin, err);
}

static struct rift_history *fptlin_read(const struct rift_source *source,
                                        const struct rift_read_options *options,
                                        struct rift_error *err)
{
    (void)options;
    return read_intervals(source, &fptlin, err);
}

const struct rift_importer rift_importer_fastlin = {
    .format = "fastlin-log",
    .summary = "fastlin and PolyLin: # stack, then METHOD VALUE START END",
    .recognise = fastlin_recognise,
    .read = fastlin_read,
};

const struct rift_importer rift_importer_fptlin = {
    .format = "fptlin-log",
    .summary = "fptlin: # stack, then PROCESS START END METHOD VALUE",
    .recognise = fptlin_recognise,
    .read = fptlin_read,
};
