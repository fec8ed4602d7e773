/* Elements go through queues. `queue` asks for the order too, on queues of their own short life, as
 * that is a search; `total-queue` only that nothing is lost or made up, drains its one queue at the
 * end, and so bears any length. */
#include "workloads/parts.h"
#include "workloads/registry.h"

struct queue {
    double dequeue_part;
};

#define DEQUEUE_PART                                                                               \
    {                                                                                              \
        .name = "dequeue_part", .kind = RIFT_OPTION_REAL, .unit = "", .fallback = "0.5",           \
        .minimum = 0, .maximum = 1, .summary = "part of the operations that take an element out"   \
    }

static const struct rift_option keyed_options[] = {
    DEQUEUE_PART,
    {.name = "keys",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "5",
     .minimum = 1,
     .maximum = 100000,
     .summary = "queues in use at a time"},
    {.name = "ops_per_key",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "200",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "then a new queue follows; 0: never"},
    {.name = "infos_per_key",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "8",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "then the queue is left too; 0: any number"},
    WORKLOAD_OPTION_END,
};
static const struct rift_option total_options[] = {DEQUEUE_PART, WORKLOAD_OPTION_END};

static void make_dequeue(struct rift_source *source, struct rift_values *values,
                         struct rift_planned_op *op)
{
    (void)source;
    (void)values;
    op->f = "dequeue";
}

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct queue *queue = source->shared;
    if (rift_rng_unit(&source->rng) < queue->dequeue_part) {
        make_dequeue(source, values, op);
        return;
    }
    op->f = "enqueue";
    op->argument = rift_value_integer(values, source->counter++);
}

static struct queue *create(const struct rift_workload_request *request)
{
    struct queue *queue = rift_arena_calloc(request->arena, 1, sizeof *queue);
    queue->dequeue_part = workload_number(request, "dequeue_part");
    return queue;
}

static int build_keyed(const struct rift_workload_request *request,
                       struct rift_workload_phases *phases, struct rift_error *err)
{
    (void)err;
    struct rift_keys_request keys = {
        .active_count = (size_t)workload_integer(request, "keys"),
        .ops_per_key = (uint64_t)workload_integer(request, "ops_per_key"),
        .infos_per_key = (uint64_t)workload_integer(request, "infos_per_key"),
        .distribution = "uniform",
        .make = make_operation,
        .shared = create(request),
        .seed = request->seed,
    };
    phases->main = workload_paced(request, rift_generator_keys(request->arena, &keys));
    return 0;
}

static int build_total(const struct rift_workload_request *request,
                       struct rift_workload_phases *phases, struct rift_error *err)
{
    (void)err;
    struct queue *queue = create(request);
    unsigned count = request->thread_count;
    struct rift_generator **drains = rift_arena_calloc(request->arena, count, sizeof *drains);
    for (unsigned i = 0; i < count; i++)
        drains[i] = rift_generator_until_empty(
            request->arena, WORKLOAD_RETRY_GAP_NS,
            rift_generator_source(request->arena, make_dequeue, queue, request->seed, "final", i));
    phases->main = workload_stream(request, make_operation, queue);
    phases->final = rift_generator_each_thread(request->arena, count, drains);
    return 0;
}

static const char *const operations[] = {"enqueue", "dequeue", NULL};
static const struct rift_checker_choice keyed_checkers[] = {{"linearizable", "{model: queue}"},
                                                            {.name = NULL}};
static const struct rift_checker_choice total_checkers[] = {{"total-queue", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_queue = {
    .name = "queue",
    .summary = "first in, first out, as one process after another would see it",
    .options = keyed_options,
    .operations = operations,
    .checkers = keyed_checkers,
    .build = build_keyed,
};

const struct rift_workload rift_workload_total_queue = {
    .name = "total-queue",
    .summary = "what goes in must come out: nothing lost, nothing made up",
    .options = total_options,
    .operations = operations,
    .checkers = total_checkers,
    .build = build_total,
};
