/* Replays an order: the judge of every "valid", simple enough to be read at one sitting. It shares
 * nothing with the searches but the problem and the model's step. */
#ifndef CHECKERS_LINEARIZABILITY_REPLAY_H
#define CHECKERS_LINEARIZABILITY_REPLAY_H

#include "checkers/linearizability/problem.h"

/* 0 where the order is a linearization: every completed op once, each optional op at most once,
 * real time respected, every answer what the model gives. -1 says what is wrong. */
int rift_replay_order(const struct rift_problem *problem, const uint32_t *order, size_t count,
                      struct rift_error *err);

#endif
