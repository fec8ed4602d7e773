/* How long the controller's word holds: when it ends, all faults do. */
#ifndef AGENT_LEASE_H
#define AGENT_LEASE_H

#include "agent/agent.h"

enum { AGENT_LEASE_MIN_MS = 500, AGENT_LEASE_MAX_MS = 3600000 };

/* Renewed until now + lease_ms. */
int agent_lease_renew(struct agent *agent, int64_t lease_ms, struct rift_error *err);

#endif
