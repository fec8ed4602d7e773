/* The addresses that this node has, by which its peers may hear it besides the one that the
 * configuration names: other interfaces, the other IP. */
#ifndef AGENT_ADDRESSES_H
#define AGENT_ADDRESSES_H

#include <stdbool.h>

#include "agent/agent.h"

/* The verb addresses. */
int addresses_verb(struct agent *agent, const struct request *request, json_t *ok,
                   struct rift_error *err);

/* Is it another node's, as seen from here: there is a route to it, and it is none of our own? */
bool address_is_elsewhere(const char *address);

#endif
