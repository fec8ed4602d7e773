/* Counters whose steps answer the count: fetch-adds and add-fetches of one size, and reads.
 *
 * The answers say where each op stands, so all that is left is real time: no op may complete before
 * one that stands in front of it is invoked. Counts that nobody answered, below the highest seen,
 * are filled by crashed increments, the earliest invoked for the lowest gap. Linear but for one
 * sort. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/proof.h"
#include "checkers/monitors/slots.h"
#include "checkers/monitors/steps.h"
#include "common/memory.h"

struct positions {
    const struct rift_problem *problem;
    struct monitor_slots slots;
    struct monitor_steps steps;
    size_t length;      /* counts 0 .. length are seen or passed */
    uint32_t *stepping; /* op that steps away from the count, MONITOR_NONE: a gap */
    uint32_t *reads;    /* by count: reads[first_read[k]] .. reads[first_read[k + 1] - 1] */
    uint32_t *first_read;
    uint32_t *deadline; /* of each gap: the op that completes first of those behind it */
    uint32_t *pending;  /* crashed increments in order of invocation */
    size_t pending_count;
};

static void positions_finish(struct positions *positions)
{
    monitor_slots_finish(&positions->slots);
    free(positions->stepping);
    free(positions->reads);
    free(positions->first_read);
    free(positions->deadline);
    free(positions->pending);
}

static bool op_is_pending(const struct rift_problem_op *op)
{
    return op->complete == RIFT_EVENT_NEVER;
}

/* The count in front of the op; of a read, the count it saw. */
static int64_t op_position(const struct positions *positions, const struct rift_problem_op *op)
{
    uint32_t value = op->call.kind == RIFT_CALL_READ ? op->call.a : op->call.b;
    int64_t position = monitor_steps_of(&positions->steps, positions->problem, value);
    if (op->call.kind == RIFT_CALL_ADD_FETCH && position != MONITOR_STEPS_BETWEEN)
        position--;
    return position;
}

/* The two ops that contradict each other (or one, twice), and every op that steps and was invoked
 * before they completed: what the count may be. */
static int prove(const struct positions *positions, uint32_t one, uint32_t other,
                 struct rift_certificate *certificate, const char *pattern)
{
    const struct rift_problem *problem = positions->problem;
    uint32_t moment = problem->ops[one].complete;
    if (problem->ops[other].complete > moment)
        moment = problem->ops[other].complete;
    for (uint32_t i = 0; i < problem->count && problem->ops[i].invoke < moment; i++)
        if (problem->ops[i].call.kind != RIFT_CALL_READ)
            monitor_proof_add(certificate, i);
    monitor_proof_add(certificate, one);
    monitor_proof_add(certificate, other);
    monitor_proof_close(certificate, pattern);
    certificate->moment = moment;
    return RIFT_MONITOR_INVALID;
}

static int positions_measure(struct positions *positions, struct rift_certificate *certificate)
{
    const struct rift_problem *problem = positions->problem;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op_is_pending(op)) {
            positions->pending[positions->pending_count++] = (uint32_t)i;
            continue;
        }
        if (op->call.kind == RIFT_CALL_INCREMENT)
            return RIFT_MONITOR_NOT_APPLICABLE;
        int64_t position = op_position(positions, op);
        if (position < 0 || position > (int64_t)positions->steps.increment_count)
            return prove(positions, (uint32_t)i, (uint32_t)i, certificate, "count that cannot be");
        size_t reached = (size_t)position + (op->call.kind != RIFT_CALL_READ);
        if (reached > positions->length)
            positions->length = reached;
    }
    return RIFT_MONITOR_VALID;
}

static int positions_fill(struct positions *positions, struct rift_certificate *certificate)
{
    const struct rift_problem *problem = positions->problem;
    positions->stepping = rift_malloc((positions->length + 1) * sizeof *positions->stepping);
    positions->first_read = rift_calloc(positions->length + 3, sizeof *positions->first_read);
    positions->reads = rift_malloc((problem->count + 1) * sizeof *positions->reads);
    for (size_t k = 0; k <= positions->length; k++)
        positions->stepping[k] = MONITOR_NONE;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (op_is_pending(op))
            continue;
        size_t position = (size_t)op_position(positions, op);
        if (op->call.kind == RIFT_CALL_READ) {
            positions->first_read[position + 2]++;
        } else if (positions->stepping[position] != MONITOR_NONE) {
            return prove(positions, positions->stepping[position], (uint32_t)i, certificate,
                         "one count answered twice");
        } else {
            positions->stepping[position] = (uint32_t)i;
        }
    }
    for (size_t k = 2; k <= positions->length + 2; k++)
        positions->first_read[k] += positions->first_read[k - 1];
    for (size_t i = 0; i < problem->count; i++)
        if (problem->ops[i].call.kind == RIFT_CALL_READ && !op_is_pending(&problem->ops[i])) {
            size_t position = (size_t)op_position(positions, &problem->ops[i]);
            positions->reads[positions->first_read[position + 1]++] = (uint32_t)i;
        }
    return RIFT_MONITOR_VALID;
}

/* One op of the walk: `earliest` completes first of all that stand behind it. */
static bool walk_passes(const struct positions *positions, uint32_t earliest, uint32_t op)
{
    const struct monitor_slots *slots = &positions->slots;
    return earliest == MONITOR_NONE || slots->low[op] <= slots->high[earliest];
}

static uint32_t walk_earlier(const struct positions *positions, uint32_t earliest, uint32_t op)
{
    const struct monitor_slots *slots = &positions->slots;
    return earliest == MONITOR_NONE || slots->high[op] < slots->high[earliest] ? op : earliest;
}

/* From the highest count down; the step away from a count stands behind the reads of it. */
static int positions_walk(struct positions *positions, struct rift_certificate *certificate)
{
    uint32_t earliest = MONITOR_NONE;
    positions->deadline = rift_malloc((positions->length + 1) * sizeof *positions->deadline);
    for (size_t k = positions->length + 1; k-- > 0;) {
        uint32_t step = positions->stepping[k], failing = MONITOR_NONE;
        positions->deadline[k] = earliest;
        if (step != MONITOR_NONE) {
            if (!walk_passes(positions, earliest, step))
                failing = step;
            else
                earliest = walk_earlier(positions, earliest, step);
        }
        uint32_t first = positions->first_read[k], end = positions->first_read[k + 1];
        for (uint32_t i = first; i < end && failing == MONITOR_NONE; i++)
            if (!walk_passes(positions, earliest, positions->reads[i]))
                failing = positions->reads[i];
        if (failing != MONITOR_NONE)
            return prove(positions, failing, earliest, certificate, "counts against real time");
        for (uint32_t i = first; i < end; i++)
            earliest = walk_earlier(positions, earliest, positions->reads[i]);
    }
    return RIFT_MONITOR_VALID;
}

static int positions_fill_gaps(struct positions *positions, struct rift_certificate *certificate)
{
    const struct monitor_slots *slots = &positions->slots;
    size_t next = 0;
    for (size_t k = 0; k < positions->length; k++) {
        if (positions->stepping[k] != MONITOR_NONE)
            continue;
        uint32_t deadline = positions->deadline[k];
        if (next == positions->pending_count ||
            slots->low[positions->pending[next]] > slots->high[deadline]) {
            prove(positions, deadline, deadline, certificate, "count too high");
            /* What the others answered counts, though they complete later. */
            certificate->moment = RIFT_EVENT_NEVER;
            return RIFT_MONITOR_INVALID;
        }
        positions->stepping[k] = positions->pending[next++];
    }
    return RIFT_MONITOR_VALID;
}

static enum rift_monitor_answer fetch_add_judge(const struct rift_problem *problem,
                                                const struct rift_limits *limits,
                                                struct rift_certificate *certificate)
{
    CLEANUP(positions_finish) struct positions positions = {.problem = problem};
    if (!monitor_memory_suffices(problem, limits, 60, 0) ||
        !monitor_steps_init(&positions.steps, problem))
        return RIFT_MONITOR_NOT_APPLICABLE;
    monitor_slots_init(&positions.slots, problem);
    positions.pending = rift_malloc((problem->count + 1) * sizeof *positions.pending);
    int (*const steps[])(struct positions *, struct rift_certificate *) = {
        positions_measure, positions_fill, positions_walk, positions_fill_gaps};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int answer = steps[i](&positions, certificate);
        if (answer != RIFT_MONITOR_VALID)
            return (enum rift_monitor_answer)answer;
    }
    certificate->order = rift_malloc((problem->count + 1) * sizeof *certificate->order);
    for (size_t k = 0; k <= positions.length; k++) {
        for (uint32_t i = positions.first_read[k]; i < positions.first_read[k + 1]; i++)
            certificate->order[certificate->order_count++] = positions.reads[i];
        if (k < positions.length)
            certificate->order[certificate->order_count++] = positions.stepping[k];
    }
    return RIFT_MONITOR_VALID;
}

static const char *const fetch_add_models[] = {"counter", NULL};

const struct rift_monitor rift_monitor_fetch_add = {
    .name = "fetch-add",
    .models = fetch_add_models,
    .condition = "steps of one size, each answered with the count before or after it, and reads",
    .judge = fetch_add_judge,
};
