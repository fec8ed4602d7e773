/* The step of a sequence that waits until the cluster is as asked. */
#ifndef CONTROL_RUN_WAIT_STEP_H
#define CONTROL_RUN_WAIT_STEP_H

#include "control/run/cluster_fault.h"

extern const struct cluster_fault wait_step;

#endif
