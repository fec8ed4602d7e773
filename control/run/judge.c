/* Judges a run from its directory. */
#include "control/run/judge.h"

#include <stdlib.h>

#include "checkers/checker.h"
#include "common/clock.h"
#include "common/log.h"
#include "history/reader.h"

static void judge_by(const struct rift_plan_component *chosen, const struct rift_history *history,
                     const struct rift_plan *plan, struct rift_verdict *verdict)
{
    const struct rift_checker *checker = rift_checker_find(chosen->name);
    struct rift_error err = {0};
    if (!checker) {
        rift_verdict_doubt(verdict, "this build has no checker '%s'", chosen->name);
        return;
    }
    json_t *options = rift_checker_options(checker, chosen->options, &err);
    struct rift_check check = {
        .history = history,
        .options = options,
        .plan = plan->json,
        .budget = {.time_ms = plan->deadlines.check_ms, .memory_bytes = plan->check_memory_bytes},
    };
    int64_t start_ns = rift_clock_now();
    if (!options || checker->check(&check, verdict, &err) != 0)
        rift_verdict_doubt(verdict, "the checker failed: %s", err.text);
    rift_log(RIFT_LOG_INFO, "checker %s: %s in %lld ms", chosen->name,
             rift_validity_name(verdict->validity),
             (long long)((rift_clock_now() - start_ns) / RIFT_MS));
    json_decref(options);
}

json_t *judge_run(const char *directory, const struct rift_plan *plan, json_t *run,
                  enum rift_validity *validity, struct rift_error *err)
{
    struct rift_history *history = rift_history_read(directory, NULL, err);
    if (!history)
        return NULL;
    struct rift_verdict merged = {0};
    json_t *checkers = json_object();
    for (size_t i = 0; i < plan->checker_count; i++) {
        struct rift_verdict verdict = {0};
        judge_by(&plan->checkers[i], history, plan, &verdict);
        const char *name = plan->checkers[i].name;
        json_object_set_new(checkers, name, rift_verdict_to_json(&verdict));
        /* The gravest verdict's reason comes first; reasons of an equal one are joined. */
        if (verdict.validity == RIFT_INVALID)
            rift_verdict_convict(&merged, name, "%s: %s", name,
                                 verdict.reason ? verdict.reason : "invalid");
        else if (verdict.validity == RIFT_UNKNOWN)
            rift_verdict_doubt(&merged, "%s: %s", name,
                               verdict.reason ? verdict.reason : "unknown");
        rift_verdict_finish(&verdict);
    }
    json_t *verdicts =
        json_pack("{s:o, s:s*, s:o, s:O}", "valid",
                  merged.validity == RIFT_UNKNOWN ? json_string("unknown")
                                                  : json_boolean(merged.validity == RIFT_VALID),
                  "reason", merged.reason, "checkers", checkers, "run", run);
    *validity = merged.validity;
    rift_verdict_finish(&merged);
    rift_history_destroy(history);
    return verdicts;
}
