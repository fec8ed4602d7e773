/* Where a session stands in the partitions of a log that is kept in an ordinary store: what Kafka's
 * consumer keeps for itself. */
#ifndef CLIENTS_LOG_POSITIONS_H
#define CLIENTS_LOG_POSITIONS_H

#include <stdint.h>

#include "history/value.h"

/* Messages that one poll takes from a partition at most. */
enum { LOG_POLL_MAX = 64 };

struct log_position {
    char *key;       /* as JSON, owned */
    int64_t polled;  /* the offset of the last message; -1 at the beginning */
    int64_t pending; /* the same, of the poll that is under way */
};

struct log_positions {
    struct log_position *items; /* of the partitions that are assigned */
    size_t count;
};

/* Takes the argument of assign, [k ...] or {keys [k ...], from "beginning"}: partitions that were
 * assigned before go on where they stood, others and those of the map begin at the beginning. */
void log_positions_assign(struct log_positions *positions, const struct rift_values *values,
                          struct rift_value argument);
/* The poll is over: with is_ok what it took counts, otherwise the next one takes it again. */
void log_positions_settle(struct log_positions *positions, bool is_ok);
void log_positions_finish(struct log_positions *positions);

#endif
