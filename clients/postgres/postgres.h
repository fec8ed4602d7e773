/* The client of PostgreSQL, by libpq. */
#ifndef CLIENTS_POSTGRES_POSTGRES_H
#define CLIENTS_POSTGRES_POSTGRES_H

#include "clients/client.h"

extern const struct rift_client rift_client_postgres;

#endif
