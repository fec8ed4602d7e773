/* availability: the bounds that a service promises. No bound is set at first, so it only measures.
 * An operation is served where it was ok, or was refused for what was asked (`served`): a
 * compare-and-set of another value, a queue that is empty. Recovery is judged for each heal, up to
 * the moment at which every node has served an operation that began after it. */
#include <stdlib.h>
#include <string.h>

#include "checkers/availability.h"
#include "checkers/elements.h"
#include "checkers/fault_spans.h"
#include "checkers/registry.h"
#include "common/memory.h"

static double bound(const struct rift_check *check, const char *name)
{
    return json_number_value(json_object_get(check->options, name));
}

static double as_seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static bool is_served_error(const json_t *served, const char *error)
{
    if (json_is_string(served))
        return strcmp(json_string_value(served), error) == 0;
    for (size_t i = 0; i < json_array_size(served); i++)
        if (strcmp(json_string_value(json_array_get(served, i)), error) == 0)
            return true;
    return false;
}

static void judge_budget(const struct rift_check *check, struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    const struct rift_ops *ops = &history->ops;
    const json_t *served = json_object_get(check->options, "served");
    size_t lost = 0;
    for (size_t row = 0; row < ops->count; row++) {
        bool is_refused = ops->type[row] == RIFT_OP_FAIL &&
                          is_served_error(served, history->errors.text[ops->error[row]]);
        lost += ops->type[row] != RIFT_OP_OK && !is_refused;
    }
    double percent = ops->count ? 100.0 * (double)lost / (double)ops->count : 0;
    json_object_set_new(rift_verdict_stats(verdict), "not_served_percent", json_real(percent));
    if (percent > bound(check, "budget_percent"))
        rift_verdict_convict(verdict, "error budget spent",
                             "%zu of %zu operations were not served, %.3f %%; the budget is %g %%",
                             lost, ops->count, percent, bound(check, "budget_percent"));
}

static void judge_gap(const struct rift_check *check, const struct availability *availability,
                      struct rift_verdict *verdict)
{
    double gap_s = as_seconds(
        availability_longest_gap(availability, availability->begin_ns, availability->last_ns, 0));
    double most_s = bound(check, "gap_s");
    json_object_set_new(rift_verdict_stats(verdict), "longest_gap_s", json_real(gap_s));
    if (most_s > 0 && gap_s > most_s)
        rift_verdict_convict(verdict, "outage too long",
                             "For %.3f s no operation was ok; the bound is %g s", gap_s, most_s);
}

static void judge_recovery(const struct rift_check *check, const struct availability *availability,
                           struct rift_verdict *verdict)
{
    double most_s = bound(check, "recovery_s"), worst_s = 0;
    struct fault_spans spans;
    fault_spans_init(&spans, check->history);
    for (size_t i = 0; i < spans.count; i++) {
        const struct fault_span *span = &spans.items[i];
        uint16_t missing = 0;
        if (span->end_ns == RIFT_TIME_NEVER)
            continue;
        int64_t took_ns = availability_recovery(availability, span->end_ns, &missing);
        bool is_back = took_ns != RIFT_TIME_NEVER;
        double took_s = as_seconds(is_back ? took_ns : availability->last_ns - span->end_ns);
        worst_s = took_s > worst_s ? took_s : worst_s;
        if (most_s > 0 && took_s > most_s)
            rift_verdict_convict(
                verdict, "recovery too slow",
                "After the heal of %s %s %s %.3f s; the bound is %g s", span->fault, span->what,
                is_back ? "it took until every node served again" : "a node did not serve for",
                took_s, most_s);
    }
    json_object_set_new(rift_verdict_stats(verdict), "slowest_recovery_s", json_real(worst_s));
    fault_spans_finish(&spans);
}

static int check_availability(const struct rift_check *check, struct rift_verdict *verdict,
                              struct rift_error *err)
{
    (void)err;
    if (check->history->ops.count == 0) {
        rift_verdict_doubt(verdict, "there are no operations");
        return 0;
    }
    judge_budget(check, verdict);
    if (check->history->time_kind != RIFT_TIME_NS) {
        if (bound(check, "gap_s") > 0 || bound(check, "recovery_s") > 0)
            rift_verdict_doubt(verdict, "the history carries no times");
        return 0;
    }
    struct availability availability;
    availability_init(&availability, check->history);
    judge_gap(check, &availability, verdict);
    judge_recovery(check, &availability, verdict);
    availability_finish(&availability);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "budget_percent",
     .kind = RIFT_OPTION_REAL,
     .unit = "%",
     .fallback = "100",
     .minimum = 0,
     .maximum = 100,
     .summary = "so many of the operations may go unserved"},
    {.name = "gap_s",
     .kind = RIFT_OPTION_REAL,
     .unit = "s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .summary = "the longest time without one ok operation; 0: no bound"},
    {.name = "recovery_s",
     .kind = RIFT_OPTION_REAL,
     .unit = "s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .summary = "the longest time from a heal until every node served again; 0: no bound"},
    {.name = "served",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = "[\"compare failed\", \"precondition failed\", \"empty\", \"insufficient funds\", "
                 "\"lock held\", \"lock not held\"]",
     .summary = "errors of failed operations that are answers, not outages"},
    {.name = NULL},
};

const struct rift_checker rift_checker_availability = {
    .name = "availability",
    .summary = "error budget, longest outage and recovery after each heal, against bounds",
    .options = options,
    .check = check_availability,
};
