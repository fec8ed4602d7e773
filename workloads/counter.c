/* One counter: additions and reads. A read must lie between what was surely added before it began
 * and what may have been added before it ended. */
#include "workloads/parts.h"
#include "workloads/registry.h"

struct counter {
    double read_part;
    int64_t smallest, largest;
};

static const struct rift_option options[] = {
    {.name = "read_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.5",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the operations that read"},
    {.name = "largest",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "5",
     .minimum = 1,
     .maximum = 1e9,
     .summary = "the most that is added at once"},
    {.name = "decrements",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "false",
     .summary = "as much is taken away as is added"},
    WORKLOAD_OPTION_END,
};

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct counter *counter = source->shared;
    bool is_read = rift_rng_unit(&source->rng) < counter->read_part;
    int64_t amount = rift_rng_between(&source->rng, counter->smallest, counter->largest);
    if (is_read) {
        workload_make_read(source, values, op);
        return;
    }
    op->f = "add";
    /* Zero would say nothing. */
    op->argument = rift_value_integer(values, amount == 0 ? 1 : amount);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct counter *counter = rift_arena_calloc(request->arena, 1, sizeof *counter);
    counter->read_part = workload_number(request, "read_part");
    counter->largest = workload_integer(request, "largest");
    counter->smallest = 1;
    if (json_is_true(json_object_get(request->options, "decrements")))
        counter->smallest = -counter->largest;
    phases->main = workload_stream(request, make_operation, counter);
    phases->final = workload_until_each_ok(request, workload_make_read, counter);
    return 0;
}

static const char *const operations[] = {"add", "read", NULL};
static const struct rift_checker_choice checkers[] = {{"counter", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_counter = {
    .name = "counter",
    .summary = "additions to one number, and reads of it",
    .options = options,
    .operations = operations,
    .client_settings = "{\"shape\": \"counter\"}",
    .checkers = checkers,
    .build = build,
};
