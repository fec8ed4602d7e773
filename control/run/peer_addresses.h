/* By which addresses the nodes hear each other, besides those of the configuration: a node may have
 * a network of its own for the cluster, and IPv6 beside IPv4. */
#ifndef CONTROL_RUN_PEER_ADDRESSES_H
#define CONTROL_RUN_PEER_ADDRESSES_H

#include <stdint.h>

#include <jansson.h>

#include "control/run/cluster.h"

/* For each node a list of texts: what it says that it has, but for addresses that are another
 * node's too (bridges for containers, mostly, are the same on all), or that the configuration has.
 * Nothing of a node that does not answer. The caller owns it. */
json_t *peer_addresses_ask(struct cluster *cluster);

#endif
