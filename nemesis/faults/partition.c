/* partition: packets of the peers are dropped where they arrive, by a BPF program on the ingress
 * hook of each interface that leads to a peer.
 *
 * On arrival, because a drop on the way out is told to the sender: TCP then neither backs off nor
 * keeps its connections the way it does in a real partition. The program passes with TC_ACT_UNSPEC,
 * so other filters go on as before. It drops only from `start` until `expiry`, which stand in a map
 * beside it: all nodes can begin at one instant, and the kernel ends the cut without us. Each
 * partition has its own program and maps, so any number of them may overlap.
 *
 * Left out: packets that arrive by another interface than the one that leads back to their sender,
 * unless the option `interfaces` names it. */
#include "nemesis/faults/drivers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/bpf.h"
#include "nemesis/faults/clsact.h"
#include "nemesis/faults/tc.h"

enum { ADDRESSES_MAX = 1024 };

/* The value of the one entry of the `window` map, in the kernel's time. start never changes, so a
 * torn read of an update is harmless. */
struct window {
    uint64_t start, expiry;
};

/* What the `peers` map holds for each address: 16 bytes, IPv4 mapped into IPv6. */
struct drops {
    uint64_t count, first_ns, last_ns;
};

struct live {
    int window_fd, peers_fd, program_fd;
    uint64_t start;
};

static void partition_address_key(const char *address, unsigned char key[16])
{
    memset(key, 0, 16);
    if (inet_pton(AF_INET6, address, key) == 1)
        return;
    key[10] = key[11] = 0xff;
    inet_pton(AF_INET, address, key + 12);
}

enum { LABEL_PASS, LABEL_IPV6, LABEL_LOOKUP, LABEL_COUNTED };
enum { STACK_ZERO = -4, STACK_KEY = -24 }; /* offsets from the frame */

/* Registers: 6 the packet, 7 the window, 8 now, 9 the peer's counters. */
static void partition_program(struct rift_bpf_program *p, int window_fd, int peers_fd)
{
    rift_bpf_move(p, BPF_REG_6, BPF_REG_1);
    rift_bpf_store_value(p, BPF_W, BPF_REG_10, STACK_ZERO, 0);
    rift_bpf_load_map(p, BPF_REG_1, window_fd);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_2, STACK_ZERO);
    rift_bpf_call(p, BPF_FUNC_map_lookup_elem);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_0, 0, LABEL_PASS);
    rift_bpf_move(p, BPF_REG_7, BPF_REG_0);
    rift_bpf_call(p, BPF_FUNC_ktime_get_ns);
    rift_bpf_move(p, BPF_REG_8, BPF_REG_0);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_7, offsetof(struct window, start));
    rift_bpf_jump_if(p, BPF_JLT, BPF_REG_8, BPF_REG_1, LABEL_PASS);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_7, offsetof(struct window, expiry));
    rift_bpf_jump_if(p, BPF_JGE, BPF_REG_8, BPF_REG_1, LABEL_PASS);

    rift_bpf_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, protocol));
    rift_bpf_move(p, BPF_REG_3, BPF_REG_10);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_1, htons(ETH_P_IPV6), LABEL_IPV6);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, htons(ETH_P_IP), LABEL_PASS);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_KEY, 0);
    rift_bpf_store_value(p, BPF_W, BPF_REG_10, STACK_KEY + 8, (int32_t)htonl(0xffff));
    rift_bpf_add_value(p, BPF_REG_3, STACK_KEY + 12);
    rift_bpf_move_value(p, BPF_REG_2, 12); /* the source address of an IPv4 header */
    rift_bpf_move_value(p, BPF_REG_4, 4);
    rift_bpf_jump(p, LABEL_LOOKUP);
    rift_bpf_label(p, LABEL_IPV6);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_KEY, 0);
    rift_bpf_store_value(p, BPF_DW, BPF_REG_10, STACK_KEY + 8, 0);
    rift_bpf_add_value(p, BPF_REG_3, STACK_KEY);
    rift_bpf_move_value(p, BPF_REG_2, 8); /* and of an IPv6 header */
    rift_bpf_move_value(p, BPF_REG_4, 16);
    rift_bpf_label(p, LABEL_LOOKUP);
    /* Relative to the network header: there may be no Ethernet header (tunnels). */
    rift_bpf_move(p, BPF_REG_1, BPF_REG_6);
    rift_bpf_move_value(p, BPF_REG_5, BPF_HDR_START_NET);
    rift_bpf_call(p, BPF_FUNC_skb_load_bytes_relative);
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_0, 0, LABEL_PASS);
    rift_bpf_load_map(p, BPF_REG_1, peers_fd);
    rift_bpf_move(p, BPF_REG_2, BPF_REG_10);
    rift_bpf_add_value(p, BPF_REG_2, STACK_KEY);
    rift_bpf_call(p, BPF_FUNC_map_lookup_elem);
    rift_bpf_jump_if_value(p, BPF_JEQ, BPF_REG_0, 0, LABEL_PASS);

    rift_bpf_move(p, BPF_REG_9, BPF_REG_0);
    rift_bpf_move_value(p, BPF_REG_1, 1);
    rift_bpf_atomic_add(p, BPF_REG_9, offsetof(struct drops, count), BPF_REG_1);
    rift_bpf_store(p, BPF_DW, BPF_REG_9, offsetof(struct drops, last_ns), BPF_REG_8);
    rift_bpf_load(p, BPF_DW, BPF_REG_1, BPF_REG_9, offsetof(struct drops, first_ns));
    rift_bpf_jump_if_value(p, BPF_JNE, BPF_REG_1, 0, LABEL_COUNTED);
    rift_bpf_store(p, BPF_DW, BPF_REG_9, offsetof(struct drops, first_ns), BPF_REG_8);
    rift_bpf_label(p, LABEL_COUNTED);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_SHOT);
    rift_bpf_exit(p);
    rift_bpf_label(p, LABEL_PASS);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_UNSPEC);
    rift_bpf_exit(p);
}

static void live_free(struct live *live)
{
    if (!live)
        return;
    rift_close_fd(&live->window_fd);
    rift_close_fd(&live->peers_fd);
    rift_close_fd(&live->program_fd);
    free(live);
}

static void live_cleanup(struct live **live)
{
    live_free(*live);
}

/* Maps, filled with the peers, and the program, loaded; it drops nothing until the window is set.
 */
static struct live *live_create(const struct rift_target *target, struct rift_error *err)
{
    struct live *live = rift_calloc(1, sizeof *live);
    live->window_fd = live->peers_fd = live->program_fd = -1;
    live->window_fd = rift_bpf_map_create(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t),
                                          sizeof(struct window), 1, "rift_window", err);
    live->peers_fd = live->window_fd < 0
                         ? -1
                         : rift_bpf_map_create(BPF_MAP_TYPE_HASH, 16, sizeof(struct drops),
                                               ADDRESSES_MAX, "rift_peers", err);
    if (live->peers_fd < 0)
        goto fail;
    struct drops none = {0};
    unsigned char key[16];
    for (size_t i = 0; i < target->peer_count; i++)
        for (const char *const *a = target->peers[i].addresses; *a; a++) {
            partition_address_key(*a, key);
            if (rift_bpf_map_update(live->peers_fd, key, &none, err))
                goto fail;
        }
    struct rift_bpf_program program = {0};
    partition_program(&program, live->window_fd, live->peers_fd);
    live->program_fd = rift_bpf_program_load(&program, "rift_partition", err);
    if (live->program_fd < 0)
        goto fail;
    return live;
fail:
    live_free(live);
    return NULL;
}

static int live_set_window(struct live *live, int64_t start_ns, int64_t end_ns,
                           struct rift_error *err)
{
    uint32_t zero = 0;
    live->start = rift_bpf_kernel_time(start_ns);
    struct window window = {.start = live->start, .expiry = rift_bpf_kernel_time(end_ns)};
    return rift_bpf_map_update(live->window_fd, &zero, &window, err);
}

static int partition_check_peers(const struct rift_target *target, struct rift_error *err)
{
    for (size_t i = 0; i < target->peer_count; i++) {
        const struct rift_peer *peer = &target->peers[i];
        if (!peer->addresses[0])
            return rift_fail(err, RIFT_ERR_INVALID, "peer '%s' has no address", peer->name);
        for (const char *const *a = peer->addresses; *a; a++) {
            unsigned char key[16], protected_key[16], parsed[16];
            if (inet_pton(AF_INET, *a, parsed) != 1 && inet_pton(AF_INET6, *a, parsed) != 1)
                return rift_fail(err, RIFT_ERR_INVALID, "peer '%s': '%s' is no numeric address",
                                 peer->name, *a);
            partition_address_key(*a, key);
            for (const char *const *p = target->protected_addresses; p && *p; p++) {
                partition_address_key(*p, protected_key);
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

static int partition_plan(struct rift_injection *injection, const struct rift_target *target,
                          const char *ledger, struct rift_error *err)
{
    if (target->peer_count == 0)
        return rift_fail(err, RIFT_ERR_INVALID, "a partition needs peers to cut off");
    if (partition_check_peers(target, err))
        return -1;
    return rift_clsact_plan(injection, target, ledger, err);
}

static int partition_inject(struct rift_injection *injection, const struct rift_target *target,
                            struct rift_error *err)
{
    CLEANUP(live_cleanup) struct live *live = live_create(target, err);
    if (!live)
        return -1;
    int64_t now = rift_clock_now();
    int64_t start = injection->start_ns > now ? injection->start_ns : now;
    if (live_set_window(live, start, injection->lease_end_ns, err) ||
        rift_clsact_attach(injection, RIFT_TC_INGRESS, live->program_fd, err))
        return -1;
    /* The cut is real only once the last filter is on. */
    now = rift_clock_now();
    injection->applied_ns = start > now ? start : now;
    injection->live = live;
    live = NULL;
    return 0;
}

static int partition_renew(struct rift_injection *injection, struct rift_error *err)
{
    struct live *live = injection->live;
    uint32_t zero = 0;
    struct window window = {.start = live->start,
                            .expiry = rift_bpf_kernel_time(injection->lease_end_ns)};
    return rift_bpf_map_update(live->window_fd, &zero, &window, err);
}

static int partition_observe(const struct rift_injection *injection,
                             const struct rift_target *target, bool *is_observed, json_t *details,
                             struct rift_error *err)
{
    const struct live *live = injection->live;
    json_t *list = json_array();
    json_object_set_new(details, "peers", list);
    for (size_t i = 0; i < target->peer_count; i++) {
        struct drops sum = {0};
        for (const char *const *a = target->peers[i].addresses; *a; a++) {
            unsigned char key[16];
            struct drops drops = {0};
            partition_address_key(*a, key);
            if (rift_bpf_map_lookup(live->peers_fd, key, &drops, err))
                return -1;
            sum.count += drops.count;
            if (drops.first_ns && (!sum.first_ns || drops.first_ns < sum.first_ns))
                sum.first_ns = drops.first_ns;
            if (drops.last_ns > sum.last_ns)
                sum.last_ns = drops.last_ns;
        }
        json_t *entry = json_pack("{s:s, s:I}", "name", target->peers[i].name, "dropped",
                                  (json_int_t)sum.count);
        if (sum.count > 0) {
            json_object_set_new(entry, "first_ns",
                                json_integer(rift_bpf_monotonic_time(sum.first_ns)));
            json_object_set_new(entry, "last_ns",
                                json_integer(rift_bpf_monotonic_time(sum.last_ns)));
        }
        json_array_append_new(list, entry);
    }
    int64_t now = rift_clock_now();
    bool is_time = injection->applied_ns <= now && now < injection->lease_end_ns;
    bool is_attached;
    if (rift_clsact_is_attached(injection, RIFT_TC_INGRESS, &is_attached, err))
        return -1;
    *is_observed = is_time && is_attached;
    return 0;
}

static int partition_heal(const char *id, const json_t *undo, const char *ledger,
                          struct rift_error *err)
{
    return rift_clsact_detach(id, undo, ledger, err);
}

static void partition_forget(struct rift_injection *injection)
{
    live_free(injection->live);
    injection->live = NULL;
}

static int partition_probe(const struct rift_target *target, const json_t *options,
                           struct rift_fault_ability *ability, struct rift_error *err)
{
    if (partition_check_peers(target, err))
        return -1;
    ability->backend = "BPF on clsact ingress";
    ability->end = "the kernel passes everything once the lease is past, whatever was killed";
    struct rift_error reason = {0};
    struct live *live = live_create(target, &reason);
    ability->can =
        live && rift_clsact_try(target, options, RIFT_TC_INGRESS, live->program_fd, &reason) == 0;
    snprintf(ability->why, sizeof ability->why, "%.255s", ability->can ? "" : reason.text);
    live_free(live);
    return 0;
}

const struct rift_fault_driver rift_partition_driver = {
    .name = "partition",
    .starts_itself = true,
    .probe = partition_probe,
    .plan = partition_plan,
    .inject = partition_inject,
    .renew = partition_renew,
    .heal = partition_heal,
    .observe = partition_observe,
    .forget = partition_forget,
};
