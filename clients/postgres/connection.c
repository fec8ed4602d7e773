/* libpq never bounds a wait by itself: statements are sent without blocking, and answers awaited by
 * poll(2) until the deadline. A connection that was late is lost: its answer may still come. */
#include "clients/postgres/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"

/* 1 ready, 0 late, -1 broken. */
static int wait_for(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd wait = {.fd = fd, .events = events};
        int ready = poll(&wait, 1, rift_clock_poll_ms(deadline_ns));
        if (ready > 0)
            return 1;
        if (ready < 0 && errno != EINTR)
            return -1;
        if (rift_clock_now() >= deadline_ns)
            return 0;
    }
}

static int fail_to_connect(struct postgres_connection *connection, const char *address, int port,
                           const char *reason, struct rift_error *err)
{
    char text[256];
    snprintf(text, sizeof text, "%s", reason);
    text[strcspn(text, "\n")] = '\0';
    postgres_disconnect(connection);
    return rift_fail(err, RIFT_ERR_UNREACHABLE, "connect to PostgreSQL at %s port %d: %s", address,
                     port, text);
}

/* libpq passes over the lines of a passfile that do not fit without a word. */
static int fail_by_server(struct postgres_connection *connection, const char *address, int port,
                          const struct postgres_login *login, struct rift_error *err)
{
    bool is_asked = PQconnectionNeedsPassword(connection->handle);
    fail_to_connect(connection, address, port, PQerrorMessage(connection->handle), err);
    if (!is_asked)
        return -1;
    if (!login->passfile[0])
        return rift_fail(err, RIFT_ERR_DENIED,
                         "PostgreSQL at %s port %d wants a password of user '%s': name a file that "
                         "has it as 'passfile'",
                         address, port, login->user);
    return rift_fail(err, RIFT_ERR_DENIED,
                     "PostgreSQL at %s port %d wants a password: '%s' was read, and no line in it "
                     "fits %s:%d:%s:%s:PASSWORD (each of the first four as here, or *; a colon or "
                     "backslash within one has a backslash before it)",
                     address, port, login->passfile, address, port, login->database, login->user);
}

static void ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

int postgres_connect(struct postgres_connection *connection, const char *address, int port,
                     const struct postgres_login *login, int64_t deadline_ns,
                     struct rift_error *err)
{
    char port_text[8];
    snprintf(port_text, sizeof port_text, "%d", port);
    /* host is what a certificate is compared with. */
    const char *const keywords[] = {
        "host",    "hostaddr",    "port",    "user",   "dbname",           "passfile",
        "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", NULL};
    const char *const values[] = {
        address,         address,         port_text,      login->user,
        login->database, login->passfile, login->sslmode, login->sslrootcert,
        login->sslcert,  login->sslkey,   "rift",         NULL};
    *connection = (struct postgres_connection){0};
    connection->handle = PQconnectStartParams(keywords, values, 0);
    if (!connection->handle || PQstatus(connection->handle) == CONNECTION_BAD)
        return fail_to_connect(
            connection, address, port,
            connection->handle ? PQerrorMessage(connection->handle) : "out of memory", err);
    PQsetNoticeProcessor(connection->handle, ignore_notice, NULL);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (wait_for(PQsocket(connection->handle), events, deadline_ns) <= 0)
            return fail_to_connect(connection, address, port, "no answer in time", err);
        status = PQconnectPoll(connection->handle);
        if (status == PGRES_POLLING_FAILED)
            return fail_by_server(connection, address, port, login, err);
    }
    PQsetnonblocking(connection->handle, 1);
    return 0;
}

static void note_lost(struct postgres_connection *connection, int wait_result)
{
    connection->is_lost = true;
    connection->is_late = wait_result == 0;
}

static bool flush_statement(struct postgres_connection *connection, int64_t deadline_ns)
{
    int left = 0;
    while ((left = PQflush(connection->handle)) == 1) {
        int ready = wait_for(PQsocket(connection->handle), POLLIN | POLLOUT, deadline_ns);
        if (ready <= 0 || !PQconsumeInput(connection->handle)) {
            note_lost(connection, ready);
            return false;
        }
    }
    if (left < 0)
        note_lost(connection, -1);
    return left == 0;
}

/* The statement's last result; earlier ones are dropped. NULL: the connection is lost. */
static PGresult *await_result(struct postgres_connection *connection, int64_t deadline_ns)
{
    PGresult *last = NULL;
    for (;;) {
        while (PQisBusy(connection->handle)) {
            int ready = wait_for(PQsocket(connection->handle), POLLIN, deadline_ns);
            if (ready <= 0 || !PQconsumeInput(connection->handle)) {
                note_lost(connection, ready);
                PQclear(last);
                return NULL;
            }
        }
        PGresult *next = PQgetResult(connection->handle);
        if (!next)
            return last;
        PQclear(last);
        last = next;
    }
}

const PGresult *postgres_execute(struct postgres_connection *connection, const char *statement,
                                 int parameter_count, const char *const *parameters,
                                 int64_t deadline_ns)
{
    PQclear(connection->result);
    connection->result = NULL;
    connection->sqlstate[0] = '\0';
    connection->server_text = NULL;
    if (connection->is_lost)
        return NULL;
    if (!PQsendQueryParams(connection->handle, statement, parameter_count, NULL, parameters, NULL,
                           NULL, 0)) {
        note_lost(connection, -1);
        return NULL;
    }
    if (!flush_statement(connection, deadline_ns))
        return NULL;
    connection->result = await_result(connection, deadline_ns);
    if (!connection->result)
        return NULL;
    ExecStatusType status = PQresultStatus(connection->result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return connection->result;
    const char *sqlstate = PQresultErrorField(connection->result, PG_DIAG_SQLSTATE);
    snprintf(connection->sqlstate, sizeof connection->sqlstate, "%s", sqlstate ? sqlstate : "");
    connection->server_text = PQresultErrorMessage(connection->result);
    if (PQstatus(connection->handle) == CONNECTION_BAD)
        note_lost(connection, -1);
    return NULL;
}

void postgres_disconnect(struct postgres_connection *connection)
{
    PQclear(connection->result);
    PQfinish(connection->handle);
    *connection = (struct postgres_connection){0};
}
