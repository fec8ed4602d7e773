/* Builds a history in memory from events in the order in which they happened: what every reader
 * and importer ends in, and what tests use for notation. */
#ifndef HISTORY_BUILDER_H
#define HISTORY_BUILDER_H

#include "common/error.h"
#include "history/history.h"

struct rift_builder;

/* For rift_builder_add_op: the format does not say which process it was. */
enum { RIFT_PROCESS_UNNAMED = -2 };

/* One event as the formats have it. Names and values are copied or already in the pool. */
struct rift_event {
    int32_t process;
    enum { RIFT_EVENT_INVOKE, RIFT_EVENT_OK, RIFT_EVENT_FAIL, RIFT_EVENT_INFO } type;
    const char *f;
    struct rift_value value; /* of rift_builder_values() */
    bool has_key;
    struct rift_value key;
    const char *error; /* or NULL */
    const char *node;  /* or NULL */
    bool has_time;
    int64_t time_ns;
    bool is_timeless;        /* a completion of which nobody knows when: it precedes nothing */
    struct rift_value extra; /* a MAP, or nil */
    size_t line;             /* for messages, 0: unknown */
};

struct rift_builder *rift_builder_create(enum rift_time_kind time_kind);
void rift_builder_destroy(struct rift_builder *builder);
struct rift_values *rift_builder_values(struct rift_builder *builder);
/* A completion is joined with the open invocation of its process. Fails (and names the line) on a
 * completion without invocation, or an invocation while one of that process is open. */
int rift_builder_add(struct rift_builder *builder, const struct rift_event *event,
                     struct rift_error *err);
/* From here on, a completion without invocation is no error: it makes an operation that may have
 * started at any time after the one before it of its process, as its argument the value of the
 * completion. history.orphan_count counts them. For RIFT_TIME_LINES only. */
void rift_builder_accept_orphans(struct rift_builder *builder);
/* Whether the process has an open operation; if so, its name and argument. */
bool rift_builder_is_open(const struct rift_builder *builder, int32_t process, const char **f,
                          struct rift_value *argument);
/* A whole operation at once, for formats that have no events; end RIFT_TIME_NEVER: no completion.
 * Operations may come in any order. process RIFT_PROCESS_UNNAMED: the builder finds one that is
 * free. */
int rift_builder_add_op(struct rift_builder *builder, const struct rift_event *invoke,
                        enum rift_op_type type, int64_t start, int64_t end,
                        struct rift_value result, struct rift_error *err);
/* Sorts, joins, and hands the history over; the builder is destroyed, also on failure (NULL). */
struct rift_history *rift_builder_finish(struct rift_builder *builder, struct rift_error *err);

/* Notation for tests: ops separated by commas, each "p0 w1 ok" (invoked and completed in place), or
 * events "p0 w1" ... "p0 ok" with other events between. w1 write, r1 read of 1, r- read of nil,
 * c1>2 cas, and for other objects f:argument[:result] ("p0 enqueue:3", "p1 dequeue::3 ok").
 * "k7/" in front of the operation gives the key. Types ok, fail, info. */
struct rift_history *rift_history_from_notation(const char *notation, struct rift_error *err);

#endif
