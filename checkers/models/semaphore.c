/* A number of permits, each held by one at a time; and a number that goes up without a bound and
 * down to zero. The state is how many are held, or the number. */
#include <inttypes.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/registry.h"

enum { CODE_ACQUIRE, CODE_RELEASE };

static const struct rift_operation_name names[] = {
    {"acquire", CODE_ACQUIRE},
    {"release", CODE_RELEASE},
    {NULL, 0},
};

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    struct rift_values *values = problem->history->values;
    enum rift_value_kind kind = rift_value_kind(values, op->argument);
    int64_t permits = kind == RIFT_INTEGER ? rift_value_as_integer(values, op->argument) : 1;
    if ((kind != RIFT_INTEGER && kind != RIFT_NIL) || permits < 1 || permits > INT32_MAX) {
        rift_fail(err, RIFT_ERR_INVALID, "a semaphore acquires and releases 1 or more permits");
        return RIFT_NOT_TRANSLATED;
    }
    bool is_refused = op->type == RIFT_OP_OK && rift_value_kind(values, op->result) == RIFT_BOOL &&
                      !rift_value_as_bool(op->result);
    if (is_refused && op->code == CODE_RELEASE)
        return RIFT_NO_INFORMATION;
    *call = (struct rift_call){
        is_refused ? RIFT_CALL_REFUSED
                   : (op->code == CODE_ACQUIRE ? RIFT_CALL_ACQUIRE : RIFT_CALL_RELEASE),
        rift_problem_intern(problem, rift_value_integer(values, permits)), 0};
    return RIFT_TRANSLATED;
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    (void)problem;
    uint32_t none = 0;
    return rift_states_intern(states, &none, 1);
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count;
    int64_t held = *rift_states_words(states, state, &count);
    int64_t permits = problem->numbers[call->a];
    bool fits = held + permits <= problem->capacity;
    uint32_t next;
    switch (call->kind) {
    case RIFT_CALL_ACQUIRE:
        next = (uint32_t)(held + permits);
        return fits ? rift_states_intern(states, &next, 1) : RIFT_STATE_NONE;
    case RIFT_CALL_RELEASE:
        next = (uint32_t)(held - permits);
        return held >= permits ? rift_states_intern(states, &next, 1) : RIFT_STATE_NONE;
    case RIFT_CALL_REFUSED:
        return fits ? RIFT_STATE_NONE : state;
    default:
        return RIFT_STATE_NONE;
    }
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    size_t count;
    rift_text_printf(text, "%u of %" PRId64 " permits taken",
                     *rift_states_words(states, state, &count), problem->capacity);
}

const struct rift_model rift_model_semaphore = {
    .name = "semaphore",
    .summary = "a number of permits (option capacity)",
    .operations = "acquire [n] [-> false: refused]; release [n]",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};

enum { CODE_UP, CODE_DOWN };

static const struct rift_operation_name counting_names[] = {
    {"incr", CODE_UP}, {"up", CODE_UP}, {"decr", CODE_DOWN}, {"down", CODE_DOWN}, {NULL, 0},
};

/* An answer of 0 or false: it was told that the number is zero, and did nothing. */
static enum rift_translation counting_translate(struct rift_problem *problem,
                                                const struct rift_model_op *op,
                                                struct rift_call *call, struct rift_error *err)
{
    (void)err;
    struct rift_values *values = problem->history->values;
    enum rift_value_kind kind = rift_value_kind(values, op->result);
    bool is_refused = op->type == RIFT_OP_OK &&
                      ((kind == RIFT_BOOL && !rift_value_as_bool(op->result)) ||
                       (kind == RIFT_INTEGER && rift_value_as_integer(values, op->result) == 0));
    *call = (struct rift_call){is_refused
                                   ? RIFT_CALL_REFUSED
                                   : (op->code == CODE_UP ? RIFT_CALL_RELEASE : RIFT_CALL_ACQUIRE),
                               rift_problem_intern(problem, rift_value_integer(values, 1)), 0};
    return RIFT_TRANSLATED;
}

static uint32_t counting_step(const struct rift_problem *problem, struct rift_states *states,
                              uint32_t state, const struct rift_call *call, uint32_t choice)
{
    (void)problem, (void)choice;
    size_t count;
    uint32_t number = *rift_states_words(states, state, &count), next;
    switch (call->kind) {
    case RIFT_CALL_RELEASE:
        next = number + 1;
        return rift_states_intern(states, &next, 1);
    case RIFT_CALL_ACQUIRE:
        next = number - 1;
        return number > 0 ? rift_states_intern(states, &next, 1) : RIFT_STATE_NONE;
    case RIFT_CALL_REFUSED:
        return number == 0 ? state : RIFT_STATE_NONE;
    default:
        return RIFT_STATE_NONE;
    }
}

static void counting_describe(const struct rift_problem *problem, const struct rift_states *states,
                              uint32_t state, struct rift_text *text)
{
    (void)problem;
    size_t count;
    rift_text_printf(text, "the number %u", *rift_states_words(states, state, &count));
}

const struct rift_model rift_model_counting_semaphore = {
    .name = "counting-semaphore",
    .summary = "a number from zero up; nobody takes it below zero",
    .operations = "incr [-> false: it was zero]; decr [-> false: it was zero]",
    .names = counting_names,
    .translate = counting_translate,
    .start = start,
    .step = counting_step,
    .describe = counting_describe,
};
