/* An advisory lock belongs to the session, not to a transaction, so these statements run alone. It
 * ends with its session too: whatever ends otherwise than planned breaks the session, so that no
 * session goes on with a lock which nobody knows of. A server that dies lets go of every lock,
 * whatever their holders believe. */
#include "clients/postgres/locks.h"

#include <stdio.h>
#include <stdlib.h>

/* Locks are of the database: another run has other names, by its schema. */
#define LOCK_NAME "hashtextextended(current_schema() || '/' || $1, 0)"

/* The server's answer, or NULL after the operation has ended as unknown. */
static const PGresult *ask(struct postgres_connection *connection, const char *statement,
                           const char *key, const struct rift_request *request,
                           struct rift_answer *answer)
{
    const PGresult *result = postgres_execute(connection, statement, 1, &key, request->deadline_ns);
    if (result)
        return result;
    answer->type = RIFT_OP_INFO;
    answer->is_session_broken = true;
    snprintf(answer->error, sizeof answer->error, "%s",
             connection->is_late   ? "timeout"
             : connection->is_lost ? "connection lost"
                                   : "server error");
    return NULL;
}

static void refuse(struct rift_answer *answer, const char *code)
{
    answer->type = RIFT_OP_FAIL;
    snprintf(answer->error, sizeof answer->error, "%s", code);
}

void postgres_acquire(struct postgres_connection *connection, const char *key,
                      const struct rift_request *request, struct rift_answer *answer)
{
    const PGresult *result =
        ask(connection,
            "SELECT CASE WHEN pg_try_advisory_lock(" LOCK_NAME ") THEN nextval('rift_fences') END",
            key, request, answer);
    if (!result)
        return;
    if (PQntuples(result) != 1 || PQgetisnull(result, 0, 0)) {
        refuse(answer, "lock held");
        return;
    }
    answer->type = RIFT_OP_OK;
    answer->result =
        rift_value_integer(request->values, strtoll(PQgetvalue(result, 0, 0), NULL, 10));
}

void postgres_release(struct postgres_connection *connection, const char *key,
                      const struct rift_request *request, struct rift_answer *answer)
{
    const PGresult *result =
        ask(connection, "SELECT pg_advisory_unlock(" LOCK_NAME ")", key, request, answer);
    if (!result)
        return;
    if (PQntuples(result) != 1 || PQgetvalue(result, 0, 0)[0] != 't') {
        refuse(answer, "lock not held");
        return;
    }
    answer->type = RIFT_OP_OK;
}
