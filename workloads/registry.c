/* The table of all workloads. */
#include "workloads/registry.h"

#include <string.h>

const struct rift_workload *const rift_workloads[] = {
    &rift_workload_register,    &rift_workload_list_append,
    &rift_workload_rw_register, &rift_workload_write_skew,
    &rift_workload_long_fork,   &rift_workload_bank,
    &rift_workload_set,         &rift_workload_set_full,
    &rift_workload_queue,       &rift_workload_total_queue,
    &rift_workload_counter,     &rift_workload_unique_ids,
    &rift_workload_lock,        &rift_workload_fencing,
    &rift_workload_kafka,       &rift_workload_monotonic,
    &rift_workload_sessions,    &rift_workload_causal,
    &rift_workload_watch,       NULL,
};

const struct rift_workload *rift_workload_find(const char *name)
{
    for (size_t i = 0; rift_workloads[i]; i++)
        if (strcmp(rift_workloads[i]->name, name) == 0)
            return rift_workloads[i];
    return NULL;
}
