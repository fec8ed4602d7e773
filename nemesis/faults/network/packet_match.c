/* In IPv6 up to EXTENSIONS extension headers are passed over (hop-by-hop, routing, destination
 * options, authentication, fragment); a packet with more has no port for us. Of a fragmented packet
 * only the first piece has ports, and only it is matched: without it the others are never put
 * together. What ESP encrypts has none either.
 *
 * Connections are told by a map of those whose SYN passed since the fault began. It holds the
 * CONNECTIONS_MAX last used ones. */
#include "nemesis/faults/network/packet_match.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { EXTENSIONS = 6, CONNECTIONS_MAX = 16384 };
enum { FLAP_MS_MAX = 3600000 };
enum { TCP_FLAGS = 13, TCP_SYN = 2 };

enum {
    STACK_L4 = RIFT_MATCH_STACK_L4,
    STACK_PROTOCOL = -504, /* u64 */
    STACK_KEY = -496,      /* 16 bytes of address, 4 of ports */
    STACK_VALUE = -472,    /* u64 */
    STACK_BYTES = -464,    /* what was last read of the packet, up to 20 bytes */
};

enum {
    LABEL_IPV6 = 40, /* an action has those below */
    LABEL_TRANSPORT,
    LABEL_HAS_PORTS,
    LABEL_PORT,
    LABEL_NO_SYN,
    LABEL_KNOWN,
    LABEL_MATCHED,
    LABEL_EXTENSION, /* three for each of them */
};

/* --- options */

static int port_number(const char *text, const char **end)
{
    char *stop;
    long number = strtol(text, &stop, 10);
    *end = stop;
    return stop == text || number < 1 || number > 65535 ? -1 : (int)number;
}

static int read_port(const json_t *item, struct rift_match *match, struct rift_error *err)
{
    const char *text = json_string_value(item), *end = "";
    int low = json_is_integer(item) ? (int)json_integer_value(item)
                                    : (text ? port_number(text, &end) : -1);
    int high = low;
    if (text && *end == '-')
        high = port_number(end + 1, &end);
    if (low < 1 || high < low || high > 65535 || *end)
        return rift_fail(err, RIFT_ERR_INVALID,
                         "'ports': '%s' is no port from 1 to 65535, nor a range such as 7000-7010",
                         text ? text : "?");
    if (match->port_count == RIFT_MATCH_PORTS_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "'ports': more than %d", RIFT_MATCH_PORTS_MAX);
    match->ports[match->port_count].low = (uint16_t)low;
    match->ports[match->port_count++].high = (uint16_t)high;
    return 0;
}

/* The index of the option's word; the first where it is not given. */
static int read_word(const json_t *options, const char *name, const char *const *words, int *index,
                     struct rift_error *err)
{
    const json_t *given = json_object_get(options, name);
    const char *word = json_string_value(given);
    *index = 0;
    if (!given)
        return 0;
    for (; word && words[*index]; ++*index)
        if (strcmp(word, words[*index]) == 0)
            return 0;
    return rift_fail(err, RIFT_ERR_INVALID, "'%s' cannot be '%s'", name, word ? word : "?");
}

static int read_flap(const json_t *options, struct rift_match *match, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "flap_percent");
    double period_ms = json_number_value(json_object_get(options, "flap_ms"));
    double percent = given ? json_number_value(given) : 50;
    if (!(period_ms >= 0 && period_ms <= FLAP_MS_MAX) || !(percent >= 0 && percent <= 100))
        return rift_fail(err, RIFT_ERR_INVALID,
                         "'flap_ms' must be from 0 to %d, 'flap_percent' from 0 to 100",
                         FLAP_MS_MAX);
    match->period_us = (uint32_t)(period_ms * 1000);
    match->hit_us = (uint32_t)(period_ms * percent * 10);
    if (match->period_us > 0 && match->hit_us == 0)
        return rift_fail(err, RIFT_ERR_INVALID, "'flap_percent': nothing is left of the period");
    return 0;
}

int rift_match_read(const json_t *options, struct rift_match *match, struct rift_error *err)
{
    static const char *const protocols[] = {"any", "tcp", "udp", NULL};
    static const int numbers[] = {0, IPPROTO_TCP, IPPROTO_UDP};
    static const char *const connections[] = {"all", "established", "new", NULL};
    int protocol, kind;
    size_t i;
    json_t *item;
    *match = (struct rift_match){0};
    json_array_foreach(json_object_get(options, "ports"), i, item)
    {
        if (read_port(item, match, err))
            return -1;
    }
    if (read_word(options, "protocol", protocols, &protocol, err) ||
        read_word(options, "connections", connections, &kind, err) ||
        read_flap(options, match, err))
        return -1;
    match->protocol = numbers[protocol];
    match->connections = (enum rift_match_connections)kind;
    if (match->connections == RIFT_MATCH_ALL)
        return 0;
    if (match->protocol == IPPROTO_UDP)
        return rift_fail(err, RIFT_ERR_INVALID, "'connections: %s' is for TCP, 'protocol' says udp",
                         connections[kind]);
    match->protocol = IPPROTO_TCP;
    return 0;
}

bool rift_match_has_port(const struct rift_match *match, uint16_t port)
{
    for (size_t i = 0; i < match->port_count; i++)
        if (port >= match->ports[i].low && port <= match->ports[i].high)
            return true;
    return match->port_count == 0;
}

bool rift_match_is_partial(const struct rift_match *match)
{
    return match->port_count > 0 || match->protocol == IPPROTO_TCP;
}

bool rift_match_needs_connections(const struct rift_match *match)
{
    return match->connections == RIFT_MATCH_ESTABLISHED || match->every_second;
}

int rift_match_connections_open(struct rift_error *err)
{
    return rift_bpf_map_create(BPF_MAP_TYPE_LRU_HASH, 20, sizeof(uint64_t), CONNECTIONS_MAX,
                               "rift_tcp", err);
}

/* --- program */

/* length bytes of the packet to STACK_BYTES; from register 2, seen from the network header. */
static void emit_read(struct rift_bpf_program *p, int length, int pass)
{
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_3, STACK_BYTES);
    rift_bpf_move_value(p, BPF_REG_4, length);
    rift_bpf_move_value(p, BPF_REG_5, BPF_HDR_START_NET);
    rift_bpf_call(p, BPF_FUNC_skb_load_bytes_relative);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, pass);
}

static void emit_ipv4(struct rift_bpf_program *p, int pass)
{
    rift_bpf_move_value(p, BPF_REG_2, 0);
    emit_read(p, 10, pass);
    rift_bpf_load(p, BPF_H, BPF_REG_1, BPF_REG_10, STACK_BYTES + 6);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, htons(0x1fff));
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, 0, pass); /* not the first piece */
    rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, STACK_BYTES);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, 0xf);
    rift_bpf_alu_value(p, BPF_LSH, BPF_REG_1, 2);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, STACK_L4, BPF_REG_1);
    rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, STACK_BYTES + 9);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, STACK_PROTOCOL, BPF_REG_1);
    rift_bpf_jump(p, LABEL_TRANSPORT);
}

/* One extension header, where the next header is one; else to the transport's. Its length is in
 * units of 8 bytes beyond the first, of 4 beyond two for authentication (RFC 4302), and fixed for
 * fragments. */
static void emit_extension(struct rift_bpf_program *p, int number, int pass)
{
    static const int headers[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH,
                                  IPPROTO_FRAGMENT};
    int at = LABEL_EXTENSION + number * 3, is_whole = at + 1, is_counted = at + 2;
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, STACK_PROTOCOL);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, headers[i], at);
    rift_bpf_jump(p, LABEL_TRANSPORT);
    rift_bpf_label(p, at);
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, STACK_L4);
    emit_read(p, 4, pass);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, STACK_PROTOCOL);
    rift_bpf_load(p, BPF_B, BPF_REG_2, BPF_REG_10, STACK_BYTES + 1);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, IPPROTO_FRAGMENT, is_whole);
    rift_bpf_load(p, BPF_H, BPF_REG_2, BPF_REG_10, STACK_BYTES + 2);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_2, htons(0xfff8));
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_2, 0, pass); /* not the first piece */
    rift_bpf_label(p, is_whole);
    rift_bpf_alu_value(p, BPF_LSH, BPF_REG_2, 2);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, IPPROTO_AH, is_counted);
    rift_bpf_alu_value(p, BPF_LSH, BPF_REG_2, 1);
    rift_bpf_label(p, is_counted);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, STACK_L4);
    rift_bpf_alu(p, BPF_ADD, BPF_REG_1, BPF_REG_2);
    rift_bpf_add_value(p, BPF_REG_1, 8);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, STACK_L4, BPF_REG_1);
    rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, STACK_BYTES);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, STACK_PROTOCOL, BPF_REG_1);
}

static void emit_ipv6(struct rift_bpf_program *p, int pass)
{
    rift_bpf_move_value(p, BPF_REG_2, 6);
    emit_read(p, 1, pass);
    rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, STACK_BYTES);
    rift_bpf_store(p, BPF_DW, BPF_REG_10, STACK_PROTOCOL, BPF_REG_1);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_L4, 40);
    for (int i = 0; i < EXTENSIONS; i++)
        emit_extension(p, i, pass);
}

/* To LABEL_PORT where the port at STACK_BYTES + offset is one of them. */
static void emit_port(struct rift_bpf_program *p, const struct rift_match *match, int offset)
{
    rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, STACK_BYTES + offset);
    rift_bpf_load(p, BPF_B, BPF_REG_2, BPF_REG_10, STACK_BYTES + offset + 1);
    rift_bpf_alu_value(p, BPF_LSH, BPF_REG_1, 8);
    rift_bpf_alu(p, BPF_OR, BPF_REG_1, BPF_REG_2);
    for (size_t i = 0; i < match->port_count; i++) {
        rift_bpf_move(p, BPF_REG_2, BPF_REG_1);
        rift_bpf_alu_value(p, BPF_SUB, BPF_REG_2, match->ports[i].low);
        rift_bpf_jump_if_value(p, BPF_JLE, BPF_REG_2, match->ports[i].high - match->ports[i].low,
                               LABEL_PORT);
    }
}

/* Registers 1 to 3 for a helper on the map of connections, whose key is made. */
static void emit_connection_key(struct rift_bpf_program *p, int connections_fd)
{
    rift_bpf_load_map(p, BPF_REG_1, connections_fd);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_2, STACK_KEY);
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_3, STACK_VALUE);
}

/* The value of a connection: 0 where its SYN passed, else how many of its segments came. */
static void emit_connections(struct rift_bpf_program *p, const struct rift_match *match,
                             int connections_fd, int address, int pass)
{
    bool is_tracked = match->connections == RIFT_MATCH_ESTABLISHED;
    for (int i = 0; i < 16; i += 8) {
        rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, address + i);
        rift_bpf_store(p, BPF_DW, BPF_REG_10, STACK_KEY + i, BPF_REG_1);
    }
    rift_bpf_load(p, BPF_W, BPF_REG_1, BPF_REG_10, STACK_BYTES); /* both ports */
    rift_bpf_store(p, BPF_W, BPF_REG_10, STACK_KEY + 16, BPF_REG_1);
    rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, STACK_BYTES + TCP_FLAGS);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, TCP_SYN);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, LABEL_NO_SYN);
    if (is_tracked) {
        rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_VALUE, 0);
        emit_connection_key(p, connections_fd);
        rift_bpf_move_value(p, BPF_REG_4, BPF_ANY);
        rift_bpf_call(p, BPF_FUNC_map_update_elem);
    }
    rift_bpf_jump(p, pass);
    rift_bpf_label(p, LABEL_NO_SYN);
    emit_connection_key(p, connections_fd);
    rift_bpf_call(p, BPF_FUNC_map_lookup_elem);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, LABEL_KNOWN);
    if (match->every_second) {
        rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_VALUE, 1);
        emit_connection_key(p, connections_fd);
        rift_bpf_move_value(p, BPF_REG_4, BPF_ANY);
        rift_bpf_call(p, BPF_FUNC_map_update_elem);
    }
    rift_bpf_jump(p, LABEL_MATCHED);
    rift_bpf_label(p, LABEL_KNOWN);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_0, 0);
    if (is_tracked)
        rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, pass);
    rift_bpf_add_value(p, BPF_REG_1, 1);
    rift_bpf_store(p, BPF_DW, BPF_REG_0, 0, BPF_REG_1);
    rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, 1);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, pass);
    rift_bpf_label(p, LABEL_MATCHED);
}

/* The header behind IP's, and what it holds. */
static void emit_transport(struct rift_bpf_program *p, const struct rift_match *match, int pass)
{
    bool needs_flags = match->connections != RIFT_MATCH_ALL || match->every_second;
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_10, STACK_PROTOCOL);
    if (match->protocol != 0) {
        rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, match->protocol, pass);
    } else {
        rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, IPPROTO_TCP, LABEL_HAS_PORTS);
        rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, IPPROTO_UDP, LABEL_HAS_PORTS);
        rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, IPPROTO_SCTP, pass);
        rift_bpf_label(p, LABEL_HAS_PORTS);
    }
    rift_bpf_load(p, BPF_DW, BPF_REG_2, BPF_REG_10, STACK_L4);
    emit_read(p, needs_flags ? TCP_FLAGS + 1 : 4, pass);
    if (match->port_count == 0)
        return;
    if (match->side != RIFT_MATCH_DESTINATION_PORT)
        emit_port(p, match, 0);
    if (match->side != RIFT_MATCH_SOURCE_PORT)
        emit_port(p, match, 2);
    rift_bpf_jump(p, pass);
    rift_bpf_label(p, LABEL_PORT);
}

/* An immediate value is signed, and an hour has more microseconds than fit. */
static void emit_unsigned(struct rift_bpf_program *p, int to, uint32_t value)
{
    rift_bpf_move_value(p, to, (int32_t)value);
    rift_bpf_alu_value(p, BPF_LSH, to, 32);
    rift_bpf_alu_value(p, BPF_RSH, to, 32);
}

static void emit_time(struct rift_bpf_program *p, const struct rift_match *match, int start,
                      int pass)
{
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_7, start);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_8);
    rift_bpf_alu(p, BPF_SUB, BPF_REG_2, BPF_REG_1);
    rift_bpf_alu_value(p, BPF_DIV, BPF_REG_2, 1000);
    emit_unsigned(p, BPF_REG_3, match->period_us);
    rift_bpf_alu(p, BPF_MOD, BPF_REG_2, BPF_REG_3);
    emit_unsigned(p, BPF_REG_3, match->hit_us);
    rift_bpf_jump_if(p, BPF_JGE, BPF_REG_2, BPF_REG_3, pass);
}

void rift_match_emit(struct rift_bpf_program *p, const struct rift_match *match, int connections_fd,
                     int start, int address, int pass)
{
    if (match->port_count > 0 || match->protocol != 0) {
        rift_bpf_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, protocol));
        rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, htons(ETH_P_IPV6), LABEL_IPV6);
        emit_ipv4(p, pass);
        rift_bpf_label(p, LABEL_IPV6);
        emit_ipv6(p, pass);
        rift_bpf_label(p, LABEL_TRANSPORT);
        emit_transport(p, match, pass);
    }
    if (match->connections == RIFT_MATCH_NEW) {
        rift_bpf_load(p, BPF_B, BPF_REG_1, BPF_REG_10, STACK_BYTES + TCP_FLAGS);
        rift_bpf_alu_value(p, BPF_AND, BPF_REG_1, TCP_SYN);
        rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, 0, pass);
    } else if (rift_match_needs_connections(match)) {
        emit_connections(p, match, connections_fd, address, pass);
    }
    if (match->period_us > 0)
        emit_time(p, match, start, pass);
}
