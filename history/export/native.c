/* Our own file from a history in memory: the same blocks as the writer's, without its thread. */
#include <stdlib.h>

#include "common/memory.h"
#include "history/block.h"
#include "history/export/events.h"
#include "history/export/sink.h"

struct native {
    const struct rift_history *history;
    struct rift_block_tables tables;
    struct rift_block block;
    uint32_t block_number;
    int64_t *ids[2]; /* of the rows of ops and of nemesis */
    int64_t next_id;
};

static int add_invocation(struct native *native, const struct rift_export_event *event,
                          struct rift_error *err)
{
    const struct rift_history *history = native->history;
    const struct rift_ops *ops = event->ops;
    size_t row = event->row;
    native->ids[ops == &history->nemesis][row] = native->next_id++;
    const struct rift_block_invoke invoke = {
        .time = ops->start[row],
        .process = ops->process[row],
        .f = history->names.text[ops->f[row]],
        .node = history->nodes.text[ops->node[row]],
        .values = history->values,
        .has_key = ops->key[row] != 0,
        .key = history->keys[ops->key[row]],
        .argument = ops->argument[row],
        .clock = ops->time_start ? ops->time_start[row] : RIFT_TIME_NEVER,
        .extra = ops->extra_start ? ops->extra_start[row] : RIFT_VALUE_NIL,
    };
    return rift_block_invoke(&native->block, &native->tables, &invoke, err);
}

static int add_completion(struct native *native, const struct rift_export_event *event,
                          struct rift_error *err)
{
    const struct rift_history *history = native->history;
    const struct rift_ops *ops = event->ops;
    size_t row = event->row;
    const struct rift_block_complete complete = {
        .id = native->ids[ops == &history->nemesis][row],
        .type = (enum rift_op_type)ops->type[row],
        .start = ops->start[row],
        .end = ops->end[row],
        .error = history->errors.text[ops->error[row]],
        .values = history->values,
        .result = ops->result[row],
        .clock = ops->time_end ? ops->time_end[row] : RIFT_TIME_NEVER,
        .extra = ops->extra_end ? ops->extra_end[row] : RIFT_VALUE_NIL,
    };
    return rift_block_complete(&native->block, &native->tables, &complete, err);
}

static int write_events(struct native *native, struct rift_sink *sink, struct rift_error *err)
{
    struct rift_events *events = rift_events_create(native->history);
    struct rift_export_event event;
    int failed = 0;
    while (!failed && rift_events_next(events, &event)) {
        failed = event.is_completion ? add_completion(native, &event, err)
                                     : add_invocation(native, &event, err);
        if (!failed && rift_block_is_full(&native->block))
            failed = rift_block_encode(&native->block, native->block_number++, sink->text, err) ||
                     rift_sink_flush(sink, false, err);
    }
    rift_events_destroy(events);
    return failed ? -1 : 0;
}

int rift_export_native(const struct rift_history *history, struct rift_sink *sink,
                       struct rift_error *err)
{
    struct native native = {.history = history};
    rift_block_tables_init(&native.tables);
    native.ids[0] = rift_calloc(history->ops.count, sizeof(int64_t));
    native.ids[1] = rift_calloc(history->nemesis.count, sizeof(int64_t));
    rift_block_encode_file_header(history->time_kind, history->model, sink->text);
    int failed = write_events(&native, sink, err);
    if (!failed && !rift_block_is_empty(&native.block))
        failed = rift_block_encode(&native.block, native.block_number++, sink->text, err);
    if (!failed)
        rift_block_encode_end(native.block_number, sink->text);
    free(native.ids[0]);
    free(native.ids[1]);
    rift_block_finish(&native.block);
    rift_block_tables_finish(&native.tables);
    return failed;
}
