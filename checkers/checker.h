/* The contract of a checker: a pure function of a history. No clock but its budget's, no network,
 * no global state. */
#ifndef CHECKERS_CHECKER_H
#define CHECKERS_CHECKER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "common/option.h"
#include "history/history.h"
#include "history/verdict.h"

/* Past a bound a checker answers unknown and says how far it came. */
struct rift_budget {
    int64_t time_ms;       /* 0: no bound */
    uint64_t memory_bytes; /* 0: no bound */
    unsigned thread_count; /* 0: as many as the machine has cores */
};

/* A log that was fetched from a node. */
struct rift_log_file {
    const char *node; /* name */
    const char *name; /* as people find it: "nodes/n1/etcd.log" */
    const char *path; /* to open it */
};

struct rift_check {
    const struct rift_history *history;
    const struct rift_log_file *logs; /* of the run; none for a history alone */
    size_t log_count;
    const json_t
        *options;       /* an object that holds every option of the checker, defaults filled in */
    const json_t *plan; /* the frozen plan of the run, or NULL for a foreign history */
    struct rift_budget budget;
};

/* Of which parts of a history a checker may judge: what it convicts there must be a violation of
 * the whole. */
enum rift_parts {
    RIFT_PARTS_WITHOUT_READS, /* reads may be missing, changes may not */
    RIFT_PARTS_ANY,           /* it looks at each operation for itself */
    RIFT_PARTS_NONE,          /* a later read may excuse an earlier one */
};

/* What a checker offers that can judge a history part by part (history/stream.h), so that nobody
 * needs to load it. */
struct rift_checker_stream {
    /* check->history is NULL. */
    void *(*begin)(const struct rift_check *check);
    void (*add)(void *state, const struct rift_history *part);
    /* last is the empty part after all others: it has all names. Frees the state; with a NULL
     * verdict, that is all it does. */
    void (*end)(void *state, const struct rift_history *last, struct rift_verdict *verdict);
};

struct rift_checker {
    const char *name;
    const char *summary;               /* one line for lists */
    const struct rift_option *options; /* ends with a NULL name; or NULL */
    enum rift_parts parts;             /* what may be left out, for by-phase */
    /* Fills the verdict (zeroed by the caller). -1 only for trouble of the harness or a history
     * that this checker cannot read at all; never for a violation, never for a spent budget. */
    int (*check)(const struct rift_check *check, struct rift_verdict *verdict,
                 struct rift_error *err);
    const struct rift_checker_stream *stream; /* or NULL: it needs the whole history at once */
};

/* Every checker, in the order of the docs; ends with NULL. */
extern const struct rift_checker *const rift_checkers[];
/* NULL where there is none of that name. */
const struct rift_checker *rift_checker_find(const char *name);
/* Options with their defaults filled in; -1 names the option that does not fit. */
json_t *rift_checker_options(const struct rift_checker *checker, const json_t *given,
                             struct rift_error *err);

#endif
