/* The brute force behind the tests of linearizability: every order, every state, no memo, its own
 * meaning of every call. Slow on purpose; shares nothing with the checkers but the shape of a
 * problem. */
#ifndef TESTS_PROPERTY_LINEAR_ORACLE_H
#define TESTS_PROPERTY_LINEAR_ORACLE_H

#include "checkers/linearizability/problem.h"

/* For problems of at most 16 ops whose containers never hold more than 16 items. */
bool oracle_is_linearizable(const struct rift_problem *problem);
/* The same with the order of each process in place of real time. */
bool oracle_is_sequential(const struct rift_problem *problem);

#endif
