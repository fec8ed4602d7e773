/* Queues that do not keep the order of insertion: unordered (any item may come out), and by
 * priority (the largest comes out). Items are kept sorted, the first to come out first. */
#include "checkers/linearizability/problem.h"
#include "checkers/models/container.h"
#include "checkers/models/registry.h"

static const struct rift_operation_name names[] = {
    {"enqueue", RIFT_CONTAINER_INSERT}, {"enq", RIFT_CONTAINER_INSERT},
    {"offer", RIFT_CONTAINER_INSERT},   {"insert", RIFT_CONTAINER_INSERT},
    {"add", RIFT_CONTAINER_INSERT},     {"dequeue", RIFT_CONTAINER_TAKE},
    {"deq", RIFT_CONTAINER_TAKE},       {"poll", RIFT_CONTAINER_TAKE},
    {"remove", RIFT_CONTAINER_TAKE},    {"take", RIFT_CONTAINER_TAKE},
    {"peek", RIFT_CONTAINER_PEEK},      {NULL, 0},
};

static bool comes_first(const struct rift_problem *problem, uint32_t a, uint32_t b)
{
    if (problem->numbers[a] != problem->numbers[b])
        return problem->numbers[a] > problem->numbers[b];
    return a < b;
}

static uint32_t insert(const struct rift_problem *problem, struct rift_states *states,
                       uint32_t state, uint32_t value)
{
    size_t count, low = 0;
    const uint32_t *items = rift_states_words(states, state, &count);
    for (size_t high = count; low < high;) {
        size_t middle = (low + high) / 2;
        if (comes_first(problem, items[middle], value))
            low = middle + 1;
        else
            high = middle;
    }
    return rift_container_with(states, state, low, value);
}

static uint32_t priority_step(const struct rift_problem *problem, struct rift_states *states,
                              uint32_t state, const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count;
    const uint32_t *items = rift_states_words(states, state, &count);
    bool is_first = count > 0 && items[0] == call->a;
    switch (call->kind) {
    case RIFT_CALL_INSERT:
        return insert(problem, states, state, call->a);
    case RIFT_CALL_TAKE:
        return is_first ? rift_container_without(states, state, 0) : RIFT_STATE_NONE;
    case RIFT_CALL_TAKE_UNKNOWN:
        return count > 0 ? rift_container_without(states, state, 0) : state;
    case RIFT_CALL_PEEK:
        return is_first ? state : RIFT_STATE_NONE;
    case RIFT_CALL_TAKE_EMPTY:
    case RIFT_CALL_PEEK_EMPTY:
        return count == 0 ? state : RIFT_STATE_NONE;
    default:
        return RIFT_STATE_NONE;
    }
}

static uint32_t unordered_step(const struct rift_problem *problem, struct rift_states *states,
                               uint32_t state, const struct rift_call *call, uint32_t choice)
{
    if (choice > 0 && call->kind != RIFT_CALL_TAKE_UNKNOWN)
        return RIFT_STATE_NONE;
    size_t count, at = 0;
    const uint32_t *items = rift_states_words(states, state, &count);
    switch (call->kind) {
    case RIFT_CALL_INSERT:
        return insert(problem, states, state, call->a);
    case RIFT_CALL_TAKE:
    case RIFT_CALL_PEEK:
        while (at < count && items[at] != call->a)
            at++;
        if (at == count)
            return RIFT_STATE_NONE;
        return call->kind == RIFT_CALL_PEEK ? state : rift_container_without(states, state, at);
    case RIFT_CALL_TAKE_UNKNOWN:
        return choice < count ? rift_container_without(states, state, choice) : RIFT_STATE_NONE;
    case RIFT_CALL_TAKE_EMPTY:
    case RIFT_CALL_PEEK_EMPTY:
        return count == 0 ? state : RIFT_STATE_NONE;
    default:
        return RIFT_STATE_NONE;
    }
}

static enum rift_translation priority_translate(struct rift_problem *problem,
                                                const struct rift_model_op *op,
                                                struct rift_call *call, struct rift_error *err)
{
    enum rift_translation result = rift_container_translate(problem, op, call, err);
    if (result == RIFT_TRANSLATED && call->a != 0 && !problem->is_number[call->a]) {
        rift_fail(err, RIFT_ERR_INVALID, "the items of a priority queue must be integers");
        return RIFT_NOT_TRANSLATED;
    }
    return result;
}

const struct rift_model rift_model_priority_queue = {
    .name = "priority-queue",
    .summary = "the largest comes out first",
    .operations = "insert n; poll -> n or nil when empty; peek -> n or nil",
    .names = names,
    .is_projectable = true,
    .translate = priority_translate,
    .start = rift_container_start,
    .step = priority_step,
    .describe = rift_container_describe,
};

const struct rift_model rift_model_unordered_queue = {
    .name = "unordered-queue",
    .summary = "whatever was put in comes out once, in any order",
    .operations = "enqueue v; dequeue -> v or nil when empty",
    .names = names,
    .is_projectable = true,
    .has_choices = true,
    .translate = rift_container_translate,
    .start = rift_container_start,
    .step = unordered_step,
    .describe = rift_container_describe,
};
