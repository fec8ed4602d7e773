/* The system under test on all hosts of a run: installed, started, stopped, its logs fetched. */
#ifndef CONTROL_RUN_SYSTEM_H
#define CONTROL_RUN_SYSTEM_H

#include "common/error.h"
#include "control/run/cluster.h"
#include "plan/plan.h"

/* All of them do nothing for a plan whose system is "none". Each works on all nodes in parallel and
 * names the node that failed. */

/* Can the files of every node's secrets be read? Asked before any node is. */
int system_check_secrets(const struct rift_plan *plan, struct rift_error *err);
/* For a system that runs already: tells the agents where, so that faults find it. Fails where a
 * node has no such unit. Does nothing for one that we start. */
int system_attach(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err);
/* Tells the agents the recipe, ends and wipes what an earlier run left, installs. A system that
 * runs already is only wiped, where the plan says so. */
int system_install(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err);
/* Starts, and waits until the recipe's own checks hold. */
int system_start(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err);
/* Of the nodes that there is contact with; so are the logs. A system that was there before the run
 * is left running. */
int system_stop(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err);
/* What the system left on the nodes that there is contact with is removed, unless the plan keeps
 * it; elsewhere the next contact does that. */
int system_remove(struct cluster *cluster, const struct rift_plan *plan, struct rift_error *err);
/* Into folder/<node>/. What cannot be fetched is logged and left out. */
void system_fetch_logs(struct cluster *cluster, const struct rift_plan *plan, const char *folder);

#endif
