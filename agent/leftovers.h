/* What of ours is still on a node. */
#ifndef AGENT_LEFTOVERS_H
#define AGENT_LEFTOVERS_H

#include <stdbool.h>

#include "agent/paths.h"

/* Prints a line on stdout for each thing of ours that is there: filters, ledger entries, cgroups,
 * processes, files other than the agent's binary; returns their number. Nothing is changed. */
int leftovers_print(const struct agent_paths *paths, const char *cgroup_name);

/* Removes files of ours that an agent was writing when it died. To be called with the node's lock.
 */
void leftovers_sweep_unfinished(const struct agent_paths *paths);
/* That, and uploads that were cut short. To be called with the node's lock, in a new session: then
 * no controller has an upload under way. */
void leftovers_sweep(const struct agent_paths *paths);

/* Heals all by hand, whatever state the node is in: ends a running agent, works through the ledger,
 * and removes the system that a run left, but not data that were to be kept. With purge those as
 * well, and the state folder, with the agents that the controller put there. The exit code; says on
 * stdout what was done, and whose run was ended for it. */
int leftovers_heal(const struct agent_paths *paths, const char *cgroup_name, bool purge);

#endif
