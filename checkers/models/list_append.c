/* A list that is appended to and read as a whole. The state: its values' ids. */
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/container.h"
#include "checkers/models/registry.h"
#include "common/memory.h"

enum { CODE_APPEND, CODE_READ };

static const struct rift_operation_name names[] = {
    {"append", CODE_APPEND},
    {"read", CODE_READ},
    {"r", CODE_READ},
    {NULL, 0},
};

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    (void)err;
    const struct rift_values *values = problem->history->values;
    if (op->code == CODE_APPEND) {
        *call = (struct rift_call){RIFT_CALL_APPEND, rift_problem_intern(problem, op->argument), 0};
        return RIFT_TRANSLATED;
    }
    if (op->type != RIFT_OP_OK)
        return RIFT_NO_INFORMATION;
    size_t count = rift_value_count(values, op->result);
    uint32_t *ids = rift_reallocarray(NULL, count + 1, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = rift_problem_intern(problem, rift_value_item(values, op->result, i));
    *call = (struct rift_call){RIFT_CALL_READ_ALL, rift_problem_intern(problem, op->result),
                               rift_states_intern(problem->lists, ids, count)};
    free(ids);
    return RIFT_TRANSLATED;
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count, other_count;
    const uint32_t *items = rift_states_words(states, state, &count);
    if (call->kind == RIFT_CALL_APPEND)
        return rift_container_with(states, state, count, call->a);
    if (call->kind != RIFT_CALL_READ_ALL)
        return RIFT_STATE_NONE;
    const uint32_t *other = rift_states_words(problem->lists, call->b, &other_count);
    bool is_equal =
        count == other_count && (count == 0 || memcmp(items, other, count * sizeof *items) == 0);
    return is_equal ? state : RIFT_STATE_NONE;
}

const struct rift_model rift_model_list_append = {
    .name = "list-append",
    .summary = "a list that is appended to and read as a whole",
    .operations = "append v; read -> [v ...]",
    .names = names,
    .translate = translate,
    .start = rift_container_start,
    .step = step,
    .describe = rift_container_describe,
};
