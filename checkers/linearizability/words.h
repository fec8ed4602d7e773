/* Calls, operations and times in words. */
#ifndef CHECKERS_LINEARIZABILITY_WORDS_H
#define CHECKERS_LINEARIZABILITY_WORDS_H

#include "checkers/linearizability/problem.h"

/* "reads 3", "dequeues, found empty", "compares and sets 1 to 2". */
void rift_words_call(const struct rift_problem *problem, const struct rift_call *call,
                     struct rift_text *text);
/* "process 3 reads 1 (from 2.301 s to 2.304 s)". */
void rift_words_op(const struct rift_problem *problem, uint32_t op, struct rift_text *text);
/* "2.301 s", or "event 17" for histories ordered by line. row: of the history. */
void rift_words_start(const struct rift_problem *problem, uint32_t row, struct rift_text *text);
void rift_words_end(const struct rift_problem *problem, uint32_t row, struct rift_text *text);

#endif
