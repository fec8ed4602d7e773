/* The client of etcd, over the JSON gateway of its v3 API (POST /v3/kv/range, put, txn; /v3/lease).
 *
 * A key of the workload is stored as prefix + run + its JSON text, a value as its JSON text, so
 * that any value that a workload has goes in and out. proto3's JSON leaves out what is false, 0 or
 * empty: a compare that failed has no "succeeded", an absent key no "kvs". */
#include "clients/etcd/etcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/etcd/errors.h"
#include "clients/etcd/lock.h"
#include "clients/etcd/log.h"
#include "clients/etcd/session.h"
#include "clients/etcd/watch.h"
#include "common/memory.h"
#include "common/text.h"

static void etcd_close(void *opaque)
{
    struct etcd_session *session = opaque;
    if (!session)
        return;
    etcd_locks_forget(session);
    log_positions_finish(&session->positions);
    log_positions_finish(&session->watched);
    etcd_http_destroy(session->http);
    etcd_login_finish(&session->login);
    free(session->key_prefix);
    free(session);
}

static int etcd_open(const struct rift_client_config *config, void **session,
                     struct rift_error *err)
{
    const json_t *options = config->options;
    const char *reads = json_string_value(json_object_get(options, "reads"));
    const char *prefix = json_string_value(json_object_get(options, "key_prefix"));
    json_int_t port = json_integer_value(json_object_get(options, "port"));
    bool is_ipv6 = strchr(config->address, ':') != NULL;
    const struct etcd_tls tls = {rift_client_text(options, "tls_ca"),
                                 rift_client_text(options, "tls_cert"),
                                 rift_client_text(options, "tls_key")};
    CLEANUP(rift_free)
    char *base = rift_printf("http%s://%s%s%s:%d", tls.ca[0] ? "s" : "", is_ipv6 ? "[" : "",
                             config->address, is_ipv6 ? "]" : "", (int)(port ? port : 2379));
    struct etcd_http *http = etcd_http_create(base, &tls, err);
    if (!http)
        return -1;
    struct etcd_session *opened = rift_calloc(1, sizeof *opened);
    opened->http = http;
    if (etcd_login_init(&opened->login, options, err) != 0) {
        etcd_close(opened);
        return -1;
    }
    opened->key_prefix =
        rift_printf("%s%s%s", prefix ? prefix : "", config->run_id, config->run_id[0] ? "/" : "");
    json_int_t lease_s = json_integer_value(json_object_get(options, "lease_s"));
    opened->lease_s = lease_s ? lease_s : 10;
    json_int_t watch_ms = json_integer_value(json_object_get(options, "watch_ms"));
    opened->watch_ms = watch_ms ? watch_ms : 200;
    opened->tells_revisions = json_is_true(json_object_get(options, "revisions"));
    opened->reads_locally = reads && strcmp(reads, "local") == 0;
    *session = opened;
    return 0;
}

static void etcd_read(struct etcd_session *session, const struct rift_request *request,
                      const char *key, struct rift_answer *answer)
{
    CLEANUP(rift_free)
    char *body = rift_printf("{\"key\":\"%s\"%s}", key,
                             session->reads_locally ? ",\"serializable\":true" : "");
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/range", body, ETCD_HTTP_READS, answer);
    if (!json)
        return;
    const json_t *pairs = json_object_get(json, "kvs");
    answer->result = RIFT_VALUE_NIL;
    if (json_array_size(pairs) > 1 ||
        (json_array_size(pairs) == 1 &&
         etcd_decode_value(request->values, json_array_get(pairs, 0), &answer->result) != 0)) {
        etcd_end(answer, "broken answer", ETCD_HTTP_READS);
        return;
    }
    answer->type = RIFT_OP_OK;
}

static void etcd_write(struct etcd_session *session, const struct rift_request *request,
                       const char *key, struct rift_answer *answer)
{
    CLEANUP(rift_free) char *value = etcd_encode_value(request->values, request->argument);
    CLEANUP(rift_free)
    char *body = rift_printf("{\"key\":\"%s\",\"value\":\"%s\"}", key, value);
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/put", body, ETCD_HTTP_CHANGES, answer);
    if (!json)
        return;
    answer->type = RIFT_OP_OK;
    answer->result = request->argument;
    if (!session->tells_revisions)
        return;
    int64_t revision = etcd_integer(json_object_get(json, "header"), "revision");
    struct rift_value pair[] = {rift_value_integer(request->values, revision), request->argument};
    answer->result = rift_value_box(request->values, RIFT_LIST, pair, 2);
}

static void etcd_cas(struct etcd_session *session, const struct rift_request *request,
                     const char *key, struct rift_answer *answer)
{
    struct rift_value from = rift_value_item(request->values, request->argument, 0);
    struct rift_value to = rift_value_item(request->values, request->argument, 1);
    CLEANUP(rift_free) char *old = etcd_encode_value(request->values, from);
    CLEANUP(rift_free) char *new = etcd_encode_value(request->values, to);
    CLEANUP(rift_free)
    char *compare = rift_value_is_nil(from)
                        ? rift_printf("\"target\":\"VERSION\",\"version\":\"0\"")
                        : rift_printf("\"target\":\"VALUE\",\"value\":\"%s\"", old);
    CLEANUP(rift_free)
    char *body = rift_printf("{\"compare\":[{\"key\":\"%s\",\"result\":\"EQUAL\",%s}],"
                             "\"success\":[{\"request_put\":{\"key\":\"%s\",\"value\":\"%s\"}}]}",
                             key, compare, key, new);
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/txn", body, ETCD_HTTP_CHANGES, answer);
    if (!json)
        return;
    if (!json_is_true(json_object_get(json, "succeeded"))) {
        etcd_end(answer, "compare failed", ETCD_HTTP_CHANGES);
    } else {
        answer->type = RIFT_OP_OK;
        answer->result = request->argument;
    }
}

/* etcd's revisions rise with every change and are never used twice. */
static void etcd_generate(struct etcd_session *session, const struct rift_request *request,
                          const char *key, struct rift_answer *answer)
{
    CLEANUP(rift_free) char *body = rift_printf("{\"key\":\"%s\"}", key);
    CLEANUP(etcd_json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/put", body, ETCD_HTTP_CHANGES, answer);
    if (!json)
        return;
    answer->type = RIFT_OP_OK;
    answer->result = rift_value_integer(request->values,
                                        etcd_integer(json_object_get(json, "header"), "revision"));
}

static void etcd_assign(struct etcd_session *session, const struct rift_request *request,
                        const char *key, struct rift_answer *answer)
{
    (void)key;
    log_positions_assign(&session->positions, request->values, request->argument);
    answer->type = RIFT_OP_OK;
    answer->result = request->argument;
}

static const struct {
    const char *f;
    const char *room; /* stands in front of its keys: a lock is no register */
    void (*run)(struct etcd_session *session, const struct rift_request *request, const char *key,
                struct rift_answer *answer);
} etcd_table[] = {
    {"read", "", etcd_read},
    {"write", "", etcd_write},
    {"cas", "", etcd_cas},
    {"generate", "ids/", etcd_generate},
    {"acquire", "locks/", etcd_acquire},
    {"release", "locks/", etcd_release},
    {"send", "log/", etcd_send},
    {"poll", "log/", etcd_poll},
    {"assign", "", etcd_assign},
    {"watch", "", etcd_watch},
};

static void etcd_invoke(void *opaque, const struct rift_request *request,
                        struct rift_answer *answer)
{
    struct etcd_session *session = opaque;
    CLEANUP(rift_free) char *text = etcd_json_text(request->values, request->key);
    for (size_t i = 0; i < sizeof etcd_table / sizeof *etcd_table; i++) {
        if (strcmp(request->f, etcd_table[i].f) != 0)
            continue;
        CLEANUP(rift_free) char *key = etcd_encode_key(session, etcd_table[i].room, text, "");
        etcd_table[i].run(session, request, key, answer);
        return;
    }
    etcd_end(answer, "invalid request", ETCD_HTTP_READS);
}

static const char *const etcd_reads[] = {"linearizable", "local", NULL};

static const struct rift_option etcd_options[] = {
    {.name = "port",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "2379",
     .minimum = 1,
     .maximum = 65535,
     .summary = "client port of every node"},
    {.name = "reads",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "linearizable",
     .choices = etcd_reads,
     .summary = "local: serializable reads, answered by the node from what it has"},
    {.name = "key_prefix",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "rift/",
     .summary = "stands in front of every key, before the run and the key itself"},
    {.name = "lease_s",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "s",
     .fallback = "10",
     .minimum = 1,
     .maximum = 86400,
     .summary = "a lock that is held longer is lost, as nothing renews its lease"},
    {.name = "user",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "",
     .summary = "user of etcd, for a cluster with authentication"},
    {.name = "password_file",
     .kind = RIFT_OPTION_FILE,
     .unit = "",
     .fallback = "",
     .summary = "file whose first line is the user's password, which only its owner may read"},
    {.name = "tls_ca",
     .kind = RIFT_OPTION_FILE,
     .unit = "",
     .fallback = "",
     .summary = "file (PEM) that the nodes' certificates are checked by; with it https is spoken"},
    {.name = "tls_cert",
     .kind = RIFT_OPTION_FILE,
     .unit = "",
     .fallback = "",
     .summary = "file (PEM) with the client's own certificate"},
    {.name = "tls_key",
     .kind = RIFT_OPTION_FILE,
     .unit = "",
     .fallback = "",
     .summary = "file (PEM) with its private key, which only its owner may read"},
    {.name = "watch_ms",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "ms",
     .fallback = "200",
     .minimum = 1,
     .maximum = 1e6,
     .summary = "length of a watch"},
    {.name = "revisions",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "a write answers [revision value]; the workload watch sets it"},
    {.name = NULL},
};

static const char *const etcd_operations[] = {"read",    "write",   "cas",  "generate",
                                              "acquire", "release", "send", "poll",
                                              "assign",  "watch",   NULL};

const struct rift_client rift_client_etcd = {
    .name = "etcd",
    .summary = "etcd's v3 API over its JSON gateway",
    .options = etcd_options,
    .operations = etcd_operations,
    .errors = etcd_errors,
    .open = etcd_open,
    .invoke = etcd_invoke,
    .close = etcd_close,
};
