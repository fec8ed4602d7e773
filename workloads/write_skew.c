/* Write skew: two transactions at the same moment, each reads both keys of a fresh pair and writes
 * one of them. Serializable systems let at most one see both keys empty; snapshot isolation lets
 * both. */
#include "workloads/registry.h"
#include "workloads/transactions.h"

enum { PER_PAIR = 2 };

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    int64_t pair = (int64_t)(source->index / PER_PAIR);
    int64_t written = (int64_t)(source->index % PER_PAIR);
    struct rift_value items[9];
    for (int64_t i = 0; i < PER_PAIR; i++)
        workload_micro_operation(values, &items[3 * i], "r", PER_PAIR * pair + i, RIFT_VALUE_NIL);
    workload_micro_operation(values, &items[6], "w", PER_PAIR * pair + written,
                             rift_value_integer(values, 1));
    op->f = "txn";
    op->argument = rift_value_box(values, RIFT_TXN, items, 9);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    phases->main = rift_generator_bursts(
        request->arena, request->rate_hz, PER_PAIR, request->seed, "rate", 0,
        rift_generator_source(request->arena, make_operation, NULL, request->seed, "main", 0));
    return 0;
}

static const char *const operations[] = {"txn", NULL};
static const struct rift_checker_choice checkers[] = {{"rw-register", "{level: serializable}"},
                                                      {.name = NULL}};

const struct rift_workload rift_workload_write_skew = {
    .name = "write-skew",
    .summary = "pairs of transactions that read two keys and write one each",
    .operations = operations,
    .client_settings = "{\"shape\": \"register\"}",
    .checkers = checkers,
    .build = build,
};
