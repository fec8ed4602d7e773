/* One table for each kind of object. A key is text, as JSON writes it, so any key of a workload is
 * a row; lists are text too, appended to in place by the server, read back by us. */
#include "clients/postgres/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/postgres/cells.h"
#include "clients/postgres/locks.h"
#include "clients/postgres/snapshots.h"
#include "common/memory.h"
#include "common/text.h"

const char *const postgres_operations[] = {"read",    "write",   "cas",      "txn",      "add",
                                           "enqueue", "dequeue", "transfer", "generate", "acquire",
                                           "release", "send",    "poll",     "assign",   NULL};

const char *const postgres_schema[] = {
    "CREATE TABLE IF NOT EXISTS rift_registers (k text PRIMARY KEY, v text)",
    "CREATE TABLE IF NOT EXISTS rift_lists (k text PRIMARY KEY, v text NOT NULL)",
    "CREATE TABLE IF NOT EXISTS rift_elements (k text, v text, PRIMARY KEY (k, v))",
    "CREATE TABLE IF NOT EXISTS rift_counters (k text PRIMARY KEY, v bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS rift_queues (id bigserial PRIMARY KEY, k text, v text)",
    "CREATE TABLE IF NOT EXISTS rift_accounts (id text PRIMARY KEY, balance bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS rift_partitions (k text PRIMARY KEY, o bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS rift_log (k text, o bigint, v text, PRIMARY KEY (k, o))",
    "CREATE TABLE IF NOT EXISTS rift_probes (k text PRIMARY KEY, v text)",
    "CREATE SEQUENCE IF NOT EXISTS rift_ids",
    "CREATE SEQUENCE IF NOT EXISTS rift_fences",
    "CREATE SEQUENCE IF NOT EXISTS rift_offsets",
    NULL,
};

/* A list is stored as ",1,2,3": appending is one concatenation on the server. */
static struct rift_value list_value(struct rift_values *values, const PGresult *result)
{
    if (PQntuples(result) == 0)
        return RIFT_VALUE_NIL;
    CLEANUP(rift_free) char *array = rift_printf("[%s]", PQgetvalue(result, 0, 0) + 1);
    struct rift_value value = RIFT_VALUE_NIL;
    json_t *json = json_loads(array, 0, NULL);
    if (json)
        rift_value_from_json(values, json, &value, NULL);
    json_decref(json);
    return value;
}

static int register_read(struct postgres_transaction *t, const char *key, struct rift_value *value)
{
    const PGresult *result = NULL;
    if (postgres_run(t, "SELECT v FROM rift_registers WHERE k = $1", 1, &key, &result) != 0)
        return -1;
    *value = postgres_cell_value(t->request->values, result, 0, 0);
    return 0;
}

static int register_write(struct postgres_transaction *t, const char *key, const char *value)
{
    const PGresult *result = NULL;
    return postgres_run(t,
                        "INSERT INTO rift_registers (k, v) VALUES ($1, $2) "
                        "ON CONFLICT (k) DO UPDATE SET v = excluded.v",
                        2, (const char *const[]){key, value}, &result);
}

/* In a table of its own: a read by predicate would find the row among the registers, which no
 * operation of the history wrote. */
static int probe_write(struct postgres_transaction *t, const char *key, const char *value)
{
    const PGresult *result = NULL;
    return postgres_run(t,
                        "INSERT INTO rift_probes (k, v) VALUES ($1, $2) "
                        "ON CONFLICT (k) DO UPDATE SET v = excluded.v",
                        2, (const char *const[]){key, value}, &result);
}

static bool is_probe(const struct rift_request *request)
{
    return rift_value_kind(request->values, request->key) == RIFT_INTEGER &&
           rift_value_as_integer(request->values, request->key) == RIFT_PROBE_KEY;
}

static int register_cas(struct postgres_transaction *t, const char *key)
{
    struct rift_values *values = t->request->values;
    struct rift_value from = rift_value_item(values, t->request->argument, 0);
    CLEANUP(rift_free) char *old = postgres_value_text(values, from);
    CLEANUP(rift_free)
    char *new = postgres_value_text(values, rift_value_item(values, t->request->argument, 1));
    const char *statement =
        rift_value_is_nil(from)
            ? "INSERT INTO rift_registers (k, v) VALUES ($1, $2) ON CONFLICT (k) DO NOTHING"
            : "UPDATE rift_registers SET v = $2 WHERE k = $1 AND v = $3";
    const PGresult *result = NULL;
    if (postgres_run(t, statement, rift_value_is_nil(from) ? 2 : 3,
                     (const char *const[]){key, new, old}, &result) != 0)
        return -1;
    if (strcmp(PQcmdTuples((PGresult *)result), "1") == 0)
        return 0;
    postgres_refuse(t, "precondition failed");
    return -1;
}

/* The rows whose value matches [= x], [mod m r] or true, as a map of keys to values. */
static int register_select(struct postgres_transaction *t, struct rift_value predicate,
                           struct rift_value *rows)
{
    struct rift_values *values = t->request->values;
    const PGresult *result = NULL;
    int operands = 0;
    CLEANUP(rift_free) char *first = NULL;
    CLEANUP(rift_free) char *second = NULL;
    const char *statement = "SELECT k, v FROM rift_registers";
    if (rift_value_count(values, predicate) == 2) {
        statement = "SELECT k, v FROM rift_registers WHERE v = $1";
        first = postgres_value_text(values, rift_value_item(values, predicate, 1));
        operands = 1;
    } else if (rift_value_count(values, predicate) == 3) {
        statement = "SELECT k, v FROM rift_registers WHERE v::bigint % $1::bigint = $2::bigint";
        first = postgres_value_text(values, rift_value_item(values, predicate, 1));
        second = postgres_value_text(values, rift_value_item(values, predicate, 2));
        operands = 2;
    }
    if (postgres_run(t, statement, operands, (const char *const[]){first, second}, &result) != 0)
        return -1;
    int count = PQntuples(result);
    CLEANUP(rift_free) struct rift_value *items = rift_calloc((size_t)count * 2 + 1, sizeof *items);
    for (int i = 0; i < count * 2; i++)
        items[i] = postgres_cell_value(values, result, i / 2, i % 2);
    *rows = rift_value_box(values, RIFT_MAP, items, (size_t)count * 2);
    return 0;
}

static int list_read(struct postgres_transaction *t, const char *key, struct rift_value *value)
{
    const PGresult *result = NULL;
    if (postgres_run(t, "SELECT v FROM rift_lists WHERE k = $1", 1, &key, &result) != 0)
        return -1;
    *value = list_value(t->request->values, result);
    return 0;
}

static int list_append(struct postgres_transaction *t, const char *key, const char *element)
{
    const PGresult *result = NULL;
    CLEANUP(rift_free) char *more = rift_printf(",%s", element);
    return postgres_run(t,
                        "INSERT INTO rift_lists (k, v) VALUES ($1, $2) "
                        "ON CONFLICT (k) DO UPDATE SET v = rift_lists.v || excluded.v",
                        2, (const char *const[]){key, more}, &result);
}

/* A transaction that appends anywhere is about lists, and its reads are too; one that only reads is
 * about what the workload writes. */
static bool txn_is_about_lists(const struct rift_values *values, struct rift_value txn,
                               enum postgres_shape shape)
{
    for (size_t i = 0; i < rift_value_count(values, txn); i += 3) {
        const char *f = rift_value_as_text(values, rift_value_item(values, txn, i), NULL);
        if (strcmp(f, "r") != 0)
            return strcmp(f, "append") == 0;
    }
    return shape == POSTGRES_LIST;
}

static int micro_operation(struct postgres_transaction *t, bool is_list, struct rift_value items[3])
{
    struct rift_values *values = t->request->values;
    const char *f = rift_value_as_text(values, items[0], NULL);
    if (strcmp(f, "rp") == 0)
        return register_select(t, items[1], &items[2]);
    CLEANUP(rift_free) char *key = postgres_value_text(values, items[1]);
    if (strcmp(f, "r") == 0)
        return is_list ? list_read(t, key, &items[2]) : register_read(t, key, &items[2]);
    CLEANUP(rift_free) char *value = postgres_value_text(values, items[2]);
    return is_list ? list_append(t, key, value) : register_write(t, key, value);
}

static int transaction_body(struct postgres_transaction *t, bool is_list)
{
    struct rift_values *values = t->request->values;
    struct rift_value txn = t->request->argument;
    size_t count = rift_value_count(values, txn);
    CLEANUP(rift_free) struct rift_value *items = rift_calloc(count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = rift_value_item(values, txn, i);
    for (size_t i = 0; i < count; i += 3) {
        if (micro_operation(t, is_list, &items[i]) != 0)
            return -1;
    }
    t->answer->result = rift_value_box(values, RIFT_TXN, items, count);
    return 0;
}

static int read_elements(struct postgres_transaction *t, const char *key)
{
    const PGresult *result = NULL;
    if (postgres_run(t, "SELECT v FROM rift_elements WHERE k = $1", 1, &key, &result) != 0)
        return -1;
    int count = PQntuples(result);
    CLEANUP(rift_free) struct rift_value *items = rift_calloc((size_t)count, sizeof *items);
    for (int i = 0; i < count; i++)
        items[i] = postgres_cell_value(t->request->values, result, i, 0);
    t->answer->result = rift_value_box(t->request->values, RIFT_SET, items, (size_t)count);
    return 0;
}

static int read_counter(struct postgres_transaction *t, const char *key)
{
    const PGresult *result = NULL;
    if (postgres_run(t, "SELECT v FROM rift_counters WHERE k = $1", 1, &key, &result) != 0)
        return -1;
    t->answer->result = PQntuples(result) ? postgres_cell_value(t->request->values, result, 0, 0)
                                          : rift_value_integer(t->request->values, 0);
    return 0;
}

static int read_accounts(struct postgres_transaction *t)
{
    const PGresult *result = NULL;
    if (postgres_run(t, "SELECT id, balance FROM rift_accounts", 0, NULL, &result) != 0)
        return -1;
    int count = PQntuples(result);
    CLEANUP(rift_free) struct rift_value *items = rift_calloc((size_t)count * 2, sizeof *items);
    for (int i = 0; i < count * 2; i++)
        items[i] = postgres_cell_value(t->request->values, result, i / 2, i % 2);
    t->answer->result = rift_value_box(t->request->values, RIFT_MAP, items, (size_t)count * 2);
    return 0;
}

static int read_by_shape(struct postgres_transaction *t, enum postgres_shape shape, const char *key)
{
    switch (shape) {
    case POSTGRES_SET:
        return read_elements(t, key);
    case POSTGRES_COUNTER:
        return read_counter(t, key);
    case POSTGRES_BANK:
        return read_accounts(t);
    case POSTGRES_LIST:
        return list_read(t, key, &t->answer->result);
    case POSTGRES_REGISTER:
        break;
    }
    return register_read(t, key, &t->answer->result);
}

static int add(struct postgres_transaction *t, enum postgres_shape shape, const char *key)
{
    CLEANUP(rift_free) char *value = postgres_value_text(t->request->values, t->request->argument);
    const PGresult *result = NULL;
    const char *statement =
        shape == POSTGRES_COUNTER
            ? "INSERT INTO rift_counters (k, v) VALUES ($1, $2::bigint) "
              "ON CONFLICT (k) DO UPDATE SET v = rift_counters.v + excluded.v"
            : "INSERT INTO rift_elements (k, v) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    return postgres_run(t, statement, 2, (const char *const[]){key, value}, &result);
}

static int enqueue(struct postgres_transaction *t, const char *key)
{
    CLEANUP(rift_free) char *value = postgres_value_text(t->request->values, t->request->argument);
    const PGresult *result = NULL;
    return postgres_run(t, "INSERT INTO rift_queues (k, v) VALUES ($1, $2)", 2,
                        (const char *const[]){key, value}, &result);
}

/* First in, first out: dequeues come one after another. The table is locked before the
 * transaction's snapshot is taken, so it sees what the one before it left. */
static int dequeue_in_order(struct postgres_transaction *t, const char *key,
                            const PGresult **result)
{
    if (postgres_run(t, "LOCK TABLE rift_queues IN SHARE UPDATE EXCLUSIVE MODE", 0, NULL, result) !=
        0)
        return -1;
    return postgres_run(t,
                        "DELETE FROM rift_queues WHERE id = (SELECT id FROM rift_queues "
                        "WHERE k = $1 ORDER BY id LIMIT 1) RETURNING v",
                        1, &key, result);
}

/* Nobody waits: an element that another takes at this moment is passed over. If that one is rolled
 * back, the element comes out after those behind it: no queue. */
static int dequeue_past_others(struct postgres_transaction *t, const char *key,
                               const PGresult **result)
{
    return postgres_run(t,
                        "DELETE FROM rift_queues WHERE id = (SELECT id FROM rift_queues "
                        "WHERE k = $1 ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING v",
                        1, &key, result);
}

static int dequeue(struct postgres_transaction *t, bool is_in_order, const char *key)
{
    const PGresult *result = NULL;
    if ((is_in_order ? dequeue_in_order(t, key, &result) : dequeue_past_others(t, key, &result)) !=
        0)
        return -1;
    if (PQntuples(result) == 1) {
        t->answer->result = postgres_cell_value(t->request->values, result, 0, 0);
        return 0;
    }
    postgres_refuse(t, "empty");
    return -1;
}

static int generate(struct postgres_transaction *t)
{
    const PGresult *result = NULL;
    if (postgres_run(t, "SELECT nextval('rift_ids')", 0, NULL, &result) != 0)
        return -1;
    t->answer->result = postgres_cell_value(t->request->values, result, 0, 0);
    return 0;
}

/* A member of the transfer's map: from, to or amount. */
static struct rift_value transfer_member(const struct rift_request *request, const char *name)
{
    for (size_t i = 0; i + 1 < rift_value_count(request->values, request->argument); i += 2) {
        struct rift_value key = rift_value_item(request->values, request->argument, i);
        enum rift_value_kind kind = rift_value_kind(request->values, key);
        if ((kind == RIFT_KEYWORD || kind == RIFT_TEXT) &&
            strcmp(rift_value_as_text(request->values, key, NULL), name) == 0)
            return rift_value_item(request->values, request->argument, i + 1);
    }
    return RIFT_VALUE_NIL;
}

static int account_balance(struct postgres_transaction *t, const char *account, int64_t *balance)
{
    const PGresult *result = NULL;
    if (postgres_run(t, "SELECT balance FROM rift_accounts WHERE id = $1", 1, &account, &result) !=
        0)
        return -1;
    *balance = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    return 0;
}

static int account_set(struct postgres_transaction *t, const char *account, int64_t balance)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)balance);
    const PGresult *result = NULL;
    return postgres_run(t,
                        "INSERT INTO rift_accounts (id, balance) VALUES ($1, $2::bigint) "
                        "ON CONFLICT (id) DO UPDATE SET balance = excluded.balance",
                        2, (const char *const[]){account, text}, &result);
}

/* Reads both balances, computes, and writes both: it is up to the isolation level that nobody
 * changes them meanwhile. A transfer from nil is a deposit: how accounts begin. */
static int transfer(struct postgres_transaction *t)
{
    const struct rift_request *request = t->request;
    struct rift_value from = transfer_member(request, "from");
    int64_t amount = rift_value_as_integer(request->values, transfer_member(request, "amount"));
    CLEANUP(rift_free) char *source = postgres_value_text(request->values, from);
    CLEANUP(rift_free)
    char *target = postgres_value_text(request->values, transfer_member(request, "to"));
    int64_t source_balance = 0, target_balance = 0;
    if (!rift_value_is_nil(from)) {
        if (account_balance(t, source, &source_balance) != 0)
            return -1;
        if (source_balance < amount) {
            postgres_refuse(t, "insufficient funds");
            return -1;
        }
        if (account_set(t, source, source_balance - amount) != 0)
            return -1;
    }
    if (account_balance(t, target, &target_balance) != 0)
        return -1;
    return account_set(t, target, target_balance + amount);
}

static int run_body(struct postgres_transaction *t, const struct postgres_settings *settings,
                    struct log_positions *positions, const char *key)
{
    const struct rift_request *request = t->request;
    const char *f = request->f;
    if (strcmp(f, "txn") == 0)
        return transaction_body(
            t, txn_is_about_lists(request->values, request->argument, settings->shape));
    if (strcmp(f, "read") == 0)
        return read_by_shape(t, settings->shape, key);
    if (strcmp(f, "write") == 0) {
        CLEANUP(rift_free) char *value = postgres_value_text(request->values, request->argument);
        return is_probe(request) ? probe_write(t, key, value) : register_write(t, key, value);
    }
    if (strcmp(f, "cas") == 0)
        return register_cas(t, key);
    if (strcmp(f, "add") == 0)
        return add(t, settings->shape, key);
    if (strcmp(f, "enqueue") == 0)
        return enqueue(t, key);
    if (strcmp(f, "dequeue") == 0)
        return dequeue(t, settings->dequeues_in_order, key);
    if (strcmp(f, "transfer") == 0)
        return transfer(t);
    if (strcmp(f, "generate") == 0)
        return generate(t);
    if (strcmp(f, "send") == 0 || strcmp(f, "poll") == 0)
        return postgres_log(t, settings->offsets, positions);
    postgres_refuse(t, "statement refused");
    return -1;
}

/* What is no transaction; false where the request is one. */
static bool operate_outside(struct postgres_connection *connection, const char *key,
                            struct log_positions *positions, const struct rift_request *request,
                            struct rift_answer *answer)
{
    if (strcmp(request->f, "acquire") == 0) {
        postgres_acquire(connection, key, request, answer);
    } else if (strcmp(request->f, "release") == 0) {
        postgres_release(connection, key, request, answer);
    } else if (strcmp(request->f, "assign") == 0) {
        log_positions_assign(positions, request->values, request->argument);
        *answer = (struct rift_answer){.type = RIFT_OP_OK, .result = request->argument};
    } else {
        return false;
    }
    return true;
}

void postgres_operate(struct postgres_connection *connection,
                      const struct postgres_settings *settings, struct log_positions *positions,
                      const struct rift_request *request, struct rift_answer *answer)
{
    struct postgres_transaction t = {connection, request, answer, false};
    CLEANUP(rift_free) char *key = postgres_value_text(request->values, request->key);
    *answer = (struct rift_answer){.type = RIFT_OP_INFO};
    if (operate_outside(connection, key, positions, request, answer))
        return;
    answer->result = request->argument;
    bool is_recorded = settings->records_snapshots && strcmp(request->f, "txn") == 0;
    bool is_ok = postgres_begin(&t, settings->isolation) == 0 &&
                 (!is_recorded || postgres_record_snapshot(&t) == 0) &&
                 run_body(&t, settings, positions, key) == 0 &&
                 (!is_recorded || postgres_record_xid(&t) == 0) && postgres_commit(&t) == 0;
    if (!is_ok)
        answer->result = RIFT_VALUE_NIL;
    log_positions_settle(positions, is_ok);
}
