/* The contract of a monitor: a near-linear judge of histories that meet a condition it tests
 * itself.
 *
 * NOT_APPLICABLE is always allowed and costs only time. VALID must come with an order (it is
 * replayed before anyone is told); INVALID must come with ops that prove it (they are searched
 * again when they are few), so a monitor needs no proof of its own to be trusted with VALID. */
#ifndef CHECKERS_MONITORS_MONITOR_H
#define CHECKERS_MONITORS_MONITOR_H

#include "checkers/linearizability/problem.h"

enum rift_monitor_answer {
    RIFT_MONITOR_VALID,
    RIFT_MONITOR_INVALID,
    RIFT_MONITOR_NOT_APPLICABLE, /* the condition does not hold, or the limits are spent */
};

struct rift_monitor {
    const char *name;          /* "register-unique", "stack-debt" */
    const char *const *models; /* names of the models it serves; ends with NULL */
    const char *condition;     /* for docs: "each value written at most once" */
    enum rift_monitor_answer (*judge)(const struct rift_problem *problem,
                                      const struct rift_limits *limits,
                                      struct rift_certificate *certificate);
};

/* Every monitor, the cheapest first; ends with NULL. */
extern const struct rift_monitor *const rift_monitors[];

#endif
