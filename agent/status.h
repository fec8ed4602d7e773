/* What is on, asked of a running agent from beside: its controller's connection has no part in it.
 */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "agent/agent.h"

struct status;

/* Answers whoever asks on this host, as root, from now on. NULL where it cannot: others then see
 * what the kernel and the ledger show. Of the agent's loop, which it must not outlive. */
struct status *status_open(struct agent *agent);
void status_close(struct status *status);

/* Asks the agent of these paths and prints a line for who holds the node, and one for each fault:
 * since when, how long the lease runs, what was hit. False where none answers. */
bool status_print(const struct agent_paths *paths);

#endif
