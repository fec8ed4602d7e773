/* A root qdisc of ours that slows some packets down: HTB with one class, netem below it where a
 * delay is asked for, and a BPF program that says which packets go there. All others pass at once.
 */
#ifndef NEMESIS_FAULTS_SHAPE_H
#define NEMESIS_FAULTS_SHAPE_H

#include <stdint.h>

#include "common/error.h"
#include "nemesis/faults/tc.h"

/* The minor number that a program writes into tc_classid to send a packet through the class. */
enum { RIFT_SHAPE_CLASS = 1 };

struct rift_shape {
    uint64_t rate_bytes;         /* a second; 0: as fast as can be */
    int64_t delay_ns, jitter_ns; /* 0: no netem */
};

/* Fails with CONFLICT where somebody's own qdisc is the root, or another one of ours. */
int rift_shape_check(struct rift_tc *tc, int interface, struct rift_error *err);
/* Puts everything on the interface, which rift_shape_check has passed. */
int rift_shape_add(struct rift_tc *tc, int interface, const struct rift_shape *shape,
                   int program_fd, const char *filter_name, struct rift_error *err);
/* Is the root ours? */
int rift_shape_exists(struct rift_tc *tc, int interface, bool *exists, struct rift_error *err);
/* Removes our root qdisc, with all that hangs on it; the kernel puts its default there again.
 * Success where the root is not ours. */
int rift_shape_remove(struct rift_tc *tc, int interface, struct rift_error *err);

#endif
