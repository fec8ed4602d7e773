/* Judges a run from its directory: every checker of the plan, and the verdict on all of them. */
#ifndef CONTROL_RUN_JUDGE_H
#define CONTROL_RUN_JUDGE_H

#include <jansson.h>

#include "common/error.h"
#include "history/history.h"
#include "history/verdict.h"
#include "plan/plan.h"

/* One checker of the plan on the history, and the fetched logs, of the run in the directory; a
 * checker that fails makes the verdict unknown. */
void judge_by(const struct rift_plan_component *chosen, const struct rift_history *history,
              const char *directory, const struct rift_plan *plan, struct rift_verdict *verdict);

/* Runs every checker on directory/history.rift, each in a process of its own with the plan's
 * limits, so that one that dies or grows costs only its own verdict: `program check --one NAME
 * directory` must print what rift_verdict_to_json gives. program NULL: all in this process. Returns
 * what verdicts.json is to hold, with run (borrowed) as "run"; the caller owns it. *validity is the
 * merged verdict. NULL where the history cannot be read. */
json_t *judge_run(const char *directory, const struct rift_plan *plan, const char *program,
                  json_t *run, enum rift_validity *validity, struct rift_error *err);

/* What a run directory tells of its plan in "run": name, seed, system, nodes. The caller owns it.
 */
json_t *judge_describe_plan(const struct rift_plan *plan);

/* Writes verdicts.json and report.html into the directory, and prints the summary on stdout. A full
 * disk costs the files, not the verdict: it is printed all the same. */
void judge_publish(const char *directory, const json_t *verdicts, enum rift_validity validity);

#endif
