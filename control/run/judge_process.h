/* One checker in a process of its own. */
#ifndef CONTROL_RUN_JUDGE_PROCESS_H
#define CONTROL_RUN_JUDGE_PROCESS_H

#include <stdint.h>

#include "history/verdict.h"

/* Runs `program check --one name directory` and fills the verdict with what it prints. A process
 * that dies, prints nonsense or is not done soon after time_ms (its own limit) makes it unknown. */
void judge_in_process(const char *program, const char *directory, const char *name, int64_t time_ms,
                      struct rift_verdict *verdict);

#endif
