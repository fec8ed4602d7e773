/* What wall clock the system's processes are shown, where a fault shows them another one than the
 * host's. */
#ifndef AGENT_SHOWN_CLOCK_H
#define AGENT_SHOWN_CLOCK_H

#include "agent/agent.h"

verb_handler shown_clock_verb;

#endif
