/* rift compare: two runs side by side, from what their verdicts.json say. */
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/error.h"
#include "common/memory.h"
#include "control/cli/commands.h"
#include "history/verdict.h"

enum direction { LESS_IS_WORSE, MORE_IS_WORSE };

/* Measures that the checker performance writes. Differences below the floor are noise. */
static const struct measure {
    const char *label, *path[2];
    enum direction direction;
    double floor;
} measures[] = {
    {"ok per second", {"ok_per_second", NULL}, LESS_IS_WORSE, 0.1},
    {"latency p50, ms", {"latency_ms", "p50"}, MORE_IS_WORSE, 1},
    {"latency p95, ms", {"latency_ms", "p95"}, MORE_IS_WORSE, 1},
    {"latency p99, ms", {"latency_ms", "p99"}, MORE_IS_WORSE, 1},
    {"longest time without ok, s", {"longest_gap_s", NULL}, MORE_IS_WORSE, 0.1},
    {"recovery after the last heal, s", {"recovery_s", NULL}, MORE_IS_WORSE, 0.1},
};

struct comparison {
    json_t *before, *after; /* verdicts.json */
    double limit;           /* part by which a measure may be worse */
    size_t worse_count;
};

static json_t *load(const char *run, struct rift_error *err)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/verdicts.json", run);
    json_error_t why;
    json_t *verdicts = json_load_file(path, 0, &why);
    if (!json_is_object(verdicts)) {
        json_decref(verdicts);
        rift_fail(err, RIFT_ERR_INVALID, "%s: %s; rift check %s writes it", path, why.text, run);
        return NULL;
    }
    return verdicts;
}

static void print_row(struct comparison *comparison, const char *label, const char *before,
                      const char *after, bool is_worse)
{
    comparison->worse_count += is_worse;
    printf("%-34s %14s %14s  %s\n", label, before, after, is_worse ? "WORSE" : "");
}

static const char *validity_of(const json_t *verdicts)
{
    const json_t *valid = json_object_get(verdicts, "valid");
    return json_is_true(valid) ? "valid" : json_is_false(valid) ? "invalid" : "unknown";
}

/* How often each anomaly was told, by "checker: name". */
static json_t *count_anomalies(const json_t *verdicts)
{
    json_t *counts = json_object();
    const char *checker;
    json_t *verdict, *anomaly;
    size_t i;
    json_object_foreach(json_object_get(verdicts, "checkers"), checker, verdict)
    {
        json_array_foreach(json_object_get(verdict, "anomalies"), i, anomaly)
        {
            const char *name = json_string_value(json_object_get(anomaly, "name"));
            CLEANUP(rift_free)
            char *label = rift_printf("%s: %s", checker, name ? name : "violation");
            json_int_t count = json_integer_value(json_object_get(counts, label));
            json_object_set_new(counts, label, json_integer(count + 1));
        }
    }
    return counts;
}

static void compare_verdicts(struct comparison *comparison)
{
    const char *before = validity_of(comparison->before), *after = validity_of(comparison->after);
    bool is_worse = strcmp(after, "invalid") == 0 && strcmp(before, "invalid") != 0;
    print_row(comparison, "verdict", before, after, is_worse);
    json_t *old = count_anomalies(comparison->before), *new = count_anomalies(comparison->after);
    json_t *all = json_copy(old);
    json_object_update_missing(all, new);
    const char *label;
    json_t *ignored;
    json_object_foreach(all, label, ignored)
    {
        char a[24], b[24];
        bool is_new = !json_object_get(old, label);
        snprintf(a, sizeof a, "%lld", (long long)json_integer_value(json_object_get(old, label)));
        snprintf(b, sizeof b, "%lld", (long long)json_integer_value(json_object_get(new, label)));
        print_row(comparison, label, a, b, is_new);
    }
    json_decref(old);
    json_decref(new);
    json_decref(all);
}

static const json_t *stats_of(const json_t *verdicts, const char *checker)
{
    return json_object_get(json_object_get(json_object_get(verdicts, "checkers"), checker),
                           "stats");
}

/* Part of all operations that were ok; NAN where the run does not say. */
static double ok_part(const json_t *verdicts)
{
    const json_t *ops = json_object_get(stats_of(verdicts, "evidence"), "operations");
    double ok = json_number_value(json_object_get(ops, "ok"));
    double all = ok + json_number_value(json_object_get(ops, "fail")) +
                 json_number_value(json_object_get(ops, "info"));
    return all > 0 ? ok / all : NAN;
}

static double measure_of(const json_t *verdicts, const struct measure *measure)
{
    const json_t *value = json_object_get(stats_of(verdicts, "performance"), measure->path[0]);
    if (measure->path[1])
        value = json_object_get(value, measure->path[1]);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void compare_numbers(struct comparison *comparison, const char *label, double before,
                            double after, enum direction direction, double floor)
{
    char a[24] = "-", b[24] = "-";
    if (!isnan(before))
        snprintf(a, sizeof a, "%.3f", before);
    if (!isnan(after))
        snprintf(b, sizeof b, "%.3f", after);
    double loss = direction == MORE_IS_WORSE ? after - before : before - after;
    bool is_worse = !isnan(loss) && loss > floor && loss > comparison->limit * fabs(before);
    /* It was measured before, and now it never came: no recovery is the worst recovery. */
    bool is_gone = !isnan(before) && isnan(after);
    print_row(comparison, label, a, b, is_worse || is_gone);
}

static int compare(struct comparison *comparison, const char *before, const char *after)
{
    printf("%-34s %14.14s %14.14s\n", "", "before", "after");
    compare_verdicts(comparison);
    compare_numbers(comparison, "part of operations that were ok", ok_part(comparison->before),
                    ok_part(comparison->after), LESS_IS_WORSE, 0.001);
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        compare_numbers(comparison, measures[i].label, measure_of(comparison->before, &measures[i]),
                        measure_of(comparison->after, &measures[i]), measures[i].direction,
                        measures[i].floor);
    printf("\nbefore: %s\nafter:  %s\n", before, after);
    return comparison->worse_count > 0 ? RIFT_EXIT_INVALID : RIFT_EXIT_VALID;
}

static int refuse(const char *why)
{
    fprintf(stderr, "rift compare: %s; rift compare --help tells more\n", why);
    return RIFT_EXIT_USAGE;
}

static int run_compare(int argc, char **argv)
{
    static const struct option known[] = {{"worse-by", required_argument, NULL, 1},
                                          {NULL, 0, NULL, 0}};
    double percent = 20;
    opterr = 0;
    optind = 1;
    for (int choice; (choice = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        char *end = NULL;
        if (choice != 1)
            return refuse("an option that there is not, or without its value");
        percent = strtod(optarg, &end);
        if (end == optarg || (*end && strcmp(end, "%") != 0) || !(percent >= 0 && percent < 1e6))
            return refuse("--worse-by takes a number of percent");
    }
    if (argc - optind != 2)
        return refuse("two runs");
    struct rift_error err = {0};
    struct comparison comparison = {.limit = percent / 100};
    comparison.before = load(argv[optind], &err);
    comparison.after = comparison.before ? load(argv[optind + 1], &err) : NULL;
    int code = RIFT_EXIT_USAGE;
    if (comparison.after)
        code = compare(&comparison, argv[optind], argv[optind + 1]);
    else
        fprintf(stderr, "rift compare: %s\n", err.text);
    json_decref(comparison.before);
    json_decref(comparison.after);
    return code;
}

const struct rift_command rift_command_compare = {
    .name = "compare",
    .summary = "two runs side by side: verdicts, throughput, latency, availability",
    .help =
        "usage: rift compare BEFORE AFTER [--worse-by 20%]\n\n"
        "Prints what two run directories say of themselves, side by side, and marks what became\n"
        "worse: a violation of a kind that was not there, or a measure that is worse by more than\n"
        "--worse-by (20 %), and by more than noise: 1 ms of latency, 0.1 s without service.\n\n"
        "example: rift compare runs/etcd-register/20260101T000000.000 runs/latest\n"
        "exit code: 0 nothing is worse, 1 something is, 254 a run that cannot be read\n",
    .run = run_compare,
};
