/* What a fault window shows while it is on. */
#ifndef CONTROL_RUN_FAULT_LOOK_H
#define CONTROL_RUN_FAULT_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "control/run/fault_window.h"

/* {"observed": bool, "nodes": {name: {"applied_ns", "late_ns" (after the agreed moment; null where
 * the node said nothing), "observed": text, "is_observed": bool, "may_be_chance": it was not, but
 * chance may have spared all that passed so far}}}. A window is observed where some node saw it,
 * and it may be chance for all that did not. To be called while the fault is in force; hosts that
 * do not answer are waited for until about by_ns (monotonic), so that the heal comes when it is
 * due. The caller owns it. */
json_t *fault_window_observe(struct fault_window *fault, int64_t by_ns);
/* Some node did not see it, and may yet: a probe of a slow node had not met it, or no packet had.
 * Never of cuts and of delays: whoever looks again and again would miss a leak by luck. */
bool fault_window_may_be_seen_later(const struct fault_window *fault, const json_t *seen);
/* Looks again, and answers, in place of seen, which it frees, what either look saw. */
json_t *fault_window_observe_again(struct fault_window *fault, json_t *seen, int64_t by_ns);

#endif
