/* Is a register 2-atomic: is there an order in real time in which every read answers one of the two
 * latest written values? Near-linear and exact where each value is written once. */
#ifndef CHECKERS_LINEARIZABILITY_TWO_ATOMIC_H
#define CHECKERS_LINEARIZABILITY_TWO_ATOMIC_H

#include "checkers/linearizability/search.h"

/* Of a problem of reads and writes. NONE: a value is written twice, or is the initial one, or the
 * limits are spent. */
enum rift_answer rift_judge_two_atomic(const struct rift_problem *problem,
                                       const struct rift_limits *limits);

#endif
