/* Judges a run from its directory. */
#include "control/run/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/sha256.h"
#include "common/text.h"
#include "control/run/judge_process.h"
#include "control/run/run_directory.h"
#include "control/run/run_logs.h"
#include "history/reader.h"
#include "report/report.h"

struct rift_budget judge_budget(const struct rift_plan *plan)
{
    return (struct rift_budget){.time_ms = plan->deadlines.check_ms,
                                .memory_bytes = plan->check_memory_bytes};
}

void judge_by(const struct rift_plan_component *chosen, const struct rift_history *history,
              const struct judge_request *request, struct rift_verdict *verdict)
{
    const struct rift_checker *checker = rift_checker_find(chosen->name);
    struct rift_error err = {0};
    if (!checker) {
        rift_verdict_doubt(verdict, "this build has no checker '%s'", chosen->name);
        return;
    }
    json_t *options = rift_checker_options(checker, chosen->options, &err);
    struct rift_arena arena = {0};
    size_t log_count = 0;
    const struct rift_log_file *logs = run_logs_find(request->directory, &arena, &log_count);
    struct rift_check check = {
        .history = history,
        .logs = logs,
        .log_count = log_count,
        .options = options,
        .plan = request->plan->json,
        .budget = request->budget,
    };
    if (!options || checker->check(&check, verdict, &err) != 0)
        rift_verdict_doubt(verdict, "the checker failed: %s", err.text);
    json_decref(options);
    rift_arena_finish(&arena);
}

/* Joins one checker's verdict to that on the whole run. */
static void judge_merge(struct rift_verdict *merged, const char *name,
                        const struct rift_verdict *verdict)
{
    if (verdict->validity == RIFT_INVALID)
        rift_verdict_convict(merged, name, "%s: %s", name,
                             verdict->reason ? verdict->reason : "invalid");
    else if (verdict->validity == RIFT_UNKNOWN)
        rift_verdict_doubt(merged, "%s: %s", name, verdict->reason ? verdict->reason : "unknown");
}

/* Runs of before the history told it are taken to have theirs. */
static bool is_plan_of_run(const struct rift_history *history, const char *directory)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/plan.yaml", directory);
    char sum[RIFT_SHA256_HEX_SIZE] = "";
    bool is_same = true;
    for (size_t row = 0; row < history->nemesis.count && is_same; row++) {
        if (strcmp(history->names.text[history->nemesis.f[row]], "plan") != 0)
            continue;
        json_t *planned = rift_value_to_json(history->values, history->nemesis.argument[row]);
        const char *noted = json_string_value(json_object_get(planned, "sha256"));
        is_same = !noted || (rift_sha256_file(path, sum, NULL) == 0 && strcmp(noted, sum) == 0);
        json_decref(planned);
    }
    return is_same;
}

json_t *judge_run(const struct judge_request *request, json_t *run, enum rift_validity *validity,
                  struct rift_error *err)
{
    const struct rift_plan *plan = request->plan;
    struct rift_history *history = rift_history_read(request->directory, NULL, err);
    if (!history)
        return NULL;
    struct rift_verdict merged = {0};
    json_t *checkers = json_object();
    for (size_t i = 0; i < plan->checker_count; i++) {
        const char *name = plan->checkers[i].name;
        struct rift_verdict verdict = {0};
        int64_t start_ns = rift_clock_now();
        if (request->program)
            judge_in_process(request->program, request->directory, name, &request->budget,
                             &verdict);
        else
            judge_by(&plan->checkers[i], history, request, &verdict);
        rift_log(RIFT_LOG_INFO, "checker %s: %s in %lld ms", name,
                 rift_validity_name(verdict.validity),
                 (long long)((rift_clock_now() - start_ns) / RIFT_MS));
        json_object_set_new(checkers, name, rift_verdict_to_json(&verdict));
        judge_merge(&merged, name, &verdict);
        rift_verdict_finish(&verdict);
    }
    CLEANUP(rift_free)
    char *note = is_plan_of_run(history, request->directory)
                     ? NULL
                     : rift_printf("%s%sjudged by a plan.yaml that is not the one of the run",
                                   merged.reason ? merged.reason : "", merged.reason ? "; " : "");
    json_t *verdicts =
        json_pack("{s:o, s:s*, s:o, s:O}", "valid",
                  merged.validity == RIFT_UNKNOWN ? json_string("unknown")
                                                  : json_boolean(merged.validity == RIFT_VALID),
                  "reason", note ? note : merged.reason, "checkers", checkers, "run", run);
    *validity = merged.validity;
    rift_verdict_finish(&merged);
    rift_history_destroy(history);
    return verdicts;
}

json_t *judge_describe_plan(const struct rift_plan *plan)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < plan->host_count; i++)
        json_array_append_new(nodes, json_string(plan->host_names[i]));
    return json_pack("{s:s, s:I, s:s, s:o}", "name", plan->name, "seed", (json_int_t)plan->seed,
                     "system", plan->system.name, "nodes", nodes);
}

void judge_publish(const char *directory, const json_t *verdicts, enum rift_validity validity)
{
    struct rift_error err = {0};
    if (run_directory_write_json(directory, "verdicts.json", verdicts, &err) == 0) {
        if (rift_report_write_html(directory, &err) != 0)
            fprintf(stderr, "rift: no report.html: %s\n", err.text);
        if (rift_report_print(directory, stdout, isatty(STDOUT_FILENO), &err) == 0)
            return;
    }
    const char *reason = json_string_value(json_object_get(verdicts, "reason"));
    fprintf(stderr, "rift: no report: %s\n", err.text);
    printf("%s %s\n", rift_validity_name(validity), reason ? reason : "");
}
