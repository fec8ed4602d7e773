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
#include "history/ops.h"
#include "history/value.h"

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
    size_t cut_at_byte;  /* of a truncated file: what counts lies before this byte */
    size_t orphan_count; /* completions without invocation, whose start is the earliest possible */
    const char *format;  /* what the file was taken for: "rift", "jepsen-edn", ... */
    const char
        *model; /* what the format itself says the object is ("etcd": CASF register...), or NULL */
    struct rift_arena texts; /* the characters of names, errors and nodes */
};

void rift_history_destroy(struct rift_history *history);

/* How far a history reaches; cut_at_byte counts where its file is truncated. */
struct rift_reach {
    size_t cut_at_byte;
    size_t op_count; /* of clients */
    bool has_time;
    int64_t last_ns;
};
struct rift_reach rift_history_reach(const struct rift_history *history);
/* Of a truncated history: "torn at byte 4711: read up to operation 300 and 12.345 s". */
void rift_reach_append(const struct rift_reach *reach, struct rift_text *text);
void rift_history_append_reach(const struct rift_history *history, struct rift_text *text);

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
