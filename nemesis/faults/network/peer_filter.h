/* A BPF program on clsact that does something to the packets of some peers, from one instant until
 * another, by the kernel's own clock. What it does is the fault's; all else is here. */
#ifndef NEMESIS_FAULTS_NETWORK_PEER_FILTER_H
#define NEMESIS_FAULTS_NETWORK_PEER_FILTER_H

#include "nemesis/faults/driver.h"
#include "nemesis/faults/network/bpf.h"
#include "nemesis/faults/network/packet_match.h"
#include "nemesis/faults/network/tc.h"

enum { RIFT_PEER_PARAMETERS = 4, RIFT_PEER_COUNTERS = 4, RIFT_PEER_NUMBERS = 10 };

/* Labels that an action may jump to or use. */
enum { RIFT_PEER_LABEL_PASS = 0, RIFT_PEER_LABEL_FREE = 4 };

/* An action may use the stack from here down to RIFT_MATCH_STACK_TOP. */
enum { RIFT_PEER_STACK_FREE = -32 };

/* The value of the one entry of the window map, in the kernel's time. start and parameters never
 * change, so a torn read of an update is harmless. */
struct rift_peer_window {
    uint64_t start, expiry;
    uint64_t parameters[RIFT_PEER_PARAMETERS];
};

/* Writes what happens to a packet of a peer. Registers: 6 the packet, 7 the window, 8 now, 9 the
 * peer's counters. Ends by an exit, by a jump to PASS, or by running into PASS. */
typedef void rift_peer_action(struct rift_bpf_program *p);
/* For actions: counts the packet as hit, with the time of the first and the last one (at most once
 * in a program); counts it in one of the peer's own counters. Both use register 1. */
void rift_peer_count_hit(struct rift_bpf_program *p);
void rift_peer_count(struct rift_bpf_program *p, int counter);
/* For actions: the peer's own numbers, all 0 at first. */
void rift_peer_load_number(struct rift_bpf_program *p, int to, int number);
void rift_peer_store_number(struct rift_bpf_program *p, int number, int from);

struct rift_peer_filter; /* maps and program, of this process */

/* Every peer has addresses, they are numeric, and none is the controller's. */
int rift_peer_filter_check(const struct rift_target *target, struct rift_error *err);

/* Loads the program; on ingress a peer is known by the source of a packet, on egress by its
 * destination. Nothing is hit before the window is set and the program attached. */
struct rift_peer_filter *
rift_peer_filter_create(const struct rift_target *target, enum rift_tc_hook hook,
                        const struct rift_match *match, rift_peer_action *action,
                        const uint64_t *parameters, struct rift_error *err);
/* The same for what drops or resets: where only some packets match, rift_peer_filter_look tells by
 * the TCP of the node whether they are lost. */
struct rift_peer_filter *rift_peer_filter_create_matching(const struct rift_target *target,
                                                          enum rift_tc_hook hook,
                                                          const struct rift_match *match,
                                                          rift_peer_action *action,
                                                          struct rift_error *err);
void rift_peer_filter_destroy(struct rift_peer_filter *filter);
int rift_peer_filter_program(const struct rift_peer_filter *filter);
/* Sets the numbers of a peer, for all its addresses, before or while the filter is on; what is
 * counted in that very moment may be lost. */
int rift_peer_filter_set_numbers(struct rift_peer_filter *filter, const struct rift_peer *peer,
                                 const uint64_t numbers[RIFT_PEER_NUMBERS], struct rift_error *err);

/* injection->live becomes filter, which is released by forget from here on. Sets the window to
 * injection's start, which may be past, and lease end, attaches the program (by attach, or to
 * clsact on the planned interfaces where it is NULL), and sets applied_ns. */
typedef int rift_peer_attach(const struct rift_injection *injection, int program_fd,
                             struct rift_error *err);
int rift_peer_filter_inject_by(struct rift_injection *injection, struct rift_peer_filter *filter,
                               rift_peer_attach *attach, struct rift_error *err);
int rift_peer_filter_inject(struct rift_injection *injection, struct rift_peer_filter *filter,
                            struct rift_error *err);
/* The parts of a driver that are the same for all such faults; live is the filter. */
int rift_peer_filter_renew(struct rift_injection *injection, struct rift_error *err);
int rift_peer_filter_stands(const struct rift_injection *injection, struct rift_error *err);
int rift_peer_filter_lift(struct rift_injection *injection);
int rift_peer_filter_observe(const struct rift_injection *injection,
                             const struct rift_target *target, bool *is_observed, json_t *details,
                             struct rift_error *err);
/* After rift_peer_filter_observe, where the match is one that plain datagrams do not show: for TCP
 * what rift_tcp_look finds, for the rest that the filter dropped something. */
int rift_peer_filter_look(const struct rift_injection *injection, const struct rift_target *target,
                          bool *is_observed, json_t *details, struct rift_error *err);
/* For a probe: loads, attaches and detaches such a program on ingress; sets can and why. */
void rift_peer_filter_try(const struct rift_target *target, const json_t *options,
                          const struct rift_match *match, rift_peer_action *action,
                          struct rift_fault_ability *ability);
void rift_peer_filter_forget(struct rift_injection *injection);
/* Only what the kernel counted, for faults that are not on clsact: details.peers. */
int rift_peer_filter_list(const struct rift_injection *injection, const struct rift_target *target,
                          json_t *details, struct rift_error *err);
/* The sums of the peers' own counters over all peers. */
int rift_peer_filter_sum(const struct rift_injection *injection, const struct rift_target *target,
                         uint64_t sums[RIFT_PEER_COUNTERS], struct rift_error *err);

#endif
