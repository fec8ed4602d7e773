/* What evidence asks of faults: each entry of the plan came, each window was seen on its nodes and
 * was met by operations, each node served unless faults kept it from that, and the system served
 * after the last. */
#include <string.h>

#include "checkers/evidence_parts.h"
#include "checkers/fault_spans.h"
#include "common/clock.h"
#include "common/memory.h"

enum {
    EVIDENCE_WINDOWS_TOLD = 3,
    EVIDENCE_NODES_TOLD = 3,
    /* An operation that ended without an answer may have been under way for so long. */
    EVIDENCE_UNANSWERED_MS = 10000,
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

static bool is_met(const struct rift_ops *ops, const struct fault_span *span)
{
    int64_t from_ns = span->start_ns - EVIDENCE_UNANSWERED_MS * RIFT_MS;
    for (size_t row = first_row(ops, from_ns); row < ops->count; row++) {
        if (ops->start[row] > span->end_ns)
            break;
        if (ops->end[row] >= span->start_ns)
            return true;
    }
    return false;
}

/* How many operations a time as long as the window has in this run, by its mean. */
static double expected(const struct rift_ops *ops, const struct fault_span *span)
{
    if (ops->count == 0 || ops->start[ops->count - 1] == ops->start[0])
        return 0;
    double window_ns = (double)(span->end_ns - span->start_ns);
    return window_ns * (double)ops->count / (double)(ops->start[ops->count - 1] - ops->start[0]);
}

static bool is_late(const struct rift_ops *ops, const struct fault_span *span)
{
    return first_row(ops, span->start_ns) == ops->count;
}

/* A fault that no operation met tells nothing of the system. On which node they were makes no
 * difference: many a node that matters is one that no client speaks to. Of a short one chance may
 * be the reason, and a last one may begin as the run ends. */
static const char *why_not_met(const struct rift_ops *ops, const struct fault_spans *spans,
                               const struct fault_span *span)
{
    if (is_met(ops, span))
        return NULL;
    if (is_late(ops, spans->items) || (is_late(ops, span) && expected(ops, span) >= EVIDENCE_FEW))
        return "it began after the last operation";
    return expected(ops, span) >= EVIDENCE_FEW ? "no operation was tried in it" : NULL;
}

static void judge_meetings(const struct rift_history *history, const struct fault_spans *spans,
                           struct rift_verdict *verdict)
{
    size_t told = 0;
    if (history->ops.count == 0 || history->time_kind != RIFT_TIME_NS)
        return;
    for (size_t i = 0; i < spans->count; i++) {
        const struct fault_span *span = &spans->items[i];
        const char *why = why_not_met(&history->ops, spans, span);
        if (why && told++ < EVIDENCE_WINDOWS_TOLD)
            rift_verdict_doubt(verdict, "fault window %lld (%s %s) met no operation: %s",
                               (long long)span->window, span->fault, span->what, why);
    }
    if (told > EVIDENCE_WINDOWS_TOLD)
        rift_verdict_doubt(verdict, "%zu more fault windows met no operation",
                           told - EVIDENCE_WINDOWS_TOLD);
}

static bool is_struck(const struct rift_history *history, const struct fault_spans *spans,
                      size_t row)
{
    const struct rift_ops *ops = &history->ops;
    const char *node = history->nodes.text[ops->node[row]];
    for (size_t i = 0; i < spans->count; i++) {
        const struct fault_span *span = &spans->items[i];
        bool is_in_it = ops->start[row] <= span->end_ns && ops->end[row] >= span->start_ns;
        if (is_in_it && (!span->nodes || json_object_get(span->nodes, node)))
            return true;
    }
    return false;
}

/* A node whose clients were all turned away, though no fault was on it, took no part. */
static void judge_nodes(const struct rift_history *history, const struct fault_spans *spans,
                        struct rift_verdict *verdict)
{
    const struct rift_ops *ops = &history->ops;
    CLEANUP(rift_free) bool *has_served = rift_calloc(history->nodes.count + 1, sizeof *has_served);
    CLEANUP(rift_free) size_t *refused = rift_calloc(history->nodes.count + 1, sizeof *refused);
    size_t told = 0;
    for (size_t row = 0; row < ops->count; row++)
        has_served[ops->node[row]] |= ops->type[row] == RIFT_OP_OK;
    for (size_t row = 0; row < ops->count; row++)
        if (!has_served[ops->node[row]])
            refused[ops->node[row]] += !is_struck(history, spans, row);
    for (size_t node = 1; node < history->nodes.count; node++)
        if (refused[node] >= EVIDENCE_FEW && told++ < EVIDENCE_NODES_TOLD)
            rift_verdict_doubt(verdict,
                               "%s served none of its %zu operations outside of its faults",
                               history->nodes.text[node], refused[node]);
    if (told > EVIDENCE_NODES_TOLD)
        rift_verdict_doubt(verdict, "%zu more nodes served nothing", told - EVIDENCE_NODES_TOLD);
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
    if (json_is_true(json_object_get(check->options, "every_node")))
        judge_nodes(check->history, &spans, verdict);
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(stats, "fault_windows", json_integer((json_int_t)spans.count));
    json_object_set_new(stats, "fault_windows_observed", json_integer((json_int_t)observed));
    fault_spans_finish(&spans);
}
