/* A model as a user writes one outside of the tree: a register that keeps the largest value. Its
 * state is the id of that value; the initial nil counts as less than any. */
#include "checkers/linearizability/problem.h"
#include "checkers/models/plugin.h"

enum { CODE_RAISE, CODE_READ };

static const struct rift_operation_name names[] = {
    {"raise", CODE_RAISE}, {"read", CODE_READ}, {NULL, 0}};

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    (void)err;
    if (op->code == CODE_READ && op->type != RIFT_OP_OK)
        return RIFT_NO_INFORMATION;
    bool is_read = op->code == CODE_READ;
    call->kind = is_read ? RIFT_CALL_READ : RIFT_CALL_INSERT;
    call->a = rift_problem_intern(problem, is_read ? op->result : op->argument);
    return RIFT_TRANSLATED;
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    return rift_states_intern(states, &problem->initial, 1);
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count;
    uint32_t largest = *rift_states_words(states, state, &count);
    if (call->kind == RIFT_CALL_READ)
        return largest == call->a ? state : RIFT_STATE_NONE;
    bool is_larger =
        !problem->is_number[largest] || problem->numbers[call->a] > problem->numbers[largest];
    return is_larger ? rift_states_intern(states, &call->a, 1) : state;
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    size_t count;
    rift_text_printf(text, "the maximum %lld",
                     (long long)problem->numbers[*rift_states_words(states, state, &count)]);
}

static const struct rift_model maximum = {
    .name = "maximum",
    .summary = "a register that keeps the largest value",
    .operations = "raise v; read -> v",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};

#ifndef MODEL_ABI
#define MODEL_ABI RIFT_MODEL_ABI
#endif
extern const struct rift_model_plugin rift_model_plugin;
const struct rift_model_plugin rift_model_plugin = {MODEL_ABI, sizeof maximum, &maximum};
