/* What a history of a partitioned log says, one record a value sent or polled. */
#ifndef CHECKERS_KAFKA_RECORDS_H
#define CHECKERS_KAFKA_RECORDS_H

#include "checkers/checker.h"

struct kafka_record {
    uint32_t key;   /* dense */
    uint32_t value; /* dense: equal values of all keys have one number */
    int64_t offset; /* -1: not told */
    uint32_t row;
    uint32_t place; /* within its operation, in order */
    bool is_poll;
    struct rift_value printed; /* the value itself */
};

struct kafka_records {
    struct kafka_record *items; /* by row and place */
    size_t count, capacity;
    struct elements *keys, *values;
};

/* Everything in the order of rows. Operations: send, poll and txn of [:send k v], [:send k [offset
 * v]], [:poll], [:poll {k [[offset v] ...]}]. */
void kafka_records_init(struct kafka_records *records, const struct rift_history *history);
void kafka_records_finish(struct kafka_records *records);

#endif
