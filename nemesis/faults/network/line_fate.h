/* What becomes of a packet on a link: the arithmetic of the delay line, without a clock, a packet
 * or a kernel. */
#ifndef NEMESIS_FAULTS_NETWORK_LINE_FATE_H
#define NEMESIS_FAULTS_NETWORK_LINE_FATE_H

#include <stddef.h>

#include "common/rng.h"
#include "nemesis/faults/network/link_quality.h"

struct rift_line_link {
    struct rift_link_quality quality;
    struct rift_rng rng; /* the quality's seed begins it anew */
    int16_t table[RIFT_DELAY_TABLE_SIZE];
    bool is_bad;
    uint32_t last_random;
    int64_t rate_free_ns; /* when the last packet has been sent at the rate */
    int64_t slot_ns;      /* when the last slot that was drawn is */
    uint32_t waiting;     /* packets that were drawn and are not sent yet, which the caller counts
                             down */
};

struct rift_line_fate {
    int copies; /* 0: lost */
    int room;   /* so many of the copies may wait; the rest is more than the limit */
    int64_t due_ns[2];
    bool is_corrupt, is_silent, is_early;
};

/* Keeps what it knows of packets before, so that a change leaves no gap. */
void rift_line_link_set(struct rift_line_link *link, const struct rift_link_quality *quality);
/* Of a packet of so many bytes that comes now; times as now_ns. */
struct rift_line_fate rift_line_fate_draw(struct rift_line_link *link, int64_t now_ns,
                                          size_t bytes);
/* When a packet leaves that could at due_ns: with its slot. Of those of a link in the order in
 * which they are due; one that is due with its slot leaves then. */
int64_t rift_line_slot_of(struct rift_line_link *link, int64_t due_ns);

#endif
