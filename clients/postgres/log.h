/* A log in partitions as a table of PostgreSQL: the "outbox" that many systems have. */
#ifndef CLIENTS_POSTGRES_LOG_H
#define CLIENTS_POSTGRES_LOG_H

#include "clients/log_positions.h"
#include "clients/postgres/transaction.h"

/* Who says at which offset a message stands. */
enum postgres_offsets {
    POSTGRES_OFFSETS_COUNTER,  /* a row for each partition, locked until the message is committed */
    POSTGRES_OFFSETS_SEQUENCE, /* a sequence: a later offset may be seen before an earlier one */
};

/* The micro-operations of the request, [:send k v] and [:poll nil nil], inside its transaction; 0,
 * or -1 after it has ended the answer. What was polled is pending in positions until the caller
 * settles it. */
int postgres_log(struct postgres_transaction *transaction, enum postgres_offsets offsets,
                 struct log_positions *positions);

#endif
