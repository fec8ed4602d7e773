/* Jepsen's history.edn: one map a line. The value of a keyed operation is [key value], as Jepsen's
 * tools expect it; :rift/key tells our own reader that it is. */
#include <ctype.h>
#include <string.h>

#include "history/export/record.h"

/* What reads back as one keyword. */
static bool is_keyword(const char *name)
{
    if (!isalpha((unsigned char)*name))
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("-_.*+!?<>=/", *name))
            return false;
    return true;
}

static void append_name(struct rift_text *text, const char *label, const char *name)
{
    rift_text_append(text, label);
    if (is_keyword(name)) {
        rift_text_append(text, ":");
        rift_text_append(text, name);
    } else {
        rift_text_append_quoted(text, name, strlen(name));
    }
}

static void append_extra(struct rift_text *text, const struct rift_values *values,
                         struct rift_value extra)
{
    for (size_t i = 0, n = rift_value_count(values, extra); i < n; i += 2) {
        rift_text_append(text, ", ");
        rift_value_print_to(text, values, rift_value_item(values, extra, i));
        rift_text_append(text, " ");
        rift_value_print_to(text, values, rift_value_item(values, extra, i + 1));
    }
}

static void append_value(struct rift_text *text, const struct rift_values *values,
                         const struct rift_export_record *record)
{
    rift_text_append(text, ", :value ");
    if (record->has_key) {
        rift_text_append(text, "[");
        rift_value_print_to(text, values, record->key);
        rift_text_append(text, " ");
    }
    rift_value_print_to(text, values, record->value);
    if (!record->has_key)
        return;
    rift_text_append(text, "], :rift/key ");
    rift_value_print_to(text, values, record->key);
}

static void append_record(struct rift_text *text, const struct rift_values *values,
                          const struct rift_export_record *record)
{
    rift_text_append(text, "{:index ");
    rift_text_append_integer(text, (int64_t)record->index);
    if (record->has_time) {
        rift_text_append(text, ", :time ");
        rift_text_append_integer(text, record->time);
    }
    rift_text_append(text, ", :type :");
    rift_text_append(text, record->type);
    rift_text_append(text, ", :process ");
    if (record->is_nemesis)
        rift_text_append(text, ":nemesis");
    else
        rift_text_append_integer(text, record->process);
    if (*record->f)
        append_name(text, ", :f ", record->f);
    else
        rift_text_append(text, ", :f nil");
    append_value(text, values, record);
    if (*record->error)
        append_name(text, ", :error ", record->error);
    if (*record->node)
        append_name(text, ", :node ", record->node);
    if (record->has_no_result)
        rift_text_append(text, ", :rift/result nil");
    if (record->is_timeless)
        rift_text_append(text, ", :rift/timeless true");
    if (record->has_odd_extra) {
        rift_text_append(text, ", :rift/extra ");
        rift_value_print_to(text, values, record->extra);
    } else {
        append_extra(text, values, record->extra);
    }
    rift_text_append(text, "}\n");
}

int rift_export_edn(const struct rift_history *history, struct rift_sink *sink,
                    struct rift_error *err)
{
    return rift_export_records(history, append_record, sink, err);
}
