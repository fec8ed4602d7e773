/* What list-append and rw-register do alike once they have their edges. */
#ifndef CHECKERS_TXN_JUDGE_H
#define CHECKERS_TXN_JUDGE_H

#include "checkers/txn/findings.h"

/* The option "level" of every checker of transactions. */
#define TXN_LEVEL_OPTION                                                                           \
    {                                                                                              \
        .name = "level", .kind = RIFT_OPTION_CHOICE, .unit = "",                                   \
        .fallback = "strict-serializable", .choices = txn_level_names,                             \
        .summary = "the isolation level that must hold"                                            \
    }

/* Adds the orders that the level speaks of, finds the cycles, records them. Frees the edges. */
void txn_judge_cycles(const struct rift_check *check, struct txn_findings *findings,
                      struct txn_edges *edges, const void *model, txn_explain *explain);
/* The same, but every cycle counts as this anomaly: for edges that hold only at one level. */
void txn_judge_cycles_as(const struct rift_check *check, struct txn_findings *findings,
                         enum txn_anomaly anomaly, struct txn_edges *edges, const void *model,
                         txn_explain *explain);

#endif
