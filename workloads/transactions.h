/* Random transactions over a few keys in use at a time: what list-append and rw-register share. */
#ifndef WORKLOADS_TRANSACTIONS_H
#define WORKLOADS_TRANSACTIONS_H

#include "workloads/parts.h"

/* keys, key_distribution, max_writes_per_key, txn_length, read_part, final_reads. */
extern const struct rift_option workload_transaction_options[];

/* write_f: the micro-operation that writes, "append" or "w". */
int workload_transactions_build(const struct rift_workload_request *request, const char *write_f,
                                struct rift_workload_phases *phases, struct rift_error *err);

/* A micro-operation in items[0..2]: f, key and value; value nil for a read. */
void workload_micro_operation(struct rift_values *values, struct rift_value items[3], const char *f,
                              int64_t key, struct rift_value value);

#endif
