/* The general search of Wing and Gong with Lowe's memo, for every model. Exact. */
#ifndef CHECKERS_LINEARIZABILITY_SEARCH_H
#define CHECKERS_LINEARIZABILITY_SEARCH_H

#include "checkers/linearizability/problem.h"

enum rift_answer {
    RIFT_ANSWER_VALID,   /* certificate->order is filled */
    RIFT_ANSWER_INVALID, /* certificate->moment is filled */
    RIFT_ANSWER_NONE,    /* the limits are spent */
};

/* reached: the largest number of an event that some order passed, for a report of how far it came.
 */
enum rift_answer rift_search(const struct rift_problem *problem, const struct rift_limits *limits,
                             struct rift_certificate *certificate, uint32_t *reached);

#endif
