/* How far a node's clocks are from ours. CLOCK_MONOTONIC by repeated questions (Cristian's
 * algorithm): the answer that took the shortest time bounds the error best. */
#ifndef CONTROL_REMOTE_CLOCK_OFFSET_H
#define CONTROL_REMOTE_CLOCK_OFFSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RIFT_CLOCK_SAMPLES = 32 };

struct rift_clock_sample {
    int64_t at_ns;     /* ours, in the middle of the question */
    int64_t offset_ns; /* the node's minus ours */
    int64_t error_ns;  /* half of the round trip */
};

struct rift_clock_offset {
    struct rift_clock_sample samples[RIFT_CLOCK_SAMPLES]; /* a ring */
    size_t count, next;
    int64_t drift_ppm; /* the most by which the clocks drift apart, as the samples have it */
};

/* After another boot of the node nothing of before holds: zero the struct then. */
void rift_clock_offset_add(struct rift_clock_offset *offset, int64_t sent_ns, int64_t received_ns,
                           int64_t node_ns);
/* The best estimate for now_ns; false where there is none yet. */
bool rift_clock_offset_estimate(const struct rift_clock_offset *offset, int64_t now_ns,
                                int64_t *offset_ns, int64_t *error_ns);

/* A node's wall clock, seen once. Unlike the offset above it is never kept for later: a fault may
 * set it at any time. */
struct rift_wall_sample {
    int64_t at_ns;    /* our CLOCK_MONOTONIC, in the middle of the question; 0: none yet */
    int64_t ahead_ns; /* the node's CLOCK_REALTIME minus ours */
    int64_t error_ns; /* half of the round trip */
};

/* Sent and received as our two clocks have it, so that a step of our own wall clock in between
 * widens the error. */
struct rift_wall_sample rift_wall_sample_of(int64_t sent_ns, int64_t received_ns,
                                            int64_t sent_wall_ns, int64_t received_wall_ns,
                                            int64_t node_wall_ns);

#endif
