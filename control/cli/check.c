/* rift check: judges histories, ours or another tool's, a line for each. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/cli/check_guess.h"
#include "control/cli/check_options.h"
#include "control/cli/check_run.h"
#include "control/cli/commands.h"
#include "control/run/run_logs.h"
#include "history/reader.h"
#include "history/stream.h"
#include "report/report.h"

/* Where nothing else is asked for; a run has its plan's. */
static const struct rift_budget file_budget = {.time_ms = 60000, .memory_bytes = UINT64_C(2) << 30};

/* One file: what came of it. */
struct outcome {
    struct rift_verdict verdict;
    size_t op_count;
    double seconds; /* of the check, without loading */
    double peak_mb;
    char *note;
};

/* The kernel keeps the largest size a process ever had; writing 5 there starts anew (proc(5)). */
static void peak_reset(void)
{
    CLEANUP(rift_close_fd) int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "5", 1) != 1)
        return;
}

static double peak_read(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    double kilobytes = 0;
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kilobytes = strtod(line + 6, NULL);
    if (status)
        fclose(status);
    return kilobytes / 1024;
}

static bool has_option(const struct rift_checker *checker, const char *name)
{
    for (const struct rift_option *o = checker->options; o && o->name; o++)
        if (strcmp(o->name, name) == 0)
            return true;
    return false;
}

static json_t *checker_options(const struct check_options *options, const struct check_guess *guess,
                               struct rift_error *err)
{
    const struct rift_checker *checker = guess->checker;
    json_t *given = json_object();
    if (guess->level && !options->level && has_option(checker, "level"))
        json_object_set_new(given, "level", json_string(guess->level));
    if (options->model && has_option(checker, "model"))
        json_object_set_new(given, "model", json_string(options->model));
    if (options->model_file && has_option(checker, "model_file"))
        json_object_set_new(given, "model_file", json_string(options->model_file));
    if (options->initial) {
        json_t *value = json_loads(options->initial, JSON_DECODE_ANY, NULL);
        json_object_set_new(given, "initial", value ? value : json_string(options->initial));
    }
    if (options->level)
        json_object_set_new(given, "level", json_string(options->level));
    if (options->wants_order)
        json_object_set_new(given, "order", json_true());
    for (size_t i = 0; i < options->set_count; i++) {
        const char *text = options->set[i], *equals = strchr(text, '=');
        CLEANUP(rift_free) char *name = rift_strndup(text, (size_t)(equals - text));
        json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
        json_object_set_new(given, name, value ? value : json_string(equals + 1));
    }
    json_t *all = rift_checker_options(checker, given, err);
    json_decref(given);
    return all;
}

/* What the note tells of the file. */
struct input {
    const char *format;
    bool is_truncated;
    struct rift_reach reach;
    size_t orphan_count;
};

static char *make_note(const struct input *input, const struct check_guess *guess,
                       const struct rift_verdict *verdict)
{
    struct rift_text note = {0};
    const char *algorithm = json_string_value(json_object_get(verdict->details, "algorithm"));
    rift_text_printf(&note, "%s, ", input->format ? input->format : "?");
    check_guess_words(guess, verdict, &note);
    if (algorithm)
        rift_text_printf(&note, ", by %s", algorithm);
    if (input->reach.op_count == 0)
        rift_text_append(&note, ", empty history: there is no operation to judge");
    if (input->is_truncated) {
        rift_text_append(&note, ", ");
        rift_reach_append(&input->reach, &note);
    }
    if (input->orphan_count)
        rift_text_printf(&note, ", %zu completions without invocation", input->orphan_count);
    const char *remark = json_string_value(json_object_get(verdict->details, "note"));
    if (verdict->reason)
        rift_text_printf(&note, ": %s", verdict->reason);
    else if (remark)
        rift_text_printf(&note, ": %s", remark);
    for (char *c = note.data; *c; c++)
        if (*c == '\t' || *c == '\n')
            *c = ' ';
    return rift_text_take(&note);
}

/* A violation in a part stays one in the whole; that there is none says nothing. */
static void outcome_fill(struct outcome *outcome, const struct input *input,
                         const struct check_guess *guess, int64_t started)
{
    outcome->seconds = (double)(rift_clock_now() - started) / 1e9;
    if (input->is_truncated)
        rift_verdict_doubt(&outcome->verdict, "no violation up to where the file was torn");
    outcome->op_count = input->reach.op_count;
    outcome->peak_mb = peak_read();
    outcome->note = make_note(input, guess, &outcome->verdict);
}

static int draw(const struct rift_history *history, const struct rift_verdict *verdict,
                const char *path, struct rift_error *err)
{
    json_t *json = rift_verdict_to_json(verdict);
    int result = rift_report_write_history_html(history, json, path, err);
    json_decref(json);
    return result;
}

static struct rift_budget budget_of(const struct check_options *options)
{
    struct rift_budget budget = options->budget;
    if (budget.time_ms == 0)
        budget.time_ms = file_budget.time_ms;
    if (budget.memory_bytes == 0)
        budget.memory_bytes = file_budget.memory_bytes;
    return budget;
}

static int check_loaded(const struct check_options *options, const char *file,
                        struct outcome *outcome, struct rift_error *err)
{
    struct rift_read_options reading = {.format = options->format, .is_keyed = options->is_keyed};
    struct rift_history *history = rift_history_read(file, &reading, err);
    if (!history)
        return -1;
    int result = -1;
    struct check_guess guess;
    json_t *all = check_guess(options, history, &guess, err) == 0
                      ? checker_options(options, &guess, err)
                      : NULL;
    if (all) {
        struct rift_arena arena = {0};
        size_t log_count = 0;
        const struct rift_log_file *logs = run_logs_find(file, &arena, &log_count);
        struct rift_check check = {
            .history = history,
            .logs = logs,
            .log_count = log_count,
            .options = all,
            .budget = budget_of(options),
        };
        struct input input = {history->format, history->is_truncated, rift_history_reach(history),
                              history->orphan_count};
        int64_t start = rift_clock_now();
        result = guess.checker->check(&check, &outcome->verdict, err);
        if (result == 0)
            outcome_fill(outcome, &input, &guess, start);
        if (result == 0 && options->html)
            result = draw(history, &outcome->verdict, options->html, err);
        rift_arena_finish(&arena);
        json_decref(all);
    }
    rift_history_destroy(history);
    return result < 0 ? rift_wrap(err, "%s", file) : 0;
}

/* Reading is part of the check here, and counts for its seconds. */
static int check_streamed(const struct check_options *options, const struct rift_checker *checker,
                          struct rift_stream *stream, struct outcome *outcome,
                          struct rift_error *err)
{
    const struct check_guess guess = {.checker = checker, .is_named = true};
    json_t *all = checker_options(options, &guess, err);
    if (!all)
        return -1;
    const struct rift_check check = {.options = all};
    const struct rift_history *part;
    int64_t start = rift_clock_now();
    void *state = checker->stream->begin(&check);
    int more;
    while ((more = rift_stream_next(stream, &part, err)) == 1)
        checker->stream->add(state, part);
    checker->stream->end(state, part, more == 0 ? &outcome->verdict : NULL);
    json_decref(all);
    if (more < 0)
        return -1;
    struct input input = {part->format, part->is_truncated, rift_stream_reach(stream), 0};
    outcome_fill(outcome, &input, &guess, start);
    return 0;
}

/* The checker that was asked for, if it needs no loaded history, and nothing else does. */
static const struct rift_checker *streaming_checker(const struct check_options *options)
{
    const struct rift_checker *checker =
        options->checker && !options->html ? rift_checker_find(options->checker) : NULL;
    bool is_ours = !options->format || strcmp(options->format, "rift") == 0;
    return checker && checker->stream && is_ours ? checker : NULL;
}

static int check_file(const struct check_options *options, const char *file,
                      struct outcome *outcome, struct rift_error *err)
{
    const struct rift_checker *checker = streaming_checker(options);
    struct rift_stream *stream = NULL;
    peak_reset();
    if (checker && rift_stream_open(file, &stream, err) != 0)
        return -1;
    if (!stream)
        return check_loaded(options, file, outcome, err);
    int result = check_streamed(options, checker, stream, outcome, err);
    rift_stream_close(stream);
    return result;
}

static void print_outcome(const struct check_options *options, const char *file,
                          const struct outcome *outcome)
{
    if (!options->is_json) {
        printf("%s\t%s\t%zu\t%.3f\t%.1f\t%s\n", file, rift_validity_name(outcome->verdict.validity),
               outcome->op_count, outcome->seconds, outcome->peak_mb, outcome->note);
    } else {
        json_t *json = rift_verdict_to_json(&outcome->verdict);
        json_object_set_new(json, "file", json_string(file));
        json_object_set_new(json, "op_count", json_integer((json_int_t)outcome->op_count));
        json_object_set_new(json, "seconds", json_real(outcome->seconds));
        json_object_set_new(json, "peak_mb", json_real(outcome->peak_mb));
        json_object_set_new(json, "note", json_string(outcome->note));
        json_dumpf(json, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(json);
    }
    fflush(stdout);
}

/* Trouble outweighs verdicts, and invalid outweighs unknown. */
static int worse_code(int a, int b)
{
    static const int order[] = {RIFT_EXIT_VALID, RIFT_EXIT_UNKNOWN, RIFT_EXIT_INVALID,
                                RIFT_EXIT_USAGE, RIFT_EXIT_HARNESS};
    for (size_t i = sizeof order / sizeof order[0]; i-- > 0;)
        if (a == order[i] || b == order[i])
            return order[i];
    return a;
}

static int error_code(const struct rift_error *err)
{
    switch (err->code) {
    case RIFT_ERR_IO:
    case RIFT_ERR_LIMIT:
        return RIFT_EXIT_HARNESS;
    default:
        return RIFT_EXIT_USAGE;
    }
}

/* A run directory is judged by its own plan, unless something else is asked for. */
static bool is_judged_by_plan(const struct check_options *options, const char *file)
{
    return !options->checker && !options->model && !options->model_file && !options->is_json &&
           !options->html && !options->format && !options->level && !options->initial &&
           options->set_count == 0 && check_run_is_directory(file);
}

static int run(int argc, char **argv)
{
    struct check_options options;
    struct rift_error err = {0};
    if (argc == CHECK_RUN_ONE_ARGUMENTS && strcmp(argv[1], "--one") == 0)
        return check_run_one(argv);
    if (check_options_read(argc, argv, &options, &err) < 0) {
        fprintf(stderr, "rift check: %s; rift check --help tells more\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    int code = RIFT_EXIT_VALID;
    for (size_t i = 0; i < options.file_count; i++) {
        struct outcome outcome = {0};
        if (is_judged_by_plan(&options, options.files[i])) {
            code = worse_code(code, check_run_directory(options.files[i], &options.budget));
            continue;
        }
        if (check_file(&options, options.files[i], &outcome, &err) < 0) {
            fprintf(stderr, "rift check: %s\n", err.text);
            code = worse_code(code, error_code(&err));
        } else {
            print_outcome(&options, options.files[i], &outcome);
            code = worse_code(code, rift_validity_exit_code(outcome.verdict.validity));
        }
        rift_verdict_finish(&outcome.verdict);
        free(outcome.note);
    }
    return code;
}

const struct rift_command rift_command_check = {
    .name = "check",
    .summary = "judge histories, ours or another tool's",
    .help =
        "usage: rift check FILE... [options]\n\n"
        "Judges each history and prints a line for it, separated by tabs: file, valid, invalid "
        "or unknown,\n"
        "operations, seconds of the check, peak MB, and a note (format, checker, model, "
        "algorithm, reason).\n"
        "Formats are told by their content. A run directory is judged by every checker of its "
        "plan,\n"
        "with a new report, unless one of --checker, --model, --model-file, --option, --format, "
        "--level,\n"
        "--initial, --html or --json is given.\n\n"
        "  --model NAME      the sequential specification (rift list models); otherwise told "
        "from the history\n"
        "  --model-file FILE a finite state machine in JSON as the model\n"
        "  --checker NAME    another checker than the one the history looks made for\n"
        "  --option K=VALUE  an option of the checker (rift list checkers NAME), JSON or a word\n"
        "  --level NAME      the isolation level that transactions are judged at\n"
        "  --keyed           values [k v] are an independent key and its value\n"
        "  --initial VALUE   the value that each object starts with (JSON); nil without it\n"
        "  --format NAME     read it as this format\n"
        "  --time 60s        unknown after this time; --memory 2G; --threads N. A run directory "
        "has its plan's\n"
        "                    check_s and check_memory_mb without them; then they bound each "
        "checker\n"
        "  --html OUT        draw what was found: the operations that prove an invalid, in time\n"
        "  --order           with --json or --html: the order that makes a history valid\n"
        "  --json            one JSON object a line, with the whole verdict\n\n"
        "example: rift check --model cas-register --time 10s history.edn\n"
        "exit code: that of the worst file; 0 valid, 1 invalid, 2 unknown, 254 a file that "
        "cannot be read\n",
    .run = run,
};
