/* Rolling restart and rolling upgrade: node after node, never two of them down at once. */
#ifndef CONTROL_RUN_ROLLING_H
#define CONTROL_RUN_ROLLING_H

#include "control/run/cluster_fault.h"

extern const struct cluster_fault rolling_restart, rolling_upgrade;

#endif
