/* Problems that may begin in any state (windows of registers). */
#ifndef CHECKERS_LINEARIZABILITY_START_H
#define CHECKERS_LINEARIZABILITY_START_H

#include "checkers/linearizability/search.h"

/* Asks for each value the window could begin with: VALID where one of them has an order, INVALID
 * where none has. */
enum rift_answer
rift_decide_any_start(const struct rift_problem *problem, const struct rift_limits *limits,
                      enum rift_answer (*decide)(const struct rift_problem *problem,
                                                 const struct rift_limits *limits));
/* The values that matter as a beginning: those that somebody observes, and one that nobody does.
 * Fills at most max of them; the number, or 0 where there are more or none can be named. */
uint32_t rift_start_values(const struct rift_problem *problem, uint32_t *values, uint32_t max);

#endif
