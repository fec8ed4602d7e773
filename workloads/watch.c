/* One key is written, and watched: every watch answers what its process saw since its last one. */
#include "workloads/parts.h"
#include "workloads/registry.h"

struct watch {
    double write_part;
};

static const struct rift_option options[] = {
    {.name = "write_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.5",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the operations that write; the rest watches"},
    WORKLOAD_OPTION_END,
};

static void make_watch(struct rift_source *source, struct rift_values *values,
                       struct rift_planned_op *op)
{
    (void)source;
    (void)values;
    op->f = "watch";
}

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct watch *watch = source->shared;
    if (rift_rng_unit(&source->rng) >= watch->write_part) {
        make_watch(source, values, op);
        return;
    }
    op->f = "write";
    op->argument = rift_value_integer(values, source->counter++);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct watch *watch = rift_arena_calloc(request->arena, 1, sizeof *watch);
    watch->write_part = workload_number(request, "write_part");
    phases->main = workload_stream(request, make_operation, watch);
    phases->final = workload_until_each_ok(request, make_watch, watch);
    return 0;
}

static const char *const operations[] = {"write", "watch", NULL};
static const struct rift_checker_choice checkers[] = {{"watch", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_watch = {
    .name = "watch",
    .summary = "a key is written and watched: all see its changes in one order, each once",
    .options = options,
    .operations = operations,
    .client_settings = "{\"revisions\": true}",
    .checkers = checkers,
    .build = build,
};
