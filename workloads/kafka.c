/* A log in partitions, as Kafka has it: send answers the offset of each value, poll answers values
 * with their offsets. Each thread first assigns itself the partitions in use, and does so again
 * from time to time; at the end it reads all of them from the beginning.
 *
 * send and poll are a list of micro-operations each, [[:send 3 17]] and [[:poll nil nil]]; an OK
 * one holds [[:send 3 [offset 17]]] and [[:poll nil {3 [[offset value] ...]}]]. assign takes the
 * list of partitions, and goes on where the group or process had been; assign with
 * seek_to_beginning as a map {keys: [..], from: "beginning"} begins anew. */
#include <string.h>

#include "common/clock.h"
#include "workloads/registry.h"
#include "workloads/transactions.h"

enum { KEYS_MAX = 64 };

struct kafka {
    int64_t key_count, assign_every, final_polls;
    double send_part;
    int64_t thread_count;
};

static const struct rift_option options[] = {
    {.name = "keys",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "4",
     .minimum = 1,
     .maximum = KEYS_MAX,
     .summary = "partitions"},
    {.name = "send_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.5",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the operations that send; the rest polls"},
    {.name = "assign_every",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "64",
     .minimum = 1,
     .maximum = 1e9,
     .summary = "operations of a thread from one assign to the next"},
    {.name = "final_polls",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "64",
     .minimum = 1,
     .maximum = 1e6,
     .summary =
         "polls of each thread at the end, from the beginning of every partition; more follow "
         "until one finds nothing"},
    WORKLOAD_OPTION_END,
};

static struct rift_value all_keys(const struct kafka *kafka, struct rift_values *values)
{
    struct rift_value keys[KEYS_MAX];
    for (int64_t i = 0; i < kafka->key_count; i++)
        keys[i] = rift_value_integer(values, i);
    return rift_value_box(values, RIFT_LIST, keys, (size_t)kafka->key_count);
}

static void make_poll(struct rift_values *values, struct rift_planned_op *op)
{
    struct rift_value items[3] = {rift_value_keyword(values, "poll", strlen("poll"))};
    op->f = "poll";
    op->argument = rift_value_box(values, RIFT_TXN, items, 3);
}

/* Values are unique for all keys: those of a thread count up in steps of the number of threads. */
static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct kafka *kafka = source->shared;
    double choice = rift_rng_unit(&source->rng);
    int64_t key = rift_rng_between(&source->rng, 0, kafka->key_count - 1);
    if (source->index % (uint64_t)kafka->assign_every == 0) {
        op->f = "assign";
        op->argument = all_keys(kafka, values);
    } else if (choice < kafka->send_part) {
        struct rift_value items[3];
        int64_t value = source->number + kafka->thread_count * source->counter++;
        workload_micro_operation(values, items, "send", key, rift_value_integer(values, value));
        op->f = "send";
        op->argument = rift_value_box(values, RIFT_TXN, items, 3);
    } else {
        make_poll(values, op);
    }
}

static void make_rewind(struct rift_source *source, struct rift_values *values,
                        struct rift_planned_op *op)
{
    static const char *const names[] = {"keys", "from"};
    struct rift_value members[] = {all_keys(source->shared, values),
                                   rift_value_text(values, "beginning", strlen("beginning"))};
    op->f = "assign";
    op->argument = workload_record(values, names, members, 2);
}

static void make_final_poll(struct rift_source *source, struct rift_values *values,
                            struct rift_planned_op *op)
{
    (void)source;
    make_poll(values, op);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct kafka *kafka = rift_arena_calloc(request->arena, 1, sizeof *kafka);
    *kafka = (struct kafka){.key_count = workload_integer(request, "keys"),
                            .assign_every = workload_integer(request, "assign_every"),
                            .final_polls = workload_integer(request, "final_polls"),
                            .send_part = workload_number(request, "send_part"),
                            .thread_count = request->thread_count};
    phases->main = workload_thread_streams(request, make_operation, kafka);
    unsigned count = request->thread_count;
    struct rift_generator **polls = rift_arena_calloc(request->arena, count, sizeof *polls);
    struct rift_generator **rest = rift_arena_calloc(request->arena, count, sizeof *rest);
    for (unsigned i = 0; i < count; i++) {
        polls[i] = rift_generator_limit(request->arena, (uint64_t)kafka->final_polls,
                                        rift_generator_source(request->arena, make_final_poll,
                                                              kafka, request->seed, "final", i));
        /* A log of any length: what was sent after the last poll stands at its end. */
        rest[i] =
            rift_generator_until_polled(request->arena, WORKLOAD_RETRY_GAP_NS,
                                        rift_generator_source(request->arena, make_final_poll,
                                                              kafka, request->seed, "rest", i));
    }
    struct rift_generator *steps[] = {
        workload_until_each_ok(request, make_rewind, kafka),
        rift_generator_each_thread(request->arena, count, polls),
        rift_generator_each_thread(request->arena, count, rest),
    };
    phases->final = rift_generator_phases(request->arena, steps, 3);
    return 0;
}

static const char *const operations[] = {"send", "poll", "assign", NULL};
static const struct rift_checker_choice checkers[] = {{"kafka", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_kafka = {
    .name = "kafka",
    .summary = "a log in partitions: send, poll, assign",
    .options = options,
    .operations = operations,
    .checkers = checkers,
    .build = build,
};
