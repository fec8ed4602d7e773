/* The maps: `window` has one entry, beside the program; `peers` one for each address of a peer,
 * 16 bytes, IPv4 mapped into IPv6, with what was done to its packets. */
#include "nemesis/faults/network/peer_filter.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/tcp_look.h"

enum { ADDRESSES_MAX = 1024 };
enum { LABEL_IPV6 = RIFT_PEER_LABEL_PASS + 1, LABEL_LOOKUP, LABEL_COUNTED };
enum { STACK_ZERO = -4, STACK_KEY = -24 }; /* offsets from the frame */

struct hits {
    uint64_t count, first_ns, last_ns;
    uint64_t counters[RIFT_PEER_COUNTERS];
    uint64_t numbers[RIFT_PEER_NUMBERS];
};

struct rift_peer_filter {
    enum rift_tc_hook hook;
    int window_fd, peers_fd, connections_fd, program_fd;
    struct rift_peer_window window;
    atomic_bool is_lifted;
    struct rift_match match;    /* zeroed: every packet */
    struct rift_tcp_look *look; /* of a match that concerns TCP, from inject on */
};

static void address_key(const char *address, unsigned char key[16])
{
    memset(key, 0, 16);
    if (inet_pton(AF_INET6, address, key) == 1)
        return;
    key[10] = key[11] = 0xff;
    inet_pton(AF_INET, address, key + 12);
}

void rift_peer_count_hit(struct rift_bpf_program *p)
{
    rift_bpf_move_value(p, BPF_REG_1, 1);
    rift_bpf_atomic_add(p, BPF_REG_9, offsetof(struct hits, count), BPF_REG_1);
    rift_bpf_store(p, BPF_DW, BPF_REG_9, offsetof(struct hits, last_ns), BPF_REG_8);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_9, offsetof(struct hits, first_ns));
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, 0, LABEL_COUNTED);
    rift_bpf_store(p, BPF_DW, BPF_REG_9, offsetof(struct hits, first_ns), BPF_REG_8);
    rift_bpf_label(p, LABEL_COUNTED);
}

void rift_peer_count(struct rift_bpf_program *p, int counter)
{
    int offset = (int)offsetof(struct hits, counters) + counter * (int)sizeof(uint64_t);
    rift_bpf_move_value(p, BPF_REG_1, 1);
    rift_bpf_atomic_add(p, BPF_REG_9, offset, BPF_REG_1);
}

static int number_offset(int number)
{
    return (int)offsetof(struct hits, numbers) + number * (int)sizeof(uint64_t);
}

void rift_peer_load_number(struct rift_bpf_program *p, int to, int number)
{
    rift_bpf_load(p, BPF_DW, to, BPF_REG_9, number_offset(number));
}

void rift_peer_store_number(struct rift_bpf_program *p, int number, int from)
{
    rift_bpf_store(p, BPF_DW, BPF_REG_9, number_offset(number), from);
}

static void filter_program(struct rift_bpf_program *p, const struct rift_peer_filter *filter,
                           rift_peer_action *action)
{
    bool is_source = filter->hook == RIFT_TC_INGRESS;
    rift_bpf_move(p, BPF_REG_6, BPF_REG_1);
    rift_bpf_store_value(p, BPF_W, BPF_REG_10, STACK_ZERO, 0);
    rift_bpf_load_map(p, BPF_REG_1, filter->window_fd);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_2, STACK_ZERO);
    rift_bpf_call(p, BPF_FUNC_map_lookup_elem);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_0, 0, RIFT_PEER_LABEL_PASS);
    rift_bpf_move(p, BPF_REG_7, BPF_REG_0);
    rift_bpf_call(p, BPF_FUNC_ktime_get_ns);
    rift_bpf_move(p, BPF_REG_8, BPF_REG_0);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_7, offsetof(struct rift_peer_window, start));
    rift_bpf_jump_if(p, BPF_JLT, BPF_REG_8, BPF_REG_1, RIFT_PEER_LABEL_PASS);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_7, offsetof(struct rift_peer_window, expiry));
    rift_bpf_jump_if(p, BPF_JGE, BPF_REG_8, BPF_REG_1, RIFT_PEER_LABEL_PASS);

    rift_bpf_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, protocol));
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, htons(ETH_P_IPV6), LABEL_IPV6);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, htons(ETH_P_IP), RIFT_PEER_LABEL_PASS);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_KEY, 0);
    rift_bpf_store_value(p, BPF_W, BPF_REG_10, STACK_KEY + 8, (int32_t)htonl(0xffff));
    rift_bpf_add_value(p, BPF_REG_3, STACK_KEY + 12);
    rift_bpf_move_value(p, BPF_REG_2, is_source ? 12 : 16); /* in an IPv4 header */
    rift_bpf_move_value(p, BPF_REG_4, 4);
    rift_bpf_jump(p, LABEL_LOOKUP);
    rift_bpf_label(p, LABEL_IPV6);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_KEY, 0);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_KEY + 8, 0);
    rift_bpf_add_value(p, BPF_REG_3, STACK_KEY);
    rift_bpf_move_value(p, BPF_REG_2, is_source ? 8 : 24); /* in an IPv6 header */
    rift_bpf_move_value(p, BPF_REG_4, 16);
    rift_bpf_label(p, LABEL_LOOKUP);
    /* Relative to the network header: there may be no Ethernet header (tunnels). */
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_move_value(p, BPF_REG_5, BPF_HDR_START_NET);
    rift_bpf_call(p, BPF_FUNC_skb_load_bytes_relative);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, RIFT_PEER_LABEL_PASS);
    rift_bpf_load_map(p, BPF_REG_1, filter->peers_fd);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_2, STACK_KEY);
    rift_bpf_call(p, BPF_FUNC_map_lookup_elem);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_0, 0, RIFT_PEER_LABEL_PASS);

    rift_bpf_move(p, BPF_REG_9, BPF_REG_0);
    rift_match_emit(p, &filter->match, filter->connections_fd,
                    (int)offsetof(struct rift_peer_window, start), STACK_KEY, RIFT_PEER_LABEL_PASS);
    action(p);
    rift_bpf_label(p, RIFT_PEER_LABEL_PASS);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_UNSPEC);
    rift_bpf_exit(p);
}

int rift_peer_filter_check(const struct rift_target *target, struct rift_error *err)
{
    if (target->peer_count == 0)
        return rift_fail(err, RIFT_ERR_INVALID, "a fault on links needs peers");
    for (size_t i = 0; i < target->peer_count; i++) {
        const struct rift_peer *peer = &target->peers[i];
        if (!peer->addresses[0])
            return rift_fail(err, RIFT_ERR_INVALID, "peer '%s' has no address", peer->name);
        for (const char *const *a = peer->addresses; *a; a++) {
            unsigned char key[16], protected_key[16], parsed[16];
            if (inet_pton(AF_INET, *a, parsed) != 1 && inet_pton(AF_INET6, *a, parsed) != 1)
                return rift_fail(err, RIFT_ERR_INVALID, "peer '%s': '%s' is no numeric address",
                                 peer->name, *a);
            address_key(*a, key);
            for (const char *const *p = target->protected_addresses; p && *p; p++) {
                address_key(*p, protected_key);
                if (memcmp(key, protected_key, 16) == 0)
                    return rift_fail(err, RIFT_ERR_CONFLICT,
                                     "peer '%s' has the controller's own address '%s': a cut would "
                                     "lose the node",
                                     peer->name, *a);
            }
        }
    }
    return 0;
}

static int filter_fill(struct rift_peer_filter *filter, const struct rift_target *target,
                       struct rift_error *err)
{
    struct hits none = {0};
    unsigned char key[16];
    for (size_t i = 0; i < target->peer_count; i++)
        for (const char *const *a = target->peers[i].addresses; *a; a++) {
            address_key(*a, key);
            if (rift_bpf_map_update(filter->peers_fd, key, &none, err))
                return -1;
        }
    return 0;
}

static int filter_open(struct rift_peer_filter *filter, const struct rift_target *target,
                       rift_peer_action *action, struct rift_error *err)
{
    filter->window_fd = rift_bpf_map_create(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
                                            sizeof filter->window, 1, "rift_w", err);
    if (filter->window_fd < 0)
        return -1;
    filter->peers_fd = rift_bpf_map_create(BPF_MAP_TYPE_HASH, 16, sizeof(struct hits),
                                           ADDRESSES_MAX, "rift_p", err);
    if (filter->peers_fd < 0 || filter_fill(filter, target, err))
        return -1;
    if (rift_match_needs_connections(&filter->match)) {
        filter->connections_fd = rift_match_connections_open(err);
        if (filter->connections_fd < 0)
            return -1;
    }
    struct rift_bpf_program program = {0};
    filter_program(&program, filter, action);
    filter->program_fd = rift_bpf_program_load(&program, "rift_p", err);
    return filter->program_fd < 0 ? -1 : 0;
}

static struct rift_peer_filter *filter_create(const struct rift_target *target,
                                              enum rift_tc_hook hook,
                                              const struct rift_match *match,
                                              rift_peer_action *action, const uint64_t *parameters,
                                              bool looks, struct rift_error *err)
{
    struct rift_peer_filter *filter = rift_calloc(1, sizeof *filter);
    filter->hook = hook;
    filter->window_fd = filter->peers_fd = filter->connections_fd = filter->program_fd = -1;
    filter->match = *match;
    if (parameters)
        memcpy(filter->window.parameters, parameters, sizeof filter->window.parameters);
    bool concerns_tcp = looks && rift_match_is_partial(&filter->match) &&
                        filter->match.protocol != IPPROTO_UDP &&
                        filter->match.side == RIFT_MATCH_EITHER_PORT;
    if (concerns_tcp)
        filter->look = rift_tcp_look_create(target, &filter->match, err);
    if ((concerns_tcp && !filter->look) || filter_open(filter, target, action, err)) {
        rift_peer_filter_destroy(filter);
        return NULL;
    }
    return filter;
}

struct rift_peer_filter *rift_peer_filter_create(const struct rift_target *target,
                                                 enum rift_tc_hook hook,
                                                 const struct rift_match *match,
                                                 rift_peer_action *action,
                                                 const uint64_t *parameters, struct rift_error *err)
{
    return filter_create(target, hook, match, action, parameters, false, err);
}

struct rift_peer_filter *rift_peer_filter_create_matching(const struct rift_target *target,
                                                          enum rift_tc_hook hook,
                                                          const struct rift_match *match,
                                                          rift_peer_action *action,
                                                          struct rift_error *err)
{
    return filter_create(target, hook, match, action, NULL, true, err);
}

void rift_peer_filter_destroy(struct rift_peer_filter *filter)
{
    if (!filter)
        return;
    rift_close_fd(&filter->window_fd);
    rift_close_fd(&filter->peers_fd);
    rift_close_fd(&filter->connections_fd);
    rift_close_fd(&filter->program_fd);
    rift_tcp_look_destroy(filter->look);
    free(filter);
}

int rift_peer_filter_program(const struct rift_peer_filter *filter)
{
    return filter->program_fd;
}

int rift_peer_filter_set_numbers(struct rift_peer_filter *filter, const struct rift_peer *peer,
                                 const uint64_t numbers[RIFT_PEER_NUMBERS], struct rift_error *err)
{
    for (const char *const *a = peer->addresses; *a; a++) {
        unsigned char key[16];
        struct hits hits;
        address_key(*a, key);
        if (rift_bpf_map_lookup(filter->peers_fd, key, &hits, err))
            return -1;
        memcpy(hits.numbers, numbers, sizeof hits.numbers);
        if (rift_bpf_map_update(filter->peers_fd, key, &hits, err))
            return -1;
    }
    return 0;
}

static int filter_write_window(struct rift_peer_filter *filter, int64_t end_ns,
                               struct rift_error *err)
{
    uint32_t zero = 0;
    filter->window.expiry = rift_bpf_kernel_time(end_ns);
    return rift_bpf_map_update(filter->window_fd, &zero, &filter->window, err);
}

int rift_peer_filter_inject_by(struct rift_injection *injection, struct rift_peer_filter *filter,
                               rift_peer_attach *attach, struct rift_error *err)
{
    injection->live = filter;
    /* Also where it is past: by turns it goes with the other nodes. */
    filter->window.start = rift_bpf_kernel_time(injection->start_ns);
    if (filter_write_window(filter, injection->lease_end_ns, err))
        return -1;
    int rc = attach ? attach(injection, filter->program_fd, err)
                    : rift_clsact_attach(injection, filter->hook, filter->program_fd, err);
    if (rc)
        return -1;
    /* The fault is real only once the last filter is on. */
    int64_t now = rift_clock_now();
    injection->applied_ns = injection->start_ns > now ? injection->start_ns : now;
    return 0;
}

int rift_peer_filter_inject(struct rift_injection *injection, struct rift_peer_filter *filter,
                            struct rift_error *err)
{
    return rift_peer_filter_inject_by(injection, filter, NULL, err);
}

/* The expiry alone: no torn read of the entry finds another start or parameters. */
static int filter_close_window(const struct rift_peer_filter *filter, struct rift_error *err)
{
    struct rift_peer_window over = {.start = filter->window.start};
    uint32_t zero = 0;
    memcpy(over.parameters, filter->window.parameters, sizeof over.parameters);
    return rift_bpf_map_update(filter->window_fd, &zero, &over, err);
}

/* A lift meanwhile is not undone by it: one of the two sees the other. */
int rift_peer_filter_renew(struct rift_injection *injection, struct rift_error *err)
{
    struct rift_peer_filter *filter = injection->live;
    if (filter_write_window(filter, injection->lease_end_ns, err))
        return -1;
    return filter->is_lifted ? filter_close_window(filter, err) : 0;
}

/* An interface that went away, or a stranger who cleared it, took the program along. */
int rift_peer_filter_stands(const struct rift_injection *injection, struct rift_error *err)
{
    const struct rift_peer_filter *filter = injection->live;
    bool is_attached;
    if (rift_clsact_is_attached(injection, filter->hook, &is_attached, err))
        return -1;
    return is_attached ? 0
                       : rift_fail(err, RIFT_ERR_MISSING, "its filter is gone from an interface");
}

int rift_peer_filter_lift(struct rift_injection *injection)
{
    struct rift_peer_filter *filter = injection->live;
    filter->is_lifted = true;
    return filter_close_window(filter, NULL);
}

int rift_peer_filter_list(const struct rift_injection *injection, const struct rift_target *target,
                          json_t *details, struct rift_error *err)
{
    const struct rift_peer_filter *filter = injection->live;
    json_t *list = json_array();
    json_object_set_new(details, "peers", list);
    for (size_t i = 0; i < target->peer_count; i++) {
        struct hits sum = {0};
        for (const char *const *a = target->peers[i].addresses; *a; a++) {
            unsigned char key[16];
            struct hits hits = {0};
            address_key(*a, key);
            if (rift_bpf_map_lookup(filter->peers_fd, key, &hits, err))
                return -1;
            sum.count += hits.count;
            if (hits.first_ns && (!sum.first_ns || hits.first_ns < sum.first_ns))
                sum.first_ns = hits.first_ns;
            if (hits.last_ns > sum.last_ns)
                sum.last_ns = hits.last_ns;
        }
        json_t *entry =
            json_pack("{s:s, s:I}", "name", target->peers[i].name, "hit", (json_int_t)sum.count);
        if (sum.count > 0) {
            json_object_set_new(entry, "first_ns",
                                json_integer(rift_bpf_monotonic_time(sum.first_ns)));
            json_object_set_new(entry, "last_ns",
                                json_integer(rift_bpf_monotonic_time(sum.last_ns)));
        }
        json_array_append_new(list, entry);
    }
    return 0;
}

int rift_peer_filter_observe(const struct rift_injection *injection,
                             const struct rift_target *target, bool *is_observed, json_t *details,
                             struct rift_error *err)
{
    const struct rift_peer_filter *filter = injection->live;
    if (rift_peer_filter_list(injection, target, details, err))
        return -1;
    int64_t now = rift_clock_now();
    bool is_time =
        !filter->is_lifted && injection->applied_ns <= now && now < injection->lease_end_ns;
    bool is_attached;
    if (rift_clsact_is_attached(injection, filter->hook, &is_attached, err))
        return -1;
    *is_observed = is_time && is_attached;
    return 0;
}

int rift_peer_filter_look(const struct rift_injection *injection, const struct rift_target *target,
                          bool *is_observed, json_t *details, struct rift_error *err)
{
    const struct rift_peer_filter *filter = injection->live;
    const json_t *peers = json_object_get(details, "peers");
    bool is_seen = false;
    char how[160];
    if (filter->look) {
        if (rift_tcp_look(filter->look, target, peers, &is_seen, how, err))
            return -1;
    } else {
        json_int_t hits = 0;
        for (size_t i = 0; i < json_array_size(peers); i++)
            hits += json_integer_value(json_object_get(json_array_get(peers, i), "hit"));
        is_seen = hits > 0;
        snprintf(how, sizeof how, "%lld dropped", (long long)hits);
    }
    json_object_set_new(details, "how", json_string(how));
    *is_observed = *is_observed && is_seen;
    return 0;
}

void rift_peer_filter_try(const struct rift_target *target, const json_t *options,
                          const struct rift_match *match, rift_peer_action *action,
                          struct rift_fault_ability *ability)
{
    struct rift_error reason = {0};
    struct rift_peer_filter *filter =
        rift_peer_filter_create_matching(target, RIFT_TC_INGRESS, match, action, &reason);
    ability->can = filter && rift_clsact_try(target, options, RIFT_TC_INGRESS, filter->program_fd,
                                             &reason) == 0;
    snprintf(ability->why, sizeof ability->why, "%.255s", ability->can ? "" : reason.text);
    rift_peer_filter_destroy(filter);
}

int rift_peer_filter_sum(const struct rift_injection *injection, const struct rift_target *target,
                         uint64_t sums[RIFT_PEER_COUNTERS], struct rift_error *err)
{
    const struct rift_peer_filter *filter = injection->live;
    memset(sums, 0, RIFT_PEER_COUNTERS * sizeof *sums);
    for (size_t i = 0; i < target->peer_count; i++)
        for (const char *const *a = target->peers[i].addresses; *a; a++) {
            unsigned char key[16];
            struct hits hits = {0};
            address_key(*a, key);
            if (rift_bpf_map_lookup(filter->peers_fd, key, &hits, err))
                return -1;
            for (int c = 0; c < RIFT_PEER_COUNTERS; c++)
                sums[c] += hits.counters[c];
        }
    return 0;
}

void rift_peer_filter_forget(struct rift_injection *injection)
{
    rift_peer_filter_destroy(injection->live);
    injection->live = NULL;
}
