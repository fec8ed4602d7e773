/* clock: how far the wall clocks of the nodes were from the controller's, as a run records it once
 * a second ("clock" of the nemesis: {node {"at_ns", "ahead_ns", "error_ns", "system"?: the same of
 * what a fault showed the system's processes}}). Without a bound it only describes. With one, a
 * clock that was off by more than that for certain, outside of the windows of clock faults, is a
 * violation: not of the system, but of what the test promised it. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/fault_spans.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { CLOCK_POINTS_MAX = 600 }; /* of a line of the plot */

/* A window is told a little later or earlier than a clock is read, once a second. */
#define CLOCK_MARGIN_NS RIFT_SECOND

struct sample {
    int64_t at_ns, ahead_ns, error_ns;
};

/* One line: a node's own clock, or the one that its system was shown. */
struct line {
    char *name;
    struct sample *samples;
    size_t count, capacity;
};

struct clocks {
    struct line *lines; /* pairs: the node's, the system's on it */
    size_t count;
    struct fault_spans spans;
};

static struct line *line_of(struct clocks *clocks, const char *node, bool is_system)
{
    size_t i = 0;
    while (i < clocks->count && strcmp(clocks->lines[i].name, node) != 0)
        i += 2;
    if (i >= clocks->count) {
        i = clocks->count;
        clocks->count += 2;
        clocks->lines = rift_reallocarray(clocks->lines, clocks->count, sizeof *clocks->lines);
        clocks->lines[i] = (struct line){.name = rift_strdup(node)};
        clocks->lines[i + 1] =
            (struct line){.name = rift_printf("%s, as the system sees it", node)};
    }
    return &clocks->lines[i + is_system];
}

/* A file may say anything; sums of what this lets pass do not overflow. */
static bool is_sane(int64_t ns)
{
    return ns > INT64_MIN / 4 && ns < INT64_MAX / 4;
}

static void take_sample(struct clocks *clocks, const char *node, bool is_system,
                        const json_t *entry)
{
    struct sample sample = {json_integer_value(json_object_get(entry, "at_ns")),
                            json_integer_value(json_object_get(entry, "ahead_ns")),
                            json_integer_value(json_object_get(entry, "error_ns"))};
    if (!json_is_integer(json_object_get(entry, "ahead_ns")) || !is_sane(sample.at_ns) ||
        !is_sane(sample.ahead_ns) || !is_sane(sample.error_ns))
        return;
    struct line *line = line_of(clocks, node, is_system);
    if (line->count == line->capacity) {
        line->capacity = line->capacity ? 2 * line->capacity : 64;
        line->samples = rift_reallocarray(line->samples, line->capacity, sizeof *line->samples);
    }
    line->samples[line->count++] = sample;
}

static void clocks_read(struct clocks *clocks, const struct rift_history *history)
{
    fault_spans_init(&clocks->spans, history);
    for (size_t row = 0; row < history->nemesis.count; row++) {
        if (strcmp(history->names.text[history->nemesis.f[row]], "clock") != 0)
            continue;
        json_t *result = rift_value_to_json(history->values, history->nemesis.result[row]);
        const char *node;
        json_t *entry;
        json_object_foreach(result, node, entry)
        {
            take_sample(clocks, node, false, entry);
            take_sample(clocks, node, true, json_object_get(entry, "system"));
        }
        json_decref(result);
    }
}

static void clocks_finish(struct clocks *clocks)
{
    for (size_t i = 0; i < clocks->count; i++) {
        free(clocks->lines[i].name);
        free(clocks->lines[i].samples);
    }
    free(clocks->lines);
    fault_spans_finish(&clocks->spans);
}

static bool is_bent_by_fault(const struct clocks *clocks, int64_t at_ns)
{
    for (size_t i = 0; i < clocks->spans.count; i++) {
        const struct fault_span *span = &clocks->spans.items[i];
        bool is_over = span->end_ns != RIFT_TIME_NEVER && at_ns - CLOCK_MARGIN_NS > span->end_ns;
        if (strcmp(span->fault, "clock") == 0 && at_ns + CLOCK_MARGIN_NS >= span->start_ns &&
            !is_over)
            return true;
    }
    return false;
}

/* How far it was off beyond what measuring it leaves open. */
static int64_t certain_ns(const struct sample *sample)
{
    int64_t beyond_ns = llabs(sample->ahead_ns) - sample->error_ns;
    if (beyond_ns <= 0)
        return 0;
    return sample->ahead_ns < 0 ? -beyond_ns : beyond_ns;
}

static double milliseconds(int64_t ns)
{
    return (double)ns / (double)RIFT_MS;
}

/* The worst sample within or outside of clock faults; NULL where there is none. */
static const struct sample *find_worst(const struct clocks *clocks, const struct line *line,
                                       bool in_faults)
{
    const struct sample *worst = NULL;
    for (size_t i = 0; i < line->count; i++) {
        const struct sample *sample = &line->samples[i];
        if (is_bent_by_fault(clocks, sample->at_ns) == in_faults &&
            (!worst || llabs(certain_ns(sample)) > llabs(certain_ns(worst))))
            worst = sample;
    }
    return worst;
}

static json_t *describe(const struct sample *sample)
{
    return sample ? json_pack("{s:f, s:f, s:f}", "ahead_ms", milliseconds(sample->ahead_ns),
                              "error_ms", milliseconds(sample->error_ns), "at_s",
                              (double)sample->at_ns / (double)RIFT_SECOND)
                  : json_null();
}

/* Of each stretch of samples the one that is farthest off, so that a short jump stays visible. */
static json_t *plot_line(const struct line *line)
{
    json_t *points = json_array();
    size_t stride = line->count / CLOCK_POINTS_MAX + 1;
    for (size_t i = 0; i < line->count; i += stride) {
        const struct sample *worst = &line->samples[i];
        for (size_t j = i; j < i + stride && j < line->count; j++)
            if (llabs(certain_ns(&line->samples[j])) > llabs(certain_ns(worst)))
                worst = &line->samples[j];
        json_array_append_new(points,
                              json_pack("[f, f]", (double)worst->at_ns / (double)RIFT_SECOND,
                                        milliseconds(certain_ns(worst))));
    }
    return json_pack("{s:s, s:o}", "name", line->name, "points", points);
}

static void judge_bound(const struct clocks *clocks, double bound_ms, struct rift_verdict *verdict)
{
    for (size_t i = 0; i < clocks->count; i++) {
        const struct line *line = &clocks->lines[i];
        const struct sample *worst = NULL;
        for (size_t j = 0; j < line->count; j++) {
            const struct sample *sample = &line->samples[j];
            if (fabs(milliseconds(certain_ns(sample))) > bound_ms &&
                !is_bent_by_fault(clocks, sample->at_ns) &&
                (!worst || llabs(sample->ahead_ns) > llabs(worst->ahead_ns)))
                worst = sample;
        }
        if (worst)
            rift_verdict_convict(verdict, "clock off",
                                 "The clock of %s was %.3f ms %s the controller's (error at most "
                                 "%.3f ms) at %.3f s, outside of every clock fault; at most %g ms "
                                 "are allowed",
                                 line->name, fabs(milliseconds(worst->ahead_ns)),
                                 worst->ahead_ns > 0 ? "ahead of" : "behind",
                                 milliseconds(worst->error_ns),
                                 (double)worst->at_ns / (double)RIFT_SECOND, bound_ms);
    }
    if (clocks->count == 0)
        rift_verdict_doubt(verdict, "the history does not say what the nodes' clocks showed");
}

static int check_clock(const struct rift_check *check, struct rift_verdict *verdict,
                       struct rift_error *err)
{
    (void)err;
    struct clocks clocks = {0};
    clocks_read(&clocks, check->history);
    json_t *stats = rift_verdict_stats(verdict);
    json_t *nodes = json_object(), *series = json_array();
    double worst_ms = 0, worst_in_faults_ms = 0;
    for (size_t i = 0; i < clocks.count; i++) {
        const struct line *line = &clocks.lines[i];
        if (line->count == 0)
            continue;
        const struct sample *outside = find_worst(&clocks, line, false);
        const struct sample *within = find_worst(&clocks, line, true);
        if (outside)
            worst_ms = fmax(worst_ms, fabs(milliseconds(certain_ns(outside))));
        if (within)
            worst_in_faults_ms = fmax(worst_in_faults_ms, fabs(milliseconds(certain_ns(within))));
        json_object_set_new(nodes, line->name,
                            json_pack("{s:I, s:o, s:o}", "samples", (json_int_t)line->count,
                                      "worst", describe(outside), "worst_in_clock_faults",
                                      describe(within)));
        json_array_append_new(series, plot_line(line));
    }
    if (clocks.count > 0) {
        json_object_set_new(stats, "worst_ms", json_real(worst_ms));
        json_object_set_new(stats, "worst_in_clock_faults_ms", json_real(worst_in_faults_ms));
        json_object_set_new(stats, "nodes", nodes);
        json_object_set_new(verdict->details, "plots",
                            json_pack("[{s:s, s:s, s:o}]", "title",
                                      "Wall clocks, for certain so far ahead of the controller's",
                                      "unit", "ms", "series", series));
    } else {
        json_decref(nodes);
        json_decref(series);
    }
    double bound_ms = json_number_value(json_object_get(check->options, "max_ms"));
    if (bound_ms > 0)
        judge_bound(&clocks, bound_ms, verdict);
    clocks_finish(&clocks);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "max_ms",
     .kind = RIFT_OPTION_REAL,
     .unit = "ms",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e12,
     .summary =
         "a clock that is off by more, outside of clock faults, is a violation; 0: no bound"},
    {.name = NULL},
};

const struct rift_checker rift_checker_clock = {
    .name = "clock",
    .summary = "how far the wall clocks of the nodes were off, within clock faults and outside",
    .options = options,
    .parts = RIFT_PARTS_ANY,
    .check = check_clock,
};
