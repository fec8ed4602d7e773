/* The agent's binary on a node: checked to be able to run there, and put there by its hash. */
#ifndef CONTROL_REMOTE_AGENT_FILE_H
#define CONTROL_REMOTE_AGENT_FILE_H

#include "control/remote/place.h"

/* Asks the host what it is, and puts the agent there where it is not yet. command, to be given to
 * rift_ssh_start, becomes what runs it as root, without arguments. Fails naming the host: another
 * processor, not root, no sudo, no space. */
int rift_agent_file_place(struct rift_ssh *ssh, struct rift_host_facts *facts, char command[192],
                          struct rift_error *err);

/* What a person may send the agent to do on a host in any state. */
enum rift_agent_errand {
    /* Tell what a running agent has on; else list what of Rift's is there: filters, ledger,
     * cgroups, processes, files. */
    RIFT_ERRAND_LOOK,
    RIFT_ERRAND_HEAL, /* end a running agent, undo every fault, remove the system that a run left */
    RIFT_ERRAND_PURGE, /* the same, and remove what was to be kept, and all of Rift's files */
};

/* By hand, without a session. said is what the agent wrote about what it did. A host whose disk
 * takes no file gets the agent in its memory, for this once. */
int rift_agent_file_send(const struct rift_node_settings *settings, enum rift_agent_errand errand,
                         struct rift_text *said, struct rift_error *err);

#endif
