/* Time jumps to the next completion or wake-up. An operation at the same moment as a completion
 * comes after it, as in the interpreter. */
#include "plan/generators/simulate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

struct simulated_thread {
    bool is_busy;
    int64_t end_ns;
    enum rift_op_type type;
    struct rift_planned_op op; /* values in pool */
    struct rift_values *pool;
    int64_t idle_since_ns;
};

struct world {
    const struct rift_simulation *simulation;
    struct rift_generator *generator;
    struct simulated_thread *threads;
    struct rift_generator_context context;
    bool *is_free;
    int32_t *process;
};

static void world_init(struct world *world, struct rift_generator *generator,
                       const struct rift_simulation *simulation)
{
    unsigned count = simulation->thread_count;
    *world = (struct world){.simulation = simulation, .generator = generator};
    world->threads = rift_calloc(count, sizeof *world->threads);
    world->is_free = rift_calloc(count, sizeof *world->is_free);
    world->process = rift_calloc(count, sizeof *world->process);
    for (unsigned i = 0; i < count; i++) {
        world->threads[i].pool = rift_values_create();
        world->is_free[i] = true;
        world->process[i] = (int32_t)i;
    }
    world->context = (struct rift_generator_context){.thread_count = count,
                                                     .is_free = world->is_free,
                                                     .process = world->process,
                                                     .values = rift_values_create()};
}

static void world_finish(struct world *world)
{
    for (unsigned i = 0; i < world->simulation->thread_count; i++)
        rift_values_destroy(world->threads[i].pool);
    rift_values_destroy(world->context.values);
    free(world->threads);
    free(world->is_free);
    free(world->process);
}

/* The thread whose operation ends first, if any does by limit_ns. */
static struct simulated_thread *next_completion(struct world *world, int64_t limit_ns)
{
    struct simulated_thread *first = NULL;
    for (unsigned i = 0; i < world->simulation->thread_count; i++) {
        struct simulated_thread *thread = &world->threads[i];
        if (thread->is_busy && thread->end_ns <= limit_ns &&
            (!first || thread->end_ns < first->end_ns))
            first = thread;
    }
    return first;
}

static void complete(struct world *world, struct simulated_thread *thread)
{
    unsigned index = (unsigned)(thread - world->threads);
    if (thread->end_ns > world->context.now_ns)
        world->context.now_ns = thread->end_ns;
    thread->is_busy = false;
    thread->idle_since_ns = thread->end_ns;
    world->is_free[index] = true;
    if (thread->type == RIFT_OP_INFO)
        world->process[index] += (int32_t)world->simulation->thread_count;
    struct rift_generator_event event = {.op = &thread->op,
                                         .type = thread->type,
                                         .time_ns = thread->end_ns,
                                         .thread = index,
                                         .result = RIFT_VALUE_NIL,
                                         .values = thread->pool};
    rift_generator_update(world->generator, &event);
}

static unsigned choose_thread(const struct world *world, const struct rift_planned_op *op)
{
    if (op->thread != RIFT_THREAD_ANY)
        return (unsigned)op->thread;
    unsigned chosen = world->simulation->thread_count;
    for (unsigned i = 0; i < world->simulation->thread_count; i++)
        if (world->is_free[i] &&
            (chosen == world->simulation->thread_count ||
             world->threads[i].idle_since_ns < world->threads[chosen].idle_since_ns))
            chosen = i;
    return chosen;
}

static bool dispatch(struct world *world, const struct rift_planned_op *op)
{
    const struct rift_simulation *simulation = world->simulation;
    unsigned index = choose_thread(world, op);
    assert(index < simulation->thread_count && world->is_free[index]);
    struct simulated_thread *thread = &world->threads[index];
    if (!simulation->visit(simulation->context, op, index, world->context.now_ns,
                           world->context.values))
        return false;
    rift_values_reset(thread->pool);
    thread->op = *op;
    thread->op.key = rift_value_copy(thread->pool, world->context.values, op->key);
    thread->op.argument = rift_value_copy(thread->pool, world->context.values, op->argument);
    int64_t latency_ns = 0;
    thread->type = simulation->outcome
                       ? simulation->outcome(simulation->context, op, index, &latency_ns)
                       : RIFT_OP_OK;
    thread->is_busy = true;
    thread->end_ns = world->context.now_ns + latency_ns;
    world->is_free[index] = false;
    return true;
}

static bool run(struct world *world)
{
    for (;;) {
        struct simulated_thread *thread;
        while ((thread = next_completion(world, world->context.now_ns)))
            complete(world, thread);
        struct rift_planned_op op;
        int64_t wake_ns;
        rift_values_reset(world->context.values);
        enum rift_next next = rift_generator_next(world->generator, &world->context, &op, &wake_ns);
        if (next == RIFT_NEXT_DONE)
            return true;
        if (next == RIFT_NEXT_OP) {
            if (!dispatch(world, &op))
                return true;
            continue;
        }
        thread = next_completion(world, wake_ns);
        if (thread)
            complete(world, thread);
        else if (wake_ns == RIFT_TIME_NEVER)
            return false;
        else
            world->context.now_ns = wake_ns;
    }
}

bool rift_generator_simulate(struct rift_generator *generator,
                             const struct rift_simulation *simulation)
{
    struct world world;
    world_init(&world, generator, simulation);
    bool is_done = run(&world);
    world_finish(&world);
    return is_done;
}
