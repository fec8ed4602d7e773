/* What was found, and what it means at the level asked for. */
#ifndef CHECKERS_TXN_FINDINGS_H
#define CHECKERS_TXN_FINDINGS_H

#include <jansson.h>

#include "checkers/checker.h"
#include "checkers/txn/cycle.h"
#include "checkers/txn/lattice.h"
#include "checkers/txn/txns.h"

struct txn_findings {
    const struct txn_set *set;
    struct rift_verdict *verdict;
    int level;
    bool has_times;          /* some transaction has an end, so that real time orders anything */
    txn_anomalies forbidden; /* by the level */
    txn_anomalies found;
    txn_anomalies undecided;
    uint32_t count[TXN_ANOMALY_COUNT];
};

/* Reads options "level"; -1 with the levels there are where it is none of them. */
int txn_findings_init(struct txn_findings *findings, const struct rift_check *check,
                      const struct txn_set *set, struct rift_verdict *verdict,
                      struct rift_error *err);
/* A value written twice to one key: nobody can tell which write a read saw, so all is unknown. */
void txn_findings_refuse_repeated(struct txn_findings *findings);

/* Records an anomaly in words. It convicts where the level forbids it, else it stands in
 * details.allowed. Returns its object to add to, or NULL once enough of its kind are kept. */
json_t *txn_findings_add(struct txn_findings *findings, enum txn_anomaly anomaly,
                         const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A value for a sentence: of long lists and transactions the first items and the last, and how many
 * are left out. free() it. */
char *txn_print_brief(const struct rift_values *values, struct rift_value value);
/* "key" and "ops" of an anomaly; txn TXN_NONE is left out. NULL objects are ignored. */
void txn_findings_set_key(const struct txn_findings *findings, json_t *anomaly, uint32_t key);
void txn_findings_set_ops(const struct txn_findings *findings, json_t *anomaly, uint32_t txn_a,
                          uint32_t txn_b);

/* Says in one sentence why a precedes b: "T1 appended 3 to key x after T2 had appended 2". names
 * are what a and b are called. */
typedef void txn_explain(const void *model, uint32_t a, uint32_t b, enum txn_relation relation,
                         const char *name_a, const char *name_b, struct rift_text *text);

/* Records cycles, a sentence for each step. */
void txn_findings_add_cycles(struct txn_findings *findings, const struct txn_cycles *cycles,
                             const void *model, txn_explain *explain);

/* Sets stats, what is ruled out and what is still possible, and the doubts. */
void txn_findings_conclude(struct txn_findings *findings);

#endif
