/* The parent of the agent: it does nothing but wait, and heals if the agent dies, or hangs. */
#ifndef AGENT_GUARDIAN_H
#define AGENT_GUARDIAN_H

#include <stdint.h>

/* Forks the agent and returns its exit code when it has ended. If it was killed, or does not keep
 * what it told the guardian to expect (it is stopped, it waits for a disk), heals what the ledger
 * says first. */
int guardian_run(const char *state_folder, const char *cgroup_name);

struct pulse;
/* By then the agent will have said so again: if not, it is killed a few seconds later. 0: it says
 * nothing. Returns what was expected before. */
int64_t guardian_expect(struct pulse *pulse, int64_t until_ns);

#endif
