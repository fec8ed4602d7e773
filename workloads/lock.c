/* Each thread acquires and releases, again and again; threads share locks. `lock` asks that nobody
 * holds a lock together with another. Over a network that cannot be kept by a lock alone, as a
 * holder may be slow; `fencing` asks for what can: every acquisition has a larger token than the
 * one before. */
#include "workloads/parts.h"
#include "workloads/registry.h"

struct locks {
    int64_t count;
};

static const struct rift_option options[] = {
    {.name = "locks",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "1",
     .minimum = 1,
     .maximum = 10000,
     .summary = "thread t uses lock t modulo this"},
    WORKLOAD_OPTION_END,
};

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct locks *locks = source->shared;
    op->f = source->index % 2 == 0 ? "acquire" : "release";
    op->key = rift_value_integer(values, source->number % locks->count);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct locks *locks = rift_arena_calloc(request->arena, 1, sizeof *locks);
    locks->count = workload_integer(request, "locks");
    phases->main = workload_thread_streams(request, make_operation, locks);
    return 0;
}

static const char *const operations[] = {"acquire", "release", NULL};
static const struct rift_checker_choice lock_checkers[] = {{"linearizable", "{model: mutex}"},
                                                           {.name = NULL}};
static const struct rift_checker_choice fencing_checkers[] = {{"fencing", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_lock = {
    .name = "lock",
    .summary = "acquire and release: no two holders at a time",
    .options = options,
    .operations = operations,
    .checkers = lock_checkers,
    .build = build,
};

const struct rift_workload rift_workload_fencing = {
    .name = "fencing",
    .summary = "acquire answers a fencing token, larger each time",
    .options = options,
    .operations = operations,
    .checkers = fencing_checkers,
    .build = build,
};
