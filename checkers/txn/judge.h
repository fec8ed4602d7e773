/* What list-append and rw-register do alike once they have their edges. */
#ifndef CHECKERS_TXN_JUDGE_H
#define CHECKERS_TXN_JUDGE_H

#include "checkers/txn/findings.h"

/* The option "level" of every checker of transactions. */
#define TXN_LEVEL_OPTION                                                                           \
    {                                                                                              \
        .name = "level", .kind = RIFT_OPTION_TEXT, .unit = "", .fallback = "strict-serializable",  \
        .summary = "the isolation level that must hold: strict-serializable, serializable, "       \
                   "snapshot-isolation, repeatable-read, read-committed, ..."                      \
    }

/* Adds the orders that the level speaks of, finds the cycles, records them. Frees the edges. */
void txn_judge_cycles(const struct rift_check *check, struct txn_findings *findings,
                      struct txn_edges *edges, const void *model, txn_explain *explain);

#endif
