/* The parent of the agent: it does nothing but wait, and heals if the agent dies, or hangs. */
#ifndef AGENT_GUARDIAN_H
#define AGENT_GUARDIAN_H

/* Forks the agent and returns its exit code when it has ended. If it was killed, or does not keep
 * what it told the guardian to expect (it is stopped, it waits for a disk), heals what the ledger
 * says first. */
int guardian_run(const char *state_folder, const char *cgroup_name);

#endif
