/* Every process asks for identifiers; no two may be the same. */
#include "workloads/parts.h"
#include "workloads/registry.h"

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    (void)source;
    (void)values;
    op->f = "generate";
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    phases->main = workload_stream(request, make_operation, NULL);
    return 0;
}

static const char *const operations[] = {"generate", NULL};
static const struct rift_checker_choice checkers[] = {{"unique-ids", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_unique_ids = {
    .name = "unique-ids",
    .summary = "identifiers are generated; no two may be the same",
    .operations = operations,
    .checkers = checkers,
    .build = build,
};
