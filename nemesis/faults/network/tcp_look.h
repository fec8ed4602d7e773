/* Is TCP between this node and its peers cut as a match says? Seen by TCP itself, not by the
 * filter: a connection attempt to each peer that gets no answer; or, for connections that were
 * there before, that TCP's own count of what it was given stands still; or, where segments are to
 * reset them, that one is no more. In each case the filter must have hit something of that peer
 * meanwhile, or the silence is no work of the fault. */
#ifndef NEMESIS_FAULTS_NETWORK_TCP_LOOK_H
#define NEMESIS_FAULTS_NETWORK_TCP_LOOK_H

#include "nemesis/faults/driver.h"
#include "nemesis/faults/network/packet_match.h"

struct rift_tcp_look;

/* Remembers the connections of this moment. */
struct rift_tcp_look *rift_tcp_look_create(const struct rift_target *target,
                                           const struct rift_match *match, struct rift_error *err);
void rift_tcp_look_destroy(struct rift_tcp_look *look);
/* One look; the first ones find nothing, as silence takes time. peers: details.peers of the filter,
 * of the same target. Never waits. */
int rift_tcp_look(struct rift_tcp_look *look, const struct rift_target *target, const json_t *peers,
                  bool *is_observed, char how[160], struct rift_error *err);

#endif
