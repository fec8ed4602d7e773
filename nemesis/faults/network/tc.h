/* Traffic control over netlink: the clsact hook, BPF filters on it that are ours by name, and which
 * interface leads to an address. */
#ifndef NEMESIS_FAULTS_NETWORK_TC_H
#define NEMESIS_FAULTS_NETWORK_TC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <net/if.h>

#include "common/error.h"
#include "nemesis/faults/network/tc_message.h"

enum { RIFT_TC_NAME_SIZE = 64, RIFT_TC_INTERFACES_MAX = 64 };

/* Which hook of clsact: the minor numbers of linux/pkt_sched.h. */
enum rift_tc_hook { RIFT_TC_INGRESS, RIFT_TC_EGRESS };

/* The index of the interface that packets to address (numeric) leave by. Fails where there is no
 * route, and for an address of this node itself, unless it may be one: that is the loopback. */
int rift_tc_route_interface(struct rift_tc *tc, const char *address, bool may_be_own,
                            int *interface, struct rift_error *err);

/* The interface below a VLAN or macvlan, which all packets of that leave by; 0: it is neither. */
int rift_tc_lower(struct rift_tc *tc, int interface, int *lower, struct rift_error *err);

/* The most segments that the kernel puts into one packet for the interface. */
int rift_tc_gso_segments(struct rift_tc *tc, int interface, uint32_t *segments,
                         struct rift_error *err);
int rift_tc_set_gso_segments(struct rift_tc *tc, int interface, uint32_t segments,
                             struct rift_error *err);

/* Is there a clsact or ingress qdisc (they share one place) on the interface? */
int rift_tc_clsact_exists(struct rift_tc *tc, int interface, bool *exists, struct rift_error *err);
/* Success where it is there already. */
int rift_tc_clsact_add(struct rift_tc *tc, int interface, struct rift_error *err);
/* Removes clsact where no filter hangs on it; success where there is none, or one in use. */
int rift_tc_clsact_remove_unused(struct rift_tc *tc, int interface, struct rift_error *err);

/* Attaches the program as a direct-action filter in front of every filter that is not ours. name
 * begins with RIFT_TC_OWN_NAME. Fails with CONFLICT where nothing can stand in front. */
#define RIFT_TC_OWN_NAME "rift:"
int rift_tc_filter_add(struct rift_tc *tc, int interface, enum rift_tc_hook hook, int program_fd,
                       const char *name, struct rift_error *err);
/* How many filters of that name are on the hook. */
int rift_tc_filter_count(struct rift_tc *tc, int interface, enum rift_tc_hook hook,
                         const char *name, size_t *count, struct rift_error *err);
/* How many are ours, whatever their names. */
int rift_tc_filter_count_own(struct rift_tc *tc, int interface, enum rift_tc_hook hook,
                             size_t *count, struct rift_error *err);
/* Removes our filters of that name (NULL: all of ours), no others; success where there is none, or
 * no interface. */
int rift_tc_filter_remove(struct rift_tc *tc, int interface, enum rift_tc_hook hook,
                          const char *name, struct rift_error *err);

#endif
