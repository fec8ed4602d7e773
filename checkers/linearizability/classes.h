/* Ops of a problem that ask and answer the same: they are interchangeable, and the searches use
 * that. */
#ifndef CHECKERS_LINEARIZABILITY_CLASSES_H
#define CHECKERS_LINEARIZABILITY_CLASSES_H

#include "checkers/linearizability/problem.h"

struct rift_classes {
    uint32_t count;
    uint32_t *of_op; /* class of each op; completed and optional ops share classes */
    uint32_t
        *previous; /* the op of the same class and the same kind of end before this one, or NEVER */
};

void rift_classes_init(struct rift_classes *classes, const struct rift_problem *problem);
void rift_classes_finish(struct rift_classes *classes);

#endif
