/* By what a fault shows to the agents' datagrams and to clients. */
#ifndef CONTROL_RUN_FAULT_SIGNS_H
#define CONTROL_RUN_FAULT_SIGNS_H

#include <stdbool.h>
#include <stdint.h>

#include "nemesis/schedule.h"

bool fault_is_on_links(const struct rift_fault_variant *what);
bool fault_is_of_clients(const struct rift_fault_variant *what);
/* Then the agents' datagrams may go by another one. */
bool fault_names_interfaces(const struct rift_fault_variant *what);
/* A partition that holds back the agents' datagrams. Those of TCP alone, or of a port, and other
 * faults on links let them through; what those did is told by the agents. */
bool fault_is_cut(const struct rift_fault_variant *what);
/* The agents' datagrams come late. */
bool fault_is_late(const struct rift_fault_variant *what);
/* Over how long probes must be spread to see a cut that comes and goes; 0: it does not. Of a longer
 * period only a part is seen. */
int64_t fault_flap_spread_ms(const struct rift_fault_variant *what);
/* Over how long datagrams are sent to a link, many of them; 0: a few at once will do. */
int64_t fault_probe_spread_ms(const struct rift_fault_variant *what);

#endif
