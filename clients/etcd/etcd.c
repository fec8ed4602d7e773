/* The client of etcd, over the JSON gateway of its v3 API (POST /v3/kv/range, put, txn).
 *
 * A key of the workload is stored as prefix + run + its JSON text, a value as its JSON text, so
 * that any value that a workload has goes in and out. proto3's JSON leaves out what is false, 0 or
 * empty: a compare that failed has no "succeeded", an absent key no "kvs". */
#include "clients/etcd/etcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/etcd/base64.h"
#include "clients/etcd/errors.h"
#include "clients/etcd/http.h"
#include "common/memory.h"
#include "common/text.h"

struct etcd_session {
    struct etcd_http *http;
    char *key_prefix; /* with the run in it */
    bool reads_locally;
};

static void json_release(json_t **json)
{
    json_decref(*json);
}

static void etcd_close(void *opaque)
{
    struct etcd_session *session = opaque;
    if (!session)
        return;
    etcd_http_destroy(session->http);
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
    CLEANUP(rift_free)
    char *base = rift_printf("http://%s%s%s:%d", is_ipv6 ? "[" : "", config->address,
                             is_ipv6 ? "]" : "", (int)(port ? port : 2379));
    struct etcd_http *http = etcd_http_create(base, err);
    if (!http)
        return -1;
    struct etcd_session *opened = rift_calloc(1, sizeof *opened);
    opened->http = http;
    opened->key_prefix =
        rift_printf("%s%s%s", prefix ? prefix : "", config->run_id, config->run_id[0] ? "/" : "");
    opened->reads_locally = reads && strcmp(reads, "local") == 0;
    *session = opened;
    return 0;
}

static char *etcd_base64_of(const void *bytes, size_t length)
{
    struct rift_text text = {0};
    etcd_base64_encode(&text, bytes, length);
    return rift_text_take(&text);
}

static char *etcd_encode_value(const struct rift_values *values, struct rift_value value)
{
    json_t *json = rift_value_to_json(values, value);
    char *dump = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    char *encoded = etcd_base64_of(dump, strlen(dump));
    free(dump);
    json_decref(json);
    return encoded;
}

static char *etcd_encode_key(const struct etcd_session *session, const struct rift_request *request)
{
    json_t *json = rift_value_to_json(request->values, request->key);
    char *dump = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    char *key = rift_printf("%s%s", session->key_prefix, dump);
    char *encoded = etcd_base64_of(key, strlen(key));
    free(key);
    free(dump);
    json_decref(json);
    return encoded;
}

static void etcd_end(struct rift_answer *answer, const struct rift_client_error *error,
                     enum etcd_http_effect effect)
{
    /* A read that brought nothing back cannot have had an effect either. */
    answer->type = error->is_definite || effect == ETCD_HTTP_READS ? RIFT_OP_FAIL : RIFT_OP_INFO;
    snprintf(answer->error, sizeof answer->error, "%s", error->code);
}

/* The JSON of an answer with status 200; NULL after it has ended the operation with the error. */
static json_t *etcd_call(struct etcd_session *session, const struct rift_request *request,
                         const char *path, const char *body, enum etcd_http_effect effect,
                         struct rift_answer *answer)
{
    const struct rift_text *text = NULL;
    long status = 0;
    enum etcd_http_outcome outcome =
        etcd_http_post(session->http, path, body, effect, request->deadline_ns, &text, &status);
    const struct rift_client_error *error = etcd_error_of_outcome(outcome);
    if (error) {
        etcd_end(answer, error, effect);
        return NULL;
    }
    json_t *json = json_loadb(text->data ? text->data : "", text->length, 0, NULL);
    if (status == 200 && json_is_object(json))
        return json;
    etcd_end(answer, etcd_error_of_answer(status, json), effect);
    json_decref(json);
    return NULL;
}

/* The value of the only pair in "kvs"; -1 where it is not what etcd_encode_value writes. */
static int etcd_decode_pair(struct rift_values *values, const json_t *pair,
                            struct rift_value *value)
{
    const json_t *encoded = json_object_get(pair, "value");
    if (!json_is_string(encoded))
        return -1;
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    if (!etcd_base64_decode(&text, json_string_value(encoded), json_string_length(encoded)))
        return -1;
    CLEANUP(json_release)
    json_t *json = json_loadb(text.data ? text.data : "", text.length, JSON_DECODE_ANY, NULL);
    return json ? rift_value_from_json(values, json, value, NULL) : -1;
}

static void etcd_read(struct etcd_session *session, const struct rift_request *request,
                      const char *key, struct rift_answer *answer)
{
    CLEANUP(rift_free)
    char *body = rift_printf("{\"key\":\"%s\"%s}", key,
                             session->reads_locally ? ",\"serializable\":true" : "");
    CLEANUP(json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/range", body, ETCD_HTTP_READS, answer);
    if (!json)
        return;
    const json_t *pairs = json_object_get(json, "kvs");
    answer->result = RIFT_VALUE_NIL;
    if (!json_object_get(json, "header") || json_array_size(pairs) > 1 ||
        (json_array_size(pairs) == 1 &&
         etcd_decode_pair(request->values, json_array_get(pairs, 0), &answer->result) != 0)) {
        etcd_end(answer, etcd_error_named("broken answer"), ETCD_HTTP_READS);
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
    CLEANUP(json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/put", body, ETCD_HTTP_CHANGES, answer);
    if (!json)
        return;
    if (!json_object_get(json, "header")) {
        etcd_end(answer, etcd_error_named("broken answer"), ETCD_HTTP_CHANGES);
        return;
    }
    answer->type = RIFT_OP_OK;
    answer->result = request->argument;
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
    CLEANUP(json_release)
    json_t *json = etcd_call(session, request, "/v3/kv/txn", body, ETCD_HTTP_CHANGES, answer);
    if (!json)
        return;
    if (!json_object_get(json, "header")) {
        etcd_end(answer, etcd_error_named("broken answer"), ETCD_HTTP_CHANGES);
    } else if (!json_is_true(json_object_get(json, "succeeded"))) {
        etcd_end(answer, etcd_error_named("compare failed"), ETCD_HTTP_CHANGES);
    } else {
        answer->type = RIFT_OP_OK;
        answer->result = request->argument;
    }
}

static void etcd_invoke(void *opaque, const struct rift_request *request,
                        struct rift_answer *answer)
{
    struct etcd_session *session = opaque;
    CLEANUP(rift_free) char *key = etcd_encode_key(session, request);
    if (strcmp(request->f, "read") == 0)
        etcd_read(session, request, key, answer);
    else if (strcmp(request->f, "write") == 0)
        etcd_write(session, request, key, answer);
    else
        etcd_cas(session, request, key, answer);
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
    {.name = NULL},
};

static const char *const etcd_operations[] = {"read", "write", "cas", NULL};

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
