/* A window is two operations, "start-X" and "stop-X", that name the same window. */
#include "report/windows.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"

static double seconds(int64_t time_ns)
{
    return (double)time_ns / (double)RIFT_SECOND;
}

static const json_t *as_object(const json_t *json)
{
    return json_is_object(json) ? json : NULL;
}

static json_t *find_window(json_t *windows, json_int_t number)
{
    size_t i;
    json_t *window;
    json_array_foreach(windows, i, window)
    {
        if (json_integer_value(json_object_get(window, "window")) == number)
            return window;
    }
    return NULL;
}

static json_t *node_entry(json_t *window, const char *name)
{
    json_t *nodes = json_object_get(window, "nodes");
    json_t *node = json_object_get(nodes, name);
    if (!node) {
        node = json_object();
        json_object_set_new(nodes, name, node);
    }
    return node;
}

/* Copies a node's time (ns, member source) to seconds (member target). */
static void take_nodes(json_t *window, const json_t *result, const char *source, const char *target)
{
    const char *name;
    json_t *node;
    json_object_foreach((json_t *)json_object_get(as_object(result), "nodes"), name, node)
    {
        json_t *entry = node_entry(window, name);
        const json_t *time = json_object_get(node, source);
        if (json_is_number(time))
            json_object_set_new(entry, target, json_real(json_number_value(time) / 1e9));
        json_t *observed = json_object_get(node, "observed");
        if (observed)
            json_object_set(entry, "observed", observed);
    }
}

/* By how much the nodes began apart, at most, and what their clocks leave open of it. */
static void take_spread(json_t *window, const json_t *result)
{
    const char *name;
    json_t *node;
    double first = INFINITY, last = -INFINITY, error = 0;
    size_t count = 0;
    json_object_foreach((json_t *)json_object_get(as_object(result), "nodes"), name, node)
    {
        const json_t *time = json_object_get(node, "applied_ns");
        const json_t *bound = json_object_get(node, "clock_error_ns");
        if (!json_is_number(time) || !json_is_number(bound))
            continue;
        first = fmin(first, json_number_value(time));
        last = fmax(last, json_number_value(time));
        error = fmax(error, json_number_value(bound));
        count++;
    }
    if (count < 2)
        return;
    json_object_set_new(window, "spread_ms", json_real((last - first) / RIFT_MS));
    json_object_set_new(window, "clock_error_ms", json_real(error / RIFT_MS));
}

/* A window begins when its first node feels it and ends when its last is healed; the operations
 * around that also prepare and look. Without times of nodes it keeps those of the operations. */
static void fit_to_nodes(json_t *window, const char *member, bool is_latest)
{
    const char *name;
    json_t *node;
    bool has_one = false;
    double best = 0;
    json_object_foreach(json_object_get(window, "nodes"), name, node)
    {
        const json_t *time = json_object_get(node, member);
        double seconds_of_node = json_number_value(time);
        if (!json_is_number(time))
            continue;
        if (!has_one || (is_latest ? seconds_of_node > best : seconds_of_node < best))
            best = seconds_of_node;
        has_one = true;
    }
    if (has_one)
        json_object_set_new(window, member, json_real(best));
}

/* A wait hits nobody: what it waited for, and whom it found to lead. */
static void take_wait(json_t *window, const json_t *argument)
{
    const char *until = json_string_value(
        json_object_get(as_object(json_object_get(argument, "options")), "until"));
    if (!until)
        return;
    struct rift_text what = {0};
    rift_text_append(&what, until);
    const char *name, *separator = ": ";
    json_t *node;
    json_object_foreach(json_object_get(window, "nodes"), name, node)
    {
        rift_text_printf(&what, "%s%s", separator, name);
        separator = ", ";
    }
    json_object_set_new(window, "what", json_string(what.data));
    rift_text_finish(&what);
}

static void take_start(json_t *windows, const struct rift_history *history, size_t row,
                       const char *fault, const json_t *argument, const json_t *result)
{
    const char *what = json_string_value(json_object_get(argument, "what"));
    json_t *window =
        json_pack("{s:I, s:s, s:s, s:f, s:n, s:o, s:b}", "window",
                  json_integer_value(json_object_get(argument, "window")), "fault", fault, "what",
                  what ? what : "", "from", seconds(history->nemesis.start[row]), "to", "nodes",
                  json_object(), "failed", history->nemesis.type[row] != RIFT_OP_OK);
    const char *error = history->errors.text[history->nemesis.error[row]];
    if (*error)
        json_object_set_new(window, "error", json_string(error));
    json_t *observed = json_object_get(as_object(result), "observed");
    if (observed)
        json_object_set(window, "observed", observed);
    take_nodes(window, result, "applied_ns", "from");
    take_spread(window, result);
    fit_to_nodes(window, "from", false);
    if (strcmp(fault, "wait_for") == 0)
        take_wait(window, argument);
    json_array_append_new(windows, window);
}

static void take_stop(json_t *windows, const struct rift_history *history, size_t row,
                      const json_t *argument, const json_t *result)
{
    json_t *window = find_window(windows, json_integer_value(json_object_get(argument, "window")));
    if (!window || history->nemesis.end[row] == RIFT_TIME_NEVER)
        return;
    json_object_set_new(window, "to", json_real(seconds(history->nemesis.end[row])));
    take_nodes(window, result, "healed_ns", "to");
    fit_to_nodes(window, "to", true);
}

/* Operations are in the order in which they were prepared. */
static json_t *sorted_by_start(json_t *windows)
{
    json_t *sorted = json_array(), *window;
    size_t i;
    json_array_foreach(windows, i, window)
    {
        size_t at = json_array_size(sorted);
        while (at > 0 &&
               json_number_value(json_object_get(json_array_get(sorted, at - 1), "from")) >
                   json_number_value(json_object_get(window, "from")))
            at--;
        json_array_insert(sorted, at, window);
    }
    json_decref(windows);
    return sorted;
}

json_t *report_windows(const struct rift_history *history)
{
    json_t *windows = json_array();
    for (size_t row = 0; row < history->nemesis.count; row++) {
        const char *f = history->names.text[history->nemesis.f[row]];
        json_t *argument = rift_value_to_json(history->values, history->nemesis.argument[row]);
        json_t *result = rift_value_to_json(history->values, history->nemesis.result[row]);
        if (rift_text_starts_with(f, "start-"))
            take_start(windows, history, row, f + strlen("start-"), argument, result);
        else if (rift_text_starts_with(f, "stop-"))
            take_stop(windows, history, row, argument, result);
        json_decref(argument);
        json_decref(result);
    }
    return sorted_by_start(windows);
}
