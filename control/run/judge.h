/* Judges a run from its directory: every checker of the plan, and the verdict on all of them. */
#ifndef CONTROL_RUN_JUDGE_H
#define CONTROL_RUN_JUDGE_H

#include <jansson.h>

#include "common/error.h"
#include "history/verdict.h"
#include "plan/plan.h"

/* Reads directory/history.rift, runs the checkers, and writes verdicts.json: what the checkers say,
 * and run (borrowed) as "run". *validity is the merged verdict. A checker that cannot read the
 * history makes it unknown. Fails where the history cannot be read or the file not be written. */
int judge_run(const char *directory, const struct rift_plan *plan, json_t *run,
              enum rift_validity *validity, struct rift_error *err);

#endif
