/* One operation as one transaction of PostgreSQL, and how its end becomes an answer. */
#ifndef CLIENTS_POSTGRES_TRANSACTION_H
#define CLIENTS_POSTGRES_TRANSACTION_H

#include "clients/client.h"
#include "clients/postgres/connection.h"

struct postgres_transaction {
    struct postgres_connection *connection;
    const struct rift_request *request;
    struct rift_answer *answer;
    bool commit_was_sent; /* from here on a lost connection leaves the outcome open */
};

/* BEGIN at the isolation level ("SERIALIZABLE"). Each of these returns 0, or -1 after it has ended
 * the answer: FAIL where nothing can have been committed, INFO otherwise. */
int postgres_begin(struct postgres_transaction *transaction, const char *isolation);
/* One statement inside; *result lives until the next one. */
int postgres_run(struct postgres_transaction *transaction, const char *statement,
                 int parameter_count, const char *const *parameters, const PGresult **result);
/* COMMIT; the answer becomes OK. */
int postgres_commit(struct postgres_transaction *transaction);
/* ROLLBACK for a reason of ours, a code of the error table: the answer becomes FAIL. */
void postgres_refuse(struct postgres_transaction *transaction, const char *code);

#endif
