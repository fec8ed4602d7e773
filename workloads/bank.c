/* Accounts between which money moves: whatever is read at one moment must hold all of it. */
#include "workloads/parts.h"
#include "workloads/registry.h"

struct bank {
    int64_t account_count, total, max_transfer;
    double read_part;
};

static const struct rift_option options[] = {
    {.name = "accounts",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "8",
     .minimum = 2,
     .maximum = 10000,
     .summary = "how many, numbered from 0"},
    {.name = "total",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "100",
     .minimum = 1,
     .maximum = 1e12,
     .summary = "money in all accounts together"},
    {.name = "max_transfer",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "5",
     .minimum = 1,
     .maximum = 1e12,
     .summary = "the most that moves at once"},
    {.name = "read_part",
     .kind = RIFT_OPTION_REAL,
     .unit = "",
     .fallback = "0.5",
     .minimum = 0,
     .maximum = 1,
     .summary = "part of the operations that read all accounts"},
    WORKLOAD_OPTION_END,
};

static struct rift_value transfer(struct rift_values *values, struct rift_value from, int64_t to,
                                  int64_t amount)
{
    static const char *const names[] = {"from", "to", "amount"};
    struct rift_value members[] = {from, rift_value_integer(values, to),
                                   rift_value_integer(values, amount)};
    return workload_record(values, names, members, 3);
}

/* A transfer from nobody brings the money in. It is done once and never again: an info here may
 * leave the total in doubt, a second try might double it. */
static void make_deposit(struct rift_source *source, struct rift_values *values,
                         struct rift_planned_op *op)
{
    const struct bank *bank = source->shared;
    int64_t account = (int64_t)source->index;
    int64_t share = bank->total / bank->account_count;
    int64_t rest = account == 0 ? bank->total % bank->account_count : 0;
    op->f = "transfer";
    op->argument = transfer(values, RIFT_VALUE_NIL, account, share + rest);
}

static void make_operation(struct rift_source *source, struct rift_values *values,
                           struct rift_planned_op *op)
{
    const struct bank *bank = source->shared;
    bool is_read = rift_rng_unit(&source->rng) < bank->read_part;
    int64_t from = rift_rng_between(&source->rng, 0, bank->account_count - 1);
    int64_t to = rift_rng_between(&source->rng, 0, bank->account_count - 2);
    int64_t amount = rift_rng_between(&source->rng, 1, bank->max_transfer);
    if (is_read) {
        workload_make_read(source, values, op);
        return;
    }
    op->f = "transfer";
    op->argument =
        transfer(values, rift_value_integer(values, from), to < from ? to : to + 1, amount);
}

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    (void)err;
    struct bank *bank = rift_arena_calloc(request->arena, 1, sizeof *bank);
    *bank = (struct bank){.account_count = workload_integer(request, "accounts"),
                          .total = workload_integer(request, "total"),
                          .max_transfer = workload_integer(request, "max_transfer"),
                          .read_part = workload_number(request, "read_part")};
    phases->setup = workload_first(request, make_deposit, bank, (uint64_t)bank->account_count);
    phases->main = workload_stream(request, make_operation, bank);
    phases->final = workload_until_each_ok(request, workload_make_read, bank);
    return 0;
}

static const char *const operations[] = {"transfer", "read", NULL};
static const struct rift_checker_choice checkers[] = {{"bank", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_bank = {
    .name = "bank",
    .summary = "money moves between accounts; every read must find all of it",
    .options = options,
    .operations = operations,
    .client_settings = "{\"shape\": \"bank\"}",
    .checkers = checkers,
    .build = build,
};
