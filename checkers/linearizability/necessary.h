/* Two tests that every valid register history passes, in linear time, each with a tiny proof. */
#ifndef CHECKERS_LINEARIZABILITY_NECESSARY_H
#define CHECKERS_LINEARIZABILITY_NECESSARY_H

#include "checkers/linearizability/problem.h"

/* True where the history fails one: it is invalid, and the certificate says why. */
bool rift_fails_necessary(const struct rift_problem *problem, struct rift_certificate *certificate);

#endif
