/* The workloads by name, for the table. */
#ifndef WORKLOADS_REGISTRY_H
#define WORKLOADS_REGISTRY_H

#include "workloads/workload.h"

extern const struct rift_workload rift_workload_register;
extern const struct rift_workload rift_workload_list_append;
extern const struct rift_workload rift_workload_rw_register;
extern const struct rift_workload rift_workload_write_skew;
extern const struct rift_workload rift_workload_long_fork;
extern const struct rift_workload rift_workload_bank;
extern const struct rift_workload rift_workload_set;
extern const struct rift_workload rift_workload_set_full;
extern const struct rift_workload rift_workload_queue;
extern const struct rift_workload rift_workload_total_queue;
extern const struct rift_workload rift_workload_counter;
extern const struct rift_workload rift_workload_unique_ids;
extern const struct rift_workload rift_workload_lock;
extern const struct rift_workload rift_workload_fencing;
extern const struct rift_workload rift_workload_kafka;
extern const struct rift_workload rift_workload_monotonic;
extern const struct rift_workload rift_workload_sessions;
extern const struct rift_workload rift_workload_causal;
extern const struct rift_workload rift_workload_watch;

#endif
