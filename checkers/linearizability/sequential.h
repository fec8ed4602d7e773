/* Sequential consistency of one object. */
#ifndef CHECKERS_LINEARIZABILITY_SEQUENTIAL_H
#define CHECKERS_LINEARIZABILITY_SEQUENTIAL_H

#include "checkers/linearizability/search.h"

/* Whether some order keeps that of each process. longest: ops of the longest order that was begun.
 * The model must have no choices. */
enum rift_answer rift_judge_sequential(const struct rift_problem *problem,
                                       const struct rift_limits *limits, size_t *longest);

#endif
