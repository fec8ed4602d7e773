/* A transaction that the server says it aborted surely did not happen; all else is unknown. Codes
 * are those of PostgreSQL's appendix "Error Codes". */
#include "clients/postgres/errors.h"

#include <string.h>

enum {
    ERROR_SERIALIZATION,
    ERROR_DEADLOCK,
    ERROR_LOCK_TIMEOUT,
    ERROR_READ_ONLY,
    ERROR_STARTING,
    ERROR_CONNECTIONS,
    ERROR_CONSTRAINT,
    ERROR_STATEMENT,
};

const struct rift_client_error postgres_errors[] = {
    [ERROR_SERIALIZATION] = {"serialization failure", true,
                             "40001: the transaction was aborted, concurrent update or pattern"},
    [ERROR_DEADLOCK] = {"deadlock", true, "40P01: the transaction was the victim"},
    [ERROR_LOCK_TIMEOUT] = {"lock timeout", true, "55P03: a lock was not to be had"},
    [ERROR_READ_ONLY] = {"read only", true, "25006: a standby refuses to write"},
    [ERROR_STARTING] = {"starting up", true, "57P03: the server does not take statements yet"},
    [ERROR_CONNECTIONS] = {"too many connections", true, "53300: refused before the start"},
    [ERROR_CONSTRAINT] = {"constraint", true, "23xxx: the statement was refused and rolled back"},
    [ERROR_STATEMENT] = {"statement refused", true, "42xxx: no such table, or syntax"},
    {"not connected", true, "the session was never opened: nothing was sent"},
    {"precondition failed", true, "the row did not have the expected value, and was left alone"},
    {"empty", true, "there was nothing to take"},
    {"lock held", true, "another session holds the advisory lock"},
    {"lock not held", true, "the session does not hold the advisory lock that it would release"},
    {"insufficient funds", true, "the transfer would make an account negative: rolled back"},
    {"timeout", false, "the deadline passed after something was sent"},
    {"connection lost", false, "the connection broke before the answer"},
    {"server error", false, "any other SQLSTATE"},
    {NULL, false, NULL},
};

const struct rift_client_error *postgres_error_of_sqlstate(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        int row;
    } codes[] = {
        {"40001", ERROR_SERIALIZATION}, {"40P01", ERROR_DEADLOCK}, {"55P03", ERROR_LOCK_TIMEOUT},
        {"25006", ERROR_READ_ONLY},     {"57P03", ERROR_STARTING}, {"53300", ERROR_CONNECTIONS},
        {"23", ERROR_CONSTRAINT},       {"42", ERROR_STATEMENT},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strncmp(sqlstate, codes[i].prefix, strlen(codes[i].prefix)) == 0)
            return &postgres_errors[codes[i].row];
    }
    return NULL;
}
