/* The fault `wan`: regions, how far apart they are, and which node lies where, become figures for
 * each link. */
#ifndef PLAN_WAN_H
#define PLAN_WAN_H

#include "plan/reader.h"

/* Sets "links" of the fault's checked options, {source: {destination: {"delay_ms", "jitter_ms",
 * "loss_percent"}}} for every ordered pair of nodes, unless it is given; problems are named in the
 * file of the matrix or at place. */
void rift_plan_read_wan(struct rift_plan_reader *reader, json_t *options,
                        const struct rift_tree *place);

#endif
