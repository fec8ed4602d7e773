/* Judges a run from its directory: every checker of the plan, and the verdict on all of them. */
#ifndef CONTROL_RUN_JUDGE_H
#define CONTROL_RUN_JUDGE_H

#include <jansson.h>

#include "checkers/checker.h"
#include "common/error.h"
#include "history/history.h"
#include "history/verdict.h"
#include "plan/plan.h"

struct judge_request {
    const char *directory; /* of the run */
    const struct rift_plan *plan;
    const char *program;       /* rift itself; NULL: checkers run in this process */
    struct rift_budget budget; /* of each checker */
};

/* What the plan allows each checker. */
struct rift_budget judge_budget(const struct rift_plan *plan);

/* One checker of the plan on the history, and the fetched logs, of the run; a checker that fails
 * makes the verdict unknown. */
void judge_by(const struct rift_plan_component *chosen, const struct rift_history *history,
              const struct judge_request *request, struct rift_verdict *verdict);

/* Runs every checker of the plan on directory/history.rift, each in a process of its own
 * (control/run/judge_process.h), so that one that dies or grows costs only its own verdict. Returns
 * what verdicts.json is to hold, with run (borrowed) as "run"; the caller owns it. *validity is the
 * merged verdict. NULL where the history cannot be read. */
json_t *judge_run(const struct judge_request *request, json_t *run, enum rift_validity *validity,
                  struct rift_error *err);

/* What a run directory tells of its plan in "run": name, seed, system, nodes. The caller owns it.
 */
json_t *judge_describe_plan(const struct rift_plan *plan);

/* Writes verdicts.json and report.html into the directory, and prints the summary on stdout. A full
 * disk costs the files, not the verdict: it is printed all the same. */
void judge_publish(const char *directory, const json_t *verdicts, enum rift_validity validity);

#endif
