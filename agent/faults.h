/* The faults that are on at this node, from inject to heal. */
#ifndef AGENT_FAULTS_H
#define AGENT_FAULTS_H

#include "agent/agent.h"

verb_handler faults_verb_probe, faults_verb_inject, faults_verb_observe, faults_verb_heal,
    faults_verb_change;

/* Each fault now ends with the agent's lease. To be called too when a process of ours has ended,
 * which may have held one. */
void faults_renew_all(struct agent *agent);
/* [{"id", "fault", "start_ns", "lease_end_ns", "observed"}] */
json_t *faults_list(struct agent *agent);

#endif
