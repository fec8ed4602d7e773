/* Transactions of blind registers in sessions, without times: the text format of Plume, dbcop,
 * PolySI and VeriStrong, "w(key,value,session,transaction)", and that of AWDIT's tests, "w key
 * value" with lines of ===== between sessions and ----- between transactions.
 *
 * There is no real time: no operation has an end, so none precedes another but in its session. A
 * read of 0 of a key to which nobody writes 0 is a read of the initial value, nil. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/builder.h"
#include "history/import/lines.h"
#include "history/import/logs.h"
#include "history/key_table.h"

struct sessions {
    struct rift_cursor cursor;
    struct rift_builder *builder;
    struct rift_value read, write;
    struct rift_key_table zeros; /* keys to which somebody writes 0 */
    /* The transaction at hand; its micro-operations are on the cursor's stack. */
    bool is_open;
    bool is_aborted;
    int64_t session, transaction;
    int64_t count; /* of transactions so far */
};

static int end_transaction(struct sessions *sessions)
{
    struct rift_cursor *cursor = &sessions->cursor;
    if (!sessions->is_open)
        return 0;
    struct rift_event event = {.process = (int32_t)sessions->session, .f = "txn"};
    event.value = rift_cursor_box(cursor, RIFT_TXN, 0);
    int64_t start = sessions->count++;
    sessions->is_open = false;
    return rift_builder_add_op(sessions->builder, &event,
                               sessions->is_aborted ? RIFT_OP_FAIL : RIFT_OP_OK, start,
                               RIFT_TIME_NEVER, event.value, cursor->err);
}

static int begin_transaction(struct sessions *sessions, const char *where, int64_t session,
                             int64_t transaction)
{
    if (session < 0 || session > INT32_MAX)
        return rift_cursor_fail_at(&sessions->cursor, where, "a session is a number of 0 or more");
    sessions->is_open = true;
    sessions->is_aborted = transaction < 0;
    sessions->session = session;
    sessions->transaction = transaction;
    return 0;
}

static void add_micro_operation(struct sessions *sessions, bool is_write, int64_t key,
                                int64_t number)
{
    struct rift_cursor *cursor = &sessions->cursor;
    struct rift_value name = rift_value_integer(cursor->values, key);
    if (is_write && number == 0)
        rift_key_table_intern(&sessions->zeros, cursor->values, name);
    rift_value_stack_push(&cursor->stack, is_write ? sessions->write : sessions->read);
    rift_value_stack_push(&cursor->stack, name);
    rift_value_stack_push(&cursor->stack, rift_value_integer(cursor->values, number));
}

/* "w(1,2,3,4)" at the start of what lies before end: the four numbers. Where it ends, or NULL. */
static const char *plume_call(const char *at, const char *end, bool *is_write, int64_t numbers[4])
{
    if (end - at < 3 || (*at != 'r' && *at != 'w') || at[1] != '(')
        return NULL;
    *is_write = *at == 'w';
    at += 2;
    for (int i = 0; i < 4; i++) {
        struct rift_cursor digits = {.at = at, .end = end};
        bool is_negative = at < end && *at == '-';
        digits.at += is_negative;
        if (!rift_cursor_digits(&digits, &numbers[i]) || digits.at == end ||
            *digits.at != (i == 3 ? ')' : ','))
            return NULL;
        if (is_negative)
            numbers[i] = -numbers[i];
        at = digits.at + 1;
    }
    return at;
}

static int plume_take(struct sessions *sessions, const char *where, bool is_write,
                      const int64_t numbers[4])
{
    bool is_same =
        sessions->is_open && sessions->session == numbers[2] && sessions->transaction == numbers[3];
    if (!is_same && (end_transaction(sessions) != 0 ||
                     begin_transaction(sessions, where, numbers[2], numbers[3]) != 0))
        return -1;
    add_micro_operation(sessions, is_write, numbers[0], numbers[1]);
    return 0;
}

static bool plume_line(const struct rift_line *line, bool *is_write, int64_t numbers[4])
{
    struct rift_word word = line->words[0];
    return line->count == 1 &&
           plume_call(word.at, word.at + word.length, is_write, numbers) == word.at + word.length;
}

static int plume_read_line(struct sessions *sessions, const struct rift_line *line)
{
    struct rift_cursor *cursor = &sessions->cursor;
    int64_t numbers[4];
    bool is_write = false;
    if (!plume_line(line, &is_write, numbers))
        return rift_cursor_fail_at(cursor, line->start,
                                   "a line is 'r(KEY,VALUE,SESSION,TRANSACTION)' or 'w(...)'");
    if (plume_take(sessions, line->start, is_write, numbers) != 0)
        return -1;
    /* As long as lines are plain they need no splitting. */
    const char *end;
    while ((end = plume_call(cursor->at, cursor->end, &is_write, numbers)) && end < cursor->end &&
           *end == '\n') {
        if (plume_take(sessions, cursor->at, is_write, numbers) != 0)
            return -1;
        cursor->at = end + 1;
        rift_cursor_release(cursor);
    }
    return 0;
}

static bool is_rule(const struct rift_line *line, char c)
{
    if (line->count != 1 || line->words[0].length < 3)
        return false;
    for (size_t i = 0; i < line->words[0].length; i++)
        if (line->words[0].at[i] != c)
            return false;
    return true;
}

/* "r key value" */
static bool awdit_line(const struct rift_line *line, bool *is_write, int64_t numbers[2])
{
    if (line->count != 3 || line->words[0].length != 1)
        return false;
    *is_write = *line->words[0].at == 'w';
    return (*is_write || *line->words[0].at == 'r') &&
           rift_word_number(line->words[1], &numbers[0]) &&
           rift_word_number(line->words[2], &numbers[1]);
}

static int awdit_read_line(struct sessions *sessions, const struct rift_line *line)
{
    int64_t numbers[2];
    bool is_write = false;
    if (is_rule(line, '=') || is_rule(line, '-')) {
        if (end_transaction(sessions) != 0)
            return -1;
        sessions->session += *line->words[0].at == '=';
        return 0;
    }
    if (!awdit_line(line, &is_write, numbers))
        return rift_cursor_fail_at(&sessions->cursor, line->start,
                                   "a line is 'r KEY VALUE', 'w KEY VALUE', '-----' or '====='");
    if (!sessions->is_open &&
        begin_transaction(sessions, line->start, sessions->session, sessions->count) != 0)
        return -1;
    add_micro_operation(sessions, is_write, numbers[0], numbers[1]);
    return 0;
}

static struct rift_value initial_reads_as_nil(const struct sessions *sessions,
                                              struct rift_values *values, struct rift_value txn,
                                              struct rift_value_stack *items)
{
    size_t count = rift_value_count(values, txn);
    const struct rift_value zero = rift_value_small_integer(0);
    bool has_any = false;
    items->count = 0;
    for (size_t i = 0; i < count; i += 3) {
        if (rift_value_item(values, txn, i + 2).bits != zero.bits ||
            rift_value_item(values, txn, i).bits != sessions->read.bits ||
            rift_key_table_find(&sessions->zeros, values, rift_value_item(values, txn, i + 1)))
            continue;
        for (size_t j = 0; !has_any && j < count; j++)
            rift_value_stack_push(items, rift_value_item(values, txn, j));
        has_any = true;
        items->items[i + 2] = RIFT_VALUE_NIL;
    }
    return has_any ? rift_value_box(values, RIFT_TXN, items->items, items->count) : txn;
}

static struct rift_history *
read_sessions(const struct rift_source *source, const char *format,
              int (*read_line)(struct sessions *, const struct rift_line *), struct rift_error *err)
{
    struct sessions sessions = {.builder = rift_builder_create(RIFT_TIME_LINES)};
    struct rift_cursor *cursor = &sessions.cursor;
    struct rift_values *values = rift_builder_values(sessions.builder);
    struct rift_line line;
    struct rift_history *history = NULL;
    int failed = 0;
    rift_cursor_init(cursor, source, values, err);
    sessions.read = rift_value_keyword(values, "r", 1);
    sessions.write = rift_value_keyword(values, "w", 1);
    while (!failed && rift_line_next(cursor, &line)) {
        if (line.count)
            failed = read_line(&sessions, &line);
        rift_cursor_release(cursor);
    }
    if (failed || end_transaction(&sessions) != 0)
        rift_builder_destroy(sessions.builder);
    else
        history = rift_builder_finish(sessions.builder, err);
    if (history) {
        history->format = format;
        history->model = "rw-register";
        for (size_t i = 0; i < history->ops.count; i++)
            history->ops.result[i] =
                initial_reads_as_nil(&sessions, values, history->ops.result[i], &cursor->stack);
    }
    rift_key_table_finish(&sessions.zeros);
    rift_cursor_finish(cursor);
    return history;
}

static bool first_line(const struct rift_source *source, struct rift_line *line)
{
    struct rift_cursor cursor = {.at = source->data, .end = source->data + source->length};
    while (rift_line_next(&cursor, line))
        if (line->count)
            return true;
    return false;
}

static bool plume_recognise(const struct rift_source *source)
{
    struct rift_line line;
    int64_t numbers[4];
    bool is_write = false;
    return first_line(source, &line) && plume_line(&line, &is_write, numbers);
}

static bool awdit_recognise(const struct rift_source *source)
{
    struct rift_line line;
    int64_t numbers[2];
    bool is_write = false;
    return first_line(source, &line) &&
           (awdit_line(&line, &is_write, numbers) || is_rule(&line, '=') || is_rule(&line, '-'));
}

static struct rift_history *plume_read(const struct rift_source *source,
                                       const struct rift_read_options *options,
                                       struct rift_error *err)
{
    (void)options;
    return read_sessions(source, "plume-text", plume_read_line, err);
}

static struct rift_history *awdit_read(const struct rift_source *source,
                                       const struct rift_read_options *options,
                                       struct rift_error *err)
{
    (void)options;
    return read_sessions(source, "awdit-test", awdit_read_line, err);
}

const struct rift_importer rift_importer_plume = {
    .format = "plume-text",
    .summary = "Plume, dbcop, PolySI, VeriStrong: w(KEY,VALUE,SESSION,TRANSACTION)",
    .recognise = plume_recognise,
    .read = plume_read,
};

const struct rift_importer rift_importer_awdit = {
    .format = "awdit-test",
    .summary = "AWDIT's tests: w KEY VALUE, ----- between transactions, ===== between sessions",
    .recognise = awdit_recognise,
    .read = awdit_read,
};
