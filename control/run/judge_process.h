/* One checker in a process of its own. */
#ifndef CONTROL_RUN_JUDGE_PROCESS_H
#define CONTROL_RUN_JUDGE_PROCESS_H

#include "checkers/checker.h"
#include "history/verdict.h"

/* Runs `program check --one name directory TIME_MS MEMORY_BYTES THREADS` and fills the verdict with
 * what it prints, as rift_verdict_to_json gives it. A process that dies, prints nonsense or is not
 * done soon after the budget's time (its own limit) makes it unknown. */
void judge_in_process(const char *program, const char *directory, const char *name,
                      const struct rift_budget *budget, struct rift_verdict *verdict);

#endif
