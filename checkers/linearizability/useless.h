/* Crashed ops that cannot matter: leaving them out changes no verdict. */
#ifndef CHECKERS_LINEARIZABILITY_USELESS_H
#define CHECKERS_LINEARIZABILITY_USELESS_H

#include "checkers/linearizability/problem.h"

/* Sets is_useless[i] for optional ops whose effect no kept op can ever see; the number of them. */
uint32_t rift_useless_mark(const struct rift_problem *problem, bool *is_useless);

/* last[v] (value_count entries, zeroed): the last event at which anybody may see value v, through
 * crashed cas too; NEVER - 1 at most. False where every value may matter at any time: somebody was
 * told what the value is not, or read a whole collection. */
bool rift_last_seen(const struct rift_problem *problem, uint32_t *last);

#endif
