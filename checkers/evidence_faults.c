/* What evidence asks of faults: each entry of the plan came, each window was seen on its nodes and
 * was met by operations, and the system served after the last. */
#include <string.h>

#include "checkers/evidence_parts.h"
#include "checkers/fault_spans.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"

enum {
    EVIDENCE_WINDOWS_TOLD = 3,
    /* An operation that ended without an answer may have been under way for so long. */
    EVIDENCE_UNANSWERED_MS = 10000,
    /* A window in which chance would have put so many operations, and there is none. */
    EVIDENCE_MISSING = 20,
};

/* A system that never serves again after the last heal hides what it lost. */
static void judge_recovery(const struct rift_history *history, const struct fault_spans *spans,
                           struct rift_verdict *verdict)
{
    int64_t healed_ns = INT64_MIN;
    for (size_t i = 0; i < spans->count; i++) {
        int64_t end_ns = spans->items[i].end_ns;
        healed_ns = end_ns > healed_ns && end_ns != RIFT_TIME_NEVER ? end_ns : healed_ns;
    }
    size_t tried = 0, ok = 0;
    for (size_t row = 0; row < history->ops.count && spans->count > 0; row++) {
        if (history->ops.start[row] <= healed_ns)
            continue;
        tried++;
        ok += history->ops.type[row] == RIFT_OP_OK;
    }
    if (healed_ns != INT64_MIN && tried > 0 && ok == 0)
        rift_verdict_doubt(verdict,
                           "none of %zu operations after the last heal succeeded: the system did "
                           "not come back, so what it lost was not seen",
                           tried);
}

static bool has_entry(const struct fault_spans *spans, int64_t entry)
{
    for (size_t i = 0; i < spans->count; i++)
        if (spans->items[i].entry == entry || spans->items[i].entry == 0)
            return true;
    return false;
}

/* Each entry of the plan's faults came at least once. */
static void judge_entries(const json_t *faults, const struct fault_spans *spans,
                          struct rift_verdict *verdict)
{
    if (spans->count == 0 && json_array_size(faults) > 0)
        rift_verdict_doubt(verdict, "the plan has faults, and none happened");
    for (size_t i = 0; spans->count > 0 && i < json_array_size(faults); i++) {
        const char *lane = json_string_value(json_object_get(json_array_get(faults, i), "lane"));
        if (!has_entry(spans, (int64_t)i + 1))
            rift_verdict_doubt(verdict, "entry %zu of the plan's faults (%s) never came", i + 1,
                               lane ? lane : "?");
    }
}

/* The operations that may have met a window. */
struct meeting {
    size_t all, on_struck; /* on a node that it struck */
};

static bool is_struck(const struct rift_history *history, const struct fault_span *span, size_t row)
{
    const char *node = history->nodes.text[history->ops.node[row]];
    return json_object_get(span->nodes, node) != NULL;
}

/* The first row that starts at start_ns or later. */
static size_t first_row(const struct rift_ops *ops, int64_t start_ns)
{
    size_t low = 0, high = ops->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ops->start[middle] < start_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct meeting meet(const struct rift_history *history, const struct fault_span *span)
{
    const struct rift_ops *ops = &history->ops;
    struct meeting met = {0};
    int64_t from_ns = span->start_ns - EVIDENCE_UNANSWERED_MS * RIFT_MS;
    for (size_t row = first_row(ops, from_ns); row < ops->count; row++) {
        if (ops->start[row] > span->end_ns)
            break;
        if (ops->end[row] < span->start_ns)
            continue;
        met.all++;
        met.on_struck += is_struck(history, span, row);
    }
    return met;
}

/* How many operations a time as long as the window has in this run, by its mean. */
static double expected(const struct rift_ops *ops, const struct fault_span *span)
{
    if (ops->count == 0 || ops->start[ops->count - 1] == ops->start[0])
        return 0;
    double window_ns = (double)(span->end_ns - span->start_ns);
    return window_ns * (double)ops->count / (double)(ops->start[ops->count - 1] - ops->start[0]);
}

/* A fault that no operation met tells nothing of the system. */
static char *why_not_met(const struct rift_history *history, const struct fault_span *span)
{
    const struct rift_ops *ops = &history->ops;
    struct meeting met = meet(history, span);
    if (met.all == 0 && first_row(ops, span->start_ns) == ops->count)
        return rift_strdup("it began after the last operation");
    if (met.all == 0 && expected(ops, span) >= EVIDENCE_MISSING)
        return rift_strdup("no operation was tried in it");
    size_t enough = EVIDENCE_MISSING * history->nodes.count;
    if (met.on_struck > 0 || met.all < enough || json_object_size(span->nodes) == 0 ||
        history->nodes.count < 2)
        return NULL;
    struct rift_text text = {0};
    const char *name;
    json_t *node;
    rift_text_printf(&text, "none of %zu operations in it was sent to", met.all);
    json_object_foreach(span->nodes, name, node) rift_text_printf(&text, " %s", name);
    return rift_text_take(&text);
}

static void judge_meetings(const struct rift_history *history, const struct fault_spans *spans,
                           struct rift_verdict *verdict)
{
    size_t told = 0;
    if (history->ops.count == 0 || history->time_kind != RIFT_TIME_NS)
        return;
    for (size_t i = 0; i < spans->count; i++) {
        const struct fault_span *span = &spans->items[i];
        CLEANUP(rift_free) char *why = why_not_met(history, span);
        if (why && told++ < EVIDENCE_WINDOWS_TOLD)
            rift_verdict_doubt(verdict, "fault window %lld (%s %s) met no operation: %s",
                               (long long)span->window, span->fault, span->what, why);
    }
    if (told > EVIDENCE_WINDOWS_TOLD)
        rift_verdict_doubt(verdict, "%zu more fault windows met no operation",
                           told - EVIDENCE_WINDOWS_TOLD);
}

void evidence_judge_faults(const struct rift_check *check, struct rift_verdict *verdict)
{
    struct fault_spans spans;
    fault_spans_init(&spans, check->history);
    size_t observed = 0, told = 0;
    for (size_t i = 0; i < spans.count; i++) {
        const struct fault_span *span = &spans.items[i];
        observed += span->is_observed;
        if (span->is_observed || told++ >= EVIDENCE_WINDOWS_TOLD)
            continue;
        rift_verdict_doubt(verdict, "fault window %lld (%s %s) was not observed: %s",
                           (long long)span->window, span->fault, span->what, span->why_not);
    }
    if (told > EVIDENCE_WINDOWS_TOLD)
        rift_verdict_doubt(verdict, "%zu more fault windows were not observed",
                           told - EVIDENCE_WINDOWS_TOLD);
    judge_meetings(check->history, &spans, verdict);
    judge_recovery(check->history, &spans, verdict);
    judge_entries(json_object_get(check->plan, "faults"), &spans, verdict);
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(stats, "fault_windows", json_integer((json_int_t)spans.count));
    json_object_set_new(stats, "fault_windows_observed", json_integer((json_int_t)observed));
    fault_spans_finish(&spans);
}
