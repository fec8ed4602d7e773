/* Who was served when: the longest times without one ok operation, and how soon every node served
 * again after a heal. */
#ifndef CHECKERS_AVAILABILITY_H
#define CHECKERS_AVAILABILITY_H

#include <stdint.h>

#include "checkers/fault_spans.h"
#include "history/history.h"

/* The completions of ok operations in order of time. */
struct availability {
    const struct rift_history *history;
    size_t count;
    uint32_t *rows;   /* of history->ops, sorted by end */
    int64_t begin_ns; /* of the first operation */
    int64_t last_ns;  /* of the last event */
};

void availability_init(struct availability *availability, const struct rift_history *history);
void availability_finish(struct availability *availability);

/* The longest time without an ok completion that lies within [from_ns, to_ns], in ns. node 0: of
 * any node, else of that index of history->nodes. */
int64_t availability_longest_gap(const struct availability *availability, int64_t from_ns,
                                 int64_t to_ns, uint16_t node);
/* ns from the moment since_ns until every node has completed an ok operation that began after it;
 * RIFT_TIME_NEVER: one never did, and *missing (may be NULL) is its index of history->nodes. */
int64_t availability_recovery(const struct availability *availability, int64_t since_ns,
                              uint16_t *missing);

#endif
