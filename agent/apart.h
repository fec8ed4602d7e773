/* A control group of the agent's own, named after the system's with "-agent" behind it. systemd
 * ends a login's or a service's processes at one stroke, by their group (logind's
 * KillUserProcesses, systemd-oomd, a restart of sshd): agent, guardian and keepers would die
 * together, and a limit that a fault set would stay until the next contact. */
#ifndef AGENT_APART_H
#define AGENT_APART_H

#include <stdbool.h>

/* Moves the caller in, and with it all that it forks from now on. Where that cannot be done all
 * stays as it is. */
void apart_enter(const char *cgroup_name);
/* Moves the caller back, and removes the group where nobody else is in it. */
void apart_leave(const char *cgroup_name);
bool apart_is_left(const char *cgroup_name);
/* Of an agent and a guardian that were killed. */
void apart_remove(const char *cgroup_name);

#endif
