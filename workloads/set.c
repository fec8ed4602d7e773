/* Elements are added to a set. `set` reads it once, at the end; `set-full` all the time, which
 * tells when each element appeared and whether it was ever missed again. */
#include "workloads/parts.h"
#include "workloads/registry.h"

struct set {
    double read_part;
};

static const char *const reads_choices[] = {"linearizable", "local", NULL};

static const struct rift_option full_options[] = {
    {.name = "read_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 0.99,
     .summary = "part of the operations that read the whole set"},
    {.name = "reads",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "linearizable",
     .choices = reads_choices,
     .summary = "local: answered by the node that is asked, and stale by design"},
    WORKLOAD_OPTION_END,
};

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct set *set = source->shared;
    if (rift_rng_unit(&source->rng) < set->read_part) {
        workload_make_read(source, values, op);
        return;
    }
    op->f = "add";
    op->argument = rift_value_integer(values, source->counter++);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct set *set = rift_arena_calloc(request->arena, 1, sizeof *set);
    set->read_part = workload_number(request, "read_part"); /* 0 where there is no such option */
    phases->main = workload_stream(request, make_operation, set);
    phases->final = workload_until_each_ok(request, workload_make_read, set);
    return 0;
}

static const char *const operations[] = {"add", "read", NULL};
static const char *const client_options[] = {"reads", NULL};
static const struct rift_checker_choice set_checkers[] = {{"set", NULL}, {.name = NULL}};
static const struct rift_checker_choice full_checkers[] = {{"set-full", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_set = {
    .name = "set",
    .summary = "elements are added; a read at the end must find them",
    .operations = operations,
    .client_settings = "{\"shape\": \"set\"}",
    .checkers = set_checkers,
    .build = build,
};

const struct rift_workload rift_workload_set_full = {
    .name = "set-full",
    .summary = "elements are added and read all the time: lost, stale, never seen",
    .options = full_options,
    .operations = operations,
    .client_options = client_options,
    .client_settings = "{\"shape\": \"set\"}",
    .checkers = full_checkers,
    .build = build,
};
