/* Sequential consistency (Lamport 1979): is there an order that keeps what each process did in its
 * order, whatever the clock says? Unlike linearizability it does not compose: objects that are each
 * sequential prove nothing about all of them. */
#ifndef CHECKERS_LINEARIZABILITY_SEQUENTIAL_H
#define CHECKERS_LINEARIZABILITY_SEQUENTIAL_H

#include "checkers/linearizability/search.h"

/* Whether some order of the ops of all objects keeps that of each process (by row, which is by
 * invocation). longest: ops of the longest order that was begun. The models must have no choices.
 */
enum rift_answer rift_judge_sequential(const struct rift_problem *const *objects,
                                       size_t object_count, const struct rift_limits *limits,
                                       size_t *longest);

#endif
