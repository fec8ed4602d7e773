/* reset: TCP connections with the peers are reset, as by a box on the way that forges RST. A
 * segment of the peer's gets the flag RST where it arrives, with its checksum put right, so this
 * node's TCP ends the connection (ECONNRESET). The next segment passes: it finds no connection, and
 * the kernel answers it with a RST of its own, which ends the peer's half. Segments with SYN are
 * never touched.
 *
 * A RST counts only where its sequence number is the one expected next (RFC 5961, 3.2); behind a
 * lost segment it is not, and the one after the next is tried. A connection on which nothing
 * arrives stays. Left out: links without an Ethernet header (tunnels), whose packets pass. */
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/peer_filter.h"

enum { ETHERNET_BYTES = 14, FLAGS_AT = 12, CHECKSUM_AT = 16 };
/* The flag RST in the 16 bits at FLAGS_AT, as they lie in memory. */
static const unsigned char rst_bytes[2] = {0, 4};
enum {
    STACK_SEEN = -40,  /* ports and sequence number, from the network header on */
    STACK_THERE = -48, /* what lies where they should be behind an Ethernet header */
    STACK_OLD = -56,   /* the flags as they were */
    STACK_NEW = -64,
};

/* Register `to` becomes the place of byte `at` of the TCP header, from the beginning of the data.
 */
static void emit_place(struct rift_bpf_program *p, int to, int at)
{
    rift_bpf_load(p, BPF_DW, to, BPF_REG_10, RIFT_MATCH_STACK_L4);
    rift_bpf_add_value(p, to, ETHERNET_BYTES + at);
}

static void emit_load(struct rift_bpf_program *p, int at, int stack, int length)
{
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    emit_place(p, BPF_REG_2, at);
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_3, stack);
    rift_bpf_move_value(p, BPF_REG_4, length);
    rift_bpf_call(p, BPF_FUNC_skb_load_bytes);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, RIFT_PEER_LABEL_PASS);
}

/* Passes unless an Ethernet header is in front. */
static void emit_check_link(struct rift_bpf_program *p)
{
    emit_load(p, 0, STACK_THERE, 8);
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, RIFT_MATCH_STACK_L4);
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_3, STACK_SEEN);
    rift_bpf_move_value(p, BPF_REG_4, 8);
    rift_bpf_move_value(p, BPF_REG_5, BPF_HDR_START_NET);
    rift_bpf_call(p, BPF_FUNC_skb_load_bytes_relative);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, RIFT_PEER_LABEL_PASS);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, STACK_SEEN);
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, STACK_THERE);
    rift_bpf_jump_if(p, BPF_JNE, BPF_REG_1, BPF_REG_2, RIFT_PEER_LABEL_PASS);
}

static void reset_action(struct rift_bpf_program *p)
{
    uint16_t rst;
    memcpy(&rst, rst_bytes, sizeof rst);
    emit_check_link(p);
    emit_load(p, FLAGS_AT, STACK_OLD, 2);
    rift_bpf_load(p, BPF_H, BPF_REG_1, BPF_REG_10, STACK_OLD);
    rift_bpf_alu_value(p, BPF_OR, BPF_REG_1, rst);
    rift_bpf_store(p, BPF_H, BPF_REG_10, STACK_NEW, BPF_REG_1);
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    emit_place(p, BPF_REG_2, CHECKSUM_AT);
    rift_bpf_load(p, BPF_H, BPF_REG_3, BPF_REG_10, STACK_OLD);
    rift_bpf_load(p, BPF_H, BPF_REG_4, BPF_REG_10, STACK_NEW);
    rift_bpf_move_value(p, BPF_REG_5, sizeof rst);
    rift_bpf_call(p, BPF_FUNC_l4_csum_replace);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, RIFT_PEER_LABEL_PASS);
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    emit_place(p, BPF_REG_2, FLAGS_AT);
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_3, STACK_NEW);
    rift_bpf_move_value(p, BPF_REG_4, sizeof rst);
    rift_bpf_move_value(p, BPF_REG_5, 0);
    rift_bpf_call(p, BPF_FUNC_skb_store_bytes);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, RIFT_PEER_LABEL_PASS);
    rift_peer_count_hit(p);
}

/* How many open connections this node's TCP has lost at one stroke since it booted: the word
 * EstabResets of /proc/net/snmp (RFC 4022); -1 where it does not tell. */
static long long resets_of_tcp(void)
{
    FILE *file = fopen("/proc/net/snmp", "re");
    char names[1024], values[1024];
    long long count = -1;
    if (!file)
        return -1;
    while (count < 0 && fgets(names, sizeof names, file) && fgets(values, sizeof values, file)) {
        char *name_at, *value_at;
        const char *name = strtok_r(names, " \n", &name_at);
        const char *value = strtok_r(values, " \n", &value_at);
        bool is_tcp = name && strcmp(name, "Tcp:") == 0;
        while (is_tcp && count < 0 && (name = strtok_r(NULL, " \n", &name_at)) &&
               (value = strtok_r(NULL, " \n", &value_at)))
            if (strcmp(name, "EstabResets") == 0)
                count = strtoll(value, NULL, 10);
    }
    fclose(file);
    return count;
}

static int reset_match(const json_t *options, struct rift_match *match, struct rift_error *err)
{
    if (rift_match_read(options, match, err))
        return -1;
    if (match->connections == RIFT_MATCH_NEW)
        return rift_fail(err, RIFT_ERR_INVALID, "reset: 'connections' is all or established");
    match->protocol = IPPROTO_TCP;
    match->every_second = true;
    return 0;
}

static int reset_plan(struct rift_injection *injection, const struct rift_target *target,
                      const char *ledger, struct rift_error *err)
{
    struct rift_match match;
    if (reset_match(injection->options, &match, err) || rift_peer_filter_check(target, err) ||
        rift_clsact_plan(injection, target, ledger, err))
        return -1;
    json_object_set_new(injection->undo, "resets", json_integer(resets_of_tcp()));
    return 0;
}

static int reset_inject(struct rift_injection *injection, const struct rift_target *target,
                        struct rift_error *err)
{
    struct rift_match match;
    if (reset_match(injection->options, &match, err))
        return -1;
    struct rift_peer_filter *filter =
        rift_peer_filter_create_matching(target, RIFT_TC_INGRESS, &match, reset_action, err);
    return filter ? rift_peer_filter_inject(injection, filter, err) : -1;
}

static int reset_observe(const struct rift_injection *injection, const struct rift_target *target,
                         bool *is_observed, json_t *details, struct rift_error *err)
{
    if (rift_peer_filter_observe(injection, target, is_observed, details, err) ||
        rift_peer_filter_look(injection, target, is_observed, details, err))
        return -1;
    long long before = json_integer_value(json_object_get(injection->undo, "resets"));
    long long resets = resets_of_tcp() - before;
    CLEANUP(rift_free)
    char *how = rift_printf("%s; TCP counts %lld that were reset",
                            json_string_value(json_object_get(details, "how")), resets);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = *is_observed && before >= 0 && resets > 0;
    return 0;
}

static int reset_probe(const struct rift_target *target, const json_t *options,
                       struct rift_fault_ability *ability, struct rift_error *err)
{
    struct rift_match match;
    if (reset_match(options, &match, err) || rift_peer_filter_check(target, err))
        return -1;
    ability->backend = "BPF on clsact ingress";
    ability->end = "the kernel passes everything once the lease is past, whatever was killed";
    rift_peer_filter_try(target, options, &match, reset_action, ability);
    return 0;
}

const struct rift_fault_driver rift_reset_driver = {
    .name = "reset",
    .starts_itself = true,
    .takes_rtnl = true,
    .probe = reset_probe,
    .plan = reset_plan,
    .inject = reset_inject,
    .renew = rift_peer_filter_renew,
    .stands = rift_peer_filter_stands,
    .lift = rift_peer_filter_lift,
    .heal = rift_clsact_detach,
    .observe = reset_observe,
    .forget = rift_peer_filter_forget,
};
