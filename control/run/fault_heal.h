/* The end of a fault window, and what shows it. */
#ifndef CONTROL_RUN_FAULT_HEAL_H
#define CONTROL_RUN_FAULT_HEAL_H

#include <jansson.h>

#include "control/run/fault_window.h"

/* Heals on every node, and looks whether cut links hear again: {"observed", "nodes": {name:
 * {"healed_ns" (null: it does not say so), "after": text, "is_observed", "ended_early": somebody
 * else healed it, or its lease ran out}}}. */
json_t *fault_window_heal(struct fault_window *fault);

#endif
