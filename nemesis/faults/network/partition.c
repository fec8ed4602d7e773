/* partition: packets of the peers are dropped where they arrive, by a BPF program on the ingress
 * hook of each interface that leads to a peer: all of them, or those that match the options
 * (packet_match.h).
 *
 * On arrival, because a drop on the way out is told to the sender: TCP then neither backs off nor
 * keeps its connections the way it does in a real partition. The program passes with TC_ACT_UNSPEC,
 * so other filters go on as before. Each partition has its own program and maps, so any number of
 * them may overlap.
 *
 * Left out: packets that arrive by another interface than the one that leads back to their sender,
 * unless the option `interfaces` names it. */
#include <linux/pkt_cls.h>

#include "nemesis/faults/drivers.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/peer_filter.h"

static void partition_action(struct rift_bpf_program *p)
{
    rift_peer_count_hit(p);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_SHOT);
    rift_bpf_exit(p);
}

static int partition_plan(struct rift_injection *injection, const struct rift_target *target,
                          const char *ledger, struct rift_error *err)
{
    struct rift_match match;
    if (rift_match_read(injection->options, &match, err) || rift_peer_filter_check(target, err))
        return -1;
    return rift_clsact_plan(injection, target, ledger, err);
}

static int partition_inject(struct rift_injection *injection, const struct rift_target *target,
                            struct rift_error *err)
{
    struct rift_match match;
    if (rift_match_read(injection->options, &match, err))
        return -1;
    struct rift_peer_filter *filter =
        rift_peer_filter_create_matching(target, RIFT_TC_INGRESS, &match, partition_action, err);
    return filter ? rift_peer_filter_inject(injection, filter, err) : -1;
}

/* Of a cut of everything the agents' probes tell; of a part of it TCP does. */
static int partition_observe(const struct rift_injection *injection,
                             const struct rift_target *target, bool *is_observed, json_t *details,
                             struct rift_error *err)
{
    struct rift_match match;
    if (rift_match_read(injection->options, &match, err) ||
        rift_peer_filter_observe(injection, target, is_observed, details, err))
        return -1;
    if (!rift_match_is_partial(&match))
        return 0;
    return rift_peer_filter_look(injection, target, is_observed, details, err);
}

static int partition_probe(const struct rift_target *target, const json_t *options,
                           struct rift_fault_ability *ability, struct rift_error *err)
{
    struct rift_match match;
    if (rift_match_read(options, &match, err) || rift_peer_filter_check(target, err))
        return -1;
    ability->backend = "BPF on clsact ingress";
    ability->end = "the kernel passes everything once the lease is past, whatever was killed";
    rift_peer_filter_try(target, options, &match, partition_action, ability);
    return 0;
}

const struct rift_fault_driver rift_partition_driver = {
    .name = "partition",
    .starts_itself = true,
    .takes_rtnl = true,
    .probe = partition_probe,
    .plan = partition_plan,
    .inject = partition_inject,
    .renew = rift_peer_filter_renew,
    .stands = rift_peer_filter_stands,
    .lift = rift_peer_filter_lift,
    .heal = rift_clsact_detach,
    .observe = partition_observe,
    .forget = rift_peer_filter_forget,
};
