/* Messages to and from JSON; the meaning of each verb stands in the header. */
#include "common/wire/messages.h"

#include <stdio.h>
#include <string.h>

static const char *const code_words[] = {
    [RIFT_ERR_NONE] = "none",
    [RIFT_ERR_INVALID] = "invalid",
    [RIFT_ERR_IO] = "io",
    [RIFT_ERR_UNREACHABLE] = "unreachable",
    [RIFT_ERR_DENIED] = "denied",
    [RIFT_ERR_TIMEOUT] = "timeout",
    [RIFT_ERR_UNSUPPORTED] = "unsupported",
    [RIFT_ERR_CONFLICT] = "conflict",
    [RIFT_ERR_LIMIT] = "limit",
    [RIFT_ERR_MISSING] = "missing",
    [RIFT_ERR_CANCELLED] = "cancelled",
};

enum { CODE_COUNT = sizeof code_words / sizeof code_words[0] };

static enum rift_error_code message_code(const char *word)
{
    for (int i = 1; word && i < CODE_COUNT; i++)
        if (strcmp(word, code_words[i]) == 0)
            return (enum rift_error_code)i;
    return RIFT_ERR_IO; /* a code of a newer peer is still an error */
}

static int message_parse_request(const json_t *json, struct rift_message *message,
                                 struct rift_error *err)
{
    message->kind = RIFT_MESSAGE_REQUEST;
    message->verb = json_string_value(json_object_get(json, "verb"));
    message->body = json_object_get(json, "args");
    if (!message->verb)
        return rift_fail(err, RIFT_ERR_INVALID, "request %lld: 'verb' is not a text",
                         (long long)message->id);
    if (!json_is_object(message->body))
        return rift_fail(err, RIFT_ERR_INVALID, "request %lld: 'args' is not an object",
                         (long long)message->id);
    return 0;
}

static int message_parse_reply(const json_t *json, struct rift_message *message,
                               struct rift_error *err)
{
    message->kind = RIFT_MESSAGE_REPLY;
    message->body = json_object_get(json, "ok");
    const json_t *error = json_object_get(json, "error");
    if (json_is_object(message->body) && !error)
        return 0;
    message->body = NULL;
    if (!json_is_object(error))
        return rift_fail(err, RIFT_ERR_INVALID, "reply %lld has neither 'ok' nor 'error'",
                         (long long)message->id);
    const char *text = json_string_value(json_object_get(error, "text"));
    rift_fail(&message->error, message_code(json_string_value(json_object_get(error, "code"))),
              "%s", text ? text : "no reason given");
    return 0;
}

int rift_message_parse(const json_t *json, struct rift_message *message, struct rift_error *err)
{
    memset(message, 0, sizeof *message);
    const char *event = json_string_value(json_object_get(json, "event"));
    if (event) {
        message->kind = RIFT_MESSAGE_EVENT;
        message->verb = event;
        message->body = json;
        return 0;
    }
    const json_t *id = json_object_get(json, "id");
    if (!json_is_integer(id) || json_integer_value(id) < 1)
        return rift_fail(err, RIFT_ERR_INVALID, "a message needs an 'id' from 1, or an 'event'");
    message->id = json_integer_value(id);
    if (json_object_get(json, "verb"))
        return message_parse_request(json, message, err);
    return message_parse_reply(json, message, err);
}

json_t *rift_message_request(int64_t id, const char *verb, const json_t *args)
{
    return json_pack("{s:I, s:s, s:o}", "id", (json_int_t)id, "verb", verb, "args",
                     args ? json_incref((json_t *)args) : json_object());
}

json_t *rift_message_reply(int64_t id, const json_t *ok)
{
    return json_pack("{s:I, s:o}", "id", (json_int_t)id, "ok",
                     ok ? json_incref((json_t *)ok) : json_object());
}

json_t *rift_message_reply_error(int64_t id, const struct rift_error *error)
{
    /* Texts come from anywhere (paths, output of programs): what is no UTF-8 must not lose the
     * reply. */
    char text[RIFT_ERROR_TEXT_SIZE];
    snprintf(text, sizeof text, "%s", error->text);
    json_t *value = json_string(text);
    if (!value) {
        for (char *c = text; *c; c++)
            if ((unsigned char)*c >= 0x80)
                *c = '?';
        value = json_string(text);
    }
    return json_pack("{s:I, s:{s:s, s:o}}", "id", (json_int_t)id, "error", "code",
                     code_words[error->code], "text", value);
}
