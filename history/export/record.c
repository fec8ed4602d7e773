/* Columns back into records. */
#include "history/export/record.h"

#include "history/export/events.h"
#include "history/import/records.h"

static bool is_odd(const struct rift_values *values, struct rift_value extra)
{
    for (size_t i = 0, n = rift_value_count(values, extra); i < n; i += 2) {
        size_t length = 0;
        const char *name = rift_value_as_text(values, rift_value_item(values, extra, i), &length);
        if (rift_records_is_field(name, length))
            return true;
    }
    return false;
}

static void record_make(const struct rift_history *history, const struct rift_export_event *event,
                        size_t index, struct rift_export_record *record)
{
    static const char *const types[] = {"ok", "fail", "info"};
    const struct rift_ops *ops = event->ops;
    size_t row = event->row;
    bool is_end = event->is_completion;
    const int64_t *clock = is_end ? ops->time_end : ops->time_start;
    const struct rift_value *extra = is_end ? ops->extra_end : ops->extra_start;
    *record = (struct rift_export_record){
        .index = index,
        .is_nemesis = ops == &history->nemesis,
        .process = ops->process[row],
        .f = history->names.text[ops->f[row]],
        .has_key = ops->key[row] != 0,
        .key = history->keys[ops->key[row]],
        .value = is_end ? ops->result[row] : ops->argument[row],
        .error = is_end ? history->errors.text[ops->error[row]] : "",
        .node = history->nodes.text[ops->node[row]],
        .is_timeless = is_end && ops->end[row] == RIFT_TIME_NEVER,
        .extra = extra ? extra[row] : RIFT_VALUE_NIL,
    };
    record->has_no_result =
        is_end && rift_value_is_nil(ops->result[row]) && !rift_value_is_nil(ops->argument[row]);
    if (record->has_no_result)
        record->value = ops->argument[row];
    record->has_odd_extra = is_odd(history->values, record->extra);
    /* As in Jepsen, a nemesis says info before and after. */
    record->type = record->is_nemesis ? "info" : is_end ? types[ops->type[row]] : "invoke";
    if (history->time_kind == RIFT_TIME_NS)
        record->time = is_end ? ops->end[row] : ops->start[row];
    else
        record->time = clock ? clock[row] : RIFT_TIME_NEVER;
    record->has_time = record->time != RIFT_TIME_NEVER;
}

int rift_export_records(const struct rift_history *history, rift_export_append *append,
                        struct rift_sink *sink, struct rift_error *err)
{
    struct rift_events *events = rift_events_create(history);
    struct rift_export_event event;
    int failed = 0;
    for (size_t i = 0; !failed && rift_events_next(events, &event); i++) {
        struct rift_export_record record;
        record_make(history, &event, i, &record);
        append(sink->text, history->values, &record);
        failed = rift_sink_flush(sink, false, err);
    }
    rift_events_destroy(events);
    return failed;
}
