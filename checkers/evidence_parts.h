/* The parts of the evidence checker, which doubt what each of them finds wanting. */
#ifndef CHECKERS_EVIDENCE_PARTS_H
#define CHECKERS_EVIDENCE_PARTS_H

#include "checkers/checker.h"

/* Did any read see what others did? */
void evidence_judge_reads(const struct rift_history *history, struct rift_verdict *verdict);
/* Did all faults of the plan come, were they seen, and did operations meet them? */
void evidence_judge_faults(const struct rift_check *check, struct rift_verdict *verdict);

#endif
