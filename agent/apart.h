/* The agent leaves the control group of its login. systemd ends a login's or a service's processes
 * at one stroke, by their group (logind's KillUserProcesses, systemd-oomd, a restart of sshd):
 * agent, guardian and keepers would die together, and a limit that a fault set would stay until the
 * next contact. */
#ifndef AGENT_APART_H
#define AGENT_APART_H

/* Moves the caller, and with it all that it forks from now on, into the root of each hierarchy in
 * which processes are told apart. Where that cannot be done it stays where it is. */
void apart_enter(void);

#endif
