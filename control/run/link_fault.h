/* Faults that make links worse without cutting them: what is asked of each link, and what the
 * agents' datagrams show of it. */
#ifndef CONTROL_RUN_LINK_FAULT_H
#define CONTROL_RUN_LINK_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/text.h"
#include "control/run/cluster.h"
#include "control/run/link_probe.h"
#include "nemesis/schedule.h"

/* The name by which the agents know the fault. */
const char *link_fault_driver(const struct rift_fault *fault);
/* The argument `peers` of probe_fault and inject: those of the set, with their own options where
 * the fault has them. further is what peer_addresses_ask gave. The caller owns it. */
json_t *link_fault_peers(const struct cluster *cluster, const struct rift_fault_variant *what,
                         size_t node, const struct rift_node_set *peers, const json_t *further);

/* Is it asked that packets come late? */
bool link_fault_delays(const struct rift_fault_variant *what);
/* And by as much as chance will have it? A few datagrams may be lucky. */
bool link_fault_scatters(const struct rift_fault_variant *what);
/* Is it left to chance whether a packet is hit at all? */
bool link_fault_is_by_chance(const struct rift_fault_variant *what);
/* How much later than without it an echo may come, over the links of the grudge. */
int64_t link_fault_late_ms(const struct cluster *cluster, const struct rift_fault_variant *what,
                           const struct rift_grudge *grudge);
/* Are answers by as much later as was asked of what this node sends to its peers? Appends the round
 * trips before and now. */
bool link_fault_describe(const struct cluster *cluster, const struct rift_fault_variant *what,
                         const struct rift_grudge *grudge, size_t node,
                         const struct link_probe *before, const struct link_probe *during,
                         struct rift_text *text);

#endif
