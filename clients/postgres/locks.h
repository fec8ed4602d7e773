/* Advisory locks of PostgreSQL, held by the session. */
#ifndef CLIENTS_POSTGRES_LOCKS_H
#define CLIENTS_POSTGRES_LOCKS_H

#include "clients/client.h"
#include "clients/postgres/connection.h"

/* acquire answers a fencing token, drawn from one sequence while the lock is held. */
void postgres_acquire(struct postgres_connection *connection, const char *key,
                      const struct rift_request *request, struct rift_answer *answer);
void postgres_release(struct postgres_connection *connection, const char *key,
                      const struct rift_request *request, struct rift_answer *answer);

#endif
