/* Unclassified packets go direct in HTB (default class 0), so the rest of the traffic keeps its
 * speed. The kernel's own default qdiscs have the handle 0; any other root is somebody's. */
#include "nemesis/faults/network/shape.h"

#include <arpa/inet.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "nemesis/faults/network/netem.h"
#include "nemesis/faults/network/tc_message.h"

/* "ri" of the root; the leaf below class n is LEAF_MAJOR + n. */
enum { ROOT_MAJOR = 0x7269, LEAF_MAJOR = 0x7270 };
enum { NS_PER_TICK = 64 };

static const uint64_t fast_bytes = UINT64_C(12500000000); /* 100 Gbit/s */

static const int set_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;

static uint32_t handle_of(uint32_t major, uint32_t minor)
{
    return major << 16 | minor;
}

uint32_t rift_shape_priority(int number)
{
    return handle_of(ROOT_MAJOR, (uint32_t)number);
}

struct root_search {
    int interface;
    uint32_t handle;
    char kind[32];
};

static int root_callback(struct nl_msg *message, void *context)
{
    struct root_search *search = context;
    struct nlmsghdr *header = nlmsg_hdr(message);
    if (header->nlmsg_type != RTM_NEWQDISC)
        return NL_SKIP;
    const struct tcmsg *qdisc = nlmsg_data(header);
    if (qdisc->tcm_ifindex != search->interface || qdisc->tcm_parent != TC_H_ROOT)
        return NL_OK;
    search->handle = qdisc->tcm_handle;
    const struct nlattr *kind = nlmsg_find_attr(header, sizeof *qdisc, TCA_KIND);
    if (kind)
        nla_strlcpy(search->kind, kind, sizeof search->kind);
    return NL_OK;
}

static int root_find(struct rift_tc *tc, int interface, struct root_search *search,
                     struct rift_error *err)
{
    *search = (struct root_search){.interface = interface};
    int rc = rift_tc_query(
        tc, rift_tc_message(RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, interface, 0, 0, 0),
        root_callback, search);
    return rc < 0 ? rift_tc_fail(err, rc, "list the qdiscs", interface) : 0;
}

int rift_shape_check(struct rift_tc *tc, int interface, struct rift_error *err)
{
    struct root_search root;
    char name[IF_NAMESIZE] = "?";
    if (root_find(tc, interface, &root, err))
        return -1;
    if (root.handle == 0 || root.handle == handle_of(ROOT_MAJOR, 0))
        return 0;
    if_indextoname((unsigned)interface, name);
    return rift_fail(err, RIFT_ERR_CONFLICT,
                     "%s has a root qdisc of its own (%s), which is not ours to replace", name,
                     root.kind);
}

static void put(struct nl_msg *message, int type, const void *data, size_t size)
{
    if (nla_put(message, type, (int)size, data) < 0)
        abort();
}

static int send_new(struct rift_tc *tc, struct nl_msg *message, const char *what, int interface,
                    struct rift_error *err)
{
    int rc = rift_tc_send(tc, message);
    return rc < 0 ? rift_tc_fail(err, rc, what, interface) : 0;
}

static int add_root(struct rift_tc *tc, int interface, struct rift_error *err)
{
    struct tc_htb_glob global = {.version = 3, .rate2quantum = 10};
    struct nl_msg *message =
        rift_tc_message(RTM_NEWQDISC, set_flags, interface, TC_H_ROOT, handle_of(ROOT_MAJOR, 0), 0);
    put(message, TCA_KIND, "htb", sizeof "htb");
    struct nlattr *options = nla_nest_start(message, TCA_OPTIONS);
    put(message, TCA_HTB_INIT, &global, sizeof global);
    nla_nest_end(message, options);
    return send_new(tc, message, "add HTB", interface, err);
}

/* What HTB calls buffer is how long the burst takes at the rate, in its ticks of 64 ns. */
static uint32_t burst_ticks(uint64_t rate_bytes, uint64_t burst_bytes)
{
    uint64_t ticks = burst_bytes * UINT64_C(1000000000) / rate_bytes / NS_PER_TICK;
    return ticks < 1 ? 1 : ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

static int set_class(struct rift_tc *tc, int interface, int number, uint64_t rate_bytes,
                     struct rift_error *err)
{
    uint64_t rate = rate_bytes ? rate_bytes : fast_bytes;
    /* A hundredth of a second. It may be less than a packet, which goes when the last one is paid
     * for. */
    uint64_t burst = rate / 100;
    struct tc_htb_opt parameters = {.quantum = 3200};
    parameters.rate.rate = parameters.ceil.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
    parameters.rate.linklayer = parameters.ceil.linklayer = TC_LINKLAYER_ETHERNET;
    parameters.buffer = parameters.cbuffer = burst_ticks(rate, burst);
    struct nl_msg *message =
        rift_tc_message(RTM_NEWTCLASS, set_flags, interface, handle_of(ROOT_MAJOR, 0),
                        rift_shape_priority(number), 0);
    put(message, TCA_KIND, "htb", sizeof "htb");
    struct nlattr *options = nla_nest_start(message, TCA_OPTIONS);
    put(message, TCA_HTB_PARMS, &parameters, sizeof parameters);
    put(message, TCA_HTB_RATE64, &rate, sizeof rate);
    put(message, TCA_HTB_CEIL64, &rate, sizeof rate);
    nla_nest_end(message, options);
    return send_new(tc, message, "set a class of HTB", interface, err);
}

static int set_queue(struct rift_tc *tc, int interface, int number, uint32_t limit,
                     struct rift_error *err)
{
    struct tc_fifo_qopt parameters = {.limit = limit};
    struct nl_msg *message =
        rift_tc_message(RTM_NEWQDISC, set_flags, interface, rift_shape_priority(number),
                        handle_of(LEAF_MAJOR + (uint32_t)number, 0), 0);
    put(message, TCA_KIND, "pfifo", sizeof "pfifo");
    put(message, TCA_OPTIONS, &parameters, sizeof parameters);
    return send_new(tc, message, "set a queue", interface, err);
}

int rift_shape_set(struct rift_tc *tc, int interface, int number,
                   const struct rift_link_quality *quality, bool has_netem, struct rift_error *err)
{
    bool exists;
    if (rift_shape_check(tc, interface, err) || rift_shape_exists(tc, interface, &exists, err) ||
        (!exists && add_root(tc, interface, err)) ||
        set_class(tc, interface, number, quality->rate_bytes, err))
        return -1;
    return has_netem ? rift_netem_set(tc, interface, rift_shape_priority(number),
                                      handle_of(LEAF_MAJOR + (uint32_t)number, 0), quality, err)
                     : set_queue(tc, interface, number, quality->limit, err);
}

int rift_shape_release(struct rift_tc *tc, int interface, int number, struct rift_error *err)
{
    bool exists;
    if (rift_shape_exists(tc, interface, &exists, err))
        return -1;
    return exists ? set_class(tc, interface, number, fast_bytes, err) : 0;
}

struct count_search {
    uint32_t handle;
    int interface;
    struct rift_shape_counts *counts;
};

static int count_callback(struct nl_msg *message, void *context)
{
    struct count_search *search = context;
    struct nlmsghdr *header = nlmsg_hdr(message);
    const struct tcmsg *qdisc = nlmsg_data(header);
    if (header->nlmsg_type != RTM_NEWQDISC || qdisc->tcm_handle != search->handle ||
        qdisc->tcm_ifindex != search->interface)
        return NL_OK;
    const struct nlattr *found = nlmsg_find_attr(header, sizeof *qdisc, TCA_STATS);
    struct tc_stats stats;
    if (!found || nla_len(found) < (int)sizeof stats)
        return NL_OK;
    memcpy(&stats, nla_data(found), sizeof stats);
    search->counts->packets += stats.packets;
    search->counts->dropped += stats.drops;
    search->counts->waiting += stats.qlen;
    return NL_OK;
}

int rift_shape_count(struct rift_tc *tc, int interface, int number,
                     struct rift_shape_counts *counts, struct rift_error *err)
{
    struct count_search search = {.handle = handle_of(LEAF_MAJOR + (uint32_t)number, 0),
                                  .interface = interface,
                                  .counts = counts};
    int rc = rift_tc_query(
        tc, rift_tc_message(RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, interface, 0, 0, 0),
        count_callback, &search);
    return rc < 0 ? rift_tc_fail(err, rc, "list the qdiscs", interface) : 0;
}

int rift_shape_exists(struct rift_tc *tc, int interface, bool *exists, struct rift_error *err)
{
    struct root_search root;
    if (root_find(tc, interface, &root, err))
        return -1;
    *exists = root.handle == handle_of(ROOT_MAJOR, 0) && strcmp(root.kind, "htb") == 0;
    return 0;
}

static int send_removal(struct rift_tc *tc, struct nl_msg *message, const char *what, int interface,
                        struct rift_error *err)
{
    int rc = rift_tc_send(tc, message);
    bool is_gone = rc == -NLE_OBJ_NOTFOUND || rc == -NLE_NODEV;
    return rc < 0 && !is_gone ? rift_tc_fail(err, rc, what, interface) : 0;
}

int rift_shape_remove_all(struct rift_tc *tc, int interface, struct rift_error *err)
{
    bool exists;
    if (rift_shape_exists(tc, interface, &exists, err))
        return -1;
    return exists ? send_removal(tc,
                                 rift_tc_message(RTM_DELQDISC, NLM_F_REQUEST, interface, TC_H_ROOT,
                                                 handle_of(ROOT_MAJOR, 0), 0),
                                 "remove HTB", interface, err)
                  : 0;
}

static int class_callback(struct nl_msg *message, void *context)
{
    const struct tcmsg *class = nlmsg_data(nlmsg_hdr(message));
    if (nlmsg_hdr(message)->nlmsg_type == RTM_NEWTCLASS &&
        TC_H_MAJ(class->tcm_handle) == handle_of(ROOT_MAJOR, 0))
        ++*(size_t *)context;
    return NL_OK;
}

int rift_shape_remove(struct rift_tc *tc, int interface, int number, struct rift_error *err)
{
    bool exists;
    size_t left = 0;
    if (rift_shape_exists(tc, interface, &exists, err))
        return -1;
    if (!exists)
        return 0;
    if (send_removal(tc,
                     rift_tc_message(RTM_DELTCLASS, NLM_F_REQUEST, interface,
                                     handle_of(ROOT_MAJOR, 0), rift_shape_priority(number), 0),
                     "remove a class of HTB", interface, err))
        return -1;
    int rc = rift_tc_query(
        tc, rift_tc_message(RTM_GETTCLASS, NLM_F_REQUEST | NLM_F_DUMP, interface, 0, 0, 0),
        class_callback, &left);
    if (rc < 0)
        return rift_tc_fail(err, rc, "list the classes", interface);
    return left == 0 ? rift_shape_remove_all(tc, interface, err) : 0;
}
