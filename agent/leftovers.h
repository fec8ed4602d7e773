/* What of ours is still on a node. */
#ifndef AGENT_LEFTOVERS_H
#define AGENT_LEFTOVERS_H

#include <stdbool.h>

#include "agent/paths.h"

/* Prints a line on stdout for each thing of ours that is there: filters, ledger entries, cgroups,
 * processes, files other than the agent's binary; returns their number. Nothing is changed. */
int leftovers_print(const struct agent_paths *paths, const char *cgroup_name);

/* Heals all by hand, whatever state the node is in: ends a running agent, then works through the
 * ledger. With purge the system is killed and the state folder removed as well, with the agents
 * that the controller put there. The exit code; says on stdout what was done. */
int leftovers_heal(const struct agent_paths *paths, const char *cgroup_name, bool purge);

#endif
