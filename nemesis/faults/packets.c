/* packets: some packets of the peers are lost, arrive twice, or arrive damaged, each by chance and
 * apart from the others, where they arrive.
 *
 * A damaged packet is cut short, and the receiver's IP drops it, as it does with what a bad cable
 * leaves. Turned bits would not do: between virtual cards nobody computes the checksums that would
 * show them, and the application would get them as good data. Senders that do not take part may
 * still send many packets as one: then all of them share one chance. */
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nemesis/faults/clsact.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/offload.h"
#include "nemesis/faults/peer_filter.h"

enum parameter { CHANCE_LOSS, CHANCE_DUPLICATE, CHANCE_DAMAGE };
enum counter { SEEN, LOST, DUPLICATED, DAMAGED };

static const char *const option_names[] = {"loss_percent", "duplicate_percent", "damage_percent"};

enum { MARK = 0x72696674 }; /* on a copy, until we see it again */
/* Expecting so many, none at all is out of the question (exp(-8)). */
enum { SURE_HITS = 8 };
enum { DEFAULT_LOSS_PERCENT = 10 };
enum { CUT_BYTES = 24 }; /* more than an Ethernet frame is padded with */
enum { LABEL_FRESH = RIFT_PEER_LABEL_FREE, LABEL_KEPT, LABEL_WHOLE };

/* Goes on behind with the given chance, else to label. */
static void emit_chance(struct rift_bpf_program *p, enum parameter parameter, int label)
{
    int offset = (int)offsetof(struct rift_peer_window, parameters) + (int)parameter * 8;
    rift_bpf_call(p, BPF_FUNC_get_prandom_u32);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_7, offset);
    rift_bpf_jump_if(p, BPF_JGE, BPF_REG_0, BPF_REG_1, label);
}

static void emit_damage(struct rift_bpf_program *p)
{
    rift_peer_count(p, DAMAGED);
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_load(p, BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct __sk_buff, len));
    rift_bpf_alu_value(p, BPF_SUB, BPF_REG_2, CUT_BYTES);
    rift_bpf_move_value(p, BPF_REG_3, 0);
    rift_bpf_call(p, BPF_FUNC_skb_change_tail);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_0, 0, LABEL_WHOLE);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_SHOT); /* too short to be cut */
    rift_bpf_exit(p);
}

static void emit_copy(struct rift_bpf_program *p)
{
    rift_bpf_move_value(p, BPF_REG_1, MARK);
    rift_bpf_store(p, BPF_W, BPF_REG_6, offsetof(struct __sk_buff, mark), BPF_REG_1);
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_load(p, BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct __sk_buff, ifindex));
    rift_bpf_move_value(p, BPF_REG_3, BPF_F_INGRESS);
    rift_bpf_call(p, BPF_FUNC_clone_redirect);
    rift_bpf_move_value(p, BPF_REG_1, 0);
    rift_bpf_store(p, BPF_W, BPF_REG_6, offsetof(struct __sk_buff, mark), BPF_REG_1);
    rift_peer_count(p, DUPLICATED);
}

static void packets_action(struct rift_bpf_program *p)
{
    rift_bpf_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, mark));
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, MARK, LABEL_FRESH);
    rift_bpf_move_value(p, BPF_REG_1, 0);
    rift_bpf_store(p, BPF_W, BPF_REG_6, offsetof(struct __sk_buff, mark), BPF_REG_1);
    rift_bpf_jump(p, RIFT_PEER_LABEL_PASS);
    rift_bpf_label(p, LABEL_FRESH);
    rift_peer_count(p, SEEN);
    emit_chance(p, CHANCE_LOSS, LABEL_KEPT);
    rift_peer_count(p, LOST);
    rift_peer_count_hit(p);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_SHOT);
    rift_bpf_exit(p);
    rift_bpf_label(p, LABEL_KEPT);
    emit_chance(p, CHANCE_DAMAGE, LABEL_WHOLE);
    emit_damage(p);
    rift_bpf_label(p, LABEL_WHOLE);
    emit_chance(p, CHANCE_DUPLICATE, RIFT_PEER_LABEL_PASS);
    emit_copy(p);
}

/* Chances as the program compares them: of 2^32. */
static int packets_parameters(const json_t *options, uint64_t parameters[RIFT_PEER_PARAMETERS],
                              struct rift_error *err)
{
    double sum = 0;
    memset(parameters, 0, RIFT_PEER_PARAMETERS * sizeof *parameters);
    for (int i = 0; i < 3; i++) {
        const json_t *given = json_object_get(options, option_names[i]);
        double percent = json_number_value(given);
        if ((given && !json_is_number(given)) || !(percent >= 0 && percent <= 100))
            return rift_fail(err, RIFT_ERR_INVALID, "packets: '%s' must be from 0 to 100",
                             option_names[i]);
        parameters[i] = (uint64_t)(percent / 100 * 4294967296.0);
        sum += percent;
    }
    if (sum <= 0)
        parameters[CHANCE_LOSS] = (uint64_t)(DEFAULT_LOSS_PERCENT / 100.0 * 4294967296.0);
    return 0;
}

static int packets_plan(struct rift_injection *injection, const struct rift_target *target,
                        const char *ledger, struct rift_error *err)
{
    uint64_t parameters[RIFT_PEER_PARAMETERS];
    if (packets_parameters(injection->options, parameters, err) ||
        rift_peer_filter_check(target, err) || rift_clsact_plan(injection, target, ledger, err))
        return -1;
    return rift_offload_plan(injection, ledger, err);
}

static int packets_inject(struct rift_injection *injection, const struct rift_target *target,
                          struct rift_error *err)
{
    uint64_t parameters[RIFT_PEER_PARAMETERS];
    if (packets_parameters(injection->options, parameters, err) ||
        rift_offload_suspend(injection->undo, err))
        return -1;
    struct rift_peer_filter *filter =
        rift_peer_filter_create(target, RIFT_TC_INGRESS, packets_action, parameters, err);
    return filter ? rift_peer_filter_inject(injection, filter, err) : -1;
}

static int packets_heal(const char *id, const json_t *undo, const char *ledger,
                        struct rift_error *err)
{
    int rc = rift_clsact_detach(id, undo, ledger, err);
    return rift_offload_restore(id, undo, ledger, err) ? -1 : rc;
}

/* The kernel's own count of what it did. With few packets and small chances none need be hit yet.
 */
static int packets_observe(const struct rift_injection *injection, const struct rift_target *target,
                           bool *is_observed, json_t *details, struct rift_error *err)
{
    uint64_t sums[RIFT_PEER_COUNTERS];
    if (rift_peer_filter_observe(injection, target, is_observed, details, err) ||
        rift_peer_filter_sum(injection, target, sums, err))
        return -1;
    char how[160];
    snprintf(how, sizeof how, "of %llu packets %llu lost, %llu doubled, %llu damaged",
             (unsigned long long)sums[SEEN], (unsigned long long)sums[LOST],
             (unsigned long long)sums[DUPLICATED], (unsigned long long)sums[DAMAGED]);
    json_object_set_new(details, "how", json_string(how));
    uint64_t parameters[RIFT_PEER_PARAMETERS];
    double expected = 0;
    if (packets_parameters(injection->options, parameters, err))
        return -1;
    for (int i = 0; i < 3; i++)
        expected += (double)parameters[i] / 4294967296.0 * (double)sums[SEEN];
    uint64_t hits = sums[LOST] + sums[DUPLICATED] + sums[DAMAGED];
    *is_observed = *is_observed && sums[SEEN] > 0 && (hits > 0 || expected < SURE_HITS);
    return 0;
}

static int packets_probe(const struct rift_target *target, const json_t *options,
                         struct rift_fault_ability *ability, struct rift_error *err)
{
    uint64_t parameters[RIFT_PEER_PARAMETERS];
    if (packets_parameters(options, parameters, err) || rift_peer_filter_check(target, err))
        return -1;
    ability->backend = "BPF on clsact ingress";
    ability->end = "the kernel passes everything once the lease is past, whatever was killed; the "
                   "cards' offloads are on again at the next contact at the latest";
    struct rift_error reason = {0};
    struct rift_peer_filter *filter =
        rift_peer_filter_create(target, RIFT_TC_INGRESS, packets_action, parameters, &reason);
    ability->can = filter && rift_clsact_try(target, options, RIFT_TC_INGRESS,
                                             rift_peer_filter_program(filter), &reason) == 0;
    snprintf(ability->why, sizeof ability->why, "%.255s", ability->can ? "" : reason.text);
    rift_peer_filter_destroy(filter);
    return 0;
}

const struct rift_fault_driver rift_packets_driver = {
    .name = "packets",
    .starts_itself = true,
    .probe = packets_probe,
    .plan = packets_plan,
    .inject = packets_inject,
    .renew = rift_peer_filter_renew,
    .heal = packets_heal,
    .observe = packets_observe,
    .forget = rift_peer_filter_forget,
};
