/* Fault windows of a history. */
#include "checkers/fault_spans.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

static const char start_prefix[] = "start-";
static const char change_prefix[] = "change-";
static const char stop_prefix[] = "stop-";

static json_t *value_as_json(const struct rift_history *history, struct rift_value value)
{
    json_t *json = rift_value_to_json(history->values, value);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return json_object();
}

/* "n2: n1 still heard; n3: ...": what the nodes say in that member whose other one is so. */
static struct rift_text words_of_nodes(const json_t *result, const char *says, const char *whose,
                                       bool is_so)
{
    struct rift_text text = {0};
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(json_object_get(result, "nodes"), name, node)
    {
        const char *words = json_string_value(json_object_get(node, says));
        if (json_is_true(json_object_get(node, whose)) == is_so)
            rift_text_printf(&text, "%s%s: %s", text.length ? "; " : "", name, words ? words : "");
    }
    return text;
}

/* Of the nodes that did not observe it. */
static char *find_why_not(const json_t *result)
{
    struct rift_text text = words_of_nodes(result, "observed", "is_observed", false);
    const char *why = json_string_value(json_object_get(result, "why"));
    if (text.length == 0)
        rift_text_append(&text, why ? why : "nobody looked");
    return rift_text_take(&text);
}

/* The earliest or latest of a time that the nodes name; fallback where none does. */
static int64_t time_of_nodes(const json_t *result, const char *member, bool is_latest,
                             int64_t fallback_ns)
{
    const char *name = NULL;
    json_t *node = NULL;
    bool has_one = false;
    int64_t best_ns = fallback_ns;
    json_object_foreach(json_object_get(result, "nodes"), name, node)
    {
        const json_t *time = json_object_get(node, member);
        if (!json_is_integer(time))
            continue;
        int64_t time_ns = json_integer_value(time);
        if (!has_one || (is_latest ? time_ns > best_ns : time_ns < best_ns))
            best_ns = time_ns;
        has_one = true;
    }
    return best_ns;
}

/* All nodes that did not observe it say that chance may have spared them so far. */
static bool may_be_chance(const json_t *result)
{
    const char *name = NULL;
    json_t *node = NULL;
    size_t spared = 0;
    json_object_foreach(json_object_get(result, "nodes"), name, node)
    {
        if (json_is_true(json_object_get(node, "is_observed")))
            continue;
        if (!json_is_true(json_object_get(node, "may_be_chance")))
            return false;
        spared++;
    }
    return spared > 0;
}

static void spans_add_start(struct fault_spans *spans, const struct rift_history *history,
                            size_t row, const char *fault, const json_t *planned,
                            const json_t *result)
{
    const char *what = json_string_value(json_object_get(planned, "what"));
    bool is_observed = json_is_true(json_object_get(result, "observed"));
    spans->items[spans->count++] = (struct fault_span){
        .window = json_integer_value(json_object_get(planned, "window")),
        .entry = json_integer_value(json_object_get(planned, "entry")),
        .fault = fault,
        .what = rift_strdup(what ? what : ""),
        .is_observed = is_observed,
        .is_open = !is_observed && may_be_chance(result),
        .why_not = is_observed ? NULL : find_why_not(result),
        .nodes = json_incref(json_object_get(result, "nodes")),
        .start_ns = time_of_nodes(result, "applied_ns", false, history->nemesis.start[row]),
        .end_ns = RIFT_TIME_NEVER,
    };
}

static struct fault_span *span_of(struct fault_spans *spans, const char *fault,
                                  const json_t *planned)
{
    int64_t window = json_integer_value(json_object_get(planned, "window"));
    for (size_t i = spans->count; i-- > 0;)
        if (spans->items[i].window == window && strcmp(spans->items[i].fault, fault) == 0)
            return &spans->items[i];
    return NULL;
}

/* A window is observed where it was before its first change, or after one, and no look denies it.
 */
static void spans_add_change(struct fault_spans *spans, const char *fault, const json_t *planned,
                             const json_t *result)
{
    struct fault_span *span = span_of(spans, fault, planned);
    bool is_observed = json_is_true(json_object_get(result, "observed"));
    if (!span || (!span->is_observed && !span->is_open) || (!is_observed && may_be_chance(result)))
        return;
    free(span->why_not);
    span->is_open = false;
    span->is_observed = is_observed;
    span->why_not = is_observed ? NULL : find_why_not(result);
}

/* Of the nodes of which nobody knows when it ended on them, or whether. */
static void add_endless(struct rift_text *text, const json_t *result)
{
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(json_object_get(result, "nodes"), name, node)
    {
        const char *words = json_string_value(json_object_get(node, "after"));
        if (json_is_null(json_object_get(node, "healed_ns")))
            rift_text_printf(text, "%s%s: its end is not known: %s", text->length ? "; " : "", name,
                             words ? words : "");
    }
}

/* A window that ended before it was to, or may have, is not observed as a whole. */
static void spans_add_stop(struct fault_spans *spans, const struct rift_history *history,
                           size_t row, const char *fault, const json_t *planned,
                           const json_t *result)
{
    struct fault_span *span = span_of(spans, fault, planned);
    if (!span)
        return;
    span->end_ns = time_of_nodes(result, "healed_ns", true, history->nemesis.end[row]);
    struct rift_text early = words_of_nodes(result, "after", "ended_early", true);
    add_endless(&early, result);
    if (early.length > 0 && span->is_observed) {
        span->is_observed = false;
        span->why_not = rift_text_take(&early);
    }
    rift_text_finish(&early);
}

void fault_spans_init(struct fault_spans *spans, const struct rift_history *history)
{
    *spans = (struct fault_spans){0};
    spans->items = rift_calloc(history->nemesis.count, sizeof *spans->items);
    for (size_t row = 0; row < history->nemesis.count; row++) {
        const char *f = history->names.text[history->nemesis.f[row]];
        bool is_start = rift_text_starts_with(f, start_prefix);
        bool is_change = rift_text_starts_with(f, change_prefix);
        if (!is_start && !is_change && !rift_text_starts_with(f, stop_prefix))
            continue;
        json_t *planned = value_as_json(history, history->nemesis.argument[row]);
        json_t *result = value_as_json(history, history->nemesis.result[row]);
        if (is_start)
            spans_add_start(spans, history, row, f + strlen(start_prefix), planned, result);
        else if (is_change)
            spans_add_change(spans, f + strlen(change_prefix), planned, result);
        else
            spans_add_stop(spans, history, row, f + strlen(stop_prefix), planned, result);
        json_decref(planned);
        json_decref(result);
    }
}

void fault_spans_finish(struct fault_spans *spans)
{
    for (size_t i = 0; i < spans->count; i++) {
        free(spans->items[i].what);
        free(spans->items[i].why_not);
        json_decref(spans->items[i].nodes);
    }
    free(spans->items);
    *spans = (struct fault_spans){0};
}
