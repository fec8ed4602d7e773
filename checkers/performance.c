/* performance: latency percentiles and throughput over time, gaps in availability for each fault
 * window, and the time to recover. It describes, and is always valid. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/availability.h"
#include "checkers/fault_spans.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { PERFORMANCE_POINTS_MAX = 240 };

struct bin {
    size_t first, count; /* latencies of ok operations that ended in it */
    size_t ok, fail, info;
};

struct timeline {
    int64_t begin_ns, width_ns;
    size_t bin_count;
    struct bin *bins;
    double *latencies_ms; /* grouped by bin, sorted within */
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nearest rank: the smallest that at least this part of all do not exceed. sorted is not empty. */
static double percentile(const double *sorted, size_t count, double part)
{
    size_t rank = (size_t)ceil((double)count * part - 1e-9); /* 0.95 is no number of a double */
    return sorted[rank > 0 ? rank - 1 : 0];
}

static size_t bin_of(const struct timeline *timeline, int64_t time_ns)
{
    size_t bin = (size_t)((time_ns - timeline->begin_ns) / timeline->width_ns);
    return bin < timeline->bin_count ? bin : timeline->bin_count - 1;
}

/* When an operation is counted: at its end, or at its start where it never ended. */
static int64_t counted_at(const struct rift_ops *ops, size_t row)
{
    return ops->end[row] == RIFT_TIME_NEVER ? ops->start[row] : ops->end[row];
}

static void timeline_init(struct timeline *timeline, const struct availability *availability)
{
    const struct rift_ops *ops = &availability->history->ops;
    int64_t length_ns = availability->last_ns - availability->begin_ns + 1;
    *timeline = (struct timeline){.begin_ns = availability->begin_ns};
    timeline->width_ns = RIFT_SECOND;
    while (length_ns / timeline->width_ns >= PERFORMANCE_POINTS_MAX)
        timeline->width_ns *= 2;
    timeline->bin_count = (size_t)(length_ns / timeline->width_ns) + 1;
    timeline->bins = rift_calloc(timeline->bin_count, sizeof *timeline->bins);
    timeline->latencies_ms = rift_calloc(availability->count, sizeof(double));
    for (size_t row = 0; row < ops->count; row++) {
        struct bin *bin = &timeline->bins[bin_of(timeline, counted_at(ops, row))];
        bin->ok += ops->type[row] == RIFT_OP_OK;
        bin->fail += ops->type[row] == RIFT_OP_FAIL;
        bin->info += ops->type[row] == RIFT_OP_INFO;
    }
    /* Rows of availability are sorted by end, so each bin's latencies are neighbours. */
    for (size_t i = 0; i < availability->count; i++) {
        uint32_t row = availability->rows[i];
        struct bin *bin = &timeline->bins[bin_of(timeline, ops->end[row])];
        bin->first = bin->count++ ? bin->first : i;
        timeline->latencies_ms[i] = (double)(ops->end[row] - ops->start[row]) / (double)RIFT_MS;
    }
    for (size_t i = 0; i < timeline->bin_count; i++)
        qsort(timeline->latencies_ms + timeline->bins[i].first, timeline->bins[i].count,
              sizeof(double), compare_doubles);
}

static void timeline_finish(struct timeline *timeline)
{
    free(timeline->bins);
    free(timeline->latencies_ms);
}

static void add_point(json_t *series, const struct timeline *timeline, size_t bin, double y)
{
    double x = ((double)timeline->begin_ns + ((double)bin + 0.5) * (double)timeline->width_ns) /
               (double)RIFT_SECOND;
    json_array_append_new(json_object_get(series, "points"), json_pack("[f, f]", x, y));
}

static json_t *add_series(json_t *plot, const char *name)
{
    json_t *series = json_pack("{s:s, s:[]}", "name", name, "points");
    json_array_append_new(json_object_get(plot, "series"), series);
    return series;
}

static json_t *plot_latency(const struct timeline *timeline)
{
    static const struct {
        const char *name;
        double part;
    } percentiles[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"max", 1}};
    json_t *plot =
        json_pack("{s:s, s:s, s:[]}", "title", "latency of ok operations", "unit", "ms", "series");
    for (size_t p = 0; p < sizeof percentiles / sizeof *percentiles; p++) {
        json_t *series = add_series(plot, percentiles[p].name);
        for (size_t i = 0; i < timeline->bin_count; i++) {
            const struct bin *bin = &timeline->bins[i];
            if (bin->count > 0)
                add_point(series, timeline, i,
                          percentile(timeline->latencies_ms + bin->first, bin->count,
                                     percentiles[p].part));
        }
    }
    return plot;
}

static json_t *plot_throughput(const struct timeline *timeline)
{
    json_t *plot =
        json_pack("{s:s, s:s, s:[]}", "title", "operations that ended", "unit", "ops/s", "series");
    json_t *ok = add_series(plot, "ok");
    json_t *fail = add_series(plot, "fail");
    json_t *info = add_series(plot, "info");
    double width_s = (double)timeline->width_ns / (double)RIFT_SECOND;
    for (size_t i = 0; i < timeline->bin_count; i++) {
        add_point(ok, timeline, i, (double)timeline->bins[i].ok / width_s);
        add_point(fail, timeline, i, (double)timeline->bins[i].fail / width_s);
        add_point(info, timeline, i, (double)timeline->bins[i].info / width_s);
    }
    return plot;
}

static json_t *seconds(int64_t ns)
{
    return ns == RIFT_TIME_NEVER ? json_null() : json_real((double)ns / (double)RIFT_SECOND);
}

static json_t *describe_span(const struct availability *availability, const struct fault_span *span)
{
    int64_t end_ns = span->end_ns == RIFT_TIME_NEVER ? availability->last_ns : span->end_ns;
    uint16_t missing = 0;
    int64_t recovery_ns = availability_recovery(availability, end_ns, &missing);
    json_t *described =
        json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:o}", "window", (json_int_t)span->window,
                  "fault", span->fault, "what", span->what, "from_s", seconds(span->start_ns),
                  "to_s", seconds(span->end_ns), "longest_gap_s",
                  seconds(availability_longest_gap(availability, span->start_ns, end_ns, 0)),
                  "recovery_s", seconds(recovery_ns));
    if (recovery_ns == RIFT_TIME_NEVER)
        json_object_set_new(described, "not_served_since",
                            json_string(availability->history->nodes.text[missing]));
    return described;
}

static void describe_faults(const struct availability *availability, json_t *stats)
{
    struct fault_spans spans;
    fault_spans_init(&spans, availability->history);
    json_t *windows = json_array();
    int64_t healed_ns = 0;
    for (size_t i = 0; i < spans.count; i++) {
        json_array_append_new(windows, describe_span(availability, &spans.items[i]));
        if (spans.items[i].end_ns != RIFT_TIME_NEVER && spans.items[i].end_ns > healed_ns)
            healed_ns = spans.items[i].end_ns;
    }
    if (spans.count > 0) {
        json_object_set_new(stats, "windows", windows);
        json_object_set_new(stats, "recovery_s",
                            seconds(availability_recovery(availability, healed_ns, NULL)));
    } else {
        json_decref(windows);
    }
    fault_spans_finish(&spans);
}

static void describe_nodes(const struct availability *availability, json_t *stats)
{
    const struct rift_names *nodes = &availability->history->nodes;
    json_t *gaps = json_object();
    for (size_t node = 1; node < nodes->count; node++)
        json_object_set_new(
            gaps, nodes->text[node],
            seconds(availability_longest_gap(availability, availability->begin_ns,
                                             availability->last_ns, (uint16_t)node)));
    json_object_set_new(stats, "longest_gap_s_of_node", gaps);
    json_object_set_new(stats, "longest_gap_s",
                        seconds(availability_longest_gap(availability, availability->begin_ns,
                                                         availability->last_ns, 0)));
}

static void describe_whole(const struct timeline *timeline, const struct availability *availability,
                           json_t *stats)
{
    double length_s =
        (double)(availability->last_ns - availability->begin_ns) / (double)RIFT_SECOND;
    if (length_s > 0)
        json_object_set_new(stats, "ok_per_second",
                            json_real((double)availability->count / length_s));
    qsort(timeline->latencies_ms, availability->count, sizeof(double), compare_doubles);
    if (availability->count > 0)
        json_object_set_new(
            stats, "latency_ms",
            json_pack("{s:f, s:f, s:f, s:f}", "p50",
                      percentile(timeline->latencies_ms, availability->count, 0.5), "p95",
                      percentile(timeline->latencies_ms, availability->count, 0.95), "p99",
                      percentile(timeline->latencies_ms, availability->count, 0.99), "max",
                      timeline->latencies_ms[availability->count - 1]));
}

static int performance_check(const struct rift_check *check, struct rift_verdict *verdict,
                             struct rift_error *err)
{
    (void)err;
    json_t *stats = rift_verdict_stats(verdict);
    if (check->history->time_kind != RIFT_TIME_NS || check->history->ops.count == 0) {
        json_object_set_new(stats, "note", json_string("the history carries no times"));
        return 0;
    }
    struct availability availability;
    struct timeline timeline;
    availability_init(&availability, check->history);
    timeline_init(&timeline, &availability);
    json_object_set_new(verdict->details, "plots",
                        json_pack("[o, o]", plot_latency(&timeline), plot_throughput(&timeline)));
    describe_faults(&availability, stats);
    describe_nodes(&availability, stats);
    describe_whole(&timeline, &availability, stats);
    timeline_finish(&timeline);
    availability_finish(&availability);
    return 0;
}

const struct rift_checker rift_checker_performance = {
    .name = "performance",
    .summary = "latency and throughput over time, gaps in availability, time to recover",
    .parts = RIFT_PARTS_ANY,
    .check = performance_check,
};
