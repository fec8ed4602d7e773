/* Crashed ops that cannot matter: leaving them out changes no verdict. */
#ifndef CHECKERS_LINEARIZABILITY_USELESS_H
#define CHECKERS_LINEARIZABILITY_USELESS_H

#include "checkers/linearizability/problem.h"

/* Sets is_useless[i] for optional ops whose effect no kept op can ever see; the number of them. */
uint32_t rift_useless_mark(const struct rift_problem *problem, bool *is_useless);

#endif
