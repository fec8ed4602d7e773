#include "clients/postgres/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/postgres/cells.h"
#include "common/memory.h"

static int send(struct postgres_transaction *t, enum postgres_offsets offsets,
                struct rift_value items[3])
{
    struct rift_values *values = t->request->values;
    CLEANUP(rift_free) char *key = postgres_value_text(values, items[1]);
    CLEANUP(rift_free) char *value = postgres_value_text(values, items[2]);
    const PGresult *result = NULL;
    const char *statement =
        offsets == POSTGRES_OFFSETS_SEQUENCE
            ? "INSERT INTO rift_log (k, o, v) VALUES ($1, nextval('rift_offsets'), $2) RETURNING o"
            : "WITH next AS (INSERT INTO rift_partitions (k, o) VALUES ($1, 0) "
              "ON CONFLICT (k) DO UPDATE SET o = rift_partitions.o + 1 RETURNING o) "
              "INSERT INTO rift_log (k, o, v) SELECT $1, o, $2 FROM next RETURNING o";
    if (postgres_run(t, statement, 2, (const char *const[]){key, value}, &result) != 0)
        return -1;
    struct rift_value pair[] = {postgres_cell_value(values, result, 0, 0), items[2]};
    items[2] = rift_value_box(values, RIFT_PAIR, pair, 2);
    return 0;
}

/* What stands in one partition behind its position. */
static int poll_partition(struct postgres_transaction *t, struct log_position *position,
                          struct rift_value *messages)
{
    struct rift_values *values = t->request->values;
    char after[24], most[24];
    snprintf(after, sizeof after, "%lld", (long long)position->pending);
    snprintf(most, sizeof most, "%d", LOG_POLL_MAX);
    const PGresult *result = NULL;
    if (postgres_run(t,
                     "SELECT o, v FROM rift_log WHERE k = $1 AND o > $2::bigint ORDER BY o "
                     "LIMIT $3::bigint",
                     3, (const char *const[]){position->key, after, most}, &result) != 0)
        return -1;
    size_t count = (size_t)PQntuples(result);
    CLEANUP(rift_free) struct rift_value *items = rift_calloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        struct rift_value pair[] = {postgres_cell_value(values, result, (int)i, 0),
                                    postgres_cell_value(values, result, (int)i, 1)};
        position->pending = rift_value_as_integer(values, pair[0]);
        items[i] = rift_value_box(values, RIFT_PAIR, pair, 2);
    }
    *messages = rift_value_box(values, RIFT_LIST, items, count);
    return 0;
}

static int poll(struct postgres_transaction *t, struct log_positions *positions,
                struct rift_value *answer)
{
    struct rift_values *values = t->request->values;
    CLEANUP(rift_free)
    struct rift_value *items = rift_calloc(2 * positions->count + 1, sizeof *items);
    for (size_t i = 0; i < positions->count; i++) {
        json_t *key = json_loads(positions->items[i].key, JSON_DECODE_ANY, NULL);
        rift_value_from_json(values, key, &items[2 * i], NULL);
        json_decref(key);
        if (poll_partition(t, &positions->items[i], &items[2 * i + 1]) != 0)
            return -1;
    }
    *answer = rift_value_box(values, RIFT_MAP, items, 2 * positions->count);
    return 0;
}

int postgres_log(struct postgres_transaction *t, enum postgres_offsets offsets,
                 struct log_positions *positions)
{
    struct rift_values *values = t->request->values;
    struct rift_value argument = t->request->argument;
    size_t count = rift_value_count(values, argument);
    CLEANUP(rift_free) struct rift_value *items = rift_calloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = rift_value_item(values, argument, i);
    for (size_t i = 0; i + 3 <= count; i += 3) {
        bool is_send = rift_value_is_word(values, items[i], "send");
        if ((is_send ? send(t, offsets, &items[i]) : poll(t, positions, &items[i + 2])) != 0)
            return -1;
    }
    t->answer->result = rift_value_box(values, RIFT_TXN, items, count);
    return 0;
}
