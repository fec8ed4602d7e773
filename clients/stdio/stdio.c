/* The client that is any program: it speaks JSON lines on its stdin and stdout.
 *
 * One program for each session. docs/writing-a-client.md describes the lines. A program that ends,
 * answers nonsense or is late has its operation end as info and is replaced by a fresh one. */
#include "clients/stdio/stdio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/stdio/program.h"
#include "common/clock.h"
#include "common/memory.h"

enum { STDIO_ARGUMENTS_MAX = 64 };

struct stdio_session {
    struct stdio_program *program;
    json_int_t next_id;
};

static const struct rift_client_error stdio_errors[] = {
    {"timeout", false, "the program did not answer by the deadline"},
    {"program ended", false, "the program ended, or closed its stdin or stdout"},
    {"broken answer", false, "the answer is not a line of the protocol"},
    {NULL, false, NULL},
};

static const char *stdio_outcome_code(enum stdio_outcome outcome)
{
    switch (outcome) {
    case STDIO_TIMEOUT:
        return "timeout";
    case STDIO_ENDED:
        return "program ended";
    case STDIO_TOO_LONG:
    case STDIO_DONE:
        break;
    }
    return "broken answer";
}

/* Sends one line (message is consumed) and waits for the answer with its id. NULL: *code says why.
 */
static json_t *stdio_exchange(struct stdio_session *session, json_t *message, int64_t deadline_ns,
                              const char **code)
{
    json_int_t id = session->next_id++;
    json_object_set_new(message, "id", json_integer(id));
    CLEANUP(rift_free) char *line = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    const char *received = NULL;
    enum stdio_outcome outcome =
        line ? stdio_program_send(session->program, line, deadline_ns) : STDIO_TOO_LONG;
    if (outcome == STDIO_DONE)
        outcome = stdio_program_receive(session->program, deadline_ns, &received);
    if (outcome != STDIO_DONE) {
        *code = stdio_outcome_code(outcome);
        return NULL;
    }
    json_t *answer = json_loads(received, 0, NULL);
    const json_t *answered = json_object_get(answer, "id");
    if (json_is_integer(answered) && json_integer_value(answered) == id)
        return answer;
    json_decref(answer);
    *code = "broken answer";
    return NULL;
}

static int stdio_read_command(const json_t *options, const char *argv[STDIO_ARGUMENTS_MAX + 1],
                              struct rift_error *err)
{
    const json_t *command = json_object_get(options, "command");
    if (json_is_string(command)) {
        argv[0] = json_string_value(command);
        argv[1] = NULL;
        return 0;
    }
    size_t count = json_array_size(command);
    if (count == 0 || count > STDIO_ARGUMENTS_MAX)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "command must be a program, or a list of it and at most %d arguments",
                         STDIO_ARGUMENTS_MAX - 1);
    for (size_t i = 0; i < count; i++) {
        argv[i] = json_string_value(json_array_get(command, i));
        if (!argv[i])
            return rift_fail(err, RIFT_ERR_INVALID, "command: item %zu is not a text", i + 1);
    }
    argv[count] = NULL;
    return 0;
}

static int stdio_greet(struct stdio_session *session, const struct rift_client_config *config,
                       struct rift_error *err)
{
    json_t *addresses = json_array();
    for (size_t i = 0; config->all_addresses && config->all_addresses[i]; i++)
        json_array_append_new(addresses, json_string(config->all_addresses[i]));
    json_t *hello = json_pack("{s:s, s:s, s:s, s:o, s:s, s:O}", "op", "open", "node", config->node,
                              "address", config->address, "addresses", addresses, "run",
                              config->run_id, "options", config->options);
    const char *code = NULL;
    json_t *answer = stdio_exchange(session, hello, config->open_deadline_ns, &code);
    if (!answer)
        return rift_fail(err, RIFT_ERR_UNREACHABLE,
                         "%s while it was asked to open; what it wrote to stderr is in rift.log",
                         code);
    const char *type = json_string_value(json_object_get(answer, "type"));
    const char *why = json_string_value(json_object_get(answer, "error"));
    int result = 0;
    if (!type || strcmp(type, "ok") != 0)
        result = rift_fail(err, RIFT_ERR_UNREACHABLE, "it cannot open: %s",
                           why ? why : "it does not say why");
    json_decref(answer);
    return result;
}

static void stdio_close(void *opaque)
{
    struct stdio_session *session = opaque;
    if (!session)
        return;
    stdio_program_end(session->program);
    free(session);
}

static int stdio_open(const struct rift_client_config *config, void **session,
                      struct rift_error *err)
{
    const char *argv[STDIO_ARGUMENTS_MAX + 1];
    if (stdio_read_command(config->options, argv, err) != 0)
        return -1;
    CLEANUP(rift_free) char *label = rift_printf("%s for %s", argv[0], config->node);
    struct stdio_program *program = stdio_program_start(argv, label, err);
    if (!program)
        return -1;
    struct stdio_session *opened = rift_calloc(1, sizeof *opened);
    opened->program = program;
    if (stdio_greet(opened, config, err) != 0) {
        stdio_close(opened);
        return rift_wrap(err, "%s", argv[0]);
    }
    *session = opened;
    return 0;
}

static void stdio_break(struct rift_answer *answer, const char *code)
{
    answer->type = RIFT_OP_INFO;
    snprintf(answer->error, sizeof answer->error, "%s", code);
    answer->is_session_broken = true;
}

static void stdio_invoke(void *opaque, const struct rift_request *request,
                         struct rift_answer *answer)
{
    struct stdio_session *session = opaque;
    json_t *message = json_pack("{s:s, s:s, s:o, s:o}", "op", "invoke", "f", request->f, "key",
                                rift_value_to_json(request->values, request->key), "value",
                                rift_value_to_json(request->values, request->argument));
    const char *code = NULL;
    json_t *reply = stdio_exchange(session, message, request->deadline_ns, &code);
    if (!reply) {
        stdio_break(answer, code);
        return;
    }
    const char *type = json_string_value(json_object_get(reply, "type"));
    const char *error = json_string_value(json_object_get(reply, "error"));
    const json_t *value = json_object_get(reply, "value");
    const json_t *extra = json_object_get(reply, "extra");
    if (json_is_object(extra) &&
        rift_value_from_json(request->values, extra, &answer->extra, NULL) != 0)
        answer->extra = RIFT_VALUE_NIL;
    if (type && strcmp(type, "ok") == 0) {
        answer->type = RIFT_OP_OK;
        if (value && rift_value_from_json(request->values, value, &answer->result, NULL) != 0)
            stdio_break(answer, "broken answer");
    } else if (type && strcmp(type, "fail") == 0) {
        answer->type = RIFT_OP_FAIL;
    } else if (type && strcmp(type, "info") == 0) {
        answer->type = RIFT_OP_INFO;
    } else {
        stdio_break(answer, "broken answer");
    }
    if (error && answer->error[0] == '\0')
        snprintf(answer->error, sizeof answer->error, "%s", error);
    json_decref(reply);
}

static const struct rift_option stdio_options[] = {
    {.name = "command",
     .kind = RIFT_OPTION_LIST,
     .unit = "",
     .fallback = NULL,
     .summary = "the program and its arguments; relative paths start where rift was started"},
    {.name = "settings",
     .kind = RIFT_OPTION_ANY,
     .unit = "",
     .fallback = "{}",
     .summary = "handed to the program as they stand"},
    {.name = NULL},
};

const struct rift_client rift_client_stdio = {
    .name = "stdio",
    .summary = "any program that speaks JSON lines on its stdin and stdout",
    .options = stdio_options,
    .operations = NULL,
    .errors = stdio_errors,
    .open = stdio_open,
    .invoke = stdio_invoke,
    .close = stdio_close,
};
