/* rift check of a run directory. */
#include "control/cli/check_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/memory.h"
#include "control/cli/catalogue.h"
#include "control/cli/command.h"
#include "control/cli/lasting_path.h"
#include "control/run/judge.h"
#include "history/reader.h"

static bool has_file(const char *directory, const char *name)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

bool check_run_is_directory(const char *path)
{
    return has_file(path, "plan.yaml") || has_file(path, "history.rift");
}

static struct rift_plan *read_plan(const char *directory, struct rift_error *err)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/plan.yaml", directory);
    return rift_plan_read_past(path, rift_catalogue_of_build(), err);
}

/* What the run said of itself, or, of one that was killed, what its plan says. */
static json_t *read_description(const char *directory, const struct rift_plan *plan)
{
    CLEANUP(rift_free) char *path = rift_printf("%s/verdicts.json", directory);
    json_t *before = json_load_file(path, 0, NULL);
    json_t *run = json_incref(json_object_get(before, "run"));
    json_decref(before);
    return run ? run : judge_describe_plan(plan);
}

static struct rift_budget bounds_of(const struct rift_plan *plan, const struct rift_budget *given)
{
    struct rift_budget budget = judge_budget(plan);
    if (given->time_ms > 0)
        budget.time_ms = given->time_ms;
    if (given->memory_bytes > 0)
        budget.memory_bytes = given->memory_bytes;
    budget.thread_count = given->thread_count;
    return budget;
}

int check_run_directory(const char *path, const struct rift_budget *given)
{
    struct rift_error err = {0};
    CLEANUP(rift_free) char *directory = lasting_path(path);
    if (!has_file(directory, "plan.yaml")) {
        fprintf(
            stderr,
            "rift check: %s: there is no plan.yaml, which says by what this run must be judged; "
            "name %s/history.rift to judge its operations alone\n",
            directory, directory);
        return RIFT_EXIT_USAGE;
    }
    struct rift_plan *plan = read_plan(directory, &err);
    if (!plan) {
        fprintf(stderr, "rift check: %s\n", err.text);
        return RIFT_EXIT_USAGE;
    }
    if (!has_file(directory, "history.rift")) {
        fprintf(stderr,
                "rift check: %s: this run ended before its first operation, so there is nothing to "
                "judge: unknown\n",
                directory);
        rift_plan_destroy(plan);
        return RIFT_EXIT_UNKNOWN;
    }
    enum rift_validity validity = RIFT_UNKNOWN;
    json_t *run = read_description(directory, plan);
    const struct judge_request request = {.directory = directory,
                                          .plan = plan,
                                          .program = "/proc/self/exe",
                                          .budget = bounds_of(plan, given)};
    json_t *verdicts = judge_run(&request, run, &validity, &err);
    int code = RIFT_EXIT_USAGE;
    if (verdicts) {
        judge_publish(directory, verdicts, validity);
        code = rift_validity_exit_code(validity);
    } else {
        fprintf(stderr, "rift check: %s\n", err.text);
    }
    json_decref(verdicts);
    json_decref(run);
    rift_plan_destroy(plan);
    return code;
}

/* The checker keeps to its own bound; this one is for memory that it does not count. */
static void limit_memory(uint64_t bytes)
{
#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is terabytes of addresses */
    const struct rlimit limit = {.rlim_cur = 2 * bytes + (1u << 30),
                                 .rlim_max = 2 * bytes + (1u << 30)};
    if (bytes > 0)
        setrlimit(RLIMIT_AS, &limit);
#else
    (void)bytes;
#endif
}

int check_run_one(char **argv)
{
    struct rift_error err = {0};
    const char *checker = argv[2], *directory = argv[3];
    const struct rift_budget budget = {.time_ms = strtoll(argv[4], NULL, 10),
                                       .memory_bytes = strtoull(argv[5], NULL, 10),
                                       .thread_count = (unsigned)strtoul(argv[6], NULL, 10)};
    struct rift_plan *plan = read_plan(directory, &err);
    struct rift_history *history = plan ? rift_history_read(directory, NULL, &err) : NULL;
    const struct rift_plan_component *chosen = NULL;
    for (size_t i = 0; history && i < plan->checker_count; i++) {
        if (strcmp(plan->checkers[i].name, checker) == 0)
            chosen = &plan->checkers[i];
    }
    if (!chosen) {
        fprintf(stderr, "rift check: %s\n", history ? "the plan has no such checker" : err.text);
        return RIFT_EXIT_USAGE;
    }
    limit_memory(budget.memory_bytes);
    struct rift_verdict verdict = {0};
    judge_by(chosen, history, &(struct judge_request){directory, plan, NULL, budget}, &verdict);
    json_t *json = rift_verdict_to_json(&verdict);
    int code = rift_validity_exit_code(verdict.validity);
    if (json_dumpf(json, stdout, JSON_COMPACT) != 0 || fflush(stdout) != 0)
        code = RIFT_EXIT_HARNESS;
    json_decref(json);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
    rift_plan_destroy(plan);
    return code;
}
