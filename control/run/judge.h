/* Judges a run from its directory: every checker of the plan, and the verdict on all of them. */
#ifndef CONTROL_RUN_JUDGE_H
#define CONTROL_RUN_JUDGE_H

#include <jansson.h>

#include "common/error.h"
#include "history/verdict.h"
#include "plan/plan.h"

/* Reads directory/history.rift and runs the checkers: what verdicts.json is to hold, with run
 * (borrowed) as "run"; the caller owns it. *validity is the merged verdict. A checker that fails
 * makes it unknown. NULL where the history cannot be read. */
json_t *judge_run(const char *directory, const struct rift_plan *plan, json_t *run,
                  enum rift_validity *validity, struct rift_error *err);

#endif
