/* How long before the moment on which all nodes agree they are to be told of it, so that all of
 * them are ready by then. Any thread. */
#ifndef CONTROL_RUN_LEAD_H
#define CONTROL_RUN_LEAD_H

#include <stdatomic.h>
#include <stdint.h>

#include "control/run/cluster.h"

/* Zeroed: nothing was learnt yet. */
struct lead {
    /* The longest that a node took, from the call until ready; an eighth less with each window
     * since. */
    _Atomic int64_t slowest_ns;
};

/* By how much any node may begin later than at that moment, as its clock is not known better; in
 * ns. */
int64_t lead_clock_error(const struct cluster *cluster);
/* By the slowest round trip, by how many nodes there are (they may share processors), and by what
 * was learnt; from 0.1 to 5 s. */
int64_t lead_of(const struct lead *lead, const struct cluster *cluster);
void lead_learn(struct lead *lead, int64_t took_ns);

#endif
