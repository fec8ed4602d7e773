/* Gathering the ops that prove a history invalid. */
#ifndef CHECKERS_MONITORS_PROOF_H
#define CHECKERS_MONITORS_PROOF_H

#include "checkers/linearizability/problem.h"

/* Adds an op (an index of problem->ops); adding one twice adds it once. */
void monitor_proof_add(struct rift_certificate *certificate, uint32_t op);
/* Sorts, drops repetitions, names the pattern (a constant); returns INVALID. The last call. */
int monitor_proof_close(struct rift_certificate *certificate, const char *pattern);
/* Forgets what was gathered so far. */
void monitor_proof_drop(struct rift_certificate *certificate);

#endif
