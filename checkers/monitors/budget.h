/* Whether a monitor may start: its memory is known before. */
#ifndef CHECKERS_MONITORS_BUDGET_H
#define CHECKERS_MONITORS_BUDGET_H

#include "checkers/linearizability/problem.h"

/* True where op_bytes for each op and value_bytes for each value id fit into the limits. limits may
 * be NULL: none. */
bool monitor_memory_suffices(const struct rift_problem *problem, const struct rift_limits *limits,
                             uint64_t op_bytes, uint64_t value_bytes);

#endif
