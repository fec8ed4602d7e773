/* Transactions that write registers and read them: less is known of the order of versions than with
 * lists, as a write leaves no trace of what it replaced. */
#include "workloads/registry.h"
#include "workloads/transactions.h"

static int build(const struct rift_workload_request *request, struct rift_workload_phases *phases,
                 struct rift_error *err)
{
    return workload_transactions_build(request, "w", phases, err);
}

static const char *const operations[] = {"txn", NULL};
static const struct rift_checker_choice checkers[] = {{"rw-register", NULL}, {.name = NULL}};

const struct rift_workload rift_workload_rw_register = {
    .name = "rw-register",
    .summary = "transactions that write registers and read them",
    .options = workload_transaction_options,
    .operations = operations,
    .client_settings = "{\"shape\": \"register\"}",
    .checkers = checkers,
    .build = build,
};
