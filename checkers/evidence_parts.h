/* The parts of the evidence checker, which doubt what each of them finds wanting. */
#ifndef CHECKERS_EVIDENCE_PARTS_H
#define CHECKERS_EVIDENCE_PARTS_H

#include "checkers/checker.h"

enum { EVIDENCE_FEW = 20 }; /* below so many operations chance alone may be the reason */

/* Did any read see what others did? */
void evidence_judge_reads(const struct rift_history *history, struct rift_verdict *verdict);
/* Did all faults of the plan come, were they seen, did operations meet them, and did each node
 * serve that they left alone? */
void evidence_judge_faults(const struct rift_check *check, struct rift_verdict *verdict);

#endif
