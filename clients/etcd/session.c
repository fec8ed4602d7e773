#include "clients/etcd/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/etcd/errors.h"
#include "common/base64.h"
#include "common/clock.h"
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

/* A stream is refused in its first message, with status 200. What keys and values are is in base64,
 * and cannot be taken for these words. */
static bool is_token_refused(const struct rift_client_error *error, const struct rift_text *text)
{
    return error ? strcmp(error->code, "token refused") == 0
                 : text->data && strstr(text->data, "invalid auth token");
}

/* One request, logged in: a whole answer, or with for_ns one that goes on so long. NULL with *text,
 * or the row of its error. */
static const struct rift_client_error *ask(struct etcd_session *session,
                                           const struct rift_request *request, const char *path,
                                           const char *body, enum etcd_http_effect effect,
                                           int64_t for_ns, const struct rift_text **text)
{
    long status = 0;
    const struct rift_client_error *error =
        etcd_log_in(&session->login, session->http, request->deadline_ns);
    if (error)
        return error;
    int64_t until_ns = rift_clock_now() + for_ns;
    if (for_ns == 0 || until_ns > request->deadline_ns)
        until_ns = request->deadline_ns;
    enum etcd_http_outcome outcome =
        for_ns == 0 ? etcd_http_post(session->http, path, body, effect, until_ns, text, &status)
                    : etcd_http_listen(session->http, path, body, until_ns, text, &status);
    if (outcome != ETCD_HTTP_ANSWERED || status == 200)
        return etcd_error_of_outcome(outcome);
    return etcd_error_of_answer(status, *text);
}

/* The text of an answer with status 200, valid until the next call; NULL after it has ended the
 * operation. A request whose token is refused was not carried out: it is sent again, once, with a
 * new one. */
static const struct rift_text *ask_with_token(struct etcd_session *session,
                                              const struct rift_request *request, const char *path,
                                              const char *body, enum etcd_http_effect effect,
                                              int64_t for_ns, struct rift_answer *answer)
{
    const struct rift_text *text = NULL;
    const struct rift_client_error *error =
        ask(session, request, path, body, effect, for_ns, &text);
    if (is_token_refused(error, text) && etcd_login_expire(&session->login)) {
        error = ask(session, request, path, body, effect, for_ns, &text);
        if (is_token_refused(error, text))
            etcd_login_expire(&session->login);
    }
    if (error)
        end_with(answer, error, effect);
    return error ? NULL : text;
}

json_t *etcd_call(struct etcd_session *session, const struct rift_request *request,
                  const char *path, const char *body, enum etcd_http_effect effect,
                  struct rift_answer *answer)
{
    const struct rift_text *text = ask_with_token(session, request, path, body, effect, 0, answer);
    if (!text)
        return NULL;
    json_t *json = json_loadb(text->data ? text->data : "", text->length, 0, NULL);
    if (json_object_get(json, "header"))
        return json;
    etcd_end(answer, "broken answer", effect);
    json_decref(json);
    return NULL;
}

const struct rift_text *etcd_listen(struct etcd_session *session,
                                    const struct rift_request *request, const char *path,
                                    const char *body, int64_t for_ns, struct rift_answer *answer)
{
    return ask_with_token(session, request, path, body, ETCD_HTTP_READS, for_ns, answer);
}

int64_t etcd_integer(const json_t *object, const char *member)
{
    const char *digits = json_string_value(json_object_get(object, member));
    return digits ? strtoll(digits, NULL, 10) : 0;
}

static char *base64_of(const void *bytes, size_t length)
{
    struct rift_text text = {0};
    rift_base64_encode(&text, bytes, length);
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
    if (!rift_base64_decode(&text, json_string_value(encoded), json_string_length(encoded)))
        return -1;
    CLEANUP(etcd_json_release)
    json_t *json = json_loadb(text.data ? text.data : "", text.length, JSON_DECODE_ANY, NULL);
    return json ? rift_value_from_json(values, json, value, NULL) : -1;
}
