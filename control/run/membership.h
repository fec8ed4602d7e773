/* Nodes are removed from the cluster, and join it again at the end. */
#ifndef CONTROL_RUN_MEMBERSHIP_H
#define CONTROL_RUN_MEMBERSHIP_H

#include "control/run/cluster_fault.h"

extern const struct cluster_fault membership_change;

#endif
