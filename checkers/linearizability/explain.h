/* Makes the proof of an invalid small, and puts it into words. */
#ifndef CHECKERS_LINEARIZABILITY_EXPLAIN_H
#define CHECKERS_LINEARIZABILITY_EXPLAIN_H

#include "checkers/linearizability/problem.h"
#include "history/verdict.h"

enum rift_confirmation {
    RIFT_CONFIRMED,   /* the general search finds no order of the small set */
    RIFT_UNCONFIRMED, /* it did not end in time */
    RIFT_REFUTED,     /* it finds one: whoever said invalid was wrong */
};

/* Shrinks certificate->ops (all ops where there are none yet) by moves that keep it a proof of the
 * whole problem, and settles the moment. Within the limits; what could not be tried stays in. */
enum rift_confirmation rift_explain_minimise(const struct rift_problem *problem,
                                             const struct rift_limits *limits,
                                             struct rift_certificate *certificate);

/* Adds the violation to the verdict: in words, its ops, the order that was possible, and why
 * nothing can come next. */
void rift_explain_anomaly(const struct rift_problem *problem,
                          const struct rift_certificate *certificate, struct rift_verdict *verdict);

#endif
