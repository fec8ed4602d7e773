/* The agent's binary on a node: checked to be able to run there, and put there by its hash. */
#ifndef CONTROL_REMOTE_AGENT_FILE_H
#define CONTROL_REMOTE_AGENT_FILE_H

#include "control/remote/place.h"

/* Asks the host what it is, and puts the agent there where it is not yet. command, to be given to
 * rift_ssh_start, becomes what runs it as root, without arguments. Fails naming the host: another
 * processor, not root, no sudo, no space. */
int rift_agent_file_place(struct rift_ssh *ssh, struct rift_host_facts *facts, char command[192],
                          struct rift_error *err);

/* By hand, on a host in any state: ends a running agent and undoes every fault; with purge also
 * kills the system under test and removes all of Rift's files. said is what the agent wrote about
 * it. */
int rift_agent_file_heal(const struct rift_node_settings *settings, bool purge,
                         struct rift_text *said, struct rift_error *err);

#endif
