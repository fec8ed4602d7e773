/* First in, first out; a stack; and a queue with two ends: one list of items, looked at from its
 * front (place 0) or its back. */
#include "checkers/models/container.h"
#include "checkers/models/registry.h"

static const struct rift_operation_name queue_names[] = {
    {"enqueue", RIFT_CONTAINER_INSERT},
    {"enq", RIFT_CONTAINER_INSERT},
    {"offer", RIFT_CONTAINER_INSERT},
    {"add", RIFT_CONTAINER_INSERT},
    {"send", RIFT_CONTAINER_INSERT},
    {"dequeue", RIFT_CONTAINER_TAKE},
    {"deq", RIFT_CONTAINER_TAKE},
    {"poll", RIFT_CONTAINER_TAKE},
    {"remove", RIFT_CONTAINER_TAKE},
    {"receive", RIFT_CONTAINER_TAKE},
    {"peek", RIFT_CONTAINER_PEEK},
    {"front", RIFT_CONTAINER_PEEK},
    {NULL, 0},
};
static const struct rift_operation_name stack_names[] = {
    {"push", RIFT_CONTAINER_INSERT},
    {"pop", RIFT_CONTAINER_TAKE},
    {"peek", RIFT_CONTAINER_PEEK},
    {"top", RIFT_CONTAINER_PEEK},
    {NULL, 0},
};
static const struct rift_operation_name deque_names[] = {
    {"push_back", RIFT_CONTAINER_INSERT},
    {"push-back", RIFT_CONTAINER_INSERT},
    {"push_front", RIFT_CONTAINER_INSERT_FRONT},
    {"push-front", RIFT_CONTAINER_INSERT_FRONT},
    {"pop_front", RIFT_CONTAINER_TAKE},
    {"pop-front", RIFT_CONTAINER_TAKE},
    {"pop_back", RIFT_CONTAINER_TAKE_BACK},
    {"pop-back", RIFT_CONTAINER_TAKE_BACK},
    {"peek_front", RIFT_CONTAINER_PEEK},
    {"peek-front", RIFT_CONTAINER_PEEK},
    {"peek_back", RIFT_CONTAINER_PEEK_BACK},
    {"peek-back", RIFT_CONTAINER_PEEK_BACK},
    {NULL, 0},
};

/* Taking or looking at one end: place of the item, if there is one. */
static uint32_t step_end(struct rift_states *states, uint32_t state, const struct rift_call *call,
                         size_t place)
{
    size_t count;
    const uint32_t *items = rift_states_words(states, state, &count);
    switch (call->kind) {
    case RIFT_CALL_TAKE:
    case RIFT_CALL_TAKE_BACK:
        return count > 0 && items[place] == call->a ? rift_container_without(states, state, place)
                                                    : RIFT_STATE_NONE;
    case RIFT_CALL_TAKE_UNKNOWN:
    case RIFT_CALL_TAKE_BACK_UNKNOWN:
        return count > 0 ? rift_container_without(states, state, place) : state;
    case RIFT_CALL_TAKE_EMPTY:
    case RIFT_CALL_TAKE_BACK_EMPTY:
    case RIFT_CALL_PEEK_EMPTY:
    case RIFT_CALL_PEEK_BACK_EMPTY:
        return count == 0 ? state : RIFT_STATE_NONE;
    case RIFT_CALL_PEEK:
    case RIFT_CALL_PEEK_BACK:
        return count > 0 && items[place] == call->a ? state : RIFT_STATE_NONE;
    default:
        return RIFT_STATE_NONE;
    }
}

static uint32_t queue_step(const struct rift_problem *problem, struct rift_states *states,
                           uint32_t state, const struct rift_call *call, uint32_t choice)
{
    (void)problem, (void)choice;
    size_t count;
    rift_states_words(states, state, &count);
    size_t back = count > 0 ? count - 1 : 0;
    switch (call->kind) {
    case RIFT_CALL_INSERT:
        return rift_container_with(states, state, count, call->a);
    case RIFT_CALL_INSERT_FRONT:
        return rift_container_with(states, state, 0, call->a);
    case RIFT_CALL_TAKE_BACK:
    case RIFT_CALL_TAKE_BACK_UNKNOWN:
    case RIFT_CALL_PEEK_BACK:
        return step_end(states, state, call, back);
    default:
        return step_end(states, state, call, 0);
    }
}

static uint32_t stack_step(const struct rift_problem *problem, struct rift_states *states,
                           uint32_t state, const struct rift_call *call, uint32_t choice)
{
    (void)problem, (void)choice;
    size_t count;
    rift_states_words(states, state, &count);
    if (call->kind == RIFT_CALL_INSERT)
        return rift_container_with(states, state, count, call->a);
    return step_end(states, state, call, count > 0 ? count - 1 : 0);
}

const struct rift_model rift_model_queue = {
    .name = "queue",
    .summary = "first in, first out",
    .operations = "enqueue v; dequeue -> v or nil when empty; peek -> v or nil",
    .names = queue_names,
    .is_projectable = true,
    .translate = rift_container_translate,
    .start = rift_container_start,
    .step = queue_step,
    .describe = rift_container_describe,
};

const struct rift_model rift_model_stack = {
    .name = "stack",
    .summary = "last in, first out",
    .operations = "push v; pop -> v or nil when empty; peek -> v or nil",
    .names = stack_names,
    .is_projectable = true,
    .translate = rift_container_translate,
    .start = rift_container_start,
    .step = stack_step,
    .describe = rift_container_describe,
};

const struct rift_model rift_model_deque = {
    .name = "deque",
    .summary = "a queue with two ends",
    .operations =
        "push-front v; push-back v; pop-front -> v or nil; pop-back; peek-front; peek-back",
    .names = deque_names,
    .is_projectable = true,
    .translate = rift_container_translate,
    .start = rift_container_start,
    .step = queue_step,
    .describe = rift_container_describe,
};
