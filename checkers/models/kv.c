/* A map of texts: get, put and append, as Porcupine's kv model has them. Each key is an object of
 * its own in the history, so the state is one text: [length, bytes packed into words]; nil is "".
 */
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/registry.h"
#include "common/memory.h"

enum { CODE_GET, CODE_PUT, CODE_APPEND };

static const struct rift_operation_name names[] = {
    {"get", CODE_GET},
    {"put", CODE_PUT},
    {"append", CODE_APPEND},
    {NULL, 0},
};

static bool is_text(const struct rift_problem *problem, struct rift_value value)
{
    enum rift_value_kind kind = rift_value_kind(problem->history->values, value);
    return kind == RIFT_NIL || kind == RIFT_TEXT || kind == RIFT_KEYWORD;
}

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    if (op->code == CODE_GET && op->type != RIFT_OP_OK)
        return RIFT_NO_INFORMATION;
    struct rift_value value = op->code == CODE_GET ? op->result : op->argument;
    if (!is_text(problem, value)) {
        rift_fail(err, RIFT_ERR_INVALID, "the values of a kv map are texts");
        return RIFT_NOT_TRANSLATED;
    }
    uint32_t kinds[] = {RIFT_CALL_READ, RIFT_CALL_WRITE, RIFT_CALL_APPEND};
    *call = (struct rift_call){kinds[op->code], rift_problem_intern(problem, value), 0};
    return RIFT_TRANSLATED;
}

static const char *text_of(const struct rift_problem *problem, uint32_t id, size_t *length)
{
    *length = 0;
    if (rift_value_is_nil(problem->values[id]))
        return "";
    return rift_value_as_text(problem->history->values, problem->values[id], length);
}

static uint32_t state_of(struct rift_states *states, const char *before, size_t before_length,
                         const char *more, size_t more_length)
{
    size_t length = before_length + more_length, words = 2 + length / 4;
    uint32_t *state = rift_calloc(words, sizeof *state);
    state[0] = (uint32_t)length;
    memcpy(state + 1, before, before_length);
    memcpy((char *)(state + 1) + before_length, more, more_length);
    uint32_t id = rift_states_intern(states, state, words);
    free(state);
    return id;
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    size_t length;
    const char *text = text_of(problem, problem->initial, &length);
    return state_of(states, text, length, "", 0);
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count, length;
    const uint32_t *words = rift_states_words(states, state, &count);
    const char *text = text_of(problem, call->a, &length);
    switch (call->kind) {
    case RIFT_CALL_READ:
        return words[0] == length && memcmp(words + 1, text, length) == 0 ? state : RIFT_STATE_NONE;
    case RIFT_CALL_WRITE:
        return state_of(states, text, length, "", 0);
    case RIFT_CALL_APPEND:
        return state_of(states, (const char *)(words + 1), words[0], text, length);
    default:
        return RIFT_STATE_NONE;
    }
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    (void)problem;
    size_t count;
    const uint32_t *words = rift_states_words(states, state, &count);
    rift_text_printf(text, "the text \"%.*s\"", (int)words[0], (const char *)(words + 1));
}

const struct rift_model rift_model_kv = {
    .name = "kv",
    .summary = "a map of texts, each key an object of its own",
    .operations = "get -> text; put text; append text",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};
