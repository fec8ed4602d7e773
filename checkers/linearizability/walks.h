/* The just-in-time walks in order of cost: a narrow beam, the relaxed walk, then the exact one and
 * wider beams side by side. */
#ifndef CHECKERS_LINEARIZABILITY_WALKS_H
#define CHECKERS_LINEARIZABILITY_WALKS_H

#include "checkers/linearizability/judgement.h"

/* Fills answer, algorithm, certificate and reached. NONE too where the problem does not fit the
 * walks. */
void rift_judge_by_walks(const struct rift_problem *problem, const struct rift_limits *limits,
                         unsigned thread_count, struct rift_judgement *judgement);

#endif
