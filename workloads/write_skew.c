/* Write skew: two transactions at the same moment, each reads both keys of a fresh pair and writes
 * one of them. Serializable systems let at most one see both keys empty; snapshot isolation lets
 * both. Read by a predicate ("which keys have the pair's number as value?") it is a G2, else a
 * G2-item. A third transaction reads the pair before: where a system lets one of each two through
 * and no more, no other transaction would tell that its write was kept. */
#include "workloads/registry.h"
#include "workloads/transactions.h"

#include <string.h>

enum { PER_PAIR = 2, PER_BURST = PER_PAIR + 1 };

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    int64_t pair = (int64_t)(source->index / PER_BURST);
    int64_t written = (int64_t)(source->index % PER_BURST);
    bool is_writer = written < PER_PAIR;
    if (!is_writer && pair > 0)
        pair--;
    const bool *by_predicate = source->shared;
    struct rift_value items[9];
    size_t count = 0;
    if (*by_predicate) {
        items[count++] = rift_value_keyword(values, "rp", 2);
        items[count++] =
            rift_value_box(values, RIFT_LIST,
                           (const struct rift_value[]){rift_value_keyword(values, "=", 1),
                                                       rift_value_integer(values, pair + 1)},
                           2);
        items[count++] = RIFT_VALUE_NIL;
    }
    for (int64_t i = 0; i < PER_PAIR && !*by_predicate; i++, count += 3)
        workload_micro_operation(values, &items[count], "r", PER_PAIR * pair + i, RIFT_VALUE_NIL);
    if (is_writer) {
        workload_micro_operation(values, &items[count], "w", PER_PAIR * pair + written,
                                 rift_value_integer(values, *by_predicate ? pair + 1 : 1));
        count += 3;
    }
    op->f = "txn";
    op->argument = rift_value_box(values, RIFT_TXN, items, count);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    bool *by_predicate = rift_arena_calloc(request->arena, 1, sizeof *by_predicate);
    *by_predicate = strcmp(workload_word(request, "reads"), "predicate") == 0;
    phases->main =
        rift_generator_bursts(request->arena, request->rate_hz, PER_BURST, request->seed, "rate", 0,
                              rift_generator_source(request->arena, make_operation, by_predicate,
                                                    request->seed, "main", 0));
    return 0;
}

static const char *const reads[] = {"keys", "predicate", NULL};
static const struct rift_option options[] = {
    {.name = "reads",
     .kind = RIFT_OPTION_CHOICE,
     .unit = "",
     .fallback = "keys",
     .choices = reads,
     .summary = "by key (write skew, G2-item), or by a predicate on values (phantoms, G2)"},
    WORKLOAD_OPTION_END,
};
static const char *const operations[] = {"txn", NULL};
static const struct rift_checker_choice checkers[] = {{"rw-register", "{level: serializable}"},
                                                      {.name = NULL}};

const struct rift_workload rift_workload_write_skew = {
    .name = "write-skew",
    .summary = "pairs of transactions that read two keys and write one each, and one that reads "
               "the last pair",
    .options = options,
    .operations = operations,
    .client_settings = "{\"shape\": \"register\"}",
    .checkers = checkers,
    .build = build,
};
