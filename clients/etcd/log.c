#include "clients/etcd/log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/memory.h"

/* The message v of partition k is the key log/k/v, for values are unique. A partition ends before
 * log/k0, as '0' follows '/'. */
void etcd_send(struct etcd_session *session, const struct rift_request *request, const char *key,
               struct rift_answer *answer)
{
    (void)key;
    struct rift_values *values = request->values;
    if (rift_value_count(values, request->argument) != 3) {
        etcd_end(answer, "invalid request", ETCD_HTTP_READS);
        return;
    }
    struct rift_value items[3];
    for (size_t i = 0; i < 3; i++)
        items[i] = rift_value_item(values, request->argument, i);
    CLEANUP(rift_free) char *partition = etcd_json_text(values, items[1]);
    CLEANUP(rift_free) char *message = etcd_json_text(values, items[2]);
    CLEANUP(rift_free) char *rest = rift_printf("/%s", message);
    CLEANUP(rift_free) char *name = etcd_encode_key(session, "log/", partition, rest);
    CLEANUP(rift_free) char *value = etcd_encode_value(values, items[2]);
    CLEANUP(rift_free)
    char *body = rift_printf("{\"key\":\"%s\",\"value\":\"%s\"}", name, value);
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/put", body, ETCD_HTTP_CHANGES, answer);
    if (!json)
        return;
    int64_t revision = etcd_integer(json_object_get(json, "header"), "revision");
    struct rift_value pair[] = {rift_value_integer(values, revision), items[2]};
    items[2] = rift_value_box(values, RIFT_PAIR, pair, 2);
    answer->type = RIFT_OP_OK;
    answer->result = rift_value_box(values, RIFT_TXN, items, 3);
}

/* 0, or -1 after it has ended the operation. */
static int poll_partition(struct etcd_session *session, const struct rift_request *request,
                          struct log_position *position, struct rift_value *messages,
                          struct rift_answer *answer)
{
    struct rift_values *values = request->values;
    CLEANUP(rift_free) char *from = etcd_encode_key(session, "log/", position->key, "/");
    CLEANUP(rift_free) char *to = etcd_encode_key(session, "log/", position->key, "0");
    CLEANUP(rift_free)
    char *body =
        rift_printf("{\"key\":\"%s\",\"range_end\":\"%s\",\"min_create_revision\":\"%" PRId64
                    "\",\"sort_order\":\"ASCEND\",\"sort_target\":\"CREATE\","
                    "\"limit\":\"%d\"%s}",
                    from, to, position->pending + 1, LOG_POLL_MAX,
                    session->reads_locally ? ",\"serializable\":true" : "");
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/range", body, ETCD_HTTP_READS, answer);
    if (!json)
        return -1;
    const json_t *pairs = json_object_get(json, "kvs");
    size_t count = json_array_size(pairs);
    CLEANUP(rift_free) struct rift_value *items = rift_calloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const json_t *stored = json_array_get(pairs, i);
        int64_t revision = etcd_integer(stored, "create_revision");
        struct rift_value pair[] = {rift_value_integer(values, revision), RIFT_VALUE_NIL};
        if (revision <= position->pending || etcd_decode_value(values, stored, &pair[1]) != 0) {
            etcd_end(answer, "broken answer", ETCD_HTTP_READS);
            return -1;
        }
        position->pending = revision;
        items[i] = rift_value_box(values, RIFT_PAIR, pair, 2);
    }
    *messages = rift_value_box(values, RIFT_LIST, items, count);
    return 0;
}

void etcd_poll(struct etcd_session *session, const struct rift_request *request, const char *key,
               struct rift_answer *answer)
{
    (void)key;
    struct rift_values *values = request->values;
    struct log_positions *positions = &session->positions;
    if (rift_value_count(values, request->argument) != 3) {
        etcd_end(answer, "invalid request", ETCD_HTTP_READS);
        return;
    }
    CLEANUP(rift_free)
    struct rift_value *items = rift_calloc(2 * positions->count + 1, sizeof *items);
    bool is_ok = true;
    for (size_t i = 0; i < positions->count && is_ok; i++) {
        json_t *name = json_loads(positions->items[i].key, JSON_DECODE_ANY, NULL);
        rift_value_from_json(values, name, &items[2 * i], NULL);
        json_decref(name);
        is_ok =
            poll_partition(session, request, &positions->items[i], &items[2 * i + 1], answer) == 0;
    }
    log_positions_settle(positions, is_ok);
    if (!is_ok)
        return;
    struct rift_value polled[] = {rift_value_item(values, request->argument, 0), RIFT_VALUE_NIL,
                                  rift_value_box(values, RIFT_MAP, items, 2 * positions->count)};
    answer->type = RIFT_OP_OK;
    answer->result = rift_value_box(values, RIFT_TXN, polled, 3);
}
