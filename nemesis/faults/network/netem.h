/* netem(8) by raw netlink: libnl has no setters for its loss models, for 64-bit delays nor for
 * tables that are not files. */
#ifndef NEMESIS_FAULTS_NETWORK_NETEM_H
#define NEMESIS_FAULTS_NETWORK_NETEM_H

#include "nemesis/faults/network/link_quality.h"
#include "nemesis/faults/network/tc.h"

/* Does the kernel have it? Changes nothing. */
bool rift_netem_exists(struct rift_tc *tc);
/* What of this netem would leave undone without a word, or NULL. */
const char *rift_netem_shortfall(const struct rift_link_quality *quality);
/* Puts netem below parent, or changes the one that is there, without losing what waits in it. Rate,
 * duplicates and silent corruption are not netem's here. */
int rift_netem_set(struct rift_tc *tc, int interface, uint32_t parent, uint32_t handle,
                   const struct rift_link_quality *quality, struct rift_error *err);

#endif
