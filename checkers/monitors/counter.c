/* Counters that go up in equal steps: increments that answer nothing, and reads.
 *
 * A lazy sweep: an increment happens when it completes, or when a read completes that needs it, the
 * one that completes first before the others. A read is content when the count passes its value.
 * The bounds "completed before <= value <= invoked before" are not enough: each increment counts
 * only once. O(n log n). */
#include "checkers/monitors/registry.h"

#include <stdlib.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/due.h"
#include "checkers/monitors/proof.h"
#include "checkers/monitors/slots.h"
#include "checkers/monitors/steps.h"
#include "common/memory.h"

struct sweep {
    const struct rift_problem *problem;
    struct monitor_steps steps;
    uint32_t *completing;    /* op of each event that is a completion, else MONITOR_NONE */
    struct monitor_due open; /* increments */
    uint32_t *first_waiting; /* read that waits for the count; then next_waiting of it */
    uint32_t *next_waiting;
    bool *is_done;
    uint64_t count;
    struct monitor_sequence sequence;
};

static void sweep_finish(struct sweep *sweep)
{
    free(sweep->completing);
    monitor_due_finish(&sweep->open);
    free(sweep->first_waiting);
    free(sweep->next_waiting);
    free(sweep->is_done);
    monitor_sequence_finish(&sweep->sequence);
}

static bool increment_one(struct sweep *sweep, uint32_t now)
{
    if (sweep->open.count == 0)
        return false;
    uint32_t op = monitor_due_pop(&sweep->open, sweep->problem);
    sweep->is_done[op] = true;
    monitor_sequence_append(&sweep->sequence, op, now);
    uint32_t *waiting = &sweep->first_waiting[++sweep->count];
    for (; *waiting != MONITOR_NONE; *waiting = sweep->next_waiting[*waiting]) {
        sweep->is_done[*waiting] = true;
        monitor_sequence_append(&sweep->sequence, *waiting, now);
    }
    return true;
}

static void admit(struct sweep *sweep, uint32_t op)
{
    const struct rift_problem_op *row = &sweep->problem->ops[op];
    if (row->call.kind == RIFT_CALL_INCREMENT) {
        monitor_due_push(&sweep->open, sweep->problem, op);
        return;
    }
    int64_t value = monitor_steps_of(&sweep->steps, sweep->problem, row->call.a);
    if (value == (int64_t)sweep->count) {
        sweep->is_done[op] = true;
        monitor_sequence_append(&sweep->sequence, op, row->invoke);
    } else if (value > (int64_t)sweep->count && value <= (int64_t)sweep->steps.increment_count) {
        sweep->next_waiting[op] = sweep->first_waiting[value];
        sweep->first_waiting[value] = op;
    }
}

static bool settle(struct sweep *sweep, uint32_t op)
{
    const struct rift_problem_op *row = &sweep->problem->ops[op];
    int64_t value = row->call.kind == RIFT_CALL_READ
                        ? monitor_steps_of(&sweep->steps, sweep->problem, row->call.a)
                        : INT64_MAX;
    while (!sweep->is_done[op])
        if (value < (int64_t)sweep->count || !increment_one(sweep, row->complete))
            return false;
    return true;
}

/* MONITOR_NONE, or the op whose completion cannot be explained. */
static uint32_t sweep_run(struct sweep *sweep)
{
    uint32_t next = 0;
    for (uint32_t event = 0; event < sweep->problem->event_count; event++) {
        while (next < sweep->problem->count && sweep->problem->ops[next].invoke <= event)
            admit(sweep, next++);
        uint32_t op = sweep->completing[event];
        if (op != MONITOR_NONE && !settle(sweep, op))
            return op;
    }
    return MONITOR_NONE;
}

/* value + 1 increments that were over when the read began. */
static bool prove_too_low(const struct sweep *sweep, uint32_t read, int64_t value,
                          struct rift_certificate *certificate)
{
    const struct rift_problem *problem = sweep->problem;
    int64_t needed = value < 0 ? 0 : value + 1;
    for (uint32_t i = 0; i < read && needed > 0; i++)
        if (problem->ops[i].call.kind == RIFT_CALL_INCREMENT &&
            problem->ops[i].complete < problem->ops[read].invoke) {
            monitor_proof_add(certificate, i);
            needed--;
        }
    if (needed > 0)
        monitor_proof_drop(certificate);
    else
        monitor_proof_add(certificate, read);
    return needed == 0;
}

static int prove(const struct sweep *sweep, uint32_t failing, struct rift_certificate *certificate)
{
    const struct rift_problem *problem = sweep->problem;
    const struct rift_problem_op *row = &problem->ops[failing];
    int64_t value = monitor_steps_of(&sweep->steps, problem, row->call.a);
    if (row->call.kind == RIFT_CALL_READ && value < (int64_t)sweep->count &&
        prove_too_low(sweep, failing, value, certificate))
        return monitor_proof_close(certificate, "count too low");
    uint32_t moment = row->complete;
    for (uint32_t i = 0; i < problem->count && problem->ops[i].invoke < moment; i++)
        if (problem->ops[i].call.kind == RIFT_CALL_INCREMENT || problem->ops[i].complete <= moment)
            monitor_proof_add(certificate, i);
    monitor_proof_close(certificate,
                        value < (int64_t)sweep->count ? "count too low" : "count too high");
    certificate->moment = moment;
    return RIFT_MONITOR_INVALID;
}

static enum rift_monitor_answer counter_judge(const struct rift_problem *problem,
                                              const struct rift_limits *limits,
                                              struct rift_certificate *certificate)
{
    CLEANUP(sweep_finish) struct sweep sweep = {.problem = problem};
    if (!monitor_memory_suffices(problem, limits, 50, 0) ||
        !monitor_steps_init(&sweep.steps, problem) || sweep.steps.has_answers)
        return RIFT_MONITOR_NOT_APPLICABLE;
    size_t room = problem->count + 1;
    monitor_due_init(&sweep.open, problem->count);
    sweep.next_waiting = rift_malloc(room * sizeof *sweep.next_waiting);
    sweep.first_waiting = monitor_numbers_none(room + 1);
    sweep.is_done = rift_calloc(room, sizeof *sweep.is_done);
    sweep.completing = monitor_numbers_none(problem->event_count);
    for (size_t i = 0; i < problem->count; i++)
        if (problem->ops[i].complete != RIFT_EVENT_NEVER)
            sweep.completing[problem->ops[i].complete] = (uint32_t)i;
    monitor_sequence_init(&sweep.sequence, problem->count);
    uint32_t failing = sweep_run(&sweep);
    if (failing != MONITOR_NONE)
        return (enum rift_monitor_answer)prove(&sweep, failing, certificate);
    certificate->order_count = sweep.sequence.count;
    certificate->order = monitor_sequence_sort(&sweep.sequence, problem->event_count);
    return RIFT_MONITOR_VALID;
}

static const char *const counter_models[] = {"counter", NULL};

const struct rift_monitor rift_monitor_counter = {
    .name = "counter-steps",
    .models = counter_models,
    .condition = "increments of one size that answer nothing, and reads",
    .judge = counter_judge,
};
