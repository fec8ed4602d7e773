/* dns: what name servers answer is lost where it arrives, by UDP and TCP: packets from their
 * addresses and port 53. Which servers: those of /etc/resolv.conf, one on this node (127.0.0.53)
 * among them, or those that the options name.
 *
 * Left out: names that /etc/hosts or a cache of the system's own knows, and DNS over TLS or HTTPS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/peer_filter.h"

enum { SERVERS_MAX = 8, ADDRESS_SIZE = 64, DNS_PORT = 53, ANSWER_MS = 30 };

static const char resolv_conf[] = "/etc/resolv.conf";

/* The name servers as one peer of this node. */
struct servers {
    char text[SERVERS_MAX][ADDRESS_SIZE];
    const char *addresses[SERVERS_MAX + 1];
    size_t count;
    struct rift_peer peer;
    struct rift_target target;
};

static bool add_server(struct servers *servers, const char *address)
{
    unsigned char bytes[16];
    if (servers->count == SERVERS_MAX ||
        (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1))
        return false;
    snprintf(servers->text[servers->count], ADDRESS_SIZE, "%.60s", address);
    servers->count++;
    return true;
}

static void read_resolv_conf(struct servers *servers)
{
    FILE *file = fopen(resolv_conf, "re");
    char line[256], address[ADDRESS_SIZE];
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "nameserver %63s", address) == 1)
            add_server(servers, address); /* one with a scope (fe80::1%eth0) is left out */
    if (file)
        fclose(file);
}

static int find_servers(const struct rift_target *target, const json_t *options,
                        struct servers *servers, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "servers");
    *servers = (struct servers){.target = *target};
    for (size_t i = 0; i < json_array_size(given); i++) {
        const char *address = json_string_value(json_array_get(given, i));
        if (!address || !add_server(servers, address))
            return rift_fail(err, RIFT_ERR_INVALID,
                             "dns: 'servers': '%s' is no numeric address, or one of more than %d",
                             address ? address : "(not a text)", SERVERS_MAX);
    }
    if (servers->count == 0)
        read_resolv_conf(servers);
    if (servers->count == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "dns: %s names no server", resolv_conf);
    for (size_t i = 0; i < servers->count; i++)
        servers->addresses[i] = servers->text[i];
    servers->peer =
        (struct rift_peer){.name = "servers", .addresses = servers->addresses, .may_be_here = true};
    servers->target.peers = &servers->peer;
    servers->target.peer_count = 1;
    return 0;
}

static void drop_answer(struct rift_bpf_program *p)
{
    rift_peer_count_hit(p);
    rift_bpf_move_value(p, BPF_REG_0, TC_ACT_SHOT);
    rift_bpf_exit(p);
}

static int read_match(const json_t *options, struct rift_match *match, struct rift_error *err)
{
    if (rift_match_read(options, match, err))
        return -1;
    match->ports[0].low = match->ports[0].high = DNS_PORT;
    match->port_count = 1;
    match->side = RIFT_MATCH_SOURCE_PORT;
    return 0;
}

static int dns_plan(struct rift_injection *injection, const struct rift_target *target,
                    const char *ledger, struct rift_error *err)
{
    struct servers servers;
    struct rift_match match;
    if (find_servers(target, injection->options, &servers, err) ||
        read_match(injection->options, &match, err))
        return -1;
    return rift_clsact_plan(injection, &servers.target, ledger, err);
}

static int dns_inject(struct rift_injection *injection, const struct rift_target *target,
                      struct rift_error *err)
{
    struct servers servers;
    struct rift_match match;
    if (find_servers(target, injection->options, &servers, err) ||
        read_match(injection->options, &match, err))
        return -1;
    struct rift_peer_filter *filter = rift_peer_filter_create_matching(
        &servers.target, RIFT_TC_INGRESS, &match, drop_answer, err);
    return filter ? rift_peer_filter_inject(injection, filter, err) : -1;
}

/* --- does a server answer? */

/* Asks for the name servers of the root, as a resolver would. */
static int ask_server(const char *address)
{
    static const unsigned char question[] = {
        0x52, 0x46, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, /* a header: recursion desired, one question */
        0,    0,    2, 0, 1};                     /* the root, NS, IN */
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(DNS_PORT)};
    bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (!is_v6)
        inet_pton(AF_INET, address, &v4.sin_addr);
    if (fd >= 0 && (connect(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
                            is_v6 ? sizeof v6 : sizeof v4) ||
                    send(fd, question, sizeof question, 0) != sizeof question))
        rift_close_fd(&fd);
    return fd;
}

/* Of the servers, how many answer within a short time. */
static size_t count_answers(const struct servers *servers)
{
    int fds[SERVERS_MAX];
    size_t answered = 0;
    for (size_t i = 0; i < servers->count; i++)
        fds[i] = ask_server(servers->text[i]);
    rift_clock_sleep_until(rift_clock_now() + ANSWER_MS * RIFT_MS);
    for (size_t i = 0; i < servers->count; i++) {
        char answer[512];
        answered += fds[i] >= 0 && recv(fds[i], answer, sizeof answer, 0) > 0;
        rift_close_fd(&fds[i]);
    }
    return answered;
}

/* Questions of the agent's own get no answer, and the filter has dropped some that came: now, or,
 * of a server that is far away, to the look before. */
static int dns_observe(const struct rift_injection *injection, const struct rift_target *target,
                       bool *is_observed, json_t *details, struct rift_error *err)
{
    struct servers servers;
    struct rift_match match;
    if (find_servers(target, injection->options, &servers, err) ||
        read_match(injection->options, &match, err))
        return -1;
    size_t answered = count_answers(&servers);
    if (rift_peer_filter_observe(injection, &servers.target, is_observed, details, err))
        return -1;
    json_int_t dropped = json_integer_value(
        json_object_get(json_array_get(json_object_get(details, "peers"), 0), "hit"));
    char how[160];
    snprintf(how, sizeof how,
             "of %zu name servers that the agent asked, %zu answered; %lld answers were dropped",
             servers.count, answered, (long long)dropped);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = *is_observed && dropped > 0 && (answered == 0 || match.period_us > 0);
    return 0;
}

static int dns_probe(const struct rift_target *target, const json_t *options,
                     struct rift_fault_ability *ability, struct rift_error *err)
{
    struct servers servers;
    struct rift_match match;
    struct rift_error reason = {0};
    if (read_match(options, &match, err))
        return -1;
    ability->backend = "BPF on clsact ingress";
    ability->end = "the kernel passes everything once the lease is past, whatever was killed";
    if (find_servers(target, options, &servers, &reason) == 0)
        rift_peer_filter_try(&servers.target, options, &match, drop_answer, ability);
    else
        snprintf(ability->why, sizeof ability->why, "%.255s", reason.text);
    return 0;
}

const struct rift_fault_driver rift_dns_driver = {
    .name = "dns",
    .starts_itself = true,
    .takes_rtnl = true,
    .probe = dns_probe,
    .plan = dns_plan,
    .inject = dns_inject,
    .renew = rift_peer_filter_renew,
    .stands = rift_peer_filter_stands,
    .lift = rift_peer_filter_lift,
    .heal = rift_clsact_detach,
    .observe = dns_observe,
    .forget = rift_peer_filter_forget,
};
