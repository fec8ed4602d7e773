/* The keys of a history as objects to be judged one after the other, within the budget of the
 * check. */
#ifndef CHECKERS_LINEARIZABILITY_KEYS_H
#define CHECKERS_LINEARIZABILITY_KEYS_H

#include "checkers/checker.h"
#include "checkers/linearizability/problem.h"

/* Takes over the problem of one key. */
typedef void rift_key_visit(void *context, struct rift_problem *problem);

/* Visits each key that has operations, in the order of history->keys. -1 at the first one that the
 * model cannot read; keys before it were visited. */
int rift_keys_visit(const struct rift_history *history, const struct rift_model *model,
                    rift_key_visit *visit, void *context, struct rift_error *err);

/* What the budget leaves for each of thread_count problems that are judged at once, from now on. */
struct rift_limits rift_limits_of_budget(const struct rift_budget *budget, unsigned thread_count);

#endif
