/* The judge of one object: tries what is cheap first, and answers only what is proven. */
#ifndef CHECKERS_LINEARIZABILITY_JUDGE_H
#define CHECKERS_LINEARIZABILITY_JUDGE_H

#include "checkers/linearizability/judgement.h"

/* thread_count threads at most, this one included. The certificate of a valid one has been
 * replayed. */
void rift_judge_problem(const struct rift_problem *problem, const struct rift_limits *limits,
                        unsigned thread_count, struct rift_judgement *judgement);
/* The same question without certificates, for the many questions of the shrinking. */
enum rift_answer rift_decide(const struct rift_problem *problem, const struct rift_limits *limits);
/* Finds certificate->first of an invalid problem: the first event such that the history cut there
 * is invalid, what is open then being optional. It stays NEVER where the limits are spent first. */
void rift_settle_first(const struct rift_problem *problem, const struct rift_limits *limits,
                       struct rift_certificate *certificate);

#endif
