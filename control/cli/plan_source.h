/* A configuration from the command line: a file, with values replaced by --set. */
#ifndef CONTROL_CLI_PLAN_SOURCE_H
#define CONTROL_CLI_PLAN_SOURCE_H

#include "common/error.h"
#include "plan/plan.h"

/* Each assignment is "path=value", a path being keys and list numbers (from 0) joined by dots
 * ("faults.0.for_s"), a value any YAML. seed 0: that of the file. The caller destroys the plan. */
struct rift_plan *plan_source_read(const char *path, const char *const *assignments, size_t count,
                                   uint64_t seed, struct rift_error *err);

#endif
