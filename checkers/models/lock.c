/* Locks: a mutex (whoever releases it), a reentrant lock (its owner may acquire again, and only its
 * owner releases), and a lock that hands out rising fences. The state: owner, holds, last fence. */
#include <inttypes.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/registry.h"
#include "common/memory.h"

enum { CODE_ACQUIRE, CODE_RELEASE };
enum { OWNER, HOLDS, FENCE_LOW, FENCE_HIGH, WORDS };

static const struct rift_operation_name names[] = {
    {"acquire", CODE_ACQUIRE},
    {"lock", CODE_ACQUIRE},
    {"release", CODE_RELEASE},
    {"unlock", CODE_RELEASE},
    {NULL, 0},
};

/* The owner is the operation's value where it has one, otherwise the process. */
static uint32_t owner_of(struct rift_problem *problem, const struct rift_model_op *op)
{
    if (!rift_value_is_nil(op->argument))
        return rift_problem_intern(problem, op->argument);
    return rift_problem_intern(problem, rift_value_integer(problem->history->values, op->process));
}

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    (void)err;
    const struct rift_values *values = problem->history->values;
    enum rift_value_kind answer = rift_value_kind(values, op->result);
    bool is_refused =
        op->type == RIFT_OP_OK && answer == RIFT_BOOL && !rift_value_as_bool(op->result);
    uint32_t owner = owner_of(problem, op);
    if (op->code == CODE_RELEASE) {
        if (is_refused)
            return RIFT_NO_INFORMATION;
        *call = (struct rift_call){RIFT_CALL_RELEASE, owner, 0};
        return RIFT_TRANSLATED;
    }
    uint32_t fence = problem->model == &rift_model_fenced_lock && op->type == RIFT_OP_OK &&
                             answer == RIFT_INTEGER
                         ? rift_problem_intern(problem, op->result)
                         : 0;
    *call = is_refused ? (struct rift_call){RIFT_CALL_REFUSED, owner, 0}
                       : (struct rift_call){RIFT_CALL_ACQUIRE, owner, fence};
    return RIFT_TRANSLATED;
}

static uint32_t state_of(struct rift_states *states, uint32_t owner, uint32_t holds, int64_t fence)
{
    uint64_t bits = (uint64_t)fence;
    uint32_t words[WORDS] = {owner, holds, (uint32_t)bits, (uint32_t)(bits >> 32)};
    return rift_states_intern(states, words, WORDS);
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    (void)problem;
    return state_of(states, 0, 0, 0);
}

/* A fence that nobody heard of is at least one more than the last: the least is taken, as only
 * "more than before" is ever asked. */
static uint32_t acquire(const struct rift_problem *problem, struct rift_states *states,
                        const struct rift_call *call, uint32_t holds, int64_t fence)
{
    if (problem->model == &rift_model_fenced_lock) {
        int64_t next = call->b ? problem->numbers[call->b] : fence + 1;
        if (next <= fence)
            return RIFT_STATE_NONE;
        fence = next;
    }
    bool has_owner = problem->model != &rift_model_mutex;
    return state_of(states, has_owner ? call->a : 0, holds + 1, fence);
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count;
    const uint32_t *words = rift_states_words(states, state, &count);
    uint32_t owner = words[OWNER], holds = words[HOLDS];
    int64_t fence = (int64_t)((uint64_t)words[FENCE_LOW] | (uint64_t)words[FENCE_HIGH] << 32);
    bool is_free = holds == 0 || (problem->model == &rift_model_reentrant_lock && owner == call->a);
    switch (call->kind) {
    case RIFT_CALL_ACQUIRE:
        return is_free ? acquire(problem, states, call, holds, fence) : RIFT_STATE_NONE;
    case RIFT_CALL_REFUSED:
        return is_free ? RIFT_STATE_NONE : state;
    case RIFT_CALL_RELEASE:
        if (holds == 0 || (problem->model != &rift_model_mutex && owner != call->a))
            return RIFT_STATE_NONE;
        return state_of(states, holds == 1 ? 0 : owner, holds - 1, fence);
    default:
        return RIFT_STATE_NONE;
    }
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    size_t count;
    const uint32_t *words = rift_states_words(states, state, &count);
    if (words[HOLDS] == 0) {
        rift_text_append(text, "a free lock");
        return;
    }
    CLEANUP(rift_free)
    char *owner = rift_value_print(problem->history->values, problem->values[words[OWNER]]);
    if (problem->model == &rift_model_mutex)
        rift_text_append(text, "a held lock");
    else
        rift_text_printf(text, "a lock held by %s, %" PRIu32 " times", owner, words[HOLDS]);
}

const struct rift_model rift_model_mutex = {
    .name = "mutex",
    .summary = "held or free; whoever releases it",
    .operations = "acquire [-> false: refused]; release",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};

const struct rift_model rift_model_reentrant_lock = {
    .name = "reentrant-lock",
    .summary = "its owner may acquire it again; only its owner releases it",
    .operations = "acquire [owner] [-> false: refused]; release [owner]; the owner is the process "
                  "where none is given",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};

const struct rift_model rift_model_fenced_lock = {
    .name = "fenced-lock",
    .summary = "each acquire answers a fence larger than all before; only its owner releases it",
    .operations = "acquire [owner] -> fence; release [owner]",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};
