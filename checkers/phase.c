#include "checkers/phase.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/fault_spans.h"
#include "common/memory.h"

static bool overlaps_fault(const struct fault_spans *spans, int64_t start, int64_t end)
{
    for (size_t i = 0; i < spans->count; i++)
        if (start <= spans->items[i].end_ns && end >= spans->items[i].start_ns)
            return true;
    return false;
}

static bool only_looks(const struct rift_history *history, uint32_t row)
{
    static const char *const looks[] = {"read", "r", "peek", "contains", NULL};
    const struct rift_values *values = history->values;
    struct rift_value txn = history->ops.argument[row];
    if (rift_value_kind(values, txn) != RIFT_TXN)
        return element_op_is(history, row, looks);
    for (size_t i = 0; i < rift_value_count(values, txn); i += 3)
        if (!rift_value_is_word(values, rift_value_item(values, txn, i), "r"))
            return false;
    return true;
}

static uint32_t *choose_rows(const struct rift_history *whole, enum phase phase, bool keeps_changes,
                             size_t *count)
{
    const struct rift_ops *ops = &whole->ops;
    struct fault_spans spans;
    uint32_t *rows = rift_malloc((ops->count + 1) * sizeof *rows);
    fault_spans_init(&spans, whole);
    *count = 0;
    for (uint32_t row = 0; row < ops->count; row++) {
        bool is_in_faults = overlaps_fault(&spans, ops->start[row], ops->end[row]);
        bool is_wanted = is_in_faults == (phase == PHASE_FAULTS);
        if (is_wanted || (keeps_changes && !only_looks(whole, row)))
            rows[(*count)++] = row;
    }
    fault_spans_finish(&spans);
    return rows;
}

static void copy_rows(const struct rift_ops *from, struct rift_ops *to, const uint32_t *rows,
                      size_t count)
{
    struct rift_ops_column source[RIFT_OPS_COLUMNS], target[RIFT_OPS_COLUMNS];
    struct rift_ops whole = *from;
    size_t column_count = rift_ops_columns(&whole, source);
    rift_ops_resize(to, count + 1);
    if (from->time_start)
        rift_ops_add_times(to, count + 1);
    if (from->extra_start)
        rift_ops_add_extras(to, count + 1);
    rift_ops_columns(to, target);
    for (size_t c = 0; c < column_count; c++) {
        const char *bytes = rift_ops_column_data(&source[c]);
        char *out = rift_ops_column_data(&target[c]);
        size_t size = source[c].size;
        for (size_t i = 0; bytes && out && i < count; i++)
            memcpy(out + i * size, bytes + rows[i] * size, size);
    }
    to->count = count;
}

void phase_view_init(struct phase_view *view, const struct rift_history *whole, enum phase phase,
                     bool keeps_changes)
{
    size_t count = 0;
    *view = (struct phase_view){.history = *whole};
    view->history.ops = (struct rift_ops){0};
    view->rows = choose_rows(whole, phase, keeps_changes, &count);
    copy_rows(&whole->ops, &view->history.ops, view->rows, count);
}

void phase_view_finish(struct phase_view *view)
{
    rift_ops_finish(&view->history.ops);
    free(view->rows);
    *view = (struct phase_view){0};
}

static json_t *row_of(const struct phase_view *view, const json_t *number)
{
    json_int_t row = json_integer_value(number);
    bool is_row = row >= 0 && (size_t)row < view->history.ops.count;
    return json_integer(is_row ? (json_int_t)view->rows[row] : row);
}

static void restore_list(const struct phase_view *view, json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_set_new(list, i, row_of(view, json_array_get(list, i)));
}

static void restore_member(const struct phase_view *view, json_t *object, const char *name)
{
    const json_t *number = json_object_get(object, name);
    if (json_is_integer(number))
        json_object_set_new(object, name, row_of(view, number));
}

void phase_view_restore_rows(const struct phase_view *view, struct rift_verdict *verdict)
{
    size_t i, j;
    json_t *anomaly, *part;
    json_array_foreach(json_object_get(verdict->details, "anomalies"), i, anomaly)
    {
        restore_list(view, json_object_get(anomaly, "ops"));
        restore_list(view, json_object_get(anomaly, "order"));
        restore_list(view, json_object_get(anomaly, "weakened"));
        json_array_foreach(json_object_get(anomaly, "stuck"), j, part)
            restore_member(view, part, "row");
        json_array_foreach(json_object_get(anomaly, "steps"), j, part)
        {
            restore_member(view, part, "from");
            restore_member(view, part, "to");
        }
    }
}
