/* What a checker says of a history: valid, invalid or unknown, with its reason and evidence. */
#ifndef HISTORY_VERDICT_H
#define HISTORY_VERDICT_H

#include <jansson.h>

#include "common/error.h"

/* Ordered by how they merge: the larger wins. */
enum rift_validity { RIFT_VALID = 0, RIFT_UNKNOWN = 1, RIFT_INVALID = 2 };

/* Zeroed is valid, without details.
 *
 * details is an object, or NULL. Keys that the report knows, all optional:
 *   "algorithm": text              which algorithm decided
 *   "stats": object                counts and measures, numbers or texts
 *   "anomalies": array of objects, each a violation:
 *       "name": text               by its term: "nonlinearizable", "stale read", "G-single"...
 *       "key": any                 the key concerned
 *       "text": text               the violation in words, whole sentences
 *       "ops": array of row numbers of history.ops, the small set that proves it
 *       "steps": array of {"from": row, "to": row, "edge": "rw", "text": ...}   for cycles
 *       "order": array of row numbers     the longest order that was possible
 *       "weakened": array of row numbers  ops treated as if INFO in the small set
 *       "stuck": array of {"row": row, "text": why it cannot come next}
 *       "time_ns": number          when the violation became certain
 *   "plots": array of {"title", "unit", "series": [{"name", "points": [[time_s, y], ...],
 *       "is_bad": true}]}        is_bad: of what is a violation; may be left out
 *   "checkers": object name -> verdict, for compositions */
struct rift_verdict {
    enum rift_validity validity;
    char *reason;    /* one sentence, free()d; NULL where valid needs none */
    json_t *details; /* owned */
};

const char *rift_validity_name(enum rift_validity validity);
enum rift_validity rift_validity_merge(enum rift_validity a, enum rift_validity b);
/* The exit code of the field: 0 valid, 1 invalid, 2 unknown. */
int rift_validity_exit_code(enum rift_validity validity);

void rift_verdict_finish(struct rift_verdict *verdict);
/* Makes the verdict unknown for this reason unless it is invalid already; further reasons are
 * appended. */
void rift_verdict_doubt(struct rift_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes the verdict invalid with this reason (the first reason of an invalid is kept) and returns
 * the new object in details.anomalies (borrowed) with its name and text set. */
json_t *rift_verdict_convict(struct rift_verdict *verdict, const char *name, const char *format,
                             ...) __attribute__((format(printf, 3, 4)));
/* details.stats, made where missing (borrowed). */
json_t *rift_verdict_stats(struct rift_verdict *verdict);

/* {"valid": true|false|"unknown", "reason": ..., details...} and back. */
json_t *rift_verdict_to_json(const struct rift_verdict *verdict);
int rift_verdict_from_json(struct rift_verdict *verdict, const json_t *json,
                           struct rift_error *err);

#endif
