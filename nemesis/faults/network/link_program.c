/* Loss is TC_ACT_STOLEN: a drop on the way out that the sender is told of (TC_ACT_SHOT) makes TCP
 * neither back off nor keep its connections.
 *
 * Here checksums are not final: most are computed later, from the pseudo header's sum that stands
 * in their place. So a bit turned in that field is a wrong checksum at the receiver, as from a bad
 * cable, once the card's own checksums are off (offload.h); and a bit turned in the payload is
 * silent, where a checksum that is final already is mended along (bpf-helpers(7),
 * bpf_l4_csum_replace). Ethernet only; fragments and IPv6 extension headers pass whole. */
#include "nemesis/faults/network/link_program.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

enum number {
    TO_BAD,
    TO_GOOD,
    BAD_LOSS,
    GOOD_LOSS,
    DUPLICATE,
    CORRUPT,
    SILENT,
    PRIORITY,
    IS_BAD, /* the chain's state */
    RANDOM, /* the state of its random numbers */
};

enum {
    LABEL_FRESH = RIFT_PEER_LABEL_FREE,
    LABEL_HERE,
    LABEL_IPV6,
    LABEL_TRANSPORT,
    LABEL_UDP,
    LABEL_ICMP,
    LABEL_KNOWN,
    LABEL_PARSED,
    LABEL_NOT_SILENT,
    LABEL_BAD,
    LABEL_STAYS_GOOD,
    LABEL_STAYS_BAD,
    LABEL_LOST,
    LABEL_KEPT,
    LABEL_WHOLE,
    LABEL_OWN_PRIORITY,
    LABEL_FOREIGN,
};

/* Places on the stack. */
enum {
    AT_TRANSPORT = RIFT_PEER_STACK_FREE - 8, /* offset of its header; 0: not found */
    AT_CHECKSUM = RIFT_PEER_STACK_FREE - 16, /* offset of its checksum */
    AT_PAYLOAD = RIFT_PEER_STACK_FREE - 24,  /* offset; 0: a payload that is not silent's */
    AT_MARK = RIFT_PEER_STACK_FREE - 32,
    AT_BYTES = RIFT_PEER_STACK_FREE - 40,
    AT_PLACE = RIFT_PEER_STACK_FREE - 48,
};

void rift_link_numbers(const struct rift_link_quality *quality, uint32_t priority,
                       uint64_t numbers[RIFT_PEER_NUMBERS])
{
    const double chances[] = {quality->to_bad,    quality->to_good,   quality->bad_loss,
                              quality->good_loss, quality->duplicate, quality->corrupt,
                              quality->silent};
    memset(numbers, 0, RIFT_PEER_NUMBERS * sizeof *numbers);
    for (int i = 0; i <= SILENT; i++)
        numbers[i] = (uint64_t)(chances[i] * 4294967296.0);
    numbers[PRIORITY] = priority;
    numbers[RANDOM] = quality->seed;
}

static void emit_mix(struct rift_bpf_program *p, int shift, uint64_t factor)
{
    rift_bpf_move(p, BPF_REG_1, BPF_REG_0);
    rift_bpf_alu_value(p, BPF_RSH, BPF_REG_1, shift);
    rift_bpf_alu(p, BPF_XOR, BPF_REG_0, BPF_REG_1);
    rift_bpf_load_value(p, BPF_REG_1, factor);
    rift_bpf_alu(p, BPF_MUL, BPF_REG_0, BPF_REG_1);
}

/* The peer's next random number of 32 bits into register 0, by way of register 1: the upper half of
 * splitmix64 (Steele, Lea, Flood 2014), whose last step only mends the lower one. Two processors
 * that send to a peer in the same moment may draw the same. */
static void emit_random(struct rift_bpf_program *p)
{
    rift_peer_load_number(p, BPF_REG_0, RANDOM);
    rift_bpf_load_value(p, BPF_REG_1, 0x9e3779b97f4a7c15);
    rift_bpf_alu(p, BPF_ADD, BPF_REG_0, BPF_REG_1);
    rift_peer_store_number(p, RANDOM, BPF_REG_0);
    emit_mix(p, 30, 0xbf58476d1ce4e5b9);
    emit_mix(p, 27, 0x94d049bb133111eb);
    rift_bpf_alu_value(p, BPF_RSH, BPF_REG_0, 32);
}

/* Goes on behind with the chance that the peer's number says, else to label. */
static void emit_chance(struct rift_bpf_program *p, enum number number, int label)
{
    emit_random(p);
    rift_peer_load_number(p, BPF_REG_1, (int)number);
    rift_bpf_jump_if(p, BPF_JGE, BPF_REG_0, BPF_REG_1, label);
}

static void emit_context_load(struct rift_bpf_program *p, int to, size_t field)
{
    rift_bpf_load(p, BPF_W, to, BPF_REG_6, (int)field);
}

static void emit_context_store(struct rift_bpf_program *p, size_t field, int from)
{
    rift_bpf_store(p, BPF_W, BPF_REG_6, (int)field, from);
}

static void emit_parameter(struct rift_bpf_program *p, int to, int parameter)
{
    rift_bpf_load(p, BPF_DW, to, BPF_REG_7,
                  (int)offsetof(struct rift_peer_window, parameters) +
                      parameter * (int)sizeof(uint64_t));
}

/* Reads bytes of the packet, at the offset that register 2 holds, to AT_BYTES; else to label. */
static void emit_read(struct rift_bpf_program *p, int size, int label)
{
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_3, AT_BYTES);
    rift_bpf_move_value(p, BPF_REG_4, size);
    rift_bpf_call(p, BPF_FUNC_skb_load_bytes);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, label);
}

static void emit_read_at(struct rift_bpf_program *p, int offset, int size, int label)
{
    rift_bpf_move_value(p, BPF_REG_2, offset);
    emit_read(p, size, label);
}

/* Writes two bytes of AT_BYTES to the offset that AT_PLACE holds. */
static void emit_write(struct rift_bpf_program *p)
{
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, AT_PLACE);
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_3, AT_BYTES);
    rift_bpf_move_value(p, BPF_REG_4, 2);
    rift_bpf_move_value(p, BPF_REG_5, 0);
    rift_bpf_call(p, BPF_FUNC_skb_store_bytes);
}

/* The transport's protocol into register 8, whose time is not needed any more, and where its header
 * begins to AT_TRANSPORT. */
static void emit_find_transport(struct rift_bpf_program *p)
{
    emit_context_load(p, BPF_REG_1, offsetof(struct __sk_buff, protocol));
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, htons(ETH_P_IPV6), LABEL_IPV6);
    emit_read_at(p, ETH_HLEN + 6, 2, LABEL_PARSED);
    rift_bpf_load(p, BPF_H, BPF_REG_1, BPF_REG_10, AT_BYTES);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, htons(0x3fff));
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, 0, LABEL_PARSED);
    emit_read_at(p, ETH_HLEN + 9, 1, LABEL_PARSED);
    rift_bpf_load(p, BPF_B, BPF_REG_8, BPF_REG_10, AT_BYTES);
    emit_read_at(p, ETH_HLEN, 1, LABEL_PARSED);
    rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, AT_BYTES);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, 0x0f);
    rift_bpf_alu_value(p, BPF_LSH, BPF_REG_1, 2);
    rift_bpf_add_value(p, BPF_REG_1, ETH_HLEN);
    rift_bpf_jump(p, LABEL_TRANSPORT);
    rift_bpf_label(p, LABEL_IPV6);
    emit_read_at(p, ETH_HLEN + 6, 1, LABEL_PARSED);
    rift_bpf_load(p, BPF_B, BPF_REG_8, BPF_REG_10, AT_BYTES);
    rift_bpf_move_value(p, BPF_REG_1, ETH_HLEN + 40);
    rift_bpf_label(p, LABEL_TRANSPORT);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, AT_TRANSPORT, BPF_REG_1);
}

/* The same for AT_CHECKSUM and AT_PAYLOAD; AT_TRANSPORT stays 0 for what is none of TCP, UDP,
 * ICMP. */
static void emit_parse(struct rift_bpf_program *p)
{
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, AT_TRANSPORT, 0);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, AT_CHECKSUM, 0);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, AT_PAYLOAD, 0);
    rift_peer_load_number(p, BPF_REG_1, CORRUPT);
    rift_peer_load_number(p, BPF_REG_2, SILENT);
    rift_bpf_alu(p, BPF_OR, BPF_REG_1, BPF_REG_2);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, LABEL_PARSED);
    emit_find_transport(p);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_8, IPPROTO_UDP, LABEL_UDP);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_8, IPPROTO_ICMP, LABEL_ICMP);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_8, IPPROTO_ICMPV6, LABEL_ICMP);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_8, IPPROTO_TCP, LABEL_PARSED);
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, AT_TRANSPORT);
    rift_bpf_add_value(p, BPF_REG_2, 12);
    emit_read(p, 1, LABEL_PARSED);
    rift_bpf_load(p, BPF_B, BPF_REG_2, BPF_REG_10, AT_BYTES);
    rift_bpf_alu_value(p, BPF_RSH, BPF_REG_2, 4);
    rift_bpf_alu_value(p, BPF_LSH, BPF_REG_2, 2);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, AT_TRANSPORT);
    rift_bpf_alu(p, BPF_ADD, BPF_REG_2, BPF_REG_1);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, AT_PAYLOAD, BPF_REG_2);
    rift_bpf_move_value(p, BPF_REG_2, 16);
    rift_bpf_jump(p, LABEL_KNOWN);
    rift_bpf_label(p, LABEL_UDP);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, AT_TRANSPORT);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_1);
    rift_bpf_add_value(p, BPF_REG_2, 8);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, AT_PAYLOAD, BPF_REG_2);
    rift_bpf_move_value(p, BPF_REG_2, 6);
    rift_bpf_jump(p, LABEL_KNOWN);
    rift_bpf_label(p, LABEL_ICMP);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, AT_TRANSPORT);
    rift_bpf_move_value(p, BPF_REG_2, 2);
    rift_bpf_label(p, LABEL_KNOWN);
    rift_bpf_alu(p, BPF_ADD, BPF_REG_2, BPF_REG_1);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, AT_CHECKSUM, BPF_REG_2);
    rift_bpf_label(p, LABEL_PARSED);
}

/* A bit of a random pair of payload bytes is turned, and the checksum knows it. */
static void emit_silent(struct rift_bpf_program *p)
{
    emit_chance(p, SILENT, LABEL_NOT_SILENT);
    rift_bpf_load(p, BPF_DW, BPF_REG_8, BPF_REG_10, AT_PAYLOAD);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_8, 0, LABEL_NOT_SILENT);
    emit_random(p);
    emit_context_load(p, BPF_REG_1, offsetof(struct __sk_buff, len));
    rift_bpf_jump_if(p, BPF_JGE, BPF_REG_8, BPF_REG_1, LABEL_NOT_SILENT);
    rift_bpf_alu(p, BPF_SUB, BPF_REG_1, BPF_REG_8);
    rift_bpf_alu_value(p, BPF_RSH, BPF_REG_1, 1);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, LABEL_NOT_SILENT);
    rift_bpf_alu(p, BPF_MOD, BPF_REG_0, BPF_REG_1);
    rift_bpf_alu_value(p, BPF_LSH, BPF_REG_0, 1);
    rift_bpf_alu(p, BPF_ADD, BPF_REG_8, BPF_REG_0);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, AT_PLACE, BPF_REG_8);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_8);
    emit_read(p, 2, LABEL_NOT_SILENT);
    rift_bpf_load(p, BPF_H, BPF_REG_3, BPF_REG_10, AT_BYTES);
    rift_bpf_move(p, BPF_REG_4, BPF_REG_3);
    rift_bpf_alu_value(p, BPF_XOR, BPF_REG_4, 1);
    rift_bpf_store(p, BPF_H, BPF_REG_10, AT_BYTES, BPF_REG_4);
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, AT_CHECKSUM);
    rift_bpf_move_value(p, BPF_REG_5, 2 | BPF_F_MARK_MANGLED_0);
    rift_bpf_call(p, BPF_FUNC_l4_csum_replace);
    emit_write(p);
    rift_peer_count(p, RIFT_LINK_SILENT);
    rift_bpf_label(p, LABEL_NOT_SILENT);
}

static void emit_loss(struct rift_bpf_program *p)
{
    rift_peer_load_number(p, BPF_REG_1, IS_BAD);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, 0, LABEL_BAD);
    emit_chance(p, TO_BAD, LABEL_STAYS_GOOD);
    rift_bpf_move_value(p, BPF_REG_1, 1);
    rift_peer_store_number(p, IS_BAD, BPF_REG_1);
    rift_bpf_label(p, LABEL_STAYS_GOOD);
    emit_chance(p, GOOD_LOSS, LABEL_KEPT);
    rift_bpf_jump(p, LABEL_LOST);
    rift_bpf_label(p, LABEL_BAD);
    emit_chance(p, TO_GOOD, LABEL_STAYS_BAD);
    rift_bpf_move_value(p, BPF_REG_1, 0);
    rift_peer_store_number(p, IS_BAD, BPF_REG_1);
    rift_bpf_label(p, LABEL_STAYS_BAD);
    emit_chance(p, BAD_LOSS, LABEL_KEPT);
    rift_bpf_label(p, LABEL_LOST);
    rift_peer_count(p, RIFT_LINK_LOST);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_STOLEN);
    rift_bpf_exit(p);
    rift_bpf_label(p, LABEL_KEPT);
}

static void emit_corrupt(struct rift_bpf_program *p)
{
    emit_chance(p, CORRUPT, LABEL_WHOLE);
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, AT_CHECKSUM);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_2, 0, LABEL_WHOLE);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, AT_PLACE, BPF_REG_2);
    emit_read(p, 2, LABEL_WHOLE);
    rift_bpf_load(p, BPF_H, BPF_REG_1, BPF_REG_10, AT_BYTES);
    rift_bpf_alu_value(p, BPF_XOR, BPF_REG_1, 0x10);
    rift_bpf_store(p, BPF_H, BPF_REG_10, AT_BYTES, BPF_REG_1);
    emit_write(p);
    rift_peer_count(p, RIFT_LINK_CORRUPTED);
    rift_bpf_label(p, LABEL_WHOLE);
}

/* The copy comes by here again, and is known by its mark. */
static void emit_copy(struct rift_bpf_program *p)
{
    emit_context_load(p, BPF_REG_1, offsetof(struct __sk_buff, mark));
    rift_bpf_store(p, BPF_DW, BPF_REG_10, AT_MARK, BPF_REG_1);
    emit_parameter(p, BPF_REG_1, RIFT_LINK_OWN_MARK);
    emit_context_store(p, offsetof(struct __sk_buff, mark), BPF_REG_1);
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    emit_context_load(p, BPF_REG_2, offsetof(struct __sk_buff, ifindex));
    rift_bpf_move_value(p, BPF_REG_3, 0);
    rift_bpf_call(p, BPF_FUNC_clone_redirect);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, AT_MARK);
    emit_context_store(p, offsetof(struct __sk_buff, mark), BPF_REG_1);
    rift_peer_count(p, RIFT_LINK_DUPLICATED);
}

/* A packet with our mark goes on to the faults behind, as a fresh one; one with another fault's
 * mark was here before it went there, and only its class is named again. */
static void emit_seen(struct rift_bpf_program *p)
{
    emit_context_load(p, BPF_REG_1, offsetof(struct __sk_buff, mark));
    emit_parameter(p, BPF_REG_2, RIFT_LINK_OWN_MARK);
    rift_bpf_jump_if(p, BPF_JNE, BPF_REG_1, BPF_REG_2, LABEL_FOREIGN);
    rift_bpf_move_value(p, BPF_REG_1, 0);
    emit_context_store(p, offsetof(struct __sk_buff, mark), BPF_REG_1);
    rift_bpf_jump(p, RIFT_PEER_LABEL_PASS);
    rift_bpf_label(p, LABEL_FOREIGN);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, ~RIFT_LINK_MARKS_MAX);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, RIFT_LINK_MARK, LABEL_FRESH);
    rift_peer_load_number(p, BPF_REG_1, PRIORITY);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, RIFT_PEER_LABEL_PASS);
    emit_context_store(p, offsetof(struct __sk_buff, priority), BPF_REG_1);
    rift_bpf_jump(p, RIFT_PEER_LABEL_PASS);
    rift_bpf_label(p, LABEL_FRESH);
}

void rift_link_action(struct rift_bpf_program *p)
{
    emit_seen(p);
    rift_peer_count_hit(p);
    emit_parameter(p, BPF_REG_1, RIFT_LINK_INSTEAD);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, LABEL_HERE);
    rift_bpf_move_value(p, BPF_REG_2, 0);
    rift_bpf_call(p, BPF_FUNC_redirect);
    rift_bpf_exit(p);
    rift_bpf_label(p, LABEL_HERE);
    emit_parse(p);
    emit_silent(p);
    emit_loss(p);
    emit_corrupt(p);
    rift_peer_load_number(p, BPF_REG_1, PRIORITY);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, LABEL_OWN_PRIORITY);
    emit_context_store(p, offsetof(struct __sk_buff, priority), BPF_REG_1);
    rift_bpf_label(p, LABEL_OWN_PRIORITY);
    emit_chance(p, DUPLICATE, RIFT_PEER_LABEL_PASS);
    emit_copy(p);
}
