/* The BPF program of the fault `link`, for packets that leave for a peer: chances, the class that a
 * packet waits in, the way to the delay line. */
#ifndef NEMESIS_FAULTS_LINK_PROGRAM_H
#define NEMESIS_FAULTS_LINK_PROGRAM_H

#include "nemesis/faults/link_quality.h"
#include "nemesis/faults/peer_filter.h"

/* What the program counts of a peer, beside its hits, which are all packets that it saw. */
enum rift_link_counter {
    RIFT_LINK_LOST,
    RIFT_LINK_DUPLICATED,
    RIFT_LINK_CORRUPTED,
    RIFT_LINK_SILENT,
};

/* On packets that have been through already: copies, and what the delay line sends. */
enum { RIFT_LINK_MARK = 0x72696674 };

/* parameters[0] of the filter: the interface that all packets go to instead, or 0. */
rift_peer_action rift_link_action;

/* A peer's numbers: its chances, and the priority that its packets get (0: their own). */
void rift_link_numbers(const struct rift_link_quality *quality, uint32_t priority,
                       uint64_t numbers[RIFT_PEER_NUMBERS]);

#endif
