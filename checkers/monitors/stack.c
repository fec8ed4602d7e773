/* Stacks with unique values, with peeks and answers "empty".
 *
 * Without crashed pops: peeling (stack_peel.h) decides. With them: the debts of stack_debt.h say
 * who popped what, and if that peels it is valid; so is what peels without them. What does not peel
 * though every value that stays may be popped as early as the first crashed pop is invalid.
 * Otherwise there is no answer. */
#include "checkers/monitors/registry.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/monitors/budget.h"
#include "checkers/monitors/empties.h"
#include "checkers/monitors/proof.h"
#include "checkers/monitors/stack_count.h"
#include "checkers/monitors/stack_debt.h"
#include "checkers/monitors/stack_peel.h"
#include "common/memory.h"

struct stack {
    struct monitor_container container;
    const struct rift_limits *limits;
    struct monitor_stays stays;
    uint32_t *peeled;
    size_t peeled_count;
    uint32_t *empty_slots; /* earliest, before anybody is known to have popped */
};

static void stack_finish(struct stack *stack)
{
    monitor_stays_finish(&stack->stays);
    monitor_container_finish(&stack->container);
    free(stack->peeled);
    free(stack->empty_slots);
}

static bool stack_peels(struct stack *stack, uint32_t *stuck_empty)
{
    return monitor_stack_peel(&stack->container, NULL, &stack->stays, stack->peeled,
                              &stack->peeled_count, stuck_empty);
}

/* Peelings of few values are cheap; a proof of many is not made small for more than this. */
enum { SHRINK_WORK = 20000000 };

static bool is_stuck(struct stack *stack, const bool *alive)
{
    CLEANUP(rift_free)
    uint32_t *peeled = rift_malloc((stack->container.item_count + 1) * sizeof *peeled);
    size_t peeled_count;
    uint32_t stuck_empty;
    return !monitor_stack_peel(&stack->container, alive, &stack->stays, peeled, &peeled_count,
                               &stuck_empty);
}

/* Leaves out values while the rest is still stuck: halves first, then smaller parts, then one by
 * one. A history without a value stays linearizable if it was. */
static void stuck_shrink(struct stack *stack, bool *alive, uint32_t *items, size_t count)
{
    size_t cost = stack->container.problem->count + stack->container.slots.last;
    size_t budget = SHRINK_WORK;
    for (size_t part = (count + 1) / 2; part > 0; part = part > 1 ? (part + 1) / 2 : 0) {
        for (size_t from = 0; from < count && budget >= cost;) {
            size_t end = from + part < count ? from + part : count;
            for (size_t i = from; i < end; i++)
                alive[items[i]] = false;
            budget -= cost;
            if (end - from < count && is_stuck(stack, alive)) {
                memmove(items + from, items + end, (count - end) * sizeof *items);
                count -= end - from;
                continue;
            }
            for (size_t i = from; i < end; i++)
                alive[items[i]] = true;
            from = end;
        }
    }
}

static enum rift_monitor_answer stack_judge(const struct rift_problem *problem,
                                            const struct rift_limits *limits,
                                            struct rift_certificate *certificate);

/* All ops of the stuck items, ascending, and the crashed pops, which may help any of them. */
static size_t stuck_ops(const struct stack *stack, const bool *alive, uint32_t *ops)
{
    const struct rift_problem *problem = stack->container.problem;
    CLEANUP(rift_free) bool *is_kept = rift_calloc((size_t)problem->value_count + 1, 1);
    size_t count = 0;
    for (size_t i = 0; i < stack->container.item_count; i++)
        is_kept[stack->container.items[i].value] = alive[i];
    for (uint32_t i = 0; i < problem->count; i++) {
        const struct rift_call *call = &problem->ops[i].call;
        bool has_value = call->kind == RIFT_CALL_INSERT || call->kind == RIFT_CALL_TAKE ||
                         call->kind == RIFT_CALL_PEEK;
        if (call->kind == RIFT_CALL_TAKE_UNKNOWN || (has_value && is_kept[call->a]))
            ops[count++] = i;
    }
    return count;
}

/* Where most items could be peeled the stuck ones are judged alone: a history without a value stays
 * linearizable if it was, and a smaller one is proven faster. */
static int stack_prove_apart(const struct stack *stack, const bool *alive,
                             struct rift_certificate *certificate)
{
    const struct rift_problem *problem = stack->container.problem;
    CLEANUP(rift_free) uint32_t *ops = rift_malloc((problem->count + 1) * sizeof *ops);
    size_t count = stuck_ops(stack, alive, ops);
    struct rift_problem *apart = rift_problem_subset(problem, ops, count, NULL, RIFT_EVENT_NEVER);
    enum rift_monitor_answer answer = stack_judge(apart, NULL, certificate);
    for (size_t i = 0; i < certificate->op_count; i++)
        certificate->ops[i] = ops[certificate->ops[i]];
    rift_problem_destroy(apart);
    if (answer == RIFT_MONITOR_INVALID)
        return answer;
    rift_certificate_finish(certificate);
    return RIFT_MONITOR_NOT_APPLICABLE;
}

static int stack_prove(struct stack *stack, struct rift_certificate *certificate)
{
    const struct monitor_container *container = &stack->container;
    CLEANUP(rift_free) bool *alive = rift_malloc((container->item_count + 1) * sizeof *alive);
    CLEANUP(rift_free) uint32_t *stuck = rift_malloc((container->item_count + 1) * sizeof *stuck);
    memset(alive, 1, container->item_count + 1);
    for (size_t i = 0; i < stack->peeled_count; i++)
        alive[stack->peeled[i]] = false;
    size_t count = 0;
    for (uint32_t i = 0; i < container->item_count; i++)
        if (alive[i])
            stuck[count++] = i;
    if (count < container->item_count / 2)
        return stack_prove_apart(stack, alive, certificate);
    stuck_shrink(stack, alive, stuck, count);
    bool uses_crashed = false;
    for (uint32_t i = 0; i < container->item_count; i++) {
        if (!alive[i])
            continue;
        const struct monitor_item *item = &container->items[i];
        monitor_item_prove(container, item, certificate);
        for (uint32_t look = item[0].looks; look < item[1].looks; look++)
            monitor_proof_add(certificate, container->looks[look]);
        uses_crashed |= monitor_item_stays(container, item);
    }
    if (uses_crashed)
        monitor_container_prove_pending(container, container->slots.last, certificate);
    return monitor_proof_close(certificate, "values that cannot lie upon each other");
}

/* Crashed pops are given to values that stay, as the debts say, or as before to none. */
static bool stack_guesses(struct stack *stack)
{
    uint32_t stuck_empty;
    if (monitor_stack_give(&stack->container, stack->empty_slots, stack->limits) &&
        stack_peels(stack, &stuck_empty))
        return true;
    monitor_container_take_back(&stack->container);
    return false;
}

/* No answer that is valid was found. */
static int stack_refute(struct stack *stack, bool has_choice, uint32_t stuck_empty,
                        struct rift_certificate *certificate)
{
    struct monitor_container *container = &stack->container;
    for (size_t i = 0; i < container->item_count && has_choice; i++)
        if (container->items[i].take == MONITOR_NONE)
            monitor_item_give(container, &container->items[i], container->pending[0]);
    if (has_choice && stack_peels(stack, &stuck_empty))
        stuck_empty = 0;
    if (stuck_empty == MONITOR_NONE)
        return stack_prove(stack, certificate);
    return monitor_stack_count(container, certificate) ? RIFT_MONITOR_NOT_APPLICABLE
                                                       : RIFT_MONITOR_INVALID;
}

static int stack_run(struct stack *stack, struct rift_certificate *certificate)
{
    struct monitor_container *container = &stack->container;
    bool has_choice = container->pending_count > 0 && container->stay_count > 0;
    uint32_t stuck_empty = MONITOR_NONE;
    monitor_stays_init(&stack->stays, container);
    stack->peeled = rift_malloc((container->item_count + 1) * sizeof *stack->peeled);
    stack->empty_slots = rift_malloc((container->empty_count + 1) * sizeof *stack->empty_slots);
    if (!monitor_empties_place(container, stack->empty_slots, certificate))
        return RIFT_MONITOR_INVALID;
    if (!(has_choice && stack_guesses(stack)) && !stack_peels(stack, &stuck_empty))
        return stack_refute(stack, has_choice, stuck_empty, certificate);
    monitor_stays_emit(&stack->stays, container, stack->peeled, certificate);
    return RIFT_MONITOR_VALID;
}

static enum rift_monitor_answer stack_judge(const struct rift_problem *problem,
                                            const struct rift_limits *limits,
                                            struct rift_certificate *certificate)
{
    if (!monitor_memory_suffices(problem, limits, 200, 12))
        return RIFT_MONITOR_NOT_APPLICABLE;
    CLEANUP(stack_finish) struct stack stack = {.limits = limits};
    int answer = monitor_container_init(&stack.container, problem, certificate);
    if (answer == RIFT_MONITOR_VALID)
        answer = stack_run(&stack, certificate);
    return (enum rift_monitor_answer)answer;
}

static const char *const stack_models[] = {"stack", NULL};

const struct rift_monitor rift_monitor_stack = {
    .name = "stack-unique",
    .models = stack_models,
    .condition = "each value is inserted at most once",
    .judge = stack_judge,
};
