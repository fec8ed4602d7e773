/* Transactions that append to lists and read them: a list tells the order of everything that was
 * written to it. */
#include "workloads/registry.h"
#include "workloads/transactions.h"

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    return workload_transactions_build(request, "append", phases, err);
}

static const char *const operations[] = {"txn", NULL};
static const struct rift_checker_choice checkers[] = {{"list-append", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_list_append = {
    .name = "list-append",
    .summary = "transactions that append to lists and read them",
    .options = workload_transaction_options,
    .operations = operations,
    .client_settings = "{\"shape\": \"list\"}",
    .checkers = checkers,
    .build = build,
};
