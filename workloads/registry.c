/* The table of all workloads. */
#include "workloads/registry.h"

#include <string.h>

const struct rift_workload *const rift_workloads[] = {
    &rift_workload_register,
    NULL,
};

const struct rift_workload *rift_workload_find(const char *name)
{
    for (size_t i = 0; rift_workloads[i]; i++)
        if (strcmp(rift_workloads[i]->name, name) == 0)
            return rift_workloads[i];
    return NULL;
}
