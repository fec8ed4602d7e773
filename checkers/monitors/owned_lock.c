/* Locks that only their owner releases, reentrant or with fences. A hold (from an owner's acquire
 * to the release that gives the lock back) stands together in every order, as a register's value
 * does: zones.h. A crashed acquire is left out: its owner is never heard of again, so nobody needs
 * it. A crashed release ends its hold at any time. Where every acquire answered a fence, the fences
 * are the order.
 *
 * Left out: refused tries only count towards invalid. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/proof.h"
#include "checkers/monitors/zones.h"
#include "common/memory.h"

struct hold {
    uint32_t tail; /* its last op so far */
    uint32_t depth;
};

struct holds {
    const struct rift_problem *problem;
    struct monitor_slots slots;
    bool is_reentrant;
    struct monitor_block *blocks; /* root: the first acquire */
    struct hold *holds;           /* beside blocks */
    size_t count;
    uint32_t *next_op;   /* of the same hold */
    uint32_t *open_hold; /* of each owner, MONITOR_NONE: holds nothing */
    uint32_t *latest;    /* op of each owner */
    bool has_refusals, has_fences;
};

static void holds_finish(struct holds *holds)
{
    monitor_slots_finish(&holds->slots);
    free(holds->blocks);
    free(holds->holds);
    free(holds->next_op);
    free(holds->open_hold);
    free(holds->latest);
}

static bool op_is_pending(const struct holds *holds, uint32_t op)
{
    return holds->problem->ops[op].complete == RIFT_EVENT_NEVER;
}

static int hold_acquire(struct holds *holds, uint32_t op, struct rift_certificate *certificate)
{
    uint32_t *open = &holds->open_hold[holds->problem->ops[op].call.a];
    if (op_is_pending(holds, op))
        return RIFT_MONITOR_VALID;
    if (*open == MONITOR_NONE) {
        *open = (uint32_t)holds->count;
        holds->blocks[holds->count] = (struct monitor_block){op, op, MONITOR_NONE};
        holds->holds[holds->count++] = (struct hold){op, 1};
        return RIFT_MONITOR_VALID;
    }
    if (!holds->is_reentrant) {
        monitor_proof_add(certificate, holds->blocks[*open].root);
        monitor_proof_add(certificate, op);
        return monitor_proof_close(certificate, "acquired twice by one owner");
    }
    struct hold *hold = &holds->holds[*open];
    holds->next_op[hold->tail] = op;
    hold->tail = op;
    hold->depth++;
    return RIFT_MONITOR_VALID;
}

static int hold_release(struct holds *holds, uint32_t op, struct rift_certificate *certificate)
{
    uint32_t *open = &holds->open_hold[holds->problem->ops[op].call.a];
    if (*open == MONITOR_NONE) {
        if (op_is_pending(holds, op))
            return RIFT_MONITOR_VALID;
        monitor_proof_add(certificate, op);
        return monitor_proof_close(certificate, "released without holding");
    }
    struct hold *hold = &holds->holds[*open];
    /* A crashed release that leaves the lock held changes nothing for anybody else. */
    if (op_is_pending(holds, op) && hold->depth > 1)
        return RIFT_MONITOR_VALID;
    holds->next_op[hold->tail] = op;
    hold->tail = op;
    if (--hold->depth == 0) {
        holds->blocks[*open].last = op;
        *open = MONITOR_NONE;
    }
    return RIFT_MONITOR_VALID;
}

static int holds_collect(struct holds *holds, struct rift_certificate *certificate)
{
    const struct rift_problem *problem = holds->problem;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        holds->next_op[i] = MONITOR_NONE;
        if (op->call.kind == RIFT_CALL_REFUSED) {
            holds->has_refusals = true;
            continue;
        }
        if (op->call.kind != RIFT_CALL_ACQUIRE && op->call.kind != RIFT_CALL_RELEASE)
            return RIFT_MONITOR_NOT_APPLICABLE;
        holds->has_fences |= op->call.kind == RIFT_CALL_ACQUIRE && op->call.b != 0;
        uint32_t *latest = &holds->latest[op->call.a];
        if (*latest != MONITOR_NONE && problem->ops[*latest].complete > op->invoke)
            return RIFT_MONITOR_NOT_APPLICABLE;
        *latest = (uint32_t)i;
    }
    int answer = RIFT_MONITOR_VALID;
    for (uint32_t i = 0; i < problem->count && answer == RIFT_MONITOR_VALID; i++) {
        if (problem->ops[i].call.kind == RIFT_CALL_ACQUIRE)
            answer = hold_acquire(holds, i, certificate);
        else if (problem->ops[i].call.kind == RIFT_CALL_RELEASE)
            answer = hold_release(holds, i, certificate);
    }
    return answer;
}

/* The ops of a hold: all of them, so that what is kept is a whole hold. */
static void prove_hold(const struct holds *holds, uint32_t hold,
                       struct rift_certificate *certificate)
{
    uint32_t op = holds->blocks[hold].root;
    for (; op != MONITOR_NONE; op = holds->next_op[op])
        monitor_proof_add(certificate, op);
}

static int prove_two_holds(const struct holds *holds, const uint32_t clash[2],
                           struct rift_certificate *certificate, const char *pattern)
{
    prove_hold(holds, clash[0], certificate);
    prove_hold(holds, clash[1], certificate);
    return monitor_proof_close(certificate, pattern);
}

static int64_t hold_fence(const struct holds *holds, uint32_t hold)
{
    const struct rift_problem *problem = holds->problem;
    return problem->numbers[problem->ops[holds->blocks[hold].root].call.b];
}

static bool fences_rise(const struct holds *holds, const uint32_t *order)
{
    int64_t fence = 0;
    for (size_t i = 0; i < holds->count; i++) {
        bool is_known = holds->problem->ops[holds->blocks[order[i]].root].call.b != 0;
        int64_t next = is_known ? hold_fence(holds, order[i]) : fence + 1;
        if (next <= fence)
            return false;
        fence = next;
    }
    return true;
}

static int fence_compare(const void *left, const void *right, void *data)
{
    int64_t a = hold_fence(data, *(const uint32_t *)left);
    int64_t b = hold_fence(data, *(const uint32_t *)right);
    return a < b ? -1 : a > b;
}

/* The only order that the fences allow, against real time. */
static int holds_order_by_fence(const struct holds *holds, uint32_t *order,
                                struct rift_certificate *certificate)
{
    for (uint32_t i = 0; i < holds->count; i++) {
        const struct rift_call *call = &holds->problem->ops[holds->blocks[i].root].call;
        if (call->b == 0 || !holds->problem->is_number[call->b])
            return RIFT_MONITOR_NOT_APPLICABLE;
        order[i] = i;
    }
    qsort_r(order, holds->count, sizeof *order, fence_compare, (void *)(uintptr_t)holds);
    uint32_t latest = MONITOR_NONE; /* the hold before that is invoked last */
    for (size_t i = 0; i < holds->count; i++) {
        const struct monitor_block *block = &holds->blocks[order[i]];
        if (hold_fence(holds, order[i]) <= 0) {
            prove_hold(holds, order[i], certificate);
            return monitor_proof_close(certificate, "fence below one");
        }
        if (i > 0 && hold_fence(holds, order[i]) == hold_fence(holds, order[i - 1]))
            return prove_two_holds(holds, (uint32_t[]){order[i - 1], order[i]}, certificate,
                                   "one fence given twice");
        if (latest != MONITOR_NONE &&
            (holds->blocks[latest].last == MONITOR_NONE ||
             holds->slots.high[block->first] < holds->slots.low[holds->blocks[latest].last]))
            return prove_two_holds(holds, (uint32_t[]){latest, order[i]}, certificate,
                                   "fences against real time");
        if (latest == MONITOR_NONE || block->last == MONITOR_NONE ||
            holds->slots.low[block->last] > holds->slots.low[holds->blocks[latest].last])
            latest = order[i];
    }
    return RIFT_MONITOR_VALID;
}

static int holds_order(struct holds *holds, struct rift_certificate *certificate)
{
    uint32_t clash[2];
    CLEANUP(rift_free)
    uint32_t *order = monitor_zones_order(&holds->slots, holds->blocks, holds->count, clash);
    if (order == NULL)
        return prove_two_holds(holds, clash, certificate, "held by two owners at once");
    if (holds->has_fences && !fences_rise(holds, order)) {
        int answer = holds_order_by_fence(holds, order, certificate);
        if (answer != RIFT_MONITOR_VALID)
            return answer;
    }
    if (holds->has_refusals)
        return RIFT_MONITOR_NOT_APPLICABLE;
    certificate->order = rift_malloc((holds->problem->count + 1) * sizeof *certificate->order);
    for (size_t i = 0; i < holds->count; i++)
        for (uint32_t op = holds->blocks[order[i]].root; op != MONITOR_NONE;
             op = holds->next_op[op])
            certificate->order[certificate->order_count++] = op;
    return RIFT_MONITOR_VALID;
}

static enum rift_monitor_answer owned_lock_judge(const struct rift_problem *problem,
                                                 const struct rift_limits *limits,
                                                 struct rift_certificate *certificate)
{
    if (problem->initial != 0 || problem->model == NULL ||
        !monitor_memory_suffices(problem, limits, 60, 8))
        return RIFT_MONITOR_NOT_APPLICABLE;
    size_t room = problem->count + 1;
    CLEANUP(holds_finish)
    struct holds holds = {
        .problem = problem,
        .is_reentrant = strcmp(problem->model->name, "reentrant-lock") == 0,
        .blocks = rift_malloc(room * sizeof(struct monitor_block)),
        .holds = rift_malloc(room * sizeof(struct hold)),
        .next_op = rift_malloc(room * sizeof(uint32_t)),
        .open_hold = monitor_numbers_none(problem->value_count),
        .latest = monitor_numbers_none(problem->value_count),
    };
    monitor_slots_init(&holds.slots, problem);
    int answer = holds_collect(&holds, certificate);
    if (answer == RIFT_MONITOR_VALID)
        answer = holds_order(&holds, certificate);
    return (enum rift_monitor_answer)answer;
}

static const char *const owned_lock_models[] = {"reentrant-lock", "fenced-lock", NULL};

const struct rift_monitor rift_monitor_owned_lock = {
    .name = "owned-lock-zones",
    .models = owned_lock_models,
    .condition = "each owner asks one thing at a time, and nothing after a crash",
    .judge = owned_lock_judge,
};
