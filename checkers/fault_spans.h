/* Fault windows of a history, as its nemesis operations tell them: "start-X" and "stop-X" that name
 * the same window. */
#ifndef CHECKERS_FAULT_SPANS_H
#define CHECKERS_FAULT_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "history/history.h"

struct fault_span {
    int64_t window;
    int64_t entry;     /* of the plan's faults, from 1; 0: not recorded */
    const char *fault; /* "partition"; lives as long as the history */
    char *what;        /* for people; owned */
    bool is_observed;  /* every node's part of it, by something other than what applied it */
    bool is_open;      /* not so far, and nothing denies it: its chances have hit nothing yet */
    char *why_not;     /* owned; "n2: n1 still heard"; NULL where observed */
    json_t *nodes;     /* an object, by name, of those that it was asked of; NULL: not recorded */
    int64_t start_ns;  /* the first node's application, or when it was asked for */
    int64_t end_ns;    /* the last node's heal; RIFT_TIME_NEVER: no heal is recorded */
};

struct fault_spans {
    struct fault_span *items; /* in order of start */
    size_t count;
};

void fault_spans_init(struct fault_spans *spans, const struct rift_history *history);
void fault_spans_finish(struct fault_spans *spans);

#endif
