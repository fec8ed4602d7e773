/* One value that is read, written, and compared and set. Three models: without cas, with cas, and
 * with cas whose failure counts as the observation "the value was not what I expected", as
 * Porcupine's model of etcd has it. The state is the value's id. */
#include "checkers/linearizability/problem.h"
#include "checkers/models/registry.h"
#include "common/memory.h"

enum { CODE_READ, CODE_WRITE, CODE_CAS };

static const struct rift_operation_name names_plain[] = {
    {"read", CODE_READ}, {"r", CODE_READ},    {"get", CODE_READ},  {"write", CODE_WRITE},
    {"w", CODE_WRITE},   {"put", CODE_WRITE}, {"set", CODE_WRITE}, {NULL, 0},
};
static const struct rift_operation_name names_cas[] = {
    {"read", CODE_READ},
    {"r", CODE_READ},
    {"get", CODE_READ},
    {"write", CODE_WRITE},
    {"w", CODE_WRITE},
    {"put", CODE_WRITE},
    {"set", CODE_WRITE},
    {"cas", CODE_CAS},
    {"compare-and-set", CODE_CAS},
    {NULL, 0},
};

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    const struct rift_values *values = problem->history->values;
    switch (op->code) {
    case CODE_READ:
        if (op->type != RIFT_OP_OK)
            return RIFT_NO_INFORMATION;
        *call = (struct rift_call){RIFT_CALL_READ, rift_problem_intern(problem, op->result), 0};
        return RIFT_TRANSLATED;
    case CODE_WRITE:
        if (op->type == RIFT_OP_FAIL)
            return RIFT_NO_INFORMATION;
        *call = (struct rift_call){RIFT_CALL_WRITE, rift_problem_intern(problem, op->argument), 0};
        return RIFT_TRANSLATED;
    default:
        break;
    }
    if (rift_value_count(values, op->argument) != 2) {
        rift_fail(err, RIFT_ERR_INVALID, "a cas needs [expected, new] as its value");
        return RIFT_NOT_TRANSLATED;
    }
    uint32_t from = rift_problem_intern(problem, rift_value_item(values, op->argument, 0));
    if (op->type == RIFT_OP_FAIL) {
        /* A fail that carries another value than its arguments is a client's error, not an answer.
         */
        if (rift_value_kind(values, op->result) == RIFT_KEYWORD)
            return RIFT_NO_INFORMATION;
        *call = (struct rift_call){RIFT_CALL_CAS_FAILED, from, 0};
        return RIFT_TRANSLATED;
    }
    uint32_t to = rift_problem_intern(problem, rift_value_item(values, op->argument, 1));
    *call = (struct rift_call){RIFT_CALL_CAS, from, to};
    return RIFT_TRANSLATED;
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    (void)states;
    return problem->initial;
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)problem, (void)states, (void)choice;
    switch (call->kind) {
    case RIFT_CALL_READ:
        return state == call->a ? state : RIFT_STATE_NONE;
    case RIFT_CALL_WRITE:
        return call->a;
    case RIFT_CALL_CAS:
        return state == call->a ? call->b : RIFT_STATE_NONE;
    case RIFT_CALL_CAS_FAILED:
        return state != call->a ? state : RIFT_STATE_NONE;
    default:
        return RIFT_STATE_NONE;
    }
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    (void)states;
    CLEANUP(rift_free)
    char *value = rift_value_print(problem->history->values, problem->values[state]);
    rift_text_printf(text, "the value %s", value);
}

const struct rift_model rift_model_register = {
    .name = "register",
    .summary = "one value, read and written",
    .operations = "write v; read -> v",
    .names = names_plain,
    .is_scalar = true,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};

const struct rift_model rift_model_cas_register = {
    .name = "cas-register",
    .summary = "one value, read, written, and compared and set",
    .operations = "write v; read -> v; cas [expected new], where fail says nothing",
    .names = names_cas,
    .is_scalar = true,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};

const struct rift_model rift_model_etcd = {
    .name = "etcd",
    .summary = "a cas-register whose failed cas tells that the value was not the expected one",
    .operations = "write v; read -> v; cas [expected new], where fail says: not expected",
    .names = names_cas,
    .observes_failures = true,
    .is_scalar = true,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};
