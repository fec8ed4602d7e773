/* How good a link is: what a configuration asks of the packets that go over it, in numbers, the
 * same for every back end. */
#ifndef NEMESIS_FAULTS_NETWORK_LINK_QUALITY_H
#define NEMESIS_FAULTS_NETWORK_LINK_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "nemesis/faults/driver.h"

enum rift_delay_shape {
    RIFT_DELAY_UNIFORM,
    RIFT_DELAY_NORMAL,
    RIFT_DELAY_PARETO,
    RIFT_DELAY_PARETONORMAL,
    RIFT_DELAY_TABLE, /* as measured: the option delays_ms */
};

enum { RIFT_DELAY_TABLE_SIZE = 1024, RIFT_DELAY_TABLE_UNIT = 8192 };

/* Chances are from 0 to 1. */
struct rift_link_quality {
    int64_t delay_ns, jitter_ns;
    enum rift_delay_shape shape;
    int16_t measured[RIFT_DELAY_TABLE_SIZE]; /* of RIFT_DELAY_TABLE: what the table is */
    double delay_correlation;
    /* Loss is a chain of two states (Gilbert 1960, Elliott 1963): each packet moves the chain by
     * the chances to_bad and to_good, and is lost by the chance of the state it found. */
    double to_bad, to_good, good_loss, bad_loss;
    double duplicate, corrupt, silent, reorder;
    int64_t slot_least_ns, slot_most_ns; /* how long a slot is; most 0: there are none */
    uint64_t rate_bytes;                 /* a second; 0: no limit */
    uint32_t limit;                      /* packets that may wait */
    uint64_t seed;                       /* of all these chances; not an option */
};

/* Reads the options of the fault `link`; those of `own` (or NULL), the peer's, stand before them.
 * Fails with INVALID, naming the option. */
int rift_link_quality_read(const json_t *options, const json_t *own,
                           struct rift_link_quality *quality, struct rift_error *err);
/* Do packets have to wait (or to overtake others, which is the same)? */
bool rift_link_quality_waits(const struct rift_link_quality *quality);
/* Is each packet judged by chance? */
bool rift_link_quality_is_by_chance(const struct rift_link_quality *quality);
/* The share of packets that is lost in the long run. */
double rift_link_quality_loss(const struct rift_link_quality *quality);

/* Of a chance, what a kernel compares a random number of 32 bits with; 1 is 2^32 - 1. */
uint32_t rift_chance_u32(double chance);

/* The inverse of the distribution, for a random index: what to multiply jitter with, in units of
 * 1/8192, as netem has it (tc-netem(8), iproute2's normal.c, pareto.c). Mean 0, standard deviation
 * 1, then cut at 4, which leaves pareto 0.74 and paretonormal 0.78; uniform: from -1 to 1. */
void rift_delay_table_fill(enum rift_delay_shape shape, int16_t table[RIFT_DELAY_TABLE_SIZE]);
/* The table of a link. */
void rift_link_quality_table(const struct rift_link_quality *quality,
                             int16_t table[RIFT_DELAY_TABLE_SIZE]);

/* A peer's own options stand before those of the fault. */
int rift_link_quality_of(const json_t *options, const struct rift_peer *peer,
                         struct rift_link_quality *quality, struct rift_error *err);

#endif
