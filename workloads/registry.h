/* The workloads by name, for the table. */
#ifndef WORKLOADS_REGISTRY_H
#define WORKLOADS_REGISTRY_H

#include "workloads/workload.h"

extern const struct rift_workload rift_workload_register;

#endif
