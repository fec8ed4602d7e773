/* What watchers saw of one key, as streams of events, and what may have been written to it. */
#ifndef CHECKERS_WATCH_EVENTS_H
#define CHECKERS_WATCH_EVENTS_H

#include "checkers/checker.h"
#include "checkers/elements.h"

#define WATCH_NO_STREAM UINT32_MAX

/* A revision with its value, as a watcher saw it, or as a change was answered. */
struct watch_event {
    int64_t revision;
    uint32_t row;    /* of the watch, or of the change */
    uint32_t value;  /* by elements */
    uint32_t stream; /* WATCH_NO_STREAM: the answer of a change */
};

/* What a watcher saw, one event after another: the watches of a process up to an operation that
 * never heard back. A watch that names a revision to begin with begins a stream of its own. */
struct watch_stream {
    int32_t process;
    bool is_asked; /* it named the revision to begin with */
    int64_t low;   /* that revision, or its first event's: from here on it must see all */
    uint32_t row;  /* of its first watch */
    bool has_event;
};

/* By value. Rows are ELEMENT_NONE where there is none. */
struct watch_writes {
    uint32_t first;  /* of those that may have happened, the first to begin */
    uint32_t failed; /* one that surely did not */
    uint32_t count;  /* may have happened */
};

/* The streams of processes, over all keys. */
struct watch_lives {
    uint32_t *life; /* by row: the process up to an operation that never heard back */
    size_t count;
    uint32_t *stream; /* by life, of the key in hand: stream + 1; 0: none yet */
};

struct watch_events {
    const struct rift_history *history;
    struct elements *elements;  /* nil is 0 */
    struct watch_event *events; /* answers of changes, then what was seen; in row order each */
    size_t count, capacity;
    struct watch_stream *streams;
    size_t stream_count, stream_capacity;
    struct watch_writes *writes;
    size_t writes_capacity;
    size_t watch_count;     /* that were ok */
    size_t unread_count;    /* of them, whose answer is no list of [revision value] */
    bool has_other_changes; /* operations that may have changed the key in a way not known here */
};

void watch_lives_init(struct watch_lives *lives, const struct rift_history *history);
void watch_lives_finish(struct watch_lives *lives);

/* Of one key, whose rows are in order of start. is_resumed: a watch goes on where the one before it
 * of its process ended; otherwise each is a stream of its own. */
void watch_events_init(struct watch_events *events, const struct rift_history *history,
                       struct watch_lives *lives, bool is_resumed, const uint32_t *rows,
                       size_t row_count);
void watch_events_finish(struct watch_events *events);

/* Of a value that was seen. Valid until the next call. */
const struct watch_writes *watch_writes_of(struct watch_events *events, uint32_t value);

#endif
