/* A register whose value carries a version, one more with each update. Values are [version value],
 * as in Jepsen's tests of etcd; a version of nil is not known. The state: value id, version. */
#include <inttypes.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/registry.h"
#include "common/memory.h"

enum { CODE_READ, CODE_WRITE, CODE_CAS };

static const struct rift_operation_name names[] = {
    {"read", CODE_READ},
    {"write", CODE_WRITE},
    {"cas", CODE_CAS},
    {NULL, 0},
};

/* call.b of all kinds is an id in problem->lists: [version known?, version's value id, cas' new].
 */
static uint32_t list_of(struct rift_problem *problem, struct rift_value version, uint32_t to)
{
    bool is_known = rift_value_kind(problem->history->values, version) == RIFT_INTEGER;
    uint32_t words[3] = {is_known, rift_problem_intern(problem, version), to};
    return rift_states_intern(problem->lists, words, 3);
}

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    const struct rift_values *values = problem->history->values;
    bool is_ok = op->type == RIFT_OP_OK;
    if (op->code == CODE_READ && !is_ok)
        return RIFT_NO_INFORMATION;
    struct rift_value pair = is_ok ? op->result : op->argument;
    if (rift_value_count(values, pair) != 2)
        pair = op->argument;
    if (rift_value_count(values, pair) != 2) {
        rift_fail(err, RIFT_ERR_INVALID, "a versioned register needs [version value]");
        return RIFT_NOT_TRANSLATED;
    }
    struct rift_value version = is_ok ? rift_value_item(values, pair, 0) : RIFT_VALUE_NIL;
    struct rift_value value = rift_value_item(values, pair, 1);
    if (op->code != CODE_CAS) {
        call->kind = op->code == CODE_READ ? RIFT_CALL_READ : RIFT_CALL_WRITE;
        call->a = rift_problem_intern(problem, value);
        call->b = list_of(problem, version, 0);
        return RIFT_TRANSLATED;
    }
    if (rift_value_count(values, value) != 2) {
        rift_fail(err, RIFT_ERR_INVALID, "a cas needs [version [expected new]]");
        return RIFT_NOT_TRANSLATED;
    }
    call->kind = RIFT_CALL_CAS;
    call->a = rift_problem_intern(problem, rift_value_item(values, value, 0));
    uint32_t to = rift_problem_intern(problem, rift_value_item(values, value, 1));
    call->b = list_of(problem, version, to);
    return RIFT_TRANSLATED;
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    uint32_t words[2] = {problem->initial, 0};
    return rift_states_intern(states, words, 2);
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count;
    const uint32_t *words = rift_states_words(states, state, &count);
    uint32_t value = words[0], version = words[1];
    const uint32_t *list = rift_states_words(problem->lists, call->b, &count);
    uint32_t after = call->kind == RIFT_CALL_READ ? version : version + 1;
    if (list[0] && problem->numbers[list[1]] != after)
        return RIFT_STATE_NONE;
    if (call->kind == RIFT_CALL_READ)
        return value == call->a ? state : RIFT_STATE_NONE;
    if (call->kind == RIFT_CALL_CAS && value != call->a)
        return RIFT_STATE_NONE;
    uint32_t next[2] = {call->kind == RIFT_CALL_CAS ? list[2] : call->a, after};
    return rift_states_intern(states, next, 2);
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    size_t count;
    const uint32_t *words = rift_states_words(states, state, &count);
    CLEANUP(rift_free)
    char *value = rift_value_print(problem->history->values, problem->values[words[0]]);
    rift_text_printf(text, "the value %s at version %" PRIu32, value, words[1]);
}

const struct rift_model rift_model_versioned_register = {
    .name = "versioned-register",
    .summary = "a register whose version rises by one with each update",
    .operations = "write [nil v] -> [version v]; read -> [version v]; cas [nil [expected new]] -> "
                  "[version [expected new]]",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};
