/* Somebody observed a value (a read, a successful cas)
 *   - that nobody can have written by then: nobody invoked a write of it before the observer
 * completed; or
 *   - that was gone for certain: every writer of it had completed before some update to another
 * value was invoked, and that update had completed before the observer was invoked. */
#include "checkers/linearizability/necessary.h"

#include <stdlib.h>

#include "common/memory.h"

/* What is known of each value, event by event. */
struct value_state {
    uint32_t open_writers;  /* invoked and not completed; crashed ones for ever */
    uint32_t last_complete; /* 1 + the event at which its last writer completed; 0: none did */
    bool is_written;
};

/* The update that was invoked last among the completed ones, and the last one to another value. */
struct latest {
    uint32_t op[2]; /* or NEVER */
};

static bool sets(const struct rift_call *call, uint32_t *value)
{
    *value = call->kind == RIFT_CALL_CAS ? call->b : call->a;
    return call->kind == RIFT_CALL_WRITE || call->kind == RIFT_CALL_CAS;
}

static bool observes(const struct rift_call *call)
{
    return call->kind == RIFT_CALL_READ || call->kind == RIFT_CALL_CAS;
}

static void latest_add(const struct rift_problem *problem, struct latest *latest, uint32_t op)
{
    uint32_t mine, other;
    sets(&problem->ops[op].call, &mine);
    for (int i = 0; i < 2; i++) {
        if (latest->op[i] == RIFT_EVENT_NEVER) {
            latest->op[i] = op;
            return;
        }
        sets(&problem->ops[latest->op[i]].call, &other);
        if (other == mine) {
            if (problem->ops[op].invoke > problem->ops[latest->op[i]].invoke)
                latest->op[i] = op;
            break;
        }
        if (problem->ops[op].invoke > problem->ops[latest->op[i]].invoke) {
            uint32_t swap = latest->op[i];
            latest->op[i] = op;
            op = swap;
            sets(&problem->ops[op].call, &mine);
        }
    }
    if (latest->op[1] != RIFT_EVENT_NEVER &&
        problem->ops[latest->op[1]].invoke > problem->ops[latest->op[0]].invoke) {
        uint32_t swap = latest->op[0];
        latest->op[0] = latest->op[1];
        latest->op[1] = swap;
    }
}

static void convict(const struct rift_problem *problem, uint32_t reader, uint32_t killer,
                    struct rift_certificate *certificate)
{
    certificate->ops = rift_calloc(2, sizeof *certificate->ops);
    if (killer != RIFT_EVENT_NEVER) {
        certificate->ops[certificate->op_count++] = killer;
        certificate->since = problem->ops[killer].invoke;
        certificate->is_start_unknown = true;
    }
    certificate->ops[certificate->op_count++] = reader;
    certificate->moment = problem->ops[reader].complete;
    certificate->is_moment_first = false;
    certificate->first = RIFT_EVENT_NEVER;
}

/* Judges the observer at its completion; before: the updates that had completed when it was
 * invoked. */
static bool is_impossible(const struct rift_problem *problem, const struct value_state *states,
                          uint32_t reader, const struct latest *before, uint32_t *killer)
{
    const struct rift_call *call = &problem->ops[reader].call;
    const struct value_state *state = &states[call->a];
    uint32_t mine, other;
    uint32_t own = sets(call, &mine) && mine == call->a; /* a cas from v to v writes v, too late */
    *killer = RIFT_EVENT_NEVER;
    if (state->open_writers > own)
        return false;
    if (!state->is_written && call->a != problem->initial)
        return true;
    for (int i = 0; i < 2; i++) {
        uint32_t op = before->op[i];
        if (op == RIFT_EVENT_NEVER || !sets(&problem->ops[op].call, &other) || other == call->a ||
            problem->ops[op].invoke < state->last_complete)
            continue;
        *killer = op;
        return true;
    }
    return false;
}

static bool walk_events(const struct rift_problem *problem, const uint32_t *event_op,
                        struct value_state *states, struct latest *before,
                        struct rift_certificate *certificate)
{
    struct latest latest = {{RIFT_EVENT_NEVER, RIFT_EVENT_NEVER}};
    for (uint32_t event = 0; event < problem->event_count; event++) {
        uint32_t i = event_op[event], value, killer;
        const struct rift_problem_op *op = &problem->ops[i];
        bool writes = sets(&op->call, &value);
        if (op->invoke == event) {
            before[i] = latest;
            if (writes)
                states[value].open_writers++;
            continue;
        }
        if (observes(&op->call) && is_impossible(problem, states, i, &before[i], &killer)) {
            convict(problem, i, killer, certificate);
            return true;
        }
        if (!writes)
            continue;
        states[value].open_writers--;
        states[value].last_complete = event + 1;
        states[value].is_written = true;
        latest_add(problem, &latest, i);
    }
    return false;
}

bool rift_fails_necessary(const struct rift_problem *problem, struct rift_certificate *certificate)
{
    if (!problem->model->is_scalar || problem->is_start_unknown)
        return false;
    for (size_t i = 0; i < problem->count; i++)
        if (problem->ops[i].call.kind > RIFT_CALL_CAS_FAILED)
            return false;
    uint32_t *event_op = rift_calloc(problem->event_count + 1, sizeof *event_op);
    struct value_state *states = rift_calloc(problem->value_count + 1, sizeof *states);
    struct latest *before = rift_calloc(problem->count + 1, sizeof *before);
    for (uint32_t i = 0; i < problem->count; i++) {
        event_op[problem->ops[i].invoke] = i;
        if (problem->ops[i].complete != RIFT_EVENT_NEVER)
            event_op[problem->ops[i].complete] = i;
    }
    bool fails = walk_events(problem, event_op, states, before, certificate);
    free(event_op);
    free(states);
    free(before);
    return fails;
}
