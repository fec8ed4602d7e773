/* cut-clients: packets between the controller, where the clients run, and the system's own ports
 * are lost on this node: what clients send, where it arrives, or what they are answered, on its way
 * out (TC_ACT_STOLEN, of which the sender is not told). Only this node's end of a port is looked
 * at, so that a connection of ours that happens to come from such a port goes on; the port that our
 * own connection comes to is refused.
 *
 * Left out: clients that run elsewhere than on the controller. */
#include <arpa/inet.h>
#include <linux/pkt_cls.h>
#include <stdio.h>
#include <string.h>

#include "nemesis/faults/drivers.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/peer_filter.h"

enum { ADDRESSES_MAX = 32 };

/* The clients as a peer of this node. */
struct clients {
    const char *addresses[ADDRESSES_MAX + 1];
    struct rift_peer peer;
    struct rift_target target;
};

/* What the options say, and where. */
struct cut {
    struct rift_match match;
    enum rift_tc_hook hook;
};

static bool is_numeric(const char *address)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

static int find_clients(const struct rift_target *target, struct clients *clients,
                        struct rift_error *err)
{
    size_t count = 0;
    *clients = (struct clients){.target = *target};
    for (const char *const *a = target->protected_addresses; a && *a && count < ADDRESSES_MAX; a++)
        if (is_numeric(*a))
            clients->addresses[count++] = *a;
    if (count == 0)
        return rift_fail(err, RIFT_ERR_MISSING,
                         "cut-clients: the controller's address is not known here");
    clients->peer = (struct rift_peer){.name = "clients", .addresses = clients->addresses};
    clients->target.peers = &clients->peer;
    clients->target.peer_count = 1;
    return 0;
}

static void drop_requests(struct rift_bpf_program *p)
{
    rift_peer_count_hit(p);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_SHOT);
    rift_bpf_exit(p);
}

static void drop_answers(struct rift_bpf_program *p)
{
    rift_peer_count_hit(p);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_STOLEN);
    rift_bpf_exit(p);
}

static int read_cut(const struct rift_target *target, const json_t *options, struct cut *cut,
                    struct rift_error *err)
{
    const json_t *given = json_object_get(options, "drop");
    const char *drop = given ? json_string_value(given) : "requests";
    bool are_answers = drop && strcmp(drop, "answers") == 0;
    if (!drop || (!are_answers && strcmp(drop, "requests") != 0))
        return rift_fail(err, RIFT_ERR_INVALID, "'drop' must be requests or answers");
    if (rift_match_read(options, &cut->match, err))
        return -1;
    if (cut->match.port_count == 0)
        return rift_fail(err, RIFT_ERR_INVALID, "'ports': name those that clients connect to");
    cut->hook = are_answers ? RIFT_TC_EGRESS : RIFT_TC_INGRESS;
    cut->match.side = are_answers ? RIFT_MATCH_SOURCE_PORT : RIFT_MATCH_DESTINATION_PORT;
    if (target->own_port && rift_match_has_port(&cut->match, target->own_port))
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "'ports': %d is the port of our own connection: a cut would lose the node",
                         (int)target->own_port);
    return 0;
}

static struct rift_peer_filter *create_filter(const struct clients *clients, const struct cut *cut,
                                              struct rift_error *err)
{
    return rift_peer_filter_create_matching(
        &clients->target, cut->hook, &cut->match,
        cut->hook == RIFT_TC_EGRESS ? drop_answers : drop_requests, err);
}

static int clients_plan(struct rift_injection *injection, const struct rift_target *target,
                        const char *ledger, struct rift_error *err)
{
    struct clients clients;
    struct cut cut;
    if (find_clients(target, &clients, err) || read_cut(target, injection->options, &cut, err))
        return -1;
    return rift_clsact_plan(injection, &clients.target, ledger, err);
}

static int clients_inject(struct rift_injection *injection, const struct rift_target *target,
                          struct rift_error *err)
{
    struct clients clients;
    struct cut cut;
    if (find_clients(target, &clients, err) || read_cut(target, injection->options, &cut, err))
        return -1;
    struct rift_peer_filter *filter = create_filter(&clients, &cut, err);
    return filter ? rift_peer_filter_inject(injection, filter, err) : -1;
}

/* What clients see of it the controller tells, which is where they are. */
static int clients_observe(const struct rift_injection *injection, const struct rift_target *target,
                           bool *is_observed, json_t *details, struct rift_error *err)
{
    struct clients clients;
    if (find_clients(target, &clients, err) ||
        rift_peer_filter_observe(injection, &clients.target, is_observed, details, err))
        return -1;
    return rift_peer_filter_look(injection, &clients.target, is_observed, details, err);
}

static int clients_probe(const struct rift_target *target, const json_t *options,
                         struct rift_fault_ability *ability, struct rift_error *err)
{
    struct clients clients;
    struct cut cut;
    struct rift_error reason = {0};
    if (read_cut(target, options, &cut, err))
        return -1;
    ability->backend = "BPF on clsact";
    ability->end = "the kernel passes everything once the lease is past, whatever was killed";
    struct rift_peer_filter *filter = NULL;
    if (find_clients(target, &clients, &reason) == 0)
        filter = create_filter(&clients, &cut, &reason);
    ability->can = filter && rift_clsact_try(&clients.target, options, cut.hook,
                                             rift_peer_filter_program(filter), &reason) == 0;
    snprintf(ability->why, sizeof ability->why, "%.255s", ability->can ? "" : reason.text);
    rift_peer_filter_destroy(filter);
    return 0;
}

const struct rift_fault_driver rift_cut_clients_driver = {
    .name = "cut-clients",
    .starts_itself = true,
    .takes_rtnl = true,
    .probe = clients_probe,
    .plan = clients_plan,
    .inject = clients_inject,
    .renew = rift_peer_filter_renew,
    .stands = rift_peer_filter_stands,
    .lift = rift_peer_filter_lift,
    .heal = rift_clsact_detach,
    .observe = clients_observe,
    .forget = rift_peer_filter_forget,
};
