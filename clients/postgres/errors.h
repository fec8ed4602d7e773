/* What PostgreSQL's answers mean for an operation. */
#ifndef CLIENTS_POSTGRES_ERRORS_H
#define CLIENTS_POSTGRES_ERRORS_H

#include "clients/client.h"

extern const struct rift_client_error postgres_errors[];

/* The row of a SQLSTATE of five characters; NULL where the table has none: then nothing is sure. */
const struct rift_client_error *postgres_error_of_sqlstate(const char *sqlstate);

#endif
