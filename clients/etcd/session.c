#include "clients/etcd/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/etcd/base64.h"
#include "clients/etcd/errors.h"
#include "common/memory.h"
#include "common/text.h"

static void end_with(struct rift_answer *answer, const struct rift_client_error *error,
                     enum etcd_http_effect effect)
{
    /* A read that brought nothing back cannot have had an effect either. */
    answer->type = error->is_definite || effect == ETCD_HTTP_READS ? RIFT_OP_FAIL : RIFT_OP_INFO;
    snprintf(answer->error, sizeof answer->error, "%s", error->code);
}

void etcd_end(struct rift_answer *answer, const char *error, enum etcd_http_effect effect)
{
    end_with(answer, etcd_error_named(error), effect);
}

json_t *etcd_call(struct etcd_session *session, const struct rift_request *request,
                  const char *path, const char *body, enum etcd_http_effect effect,
                  struct rift_answer *answer)
{
    const struct rift_text *text = NULL;
    long status = 0;
    enum etcd_http_outcome outcome =
        etcd_http_post(session->http, path, body, effect, request->deadline_ns, &text, &status);
    const struct rift_client_error *error = etcd_error_of_outcome(outcome);
    if (error) {
        end_with(answer, error, effect);
        return NULL;
    }
    json_t *json = json_loadb(text->data ? text->data : "", text->length, 0, NULL);
    if (status == 200 && json_object_get(json, "header"))
        return json;
    if (status == 200)
        etcd_end(answer, "broken answer", effect);
    else
        end_with(answer, etcd_error_of_answer(status, json), effect);
    json_decref(json);
    return NULL;
}

const struct rift_text *etcd_listen(struct etcd_session *session, const char *path,
                                    const char *body, int64_t deadline_ns,
                                    struct rift_answer *answer)
{
    const struct rift_text *text = NULL;
    long status = 0;
    enum etcd_http_outcome outcome =
        etcd_http_listen(session->http, path, body, deadline_ns, &text, &status);
    const struct rift_client_error *error = etcd_error_of_outcome(outcome);
    if (!error && status != 200) {
        CLEANUP(etcd_json_release)
        json_t *json = json_loadb(text->data ? text->data : "", text->length, 0, NULL);
        error = etcd_error_of_answer(status, json);
    }
    if (error)
        end_with(answer, error, ETCD_HTTP_READS);
    return error ? NULL : text;
}

int64_t etcd_integer(const json_t *object, const char *member)
{
    const char *digits = json_string_value(json_object_get(object, member));
    return digits ? strtoll(digits, NULL, 10) : 0;
}

static char *base64_of(const void *bytes, size_t length)
{
    struct rift_text text = {0};
    etcd_base64_encode(&text, bytes, length);
    return rift_text_take(&text);
}

char *etcd_json_text(const struct rift_values *values, struct rift_value value)
{
    json_t *json = rift_value_to_json(values, value);
    char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(json);
    return text;
}

char *etcd_encode_value(const struct rift_values *values, struct rift_value value)
{
    CLEANUP(rift_free) char *text = etcd_json_text(values, value);
    return base64_of(text, strlen(text));
}

char *etcd_encode_key(const struct etcd_session *session, const char *room, const char *key_json,
                      const char *rest)
{
    CLEANUP(rift_free)
    char *key = rift_printf("%s%s%s%s", session->key_prefix, room, key_json, rest);
    return base64_of(key, strlen(key));
}

int etcd_decode_value(struct rift_values *values, const json_t *pair, struct rift_value *value)
{
    const json_t *encoded = json_object_get(pair, "value");
    if (!json_is_string(encoded))
        return -1;
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    if (!etcd_base64_decode(&text, json_string_value(encoded), json_string_length(encoded)))
        return -1;
    CLEANUP(etcd_json_release)
    json_t *json = json_loadb(text.data ? text.data : "", text.length, JSON_DECODE_ANY, NULL);
    return json ? rift_value_from_json(values, json, value, NULL) : -1;
}
