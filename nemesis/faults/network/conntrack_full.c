/* conntrack-full: the table of connections that the kernel tracks takes no new entry, so the first
 * packet of each new connection is dropped, on its way in and out, loopback too; what the table has
 * goes on. By the table's limit: the kernel compares it with what is there and one more.
 *
 * The limit is one for all network namespaces of a kernel, and only the first of them may write it.
 * It does something only where packets are tracked: where a rule of nftables or iptables asks for
 * it, as NAT does. An entry that is not assured yet, as of a single datagram and its answer, may
 * have to make room for a new one (early_drop of nf_conntrack_core.c): now and then one gets in. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/setting.h"

enum { LIMIT_MAX = 1 << 30, OWN_MS = 50, LOOKS = 3 };

static const char folder[] = "/proc/sys/net/netfilter", limit_file[] = "nf_conntrack_max";

/* 0 would be no limit at all. */
static int full_limit(const json_t *options, long *limit, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "limit");
    double number = given ? json_number_value(given) : 1;
    if (!(number >= 1 && number <= LIMIT_MAX))
        return rift_fail(err, RIFT_ERR_INVALID, "conntrack-full: 'limit' must be from 1 to %d",
                         LIMIT_MAX);
    *limit = (long)number;
    return 0;
}

static long full_number(const char *file)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    return rift_setting_read(folder, file, text) ? strtol(text, NULL, 10) : 0;
}

/* The sum over all processors of the column "drop"; which one that is the first line says, as it is
 * not the same in all kernels. -1 where the kernel counts nothing. */
static long long full_dropped(void)
{
    FILE *file = fopen("/proc/net/stat/nf_conntrack", "re");
    char line[512];
    long long sum = 0;
    int column = -1;
    for (int row = 0; file && fgets(line, sizeof line, file); row++) {
        char *rest = line, *word;
        for (int i = 0; (word = strsep(&rest, " \t\n"));) {
            if (!*word)
                continue;
            if (row == 0 && strcmp(word, "drop") == 0)
                column = i;
            if (row > 0 && i == column)
                sum += strtoll(word, NULL, 16);
            i++;
        }
    }
    if (file)
        fclose(file);
    return column < 0 ? -1 : sum;
}

/* A datagram to ourselves, of a connection that nobody knows yet: does it arrive? */
static bool own_arrives(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof to;
    CLEANUP(rift_close_fd) int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CLEANUP(rift_close_fd) int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (in < 0 || out < 0 || bind(in, (struct sockaddr *)&to, length) ||
        getsockname(in, (struct sockaddr *)&to, &length) ||
        sendto(out, "x", 1, 0, (struct sockaddr *)&to, length) != 1)
        return false;
    struct pollfd arrives = {.fd = in, .events = POLLIN};
    return poll(&arrives, 1, OWN_MS) == 1;
}

/* Are packets tracked here? A new connection of ours makes an entry; others may end one meanwhile,
 * so it is asked more than once. */
static bool full_is_tracked(void)
{
    for (int i = 0; i < LOOKS; i++) {
        long before = full_number("nf_conntrack_count");
        own_arrives();
        if (full_number("nf_conntrack_count") > before)
            return true;
    }
    return false;
}

static int full_check(struct rift_error *err)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, limit_file);
    if (access(path, F_OK) != 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "no connection tracking in use here: this kernel has no %s", path);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "%s cannot be written (%s): it belongs to the kernel's first network "
                         "namespace",
                         limit_file, strerror(errno));
    return full_is_tracked()
               ? 0
               : rift_fail(err, RIFT_ERR_UNSUPPORTED,
                           "no connection tracking in use here: no rule of nftables or iptables "
                           "asks for it");
}

static int full_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    long limit;
    (void)target;
    if (full_limit(injection->options, &limit, err) || full_check(err) ||
        rift_setting_plan(injection, ledger, folder, limit_file, err))
        return -1;
    json_object_set_new(injection->undo, "dropped", json_integer(full_dropped()));
    return 0;
}

static int full_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    long limit = 1;
    char value[32];
    (void)target;
    if (full_limit(injection->options, &limit, err))
        return -1;
    snprintf(value, sizeof value, "%ld", limit);
    return rift_setting_inject(injection, value, err);
}

/* A limit that nobody reaches does nothing: a connection of our own must be refused, and the kernel
 * must have counted it, where it counts. */
static int full_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    bool arrives = own_arrives() && own_arrives(); /* one may take another's place */
    long long before = json_integer_value(json_object_get(injection->undo, "dropped"));
    long long now = full_dropped(), dropped = now < 0 ? 0 : now - before;
    char how[200];
    snprintf(
        how, sizeof how,
        "a new connection of the agent's to itself is %s; the kernel dropped %lld packets; the "
        "table has %ld entries, of %ld",
        arrives ? "let through" : "refused", dropped, full_number("nf_conntrack_count"),
        full_number(limit_file));
    json_object_set_new(details, "how", json_string(how));
    *is_observed = !arrives && (now < 0 || dropped > 0);
    return 0;
}

static int full_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    struct rift_error reason = {0};
    long limit;
    (void)target;
    if (full_limit(options, &limit, err))
        return -1;
    ability->backend = "net.netfilter.nf_conntrack_max";
    ability->end = "a keeper of its own lifts it when the lease is past or agent and guardian are "
                   "killed; until then nobody new can log in to the host; if the keeper is killed "
                   "as well, a reboot";
    if (full_check(&reason))
        snprintf(ability->why, sizeof ability->why, "%.255s", reason.text);
    else
        rift_setting_try(folder, limit_file, ability);
    return 0;
}

const struct rift_fault_driver rift_conntrack_full_driver = {
    .name = "conntrack-full",
    .probe = full_probe,
    .plan = full_plan,
    .inject = full_inject,
    .renew = rift_setting_renew,
    .heal = rift_setting_heal,
    .observe = full_observe,
    .forget = rift_setting_forget,
};
