/* The client of PostgreSQL: a session is one connection, an operation one transaction. */
#include "clients/postgres/postgres.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/postgres/connection.h"
#include "clients/postgres/errors.h"
#include "clients/postgres/operations.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/secret.h"

struct postgres_session {
    struct postgres_connection connection;
    struct postgres_settings settings;
    struct log_positions positions;
};

static const char *const isolation_choices[] = {"read-committed", "repeatable-read", "serializable",
                                                NULL};
static const char *const isolation_words[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
static const char *const shape_choices[] = {"register", "set", "counter", "bank", "list", NULL};
static const char *const dequeue_choices[] = {"in-order", "skip-locked", NULL};
static const char *const sslmode_choices[] = {"disable",   "allow",       "prefer", "require",
                                              "verify-ca", "verify-full", NULL};
static const char *const offsets_choices[] = {"counter", "sequence", NULL};

static const struct rift_option postgres_options[] = {
    {"port", RIFT_OPTION_INTEGER, "", "5432", 1, 65535, NULL, "where the server listens"},
    {"user", RIFT_OPTION_TEXT, "", "postgres", 0, 0, NULL, "the role to log in as"},
    {"database", RIFT_OPTION_TEXT, "", "postgres", 0, 0, NULL, "where the tables are made"},
    {"passfile", RIFT_OPTION_FILE, "", "", 0, 0, NULL,
     "file with the password, as libpq reads it, which only its owner may read"},
    {"sslmode", RIFT_OPTION_CHOICE, "", "prefer", 0, 0, sslmode_choices,
     "whether TLS is spoken, and what the server's certificate must be"},
    {"sslrootcert", RIFT_OPTION_FILE, "", "", 0, 0, NULL,
     "file (PEM) that the server's certificate is checked by"},
    {"sslcert", RIFT_OPTION_FILE, "", "", 0, 0, NULL, "file (PEM) with the client's certificate"},
    {"sslkey", RIFT_OPTION_FILE, "", "", 0, 0, NULL, "file (PEM) with its private key"},
    {"isolation", RIFT_OPTION_CHOICE, "", "serializable", 0, 0, isolation_choices,
     "the level of every transaction"},
    {"shape", RIFT_OPTION_CHOICE, "", "register", 0, 0, shape_choices,
     "what a read is about; the workload says it"},
    {"dequeue", RIFT_OPTION_CHOICE, "", "in-order", 0, 0, dequeue_choices,
     "skip-locked: an element that another takes just now is passed over, and comes out late if "
     "that one is rolled back"},
    {"log_offsets", RIFT_OPTION_CHOICE, "", "counter", 0, 0, offsets_choices,
     "sequence: offsets are drawn before they can be read, so polls skip messages"},
    {"record_snapshots", RIFT_OPTION_BOOL, "", "false", 0, 0, NULL,
     "each txn records its snapshot and xid, for the checker timestamps; two statements more"},
    {NULL, RIFT_OPTION_ANY, NULL, NULL, 0, 0, NULL, NULL},
};

static size_t choice_option(const json_t *options, const char *name, const char *const *choices,
                            size_t fallback)
{
    const char *word = rift_client_text(options, name);
    for (size_t i = 0; choices[i]; i++) {
        if (strcmp(word, choices[i]) == 0)
            return i;
    }
    return fallback;
}

/* Two sessions that make the same table at once make one of them fail with a unique violation,
 * although IF NOT EXISTS was said: a second try then finds the table. */
static int make(struct postgres_connection *connection, const char *statement, int64_t deadline_ns,
                struct rift_error *err)
{
    for (int try = 0; try < 3; try++)
        if (postgres_execute(connection, statement, 0, NULL, deadline_ns))
            return 0;
    return rift_fail(err, RIFT_ERR_UNREACHABLE, "%.60s...: %s", statement,
                     connection->server_text ? connection->server_text : "the connection was lost");
}

/* In a schema of the run's own: another run on the same server must not find our rows. */
static int make_tables(struct postgres_connection *connection, const char *run_id,
                       int64_t deadline_ns, struct rift_error *err)
{
    char schema[64], statement[160];
    size_t length = 0;
    for (const char *c = run_id ? run_id : ""; *c && length < sizeof schema - 1; c++)
        schema[length++] = isalnum((unsigned char)*c) ? *c : '_';
    schema[length] = '\0';
    snprintf(statement, sizeof statement, "CREATE SCHEMA IF NOT EXISTS \"rift_%s\"", schema);
    if (make(connection, statement, deadline_ns, err) < 0)
        return -1;
    snprintf(statement, sizeof statement, "SET search_path TO \"rift_%s\"", schema);
    if (make(connection, statement, deadline_ns, err) < 0)
        return -1;
    for (size_t i = 0; postgres_schema[i]; i++)
        if (make(connection, postgres_schema[i], deadline_ns, err) < 0)
            return -1;
    return 0;
}

static void postgres_close(void *opaque)
{
    struct postgres_session *session = opaque;
    if (!session)
        return;
    postgres_disconnect(&session->connection);
    log_positions_finish(&session->positions);
    free(session);
}

/* libpq passes over files of a login that are not there, and over a passfile that others may read,
 * without a word; and unless it is told to check it takes any server for the right one. */
static int check_files(const struct postgres_login *login, struct rift_error *err)
{
    static const char *const unchecked[] = {"disable", "allow", "prefer"};
    const struct {
        const char *name, *path;
        bool is_secret;
    } files[] = {{"passfile", login->passfile, true},
                 {"sslkey", login->sslkey, true},
                 {"sslcert", login->sslcert, false},
                 {"sslrootcert", login->sslrootcert, false}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        int rc = 0;
        if (files[i].path[0] && files[i].is_secret)
            rc = rift_secret_check(files[i].path, err);
        else if (files[i].path[0] && access(files[i].path, R_OK) != 0)
            rc = rift_fail_errno(err, RIFT_ERR_MISSING, "read '%s'", files[i].path);
        if (rc != 0)
            return rift_wrap(err, "client postgres: %s", files[i].name);
    }
    for (size_t i = 0; login->sslrootcert[0] && i < sizeof unchecked / sizeof *unchecked; i++)
        if (strcmp(login->sslmode, unchecked[i]) == 0)
            return rift_fail(err, RIFT_ERR_INVALID,
                             "client postgres: with sslmode '%s' no server is checked by "
                             "sslrootcert: say verify-full",
                             login->sslmode);
    return 0;
}

static int postgres_open(const struct rift_client_config *config, void **opened,
                         struct rift_error *err)
{
    const json_t *options = config->options;
    const struct postgres_login login = {.user = rift_client_text(options, "user"),
                                         .database = rift_client_text(options, "database"),
                                         .passfile = rift_client_text(options, "passfile"),
                                         .sslmode = rift_client_text(options, "sslmode"),
                                         .sslrootcert = rift_client_text(options, "sslrootcert"),
                                         .sslcert = rift_client_text(options, "sslcert"),
                                         .sslkey = rift_client_text(options, "sslkey")};
    if (check_files(&login, err) != 0)
        return -1;
    struct postgres_session *session = rift_calloc(1, sizeof *session);
    session->settings = (struct postgres_settings){
        .isolation = isolation_words[choice_option(options, "isolation", isolation_choices, 2)],
        .shape = (enum postgres_shape)choice_option(options, "shape", shape_choices, 0),
        .dequeues_in_order = choice_option(options, "dequeue", dequeue_choices, 0) == 0,
        .offsets = (enum postgres_offsets)choice_option(options, "log_offsets", offsets_choices, 0),
        .records_snapshots = json_is_true(json_object_get(options, "record_snapshots")),
    };
    json_int_t port = json_integer_value(json_object_get(options, "port"));
    if (postgres_connect(&session->connection, config->address, (int)(port ? port : 5432), &login,
                         config->open_deadline_ns, err) != 0 ||
        make_tables(&session->connection, config->run_id, config->open_deadline_ns, err) != 0) {
        postgres_close(session);
        return -1;
    }
    *opened = session;
    return 0;
}

static void postgres_invoke(void *opaque, const struct rift_request *request,
                            struct rift_answer *answer)
{
    struct postgres_session *session = opaque;
    postgres_operate(&session->connection, &session->settings, &session->positions, request,
                     answer);
}

const struct rift_client rift_client_postgres = {
    .name = "postgres",
    .summary = "PostgreSQL by libpq, one transaction an operation, isolation level an option",
    .options = postgres_options,
    .operations = postgres_operations,
    .errors = postgres_errors,
    .open = postgres_open,
    .invoke = postgres_invoke,
    .close = postgres_close,
};
