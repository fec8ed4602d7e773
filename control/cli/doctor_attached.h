/* Of rift doctor: does the system run that the configuration attaches to? */
#ifndef CONTROL_CLI_DOCTOR_ATTACHED_H
#define CONTROL_CLI_DOCTOR_ATTACHED_H

#include <stddef.h>

#include "control/run/cluster.h"
#include "plan/plan.h"

/* Prints a line for each node, and returns on how many it is trouble: a cluster that is there
 * already is one that runs, unless a run empties it before and starts it. The agents know of it
 * (system_attach). 0 for a plan that attaches to none. */
size_t doctor_print_attached(struct cluster *cluster, const struct rift_plan *plan,
                             int64_t deadline_ms);

#endif
