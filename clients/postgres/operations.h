/* The operations that the PostgreSQL client can do, as statements on its tables. */
#ifndef CLIENTS_POSTGRES_OPERATIONS_H
#define CLIENTS_POSTGRES_OPERATIONS_H

#include "clients/log_positions.h"
#include "clients/postgres/log.h"
#include "clients/postgres/transaction.h"

/* The f's, NULL-terminated. */
extern const char *const postgres_operations[];

/* Statements that make the tables, each harmless where they exist; NULL-terminated. */
extern const char *const postgres_schema[];

/* What a read is about, also that of a transaction which only reads, depends on the workload. */
enum postgres_shape {
    POSTGRES_REGISTER,
    POSTGRES_SET,
    POSTGRES_COUNTER,
    POSTGRES_BANK,
    POSTGRES_LIST,
};

struct postgres_settings {
    const char *isolation; /* as SQL says it */
    enum postgres_shape shape;
    bool dequeues_in_order;
    enum postgres_offsets offsets;
    bool records_snapshots; /* of transactions: what the checker timestamps replays */
};

/* Runs the request as one transaction at the isolation level and fills the answer. positions are
 * the session's. */
void postgres_operate(struct postgres_connection *connection,
                      const struct postgres_settings *settings, struct log_positions *positions,
                      const struct rift_request *request, struct rift_answer *answer);

#endif
