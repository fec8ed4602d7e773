/* What the report shows of a run: joins verdicts.json, plan.yaml, the history and the logs into the
 * one object that the terminal and the page read. Big histories are thinned: a page must open. */
#include "report/run_data.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/memory.h"
#include "history/history.h"
#include "history/reader.h"
#include "report/windows.h"

enum {
    SCATTER_POINTS_MAX = 12000,
    LANE_OPS_MAX = 3000, /* around one anomaly */
    ANOMALIES_MAX = 20,  /* drawn; the verdict's file has them all */
    TEXT_FILE_MAX = 4 << 20,
};

static double seconds(int64_t time_ns)
{
    return (double)time_ns / (double)RIFT_SECOND;
}

static json_t *value_text(const struct rift_history *history, struct rift_value value)
{
    if (rift_value_is_nil(value))
        return json_null();
    CLEANUP(rift_free) char *text = rift_value_print(history->values, value);
    return json_string(text);
}

/* Without times there is only the number of each event, which is then shown as if it were seconds.
 */
static bool has_times(const struct rift_history *history)
{
    return history->time_kind == RIFT_TIME_NS || history->ops.time_start;
}

/* Completions without an invocation have no start: events are then counted for all. */
static bool knows_all_times(const struct rift_ops *ops)
{
    for (size_t row = 0; ops->time_start && row < ops->count; row++)
        if (ops->time_start[row] == RIFT_TIME_NEVER)
            return false;
    return true;
}

/* Times for people: formats ordered by line may carry real times in columns of their own. */
static int64_t shown(const struct rift_history *history, const int64_t *times, int64_t order)
{
    if (times)
        return *times;
    return has_times(history) || order == RIFT_TIME_NEVER ? order : order * RIFT_SECOND;
}

static int64_t shown_start(const struct rift_history *history, size_t row)
{
    const int64_t *times = history->ops.time_start;
    return shown(history, times ? &times[row] : NULL, history->ops.start[row]);
}

static int64_t shown_end(const struct rift_history *history, size_t row)
{
    const int64_t *times = history->ops.time_end;
    return shown(history, times ? &times[row] : NULL, history->ops.end[row]);
}

static json_t *op_json(const struct rift_history *history, size_t row)
{
    static const char *const types[] = {"ok", "fail", "info"};
    const struct rift_ops *ops = &history->ops;
    int64_t end = shown_end(history, row);
    return json_pack(
        "{s:i, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:f, s:o}", "process", ops->process[row], "f",
        history->names.text[ops->f[row]], "key", value_text(history, history->keys[ops->key[row]]),
        "argument", value_text(history, ops->argument[row]), "result",
        value_text(history, ops->result[row]), "type", types[ops->type[row]], "error",
        history->errors.text[ops->error[row]], "node", history->nodes.text[ops->node[row]], "start",
        seconds(shown_start(history, row)), "end",
        end == RIFT_TIME_NEVER ? json_null() : json_real(seconds(end)));
}

static json_t *counts_json(const struct rift_history *history)
{
    static const char *const types[] = {"ok", "fail", "info"};
    size_t name_count = history->names.count;
    CLEANUP(rift_free) size_t(*counts)[3] = rift_calloc(name_count, sizeof *counts);
    for (size_t row = 0; row < history->ops.count; row++)
        counts[history->ops.f[row]][history->ops.type[row]]++;
    json_t *json = json_object();
    for (size_t f = 0; f < name_count; f++) {
        if (counts[f][0] + counts[f][1] + counts[f][2] == 0)
            continue;
        json_t *one = json_object();
        for (int type = 0; type < 3; type++)
            json_object_set_new(one, types[type], json_integer((json_int_t)counts[f][type]));
        json_object_set_new(json, history->names.text[f], one);
    }
    return json;
}

/* Every op that did not end ok is kept as long as there is room; of the ok ones every n-th. */
static json_t *scatter_json(const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    size_t odd_count = 0;
    for (size_t row = 0; row < ops->count; row++)
        odd_count += ops->type[row] != RIFT_OP_OK;
    size_t room = SCATTER_POINTS_MAX / 2;
    size_t odd_stride = odd_count / room + 1, ok_stride = (ops->count - odd_count) / room + 1;
    json_t *points = json_array();
    size_t odd_seen = 0, ok_seen = 0;
    for (size_t row = 0; row < ops->count; row++) {
        bool is_kept = ops->type[row] == RIFT_OP_OK ? ok_seen++ % ok_stride == 0
                                                    : odd_seen++ % odd_stride == 0;
        int64_t start = shown_start(history, row), end = shown_end(history, row);
        if (!is_kept || end == RIFT_TIME_NEVER || !has_times(history))
            continue;
        json_array_append_new(points, json_pack("[f, f, i, i]", seconds(start),
                                                (double)(end - start) / (double)RIFT_MS,
                                                (int)ops->f[row], (int)ops->type[row]));
    }
    json_t *names = json_array();
    for (size_t f = 0; f < history->names.count; f++)
        json_array_append_new(names, json_string(history->names.text[f]));
    return json_pack("{s:o, s:o, s:b}", "names", names, "points", points, "thinned",
                     ok_stride > 1 || odd_stride > 1);
}

static void add_op(json_t *ops, const struct rift_history *history, size_t row)
{
    char name[24];
    snprintf(name, sizeof name, "%zu", row);
    if (!json_object_get(ops, name))
        json_object_set_new(ops, name, op_json(history, row));
}

/* The rows that anomaly names, and the time that they span. False where it names none. */
static bool anomaly_span(const struct rift_history *history, const json_t *anomaly, int64_t *from,
                         int64_t *to, uint32_t *key)
{
    const json_t *rows = json_object_get(anomaly, "ops");
    size_t i;
    json_t *item;
    bool any = false;
    *from = INT64_MAX;
    *to = INT64_MIN;
    json_array_foreach((json_t *)rows, i, item)
    {
        size_t row = (size_t)json_integer_value(item);
        if (row >= history->ops.count)
            continue;
        int64_t start = history->ops.start[row], end = history->ops.end[row];
        int64_t last =
            end == RIFT_TIME_NEVER || history->ops.type[row] == RIFT_OP_INFO ? start : end;
        *from = start < *from ? start : *from;
        *to = last > *to ? last : *to;
        *key = history->ops.key[row];
        any = true;
    }
    return any;
}

/* The lanes of an anomaly: its own ops, and what else touched the key meanwhile. */
static json_t *lanes_json(const struct rift_history *history, const json_t *anomaly, json_t *ops)
{
    json_t *lanes = json_array();
    int64_t from = 0, to = 0;
    uint32_t key = 0;
    if (!anomaly_span(history, anomaly, &from, &to, &key))
        return lanes;
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(anomaly, "ops"), i, item)
    {
        size_t row = (size_t)json_integer_value(item);
        if (row >= history->ops.count || json_array_size(lanes) >= LANE_OPS_MAX)
            continue;
        add_op(ops, history, row);
        json_array_append_new(lanes, json_integer((json_int_t)row));
    }
    for (size_t row = 0; row < history->ops.count && json_array_size(lanes) < LANE_OPS_MAX; row++) {
        if (history->ops.start[row] > to)
            break;
        bool is_over = history->ops.type[row] != RIFT_OP_INFO && history->ops.end[row] < from;
        char name[24];
        snprintf(name, sizeof name, "%zu", row);
        if (history->ops.key[row] != key || is_over || json_object_get(ops, name))
            continue;
        if (history->ops.type[row] == RIFT_OP_INFO && history->ops.start[row] < from)
            continue;
        add_op(ops, history, row);
        json_array_append_new(lanes, json_integer((json_int_t)row));
    }
    return lanes;
}

/* Anomalies (and orders, where they were asked for) of a verdict and of the checkers that it is
 * composed of. */
static void gather_anomalies(const struct rift_history *history, const char *checker,
                             const json_t *verdict, json_t *anomalies, json_t *ops)
{
    size_t i;
    json_t *anomaly;
    json_array_foreach(json_object_get(verdict, "anomalies"), i, anomaly)
    {
        if (json_array_size(anomalies) >= ANOMALIES_MAX)
            return;
        json_t *copy = json_copy(anomaly);
        json_object_set_new(copy, "checker", json_string(checker));
        json_object_set_new(copy, "lanes", lanes_json(history, anomaly, ops));
        json_array_append_new(anomalies, copy);
    }
    const json_t *orders = json_object_get(verdict, "orders");
    json_array_foreach(orders, i, anomaly)
    {
        json_t *copy =
            json_pack("{s:s, s:O, s:O}", "checker", checker, "order", anomaly, "ops", anomaly);
        json_object_set_new(copy, "lanes", lanes_json(history, copy, ops));
        json_object_set_new(copy, "is_order", json_true());
        json_array_append_new(anomalies, copy);
    }
    const char *name;
    json_t *inner;
    json_object_foreach(json_object_get(verdict, "checkers"), name, inner)
        gather_anomalies(history, name, inner, anomalies, ops);
}

static json_t *text_file(const char *directory, const char *name)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return json_null();
    char *text = rift_malloc(TEXT_FILE_MAX);
    size_t length = fread(text, 1, TEXT_FILE_MAX, file);
    fclose(file);
    json_t *json = json_stringn(text, length);
    free(text);
    return json ? json : json_null();
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void gather_logs(json_t *logs, const char *directory, const char *node)
{
    CLEANUP(rift_free) char *folder = rift_printf("%s/nodes/%s", directory, node);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_visible, compare_names);
    for (int i = 0; i < count; i++) {
        CLEANUP(rift_free) char *path = rift_printf("%s/%s", folder, entries[i]->d_name);
        struct stat status;
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            CLEANUP(rift_free) char *link = rift_printf("nodes/%s/%s", node, entries[i]->d_name);
            json_array_append_new(logs, json_pack("{s:s, s:s, s:s, s:I}", "node", node, "name",
                                                  entries[i]->d_name, "path", link, "size",
                                                  (json_int_t)status.st_size));
        }
        free(entries[i]);
    }
    free(entries);
}

static json_t *logs_json(const char *directory)
{
    json_t *logs = json_array();
    CLEANUP(rift_free) char *folder = rift_printf("%s/nodes", directory);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_visible, compare_names);
    for (int i = 0; i < count; i++) {
        gather_logs(logs, directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return logs;
}

json_t *report_history_data(const struct rift_history *history, const json_t *verdict)
{
    json_t *anomalies = json_array(), *ops = json_object();
    struct rift_history without_times = *history;
    if (!knows_all_times(&history->ops)) {
        without_times.ops.time_start = without_times.ops.time_end = NULL;
        history = &without_times;
    }
    gather_anomalies(history, "", verdict, anomalies, ops);
    return json_pack("{s:O, s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "verdict", verdict, "unit",
                     has_times(history) ? "s" : "event", "counts", counts_json(history), "windows",
                     report_windows(history), "scatter", scatter_json(history), "anomalies",
                     anomalies, "ops", ops, "truncated", (int)history->is_truncated);
}

json_t *report_run_data(const char *run_directory, struct rift_error *err)
{
    CLEANUP(rift_free) char *verdict_path = rift_printf("%s/verdicts.json", run_directory);
    json_error_t where;
    json_t *verdict = json_load_file(verdict_path, 0, &where);
    if (!verdict) {
        rift_fail(err, RIFT_ERR_INVALID, "%s:%d:%d: %s", verdict_path, where.line, where.column,
                  where.text);
        return NULL;
    }
    json_t *data = NULL;
    struct rift_history *history =
        rift_history_read(run_directory, &(struct rift_read_options){0}, err);
    if (history) {
        json_t *run = json_object_get(verdict, "run");
        data = report_history_data(history, verdict);
        json_object_set(data, "run", run ? run : json_null());
        json_object_set_new(data, "plan", text_file(run_directory, "plan.yaml"));
        json_object_set_new(data, "logs", logs_json(run_directory));
        rift_history_destroy(history);
    }
    json_decref(verdict);
    return data;
}
