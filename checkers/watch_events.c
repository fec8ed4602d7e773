#include "checkers/watch_events.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static const char *const watches[] = {"watch", "final-watch", NULL};
static const char *const changes[] = {"write", "delete", NULL};
static const char *const deletes[] = {"delete", NULL};
static const char *const reads[] = {"read", NULL};

void watch_lives_init(struct watch_lives *lives, const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    struct elements *processes = elements_create(history);
    CLEANUP(rift_free) uint32_t *current = rift_calloc(ops->count + 1, sizeof *current);
    lives->life = rift_malloc((ops->count + 1) * sizeof *lives->life);
    lives->count = 0;
    for (uint32_t row = 0; row < ops->count; row++) {
        uint32_t process = elements_intern(processes, rift_value_small_integer(ops->process[row]));
        if (current[process] == 0)
            current[process] = (uint32_t)++lives->count;
        lives->life[row] = current[process] - 1;
        if (ops->type[row] == RIFT_OP_INFO)
            current[process] = 0;
    }
    lives->stream = rift_calloc(lives->count + 1, sizeof *lives->stream);
    elements_destroy(processes);
}

void watch_lives_finish(struct watch_lives *lives)
{
    free(lives->life);
    free(lives->stream);
}

const struct watch_writes *watch_writes_of(struct watch_events *events, uint32_t value)
{
    if (value >= events->writes_capacity) {
        size_t old = events->writes_capacity;
        events->writes_capacity = 2 * (size_t)value + 64;
        events->writes =
            rift_reallocarray(events->writes, events->writes_capacity, sizeof *events->writes);
        for (size_t i = old; i < events->writes_capacity; i++)
            events->writes[i] = (struct watch_writes){ELEMENT_NONE, ELEMENT_NONE, 0};
    }
    return &events->writes[value];
}

static bool is_sequence(const struct rift_values *values, struct rift_value value)
{
    enum rift_value_kind kind = rift_value_kind(values, value);
    return kind == RIFT_LIST || kind == RIFT_PAIR;
}

static bool is_event(const struct rift_values *values, struct rift_value value)
{
    return is_sequence(values, value) && rift_value_count(values, value) == 2 &&
           rift_value_kind(values, rift_value_item(values, value, 0)) == RIFT_INTEGER;
}

static struct watch_event read_event(struct watch_events *events, struct rift_value value,
                                     uint32_t row, uint32_t stream)
{
    const struct rift_values *values = events->history->values;
    return (struct watch_event){
        .revision = rift_value_as_integer(values, rift_value_item(values, value, 0)),
        .row = row,
        .value = elements_intern(events->elements, rift_value_item(values, value, 1)),
        .stream = stream,
    };
}

static void add_event(struct watch_events *events, struct watch_event event)
{
    if (events->count == events->capacity) {
        events->capacity = events->capacity ? 2 * events->capacity : 64;
        events->events =
            rift_reallocarray(events->events, events->capacity, sizeof *events->events);
    }
    events->events[events->count++] = event;
}

/* An answer of [revision value] tells the revision; one that only says the value again does not. */
static void take_change(struct watch_events *events, uint32_t row)
{
    const struct rift_history *history = events->history;
    const struct rift_ops *ops = &history->ops;
    bool is_delete = element_op_is(history, row, deletes);
    uint32_t value =
        elements_intern(events->elements, is_delete ? RIFT_VALUE_NIL : ops->argument[row]);
    (void)watch_writes_of(events, value);
    struct watch_writes *writes = &events->writes[value];
    if (ops->type[row] == RIFT_OP_FAIL) {
        writes->failed = row;
        return;
    }
    writes->count++;
    if (writes->first == ELEMENT_NONE)
        writes->first = row;
    if (ops->type[row] != RIFT_OP_OK || !is_event(history->values, ops->result[row]))
        return;
    struct watch_event answer = read_event(events, ops->result[row], row, WATCH_NO_STREAM);
    if (answer.value == value)
        add_event(events, answer);
}

static uint32_t begin_stream(struct watch_events *events, uint32_t row)
{
    const struct rift_history *history = events->history;
    struct rift_value from = history->ops.argument[row];
    if (events->stream_count == events->stream_capacity) {
        events->stream_capacity = events->stream_capacity ? 2 * events->stream_capacity : 16;
        events->streams =
            rift_reallocarray(events->streams, events->stream_capacity, sizeof *events->streams);
    }
    events->streams[events->stream_count] = (struct watch_stream){
        .process = history->ops.process[row],
        .is_asked = rift_value_kind(history->values, from) == RIFT_INTEGER,
        .low = rift_value_as_integer(history->values, from),
        .row = row,
    };
    return (uint32_t)events->stream_count++;
}

static bool is_readable(const struct rift_values *values, struct rift_value all)
{
    if (!is_sequence(values, all))
        return false;
    for (size_t i = 0; i < rift_value_count(values, all); i++)
        if (!is_event(values, rift_value_item(values, all, i)))
            return false;
    return true;
}

/* stream: of the process' life, + 1. What cannot be read may have been any event, so the stream
 * ends before it. */
static void take_watch(struct watch_events *events, uint32_t row, bool is_resumed, uint32_t *stream)
{
    const struct rift_history *history = events->history;
    struct rift_value all = history->ops.result[row];
    events->watch_count++;
    if (!is_readable(history->values, all)) {
        events->unread_count++;
        *stream = 0;
        return;
    }
    bool is_asked = rift_value_kind(history->values, history->ops.argument[row]) == RIFT_INTEGER;
    if (*stream == 0 || is_asked || !is_resumed)
        *stream = begin_stream(events, row) + 1;
    struct watch_stream *mine = &events->streams[*stream - 1];
    for (size_t i = 0; i < rift_value_count(history->values, all); i++) {
        struct rift_value item = rift_value_item(history->values, all, i);
        struct watch_event event = read_event(events, item, row, *stream - 1);
        if (!mine->has_event && !mine->is_asked)
            mine->low = event.revision;
        mine->has_event = true;
        add_event(events, event);
    }
}

void watch_events_init(struct watch_events *events, const struct rift_history *history,
                       struct watch_lives *lives, bool is_resumed, const uint32_t *rows,
                       size_t row_count)
{
    *events = (struct watch_events){.history = history, .elements = elements_create(history)};
    (void)elements_intern(events->elements, RIFT_VALUE_NIL);
    for (size_t i = 0; i < row_count; i++) {
        lives->stream[lives->life[rows[i]]] = 0;
        if (element_op_is(history, rows[i], changes))
            take_change(events, rows[i]);
        else if (!element_op_is(history, rows[i], watches) &&
                 !element_op_is(history, rows[i], reads))
            events->has_other_changes |= history->ops.type[rows[i]] != RIFT_OP_FAIL;
    }
    for (size_t i = 0; i < row_count; i++)
        if (history->ops.type[rows[i]] == RIFT_OP_OK && element_op_is(history, rows[i], watches))
            take_watch(events, rows[i], is_resumed, &lives->stream[lives->life[rows[i]]]);
}

void watch_events_finish(struct watch_events *events)
{
    elements_destroy(events->elements);
    free(events->events);
    free(events->streams);
    free(events->writes);
}
