/* A history in memory: one row an operation, invocation joined with its completion, in columns.
 *
 * Rows are sorted by start. start and end order events: ns since the run began for our own files
 * and for formats that carry times; the number of the event for formats ordered by line (two
 * events are then never equal). A completion at the same moment as an invocation is concurrent
 * with it: a precedes b only if a.end < b.start. */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "history/op.h"
#include "history/value.h"

/* Index 0 of keys, errors and nodes means none. */
struct rift_ops {
    size_t count;
    int64_t *start;
    int64_t *end;     /* RIFT_TIME_NEVER: no completion, or, for OK and FAIL, nobody knows when */
    int32_t *process; /* RIFT_PROCESS_NEMESIS in the nemesis table */
    uint32_t *key;    /* index into rift_history.keys: the independent key of a keyed history */
    uint16_t *f;      /* index into rift_history.names */
    uint16_t *error;  /* index into rift_history.errors */
    uint16_t *node;   /* index into rift_history.nodes: whom the client spoke to */
    uint8_t *type;    /* enum rift_op_type */
    struct rift_value *argument; /* value of the invocation */
    struct rift_value *result;   /* value of the completion; nil for INFO without one */
    /* Optional columns, NULL where the format has none. Times are ns, for people, where start and
     * end are numbers of events; RIFT_TIME_NEVER: not known. Extras are MAPs of the further keys
     * of the invocation's and of the completion's record, or nil. */
    int64_t *time_start, *time_end;
    struct rift_value *extra_start, *extra_end;
};

/* A list of texts (NUL-terminated); index 0 is "". */
struct rift_names {
    size_t count;
    const char **text;
};

enum rift_time_kind { RIFT_TIME_NS, RIFT_TIME_LINES };

/* On the heap; columns and tables are malloc'ed, each on its own. */
struct rift_history {
    struct rift_ops ops;     /* of clients */
    struct rift_ops nemesis; /* faults: f is the fault's name; argument planned, result observed */
    struct rift_names names, errors, nodes;
    size_t key_count;        /* including index 0 */
    struct rift_value *keys; /* keys[0] is nil: not keyed */
    struct rift_values *values;
    enum rift_time_kind time_kind;
    bool is_truncated;   /* a torn tail was cut, everything before it is here */
    size_t orphan_count; /* completions without invocation, whose start is the earliest possible */
    const char *format;  /* what the file was taken for: "rift", "jepsen-edn", ... */
    const char
        *model; /* what the format itself says the object is ("etcd": CASF register...), or NULL */
    struct rift_arena texts; /* the characters of names, errors and nodes */
};

void rift_history_destroy(struct rift_history *history);

/* The index of a name, or 0 if no operation has it. */
uint16_t rift_history_name(const struct rift_history *history, const char *name);

/* Rows of each key, in row order: rows[first[k]] .. rows[first[k + 1] - 1] are those of key k.
 * The caller destroys it. Linear time. */
struct rift_key_split {
    size_t key_count;
    size_t *first;  /* key_count + 1 */
    uint32_t *rows; /* ops.count */
};
void rift_key_split_init(struct rift_key_split *split, const struct rift_history *history);
void rift_key_split_finish(struct rift_key_split *split);

#endif
