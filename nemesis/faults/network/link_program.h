/* The BPF program of the fault `link`, for packets that leave for a peer: chances, the class that a
 * packet waits in, the way to the delay line. */
#ifndef NEMESIS_FAULTS_NETWORK_LINK_PROGRAM_H
#define NEMESIS_FAULTS_NETWORK_LINK_PROGRAM_H

#include "nemesis/faults/network/link_quality.h"
#include "nemesis/faults/network/peer_filter.h"

/* What the program counts of a peer, beside its hits, which are all packets that it saw. */
enum rift_link_counter {
    RIFT_LINK_LOST,
    RIFT_LINK_DUPLICATED,
    RIFT_LINK_CORRUPTED,
    RIFT_LINK_SILENT,
};

/* On packets that have been through a fault already, its copies and what its delay line sends: with
 * the number of the fault, from 1 to RIFT_LINK_MARKS_MAX, so that of several faults on one link
 * each knows its own, and lets pass what comes back from one behind it. */
enum { RIFT_LINK_MARK = 0x72690000, RIFT_LINK_MARKS_MAX = 0xffff };

/* Parameters of the filter. */
enum {
    RIFT_LINK_INSTEAD, /* the interface that all packets go to instead, or 0 */
    RIFT_LINK_OWN_MARK,
};
rift_peer_action rift_link_action;

/* A peer's numbers: its chances, and the priority that its packets get (0: their own). */
void rift_link_numbers(const struct rift_link_quality *quality, uint32_t priority,
                       uint64_t numbers[RIFT_PEER_NUMBERS]);

#endif
