/* Every fault of the node healed, those that only the ledger knows as well. */
#ifndef AGENT_HEAL_ALL_H
#define AGENT_HEAL_ALL_H

#include "agent/agent.h"

verb_handler heal_all_verb;

/* Here and now, for an agent that ends: nothing else is served meanwhile. healed (may be NULL) gets
 * the ids; the first failure is returned after all others were tried. */
int heal_all_now(struct agent *agent, json_t *healed, struct rift_error *err);
/* What does not wait at once, the rest in a job; the event "lease_ended" tells the ids when it is
 * done. */
void heal_all_at_lease_end(struct agent *agent);
/* Is a job at it? */
bool heal_all_is_under_way(const struct agent *agent);

#endif
