/* The sends and polls of a history of logs in partitions, and the log that they add up to. */
#ifndef CHECKERS_KAFKA_RECORDS_H
#define CHECKERS_KAFKA_RECORDS_H

#include "checkers/elements.h"

#define KAFKA_NONE      UINT32_MAX
#define KAFKA_NO_OFFSET INT64_MIN

/* One message in a send or in the answer of a poll, in the order of the history. */
struct kafka_record {
    uint32_t row;
    uint32_t message;
    uint32_t index; /* of the message's offset among those surely used in its key; KAFKA_NONE */
    int64_t offset;
    bool is_poll;
    bool is_in_log; /* says surely what stands at the offset */
};

/* A value of a key. */
struct kafka_message {
    uint32_t key, value;    /* ids of the elements */
    uint32_t sent;          /* row of the first send that may have happened; KAFKA_NONE */
    uint32_t acked;         /* of the first that was ok, or must have been as it was seen */
    uint32_t sent_count;    /* sends that may have happened */
    uint32_t failed;        /* of the first that failed */
    uint32_t polled;        /* of the first ok poll that has it */
    bool is_polled_somehow; /* also by a poll that failed or never heard back */
    uint32_t index;         /* lowest, as above */
};

struct kafka_records {
    const struct rift_history *history;
    struct elements *keys, *values;
    struct kafka_record *records;
    size_t record_count, record_capacity;
    struct kafka_message *messages;
    size_t message_count, message_capacity;
    uint32_t *slots; /* message + 1 by key and value */
    size_t slot_count;
    uint32_t *entries; /* records that are in the log, by key and offset */
    size_t entry_count;
    size_t index_count;      /* indices count up over all keys; those of a key are in a row */
    size_t blind_poll_count; /* polls that never heard back: they may have taken anything */
    size_t unreadable_count; /* micro-operations and offsets that are none */
    uint32_t unreadable_row;
    bool has_subscribe;
};

void kafka_records_init(struct kafka_records *log, const struct rift_history *history);
void kafka_records_finish(struct kafka_records *log);

/* The id of a key, also where a format had to write it as text. */
uint32_t kafka_records_key(struct kafka_records *log, struct rift_value key);

#endif
