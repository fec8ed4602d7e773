/* Can every node do every fault that is planned? Asked before anything is installed or broken. */
#ifndef CONTROL_RUN_DOCTOR_H
#define CONTROL_RUN_DOCTOR_H

#include "common/error.h"
#include "control/run/cluster.h"
#include "nemesis/schedule.h"

/* Fails with RIFT_ERR_UNSUPPORTED and names, one a line, each node and fault that cannot be done
 * and why. Leaves nothing behind. */
int doctor_ask(struct cluster *cluster, const struct rift_schedule *schedule, int64_t deadline_ms,
               struct rift_error *err);

#endif
