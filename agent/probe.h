/* Probes between agents: small UDP datagrams that each agent counts and echoes, so that what a
 * partition did is seen by traffic, in each direction apart. */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include "agent/agent.h"

/* Binds a free UDP port on every address. */
struct probe *probe_open(struct agent *agent, struct rift_error *err);
void probe_close(struct probe *probe);
int probe_port(const struct probe *probe);

verb_handler probe_verb_pairs, probe_verb_received;

#endif
