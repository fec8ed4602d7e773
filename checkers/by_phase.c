/* by-phase: other checkers, each once for what was under way inside of fault windows and once for
 * what was outside. Checkers that look at each operation for itself (performance, stats) see only
 * those; all others see every change, as what was written may be seen at any later time, and only
 * the reads of the phase: what they convict is a violation of the whole history too. */
#include <stdlib.h>
#include <string.h>

#include "checkers/checker.h"
#include "checkers/fault_spans.h"
#include "checkers/phase.h"
#include "checkers/registry.h"
#include "common/memory.h"

static const char *const phase_names[] = {[PHASE_FAULTS] = "faults", [PHASE_CALM] = "calm", NULL};

static bool is_asked(const json_t *phases, const char *name)
{
    if (json_is_string(phases))
        return strcmp(json_string_value(phases), name) == 0;
    for (size_t i = 0; i < json_array_size(phases); i++)
        if (strcmp(json_string_value(json_array_get(phases, i)), name) == 0)
            return true;
    return false;
}

/* The anomalies of the part stand in the whole, so that they are told and drawn as any other. */
static void merge(struct rift_verdict *verdict, const char *phase, const struct rift_verdict *part)
{
    const char *reason = part->reason ? part->reason : rift_validity_name(part->validity);
    size_t i;
    json_t *anomaly;
    json_array_foreach(json_object_get(part->details, "anomalies"), i, anomaly)
    {
        json_t *copy = rift_verdict_convict(
            verdict, json_string_value(json_object_get(anomaly, "name")), "%s: %s", phase,
            json_string_value(json_object_get(anomaly, "text")));
        json_object_update_missing(copy, anomaly);
    }
    if (part->validity == RIFT_UNKNOWN)
        rift_verdict_doubt(verdict, "%s: %s", phase, reason);
}

/* label is the phase, and whom it was asked of where several were. */
static int judge_phase(const struct rift_check *check, const struct rift_checker *of,
                       const json_t *options, const struct phase_view *view, const char *label,
                       struct rift_verdict *verdict, struct rift_error *err)
{
    struct rift_check part = *check;
    part.history = &view->history;
    part.options = options;
    struct rift_verdict found = {0};
    int result = of->check(&part, &found, err);
    if (result == 0) {
        phase_view_restore_rows(view, &found);
        merge(verdict, label, &found);
        json_t *json = rift_verdict_to_json(&found);
        json_object_set_new(rift_verdict_stats(&found), "operations",
                            json_integer((json_int_t)view->history.ops.count));
        json_object_set(json, "stats", rift_verdict_stats(&found));
        json_object_del(json, "anomalies");
        json_object_set_new(json_object_get(verdict->details, "checkers"), label, json);
    }
    rift_verdict_finish(&found);
    return result;
}

static const struct rift_checker *find_inner(const char *name, struct rift_error *err)
{
    const struct rift_checker *of = rift_checker_find(name);
    if (!of || of == &rift_checker_by_phase) {
        rift_fail(err, RIFT_ERR_INVALID, "by-phase: there is no checker '%s' to run", name);
        return NULL;
    }
    if (of->parts == RIFT_PARTS_NONE) {
        rift_fail(err, RIFT_ERR_UNSUPPORTED,
                  "by-phase: %s asks what later reads show, so no part of a history will do", name);
        return NULL;
    }
    return of;
}

/* One of them, in each phase that is asked for. */
static int judge_inner(const struct rift_check *check, const char *name, bool is_alone,
                       struct rift_verdict *verdict, struct rift_error *err)
{
    const struct rift_checker *of = find_inner(name, err);
    const json_t *all = json_object_get(check->options, "options");
    json_t *options =
        of ? rift_checker_options(of, is_alone ? all : json_object_get(all, name), err) : NULL;
    int result = options ? 0 : -1;
    for (int phase = 0; phase_names[phase] && result == 0; phase++) {
        if (!is_asked(json_object_get(check->options, "phases"), phase_names[phase]))
            continue;
        struct phase_view view;
        CLEANUP(rift_free) char *several = rift_printf("%s, %s", phase_names[phase], name);
        phase_view_init(&view, check->history, (enum phase)phase, of->parts != RIFT_PARTS_ANY);
        result = judge_phase(check, of, options, &view, is_alone ? phase_names[phase] : several,
                             verdict, err);
        phase_view_finish(&view);
    }
    json_decref(options);
    return result;
}

static int check_by_phase(const struct rift_check *check, struct rift_verdict *verdict,
                          struct rift_error *err)
{
    const json_t *names = json_object_get(check->options, "checker");
    size_t count = json_array_size(names);
    int result = 0;
    if (!verdict->details)
        verdict->details = json_object();
    json_object_set_new(verdict->details, "checkers", json_object());
    if (json_is_string(names))
        result = judge_inner(check, json_string_value(names), true, verdict, err);
    for (size_t i = 0; i < count && result == 0; i++)
        result = judge_inner(check, json_string_value(json_array_get(names, i)), count == 1,
                             verdict, err);
    struct fault_spans spans;
    fault_spans_init(&spans, check->history);
    if (spans.count == 0)
        rift_verdict_doubt(verdict, "the history has no faults, so there are no phases");
    fault_spans_finish(&spans);
    return result;
}

static const struct rift_option options[] = {
    {.name = "checker",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[\"performance\"]",
     .summary = "whom to ask: any other checkers"},
    {.name = "options",
     .kind = RIFT_OPTION_ANY,
     .unit = "",
     .fallback = "{}",
     .summary = "the options of that checker; of several, by their names"},
    {.name = "phases",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[\"faults\", \"calm\"]",
     .choices = phase_names,
     .summary = "faults: what overlaps a fault window; calm: the rest"},
    {.name = NULL},
};

const struct rift_checker rift_checker_by_phase = {
    .name = "by-phase",
    .summary = "other checkers, for what was under way inside and outside of fault windows",
    .options = options,
    .check = check_by_phase,
};
