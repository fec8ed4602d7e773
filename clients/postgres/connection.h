/* One connection to PostgreSQL by libpq, every wait of it bounded by a deadline. */
#ifndef CLIENTS_POSTGRES_CONNECTION_H
#define CLIENTS_POSTGRES_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "common/error.h"

struct postgres_connection {
    PGconn *handle;
    /* How the last statement ended, where it did not succeed. */
    char sqlstate[6];        /* "" where the server did not answer */
    bool is_lost;            /* no further statement makes sense */
    bool is_late;            /* the deadline passed */
    const char *server_text; /* the server's message, until the next statement; or NULL */
    PGresult *result;        /* of the last statement */
};

/* How to log in; "" is libpq's default. Secrets stand in files only, never in the plan. */
struct postgres_login {
    const char *user;
    const char *database;
    const char *passfile; /* libpq's own format */
    const char *sslmode;
    const char *sslrootcert, *sslcert, *sslkey; /* files in PEM */
};

/* Connects; fails naming the address. */
int postgres_connect(struct postgres_connection *connection, const char *address, int port,
                     const struct postgres_login *login, int64_t deadline_ns,
                     struct rift_error *err);
/* Runs one statement with text parameters ($1...). The result is owned by the connection and lives
 * until the next statement; NULL where it did not succeed, and the fields above say why. */
const PGresult *postgres_execute(struct postgres_connection *connection, const char *statement,
                                 int parameter_count, const char *const *parameters,
                                 int64_t deadline_ns);
void postgres_disconnect(struct postgres_connection *connection);

#endif
