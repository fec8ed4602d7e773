/* The summary in the terminal: the verdict first, then why, then what was done, then where to look.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "report/report.h"
#include "report/run_data.h"

enum {
    ANOMALIES_PRINTED = 3,
    OPS_PRINTED = 12,
    ERRORS_PRINTED = 5,
    OP_TEXT_FIRST = 160,
    OP_TEXT_LAST = 40
};

struct paint {
    const char *good, *bad, *doubt, *dim, *bold, *end;
};

static const struct paint plain = {"", "", "", "", "", ""};
static const struct paint colours = {"\033[1;32m", "\033[1;31m", "\033[1;33m",
                                     "\033[2m",    "\033[1m",    "\033[0m"};

static const char *validity_word(const json_t *verdict)
{
    const json_t *valid = json_object_get(verdict, "valid");
    return json_is_true(valid) ? "valid" : json_is_false(valid) ? "INVALID" : "unknown";
}

static const char *validity_colour(const json_t *verdict, const struct paint *paint)
{
    const json_t *valid = json_object_get(verdict, "valid");
    return json_is_true(valid) ? paint->good : json_is_false(valid) ? paint->bad : paint->doubt;
}

static const char *text_of(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : otherwise;
}

/* Why, or of what a valid verdict speaks, where the checker counted that. */
static void print_reason(FILE *out, const json_t *checker)
{
    const json_t *stats = json_object_get(checker, "stats");
    const json_t *windows = json_object_get(stats, "fault_windows");
    const json_t *judged = json_object_get(stats, "ops_judged");
    const char *reason = text_of(checker, "reason", NULL);
    if (reason)
        fputs(reason, out);
    else if (windows && json_integer_value(windows) == 0)
        fputs("without faults", out);
    else if (windows)
        fprintf(out, "%lld of %lld faults were seen to happen",
                json_integer_value(json_object_get(stats, "fault_windows_observed")),
                json_integer_value(windows));
    else if (judged)
        fprintf(out, "of %lld operations", json_integer_value(judged));
    fputc('\n', out);
}

static void print_checkers(FILE *out, const json_t *verdict, const struct paint *paint)
{
    const char *name;
    json_t *checker;
    json_object_foreach(json_object_get(verdict, "checkers"), name, checker)
    {
        fprintf(out, "  %s%-8s%s %-14s ", validity_colour(checker, paint), validity_word(checker),
                paint->end, name);
        /* The violations are told in full above. */
        size_t count = json_array_size(json_object_get(checker, "anomalies"));
        if (count > 0)
            fprintf(out, "%zu %s\n", count, count == 1 ? "violation" : "violations");
        else
            print_reason(out, checker);
    }
}

/* The beginning and the end of a long text; the page has all of it. */
static void print_cut(FILE *out, const char *text)
{
    size_t length = strlen(text), first = OP_TEXT_FIRST, last = OP_TEXT_LAST;
    if (length <= first + 2 * last) {
        fputs(text, out);
        return;
    }
    /* Not inside of a character of UTF-8. */
    while (first > 0 && ((unsigned char)text[first] & 0xc0) == 0x80)
        first--;
    while (last > 0 && ((unsigned char)text[length - last] & 0xc0) == 0x80)
        last--;
    fprintf(out, "%.*s ... and %zu more characters ... %s", (int)first, text, length - first - last,
            text + length - last);
}

static void print_op(FILE *out, const json_t *op)
{
    const char *result = text_of(op, "result", NULL);
    const char *argument = text_of(op, "argument", NULL);
    const json_t *end = json_object_get(op, "end");
    fprintf(out, "    %10.4f ", json_number_value(json_object_get(op, "start")));
    if (json_is_number(end))
        fprintf(out, "to %10.4f s", json_number_value(end));
    else
        fprintf(out, "and open     ");
    fprintf(out, "  process %-4lld %-8s ", json_integer_value(json_object_get(op, "process")),
            text_of(op, "f", ""));
    print_cut(out, argument ? argument : "");
    fputs(argument && result ? " -> " : result ? "-> " : "", out);
    print_cut(out, result ? result : "");
    fprintf(out, "  %s %s %s\n", text_of(op, "type", ""), text_of(op, "error", ""),
            text_of(op, "node", ""));
}

/* By their names: the first ones may be of one kind, and another kind be the worse. */
static void print_rest(FILE *out, const json_t *anomalies)
{
    json_t *counts = json_object();
    size_t count = json_array_size(anomalies) - ANOMALIES_PRINTED;
    for (size_t i = ANOMALIES_PRINTED; i < count + ANOMALIES_PRINTED; i++) {
        const char *name = text_of(json_array_get(anomalies, i), "name", "violation");
        json_int_t before = json_integer_value(json_object_get(counts, name));
        json_object_set_new(counts, name, json_integer(before + 1));
    }
    fprintf(out, "\n... and %zu more %s", count, count == 1 ? "violation" : "violations");
    const char *name, *comma = ": ";
    json_t *of_name;
    json_object_foreach(counts, name, of_name)
    {
        fprintf(out, "%s%lld %s", comma, json_integer_value(of_name), name);
        comma = ", ";
    }
    fputs("; see the report\n", out);
    json_decref(counts);
}

static void print_anomalies(FILE *out, const json_t *data, const struct paint *paint)
{
    const json_t *anomalies = json_object_get(data, "anomalies");
    const json_t *ops = json_object_get(data, "ops");
    size_t count = json_array_size(anomalies);
    for (size_t i = 0; i < count && i < ANOMALIES_PRINTED; i++) {
        const json_t *anomaly = json_array_get(anomalies, i);
        const char *meaning = text_of(anomaly, "meaning", "");
        fprintf(out, "\n%s%s%s%s%s (%s)\n  %s\n", paint->bold,
                text_of(anomaly, "name", "violation"), paint->end, meaning[0] ? ", " : "", meaning,
                text_of(anomaly, "checker", ""), text_of(anomaly, "text", ""));
        const json_t *rows = json_object_get(anomaly, "ops");
        size_t row_count = json_array_size(rows);
        for (size_t j = 0; j < row_count && j < OPS_PRINTED; j++) {
            char name[24];
            snprintf(name, sizeof name, "%lld", json_integer_value(json_array_get(rows, j)));
            print_op(out, json_object_get(ops, name));
        }
        if (row_count > OPS_PRINTED)
            fprintf(out, "    ... and %zu more, see the report\n", row_count - OPS_PRINTED);
    }
    if (count > ANOMALIES_PRINTED)
        print_rest(out, anomalies);
}

/* Where a fault did not begin on some nodes, what they said. */
static void print_refusals(FILE *out, const json_t *window)
{
    const char *name;
    json_t *node;
    json_object_foreach(json_object_get(window, "nodes"), name, node)
    {
        if (!json_object_get(node, "from"))
            fprintf(out, "; %s: %s", name, text_of(node, "observed", ""));
    }
}

static void print_faults(FILE *out, const json_t *windows)
{
    size_t i;
    json_t *window;
    if (json_array_size(windows) > 0)
        fputs("\nfaults\n", out);
    json_array_foreach((json_t *)windows, i, window)
    {
        const json_t *to = json_object_get(window, "to");
        const json_t *observed = json_object_get(window, "observed");
        fprintf(out, "  %7.1f s to ", json_number_value(json_object_get(window, "from")));
        if (json_is_number(to))
            fprintf(out, "%7.1f s", json_number_value(to));
        else
            fputs("  the end", out);
        fprintf(out, "  %-10s %s", text_of(window, "fault", ""), text_of(window, "what", ""));
        if (json_is_string(observed))
            fprintf(out, " [%s]", json_string_value(observed));
        if (json_object_get(window, "error")) {
            fprintf(out, " FAILED: %s", text_of(window, "error", ""));
            print_refusals(out, window);
        }
        fputc('\n', out);
    }
}

static void print_counts(FILE *out, const json_t *counts)
{
    const char *f;
    json_t *count;
    fputs("\noperations              ok     fail     info\n", out);
    json_object_foreach((json_t *)counts, f, count)
    {
        fprintf(out, "  %-14s %9lld %8lld %8lld\n", f,
                json_integer_value(json_object_get(count, "ok")),
                json_integer_value(json_object_get(count, "fail")),
                json_integer_value(json_object_get(count, "info")));
    }
}

/* Of the checker stats, the most frequent first. */
static void print_unhandled(FILE *out, const json_t *verdict)
{
    const char *name;
    json_t *checker, *one;
    json_object_foreach(json_object_get(verdict, "checkers"), name, checker)
    {
        size_t i;
        const json_t *all = json_object_get(json_object_get(checker, "stats"), "unhandled");
        if (json_array_size(all) > 0)
            fputs("\nerrors that leave the outcome open\n", out);
        json_array_foreach(all, i, one)
        {
            if (i < ERRORS_PRINTED)
                fprintf(out, "  %7lld times %s, as when %s\n",
                        json_integer_value(json_object_get(one, "count")),
                        text_of(one, "error", ""), text_of(one, "text", ""));
        }
    }
}

int rift_report_print(const char *run_directory, FILE *out, bool use_colour, struct rift_error *err)
{
    const struct paint *paint = use_colour ? &colours : &plain;
    json_t *data = report_run_data(run_directory, err);
    if (!data)
        return rift_wrap(err, "summary of '%s'", run_directory);
    const json_t *verdict = json_object_get(data, "verdict");
    const json_t *run = json_object_get(data, "run");
    print_faults(out, json_object_get(data, "windows"));
    print_counts(out, json_object_get(data, "counts"));
    print_unhandled(out, verdict);
    print_anomalies(out, data, paint);
    bool is_valid = json_is_true(json_object_get(verdict, "valid"));
    const char *reason = text_of(verdict, "reason", is_valid ? "no violation in what was run" : "");
    fprintf(out, "\n%s%s%s  %.*s\n", validity_colour(verdict, paint), validity_word(verdict),
            paint->end,
            json_array_size(json_object_get(data, "anomalies")) ? 0 : (int)strlen(reason), reason);
    print_checkers(out, verdict, paint);
    if (json_is_true(json_object_get(data, "truncated")))
        fputs("  the history's tail was torn: judged as far as it reached\n", out);
    fprintf(out, "\nreport   %s/report.html\n", run_directory);
    if (json_is_object(run) && json_object_get(run, "command"))
        fprintf(out, "repeat   %s\n", text_of(run, "command", ""));
    json_decref(data);
    return 0;
}
