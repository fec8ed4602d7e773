/* Counters that move in steps of one size, counted from where they start. */
#ifndef CHECKERS_MONITORS_STEPS_H
#define CHECKERS_MONITORS_STEPS_H

#include "checkers/linearizability/problem.h"

/* A number that no count of steps gives; below 0, so that nothing reaches it. */
#define MONITOR_STEPS_BETWEEN INT64_MIN

struct monitor_steps {
    int64_t start, step;
    size_t increment_count; /* ops that step, optional ones too */
    bool has_answers;       /* fetch-adds or add-fetches */
};

/* False where the calls are not increments of one size, fetch-adds, add-fetches and reads, all of
 * numbers, with room left for the sums. */
bool monitor_steps_init(struct monitor_steps *steps, const struct rift_problem *problem);
/* How many steps lead to the number of this value. */
int64_t monitor_steps_of(const struct monitor_steps *steps, const struct rift_problem *problem,
                         uint32_t value);

#endif
