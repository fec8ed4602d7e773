/* A root qdisc of ours: HTB, with a class for each link that is slowed down. A packet goes through
 * the class that its priority names (skb->priority, as a BPF program on clsact sets it); all others
 * pass at once. Faults that overlap share the root, each with classes of its own. */
#ifndef NEMESIS_FAULTS_NETWORK_SHAPE_H
#define NEMESIS_FAULTS_NETWORK_SHAPE_H

#include <stdint.h>

#include "common/error.h"
#include "nemesis/faults/network/link_quality.h"
#include "nemesis/faults/network/tc.h"

enum { RIFT_SHAPE_CLASSES_MAX = 2048 };

/* What a packet's priority must be for the class of that number, from 1 to RIFT_SHAPE_CLASSES_MAX.
 */
uint32_t rift_shape_priority(int number);

/* Fails with CONFLICT where somebody's own qdisc is the root. */
int rift_shape_check(struct rift_tc *tc, int interface, struct rift_error *err);
/* Makes the root where it is not there, the class with the quality's rate, and below it netem where
 * has_netem, else a queue of the quality's limit. Of a class that is there already, changes both
 * without losing what waits. */
int rift_shape_set(struct rift_tc *tc, int interface, int number,
                   const struct rift_link_quality *quality, bool has_netem, struct rift_error *err);
/* What waits in the class for the sake of its rate goes at once. */
int rift_shape_release(struct rift_tc *tc, int interface, int number, struct rift_error *err);
/* Removes the class, and the root with the last one; the kernel puts its default there again.
 * Success where there is none. */
int rift_shape_remove(struct rift_tc *tc, int interface, int number, struct rift_error *err);

/* Adds what the queue below the class has counted. */
struct rift_shape_counts {
    uint64_t packets, dropped, waiting;
};
int rift_shape_count(struct rift_tc *tc, int interface, int number,
                     struct rift_shape_counts *counts, struct rift_error *err);

/* Is the root ours? */
int rift_shape_exists(struct rift_tc *tc, int interface, bool *exists, struct rift_error *err);
/* Removes our root with all its classes; success where the root is not ours. */
int rift_shape_remove_all(struct rift_tc *tc, int interface, struct rift_error *err);

#endif
