/* A number that is added to. The state is the number, in two words. */
#include <inttypes.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/registry.h"

enum { CODE_ADD, CODE_SUBTRACT, CODE_READ, CODE_FETCH_ADD, CODE_ADD_FETCH };

/* Beyond this a sum might wrap around. */
#define NUMBER_MAX (INT64_C(1) << 56)

static const struct rift_operation_name names[] = {
    {"add", CODE_ADD},
    {"increment", CODE_ADD},
    {"inc", CODE_ADD},
    {"decrement", CODE_SUBTRACT},
    {"dec", CODE_SUBTRACT},
    {"read", CODE_READ},
    {"get", CODE_READ},
    {"fetch-add", CODE_FETCH_ADD},
    {"get-and-add", CODE_FETCH_ADD},
    {"add-and-get", CODE_ADD_FETCH},
    {NULL, 0},
};

static bool number_of(const struct rift_problem *problem, struct rift_value value, int64_t *number)
{
    const struct rift_values *values = problem->history->values;
    *number = 1;
    if (rift_value_is_nil(value))
        return true;
    if (rift_value_kind(values, value) != RIFT_INTEGER)
        return false;
    *number = rift_value_as_integer(values, value);
    return *number > -NUMBER_MAX && *number < NUMBER_MAX;
}

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    int64_t by, answer;
    bool is_ok = op->type == RIFT_OP_OK;
    bool is_answer = is_ok && op->code != CODE_ADD && op->code != CODE_SUBTRACT;
    if (op->code == CODE_READ && (!is_ok || rift_value_is_nil(op->result)))
        return RIFT_NO_INFORMATION;
    if (!number_of(problem, op->argument, &by) ||
        (is_answer && !number_of(problem, op->result, &answer))) {
        rift_fail(err, RIFT_ERR_INVALID, "a counter needs integers below 2^56");
        return RIFT_NOT_TRANSLATED;
    }
    uint32_t result = is_answer ? rift_problem_intern(problem, op->result) : 0;
    if (op->code == CODE_READ) {
        *call = (struct rift_call){RIFT_CALL_READ, result, 0};
        return RIFT_TRANSLATED;
    }
    if (op->code == CODE_SUBTRACT)
        by = -by;
    uint32_t id = rift_problem_intern(problem, rift_value_integer(problem->history->values, by));
    *call = (struct rift_call){RIFT_CALL_INCREMENT, id, 0};
    if (is_ok && op->code == CODE_FETCH_ADD)
        *call = (struct rift_call){RIFT_CALL_FETCH_ADD, id, result};
    if (is_ok && op->code == CODE_ADD_FETCH)
        *call = (struct rift_call){RIFT_CALL_ADD_FETCH, id, result};
    return RIFT_TRANSLATED;
}

static uint32_t state_of(struct rift_states *states, int64_t number)
{
    uint64_t bits = (uint64_t)number;
    uint32_t words[2] = {(uint32_t)bits, (uint32_t)(bits >> 32)};
    return rift_states_intern(states, words, 2);
}

static int64_t number_in(const struct rift_states *states, uint32_t state)
{
    size_t count;
    const uint32_t *words = rift_states_words(states, state, &count);
    return (int64_t)((uint64_t)words[0] | (uint64_t)words[1] << 32);
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    return state_of(states, problem->numbers[problem->initial]);
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    int64_t before = number_in(states, state);
    int64_t after = (int64_t)((uint64_t)before + (uint64_t)problem->numbers[call->a]);
    switch (call->kind) {
    case RIFT_CALL_READ:
        return before == problem->numbers[call->a] ? state : RIFT_STATE_NONE;
    case RIFT_CALL_INCREMENT:
        return state_of(states, after);
    case RIFT_CALL_FETCH_ADD:
        return before == problem->numbers[call->b] ? state_of(states, after) : RIFT_STATE_NONE;
    case RIFT_CALL_ADD_FETCH:
        return after == problem->numbers[call->b] ? state_of(states, after) : RIFT_STATE_NONE;
    default:
        return RIFT_STATE_NONE;
    }
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    (void)problem;
    rift_text_printf(text, "the number %" PRId64, number_in(states, state));
}

const struct rift_model rift_model_counter = {
    .name = "counter",
    .summary = "a number that is added to and read",
    .operations = "add n; decrement n; read -> n; fetch-add n -> before; add-and-get n -> after",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};
