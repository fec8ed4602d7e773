/* Before COMMIT is sent, whatever breaks leaves nothing behind: the server rolls back what has no
 * COMMIT. Once it is sent, only the server's word settles the outcome. */
#include "clients/postgres/transaction.h"

#include <stdio.h>
#include <string.h>

#include "clients/postgres/errors.h"

static int transaction_end(struct postgres_transaction *transaction)
{
    const struct postgres_connection *connection = transaction->connection;
    struct rift_answer *answer = transaction->answer;
    const struct rift_client_error *row = postgres_error_of_sqlstate(connection->sqlstate);
    const char *code = row                   ? row->code
                       : connection->is_late ? "timeout"
                       : connection->is_lost ? "connection lost"
                                             : "server error";
    bool is_settled = !transaction->commit_was_sent || (row && row->is_definite);
    answer->type = is_settled ? RIFT_OP_FAIL : RIFT_OP_INFO;
    answer->is_session_broken = connection->is_lost;
    snprintf(answer->error, sizeof answer->error, "%s", code);
    return -1;
}

int postgres_begin(struct postgres_transaction *transaction, const char *isolation)
{
    char statement[64];
    snprintf(statement, sizeof statement, "BEGIN ISOLATION LEVEL %s", isolation);
    const PGresult *ignored = NULL;
    return postgres_run(transaction, statement, 0, NULL, &ignored);
}

int postgres_run(struct postgres_transaction *transaction, const char *statement,
                 int parameter_count, const char *const *parameters, const PGresult **result)
{
    *result = postgres_execute(transaction->connection, statement, parameter_count, parameters,
                               transaction->request->deadline_ns);
    if (*result)
        return 0;
    transaction_end(transaction);
    if (!transaction->connection->is_lost)
        postgres_execute(transaction->connection, "ROLLBACK", 0, NULL,
                         transaction->request->deadline_ns);
    transaction->answer->is_session_broken = transaction->connection->is_lost;
    return -1;
}

int postgres_commit(struct postgres_transaction *transaction)
{
    transaction->commit_was_sent = true;
    const PGresult *result = postgres_execute(transaction->connection, "COMMIT", 0, NULL,
                                              transaction->request->deadline_ns);
    if (!result)
        return transaction_end(transaction);
    /* COMMIT of a transaction that had failed answers "ROLLBACK", without an error. */
    if (strcmp(PQcmdStatus((PGresult *)result), "COMMIT") != 0) {
        transaction->answer->type = RIFT_OP_FAIL;
        snprintf(transaction->answer->error, sizeof transaction->answer->error,
                 "serialization failure");
        return -1;
    }
    transaction->answer->type = RIFT_OP_OK;
    return 0;
}

void postgres_refuse(struct postgres_transaction *transaction, const char *code)
{
    postgres_execute(transaction->connection, "ROLLBACK", 0, NULL,
                     transaction->request->deadline_ns);
    transaction->answer->type = RIFT_OP_FAIL;
    transaction->answer->is_session_broken = transaction->connection->is_lost;
    snprintf(transaction->answer->error, sizeof transaction->answer->error, "%s", code);
}
