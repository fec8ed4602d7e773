/* Where the program finds the agent that it sends to nodes. */
#ifndef CONTROL_CLI_AGENT_PATH_H
#define CONTROL_CLI_AGENT_PATH_H

/* rift-agent lies beside rift, in a build as where they are installed. The caller frees it. */
char *agent_path_beside_program(void);

#endif
