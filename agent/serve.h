/* The agent at work: requests in, signals, and the ways to end. */
#ifndef AGENT_SERVE_H
#define AGENT_SERVE_H

struct pulse; /* agent/guardian.h */

/* The agent's whole life, until its input ends, it is told to quit, or a signal comes. Everything
 * is healed when it returns; the exit code. */
int agent_run(const char *state_folder, const char *cgroup_name, int guardian_fd,
              struct pulse *pulse);

#endif
