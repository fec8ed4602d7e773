/* When a valid answer says little: every value that anybody observes could be set at will by a
 * write that crashed, so almost any read can be explained. */
#ifndef CHECKERS_LINEARIZABILITY_SATURATION_H
#define CHECKERS_LINEARIZABILITY_SATURATION_H

#include "checkers/linearizability/problem.h"

/* True where that is so for more than half of the history of a register. */
bool rift_is_saturated(const struct rift_problem *problem);

#endif
