/* Unclassified packets go direct in HTB (default class 0), so the rest of the traffic keeps its
 * speed. The kernel's own default qdiscs have the handle 0; any other root is somebody's. */
#include "nemesis/faults/shape.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "nemesis/faults/tc_message.h"

/* "ri" and "rn": what of ours is at the root, and the netem below. */
enum { ROOT_MAJOR = 0x7269, NETEM_MAJOR = 0x726e };
enum { QUEUE_PACKETS = 10000, NS_PER_TICK = 64 };

static const uint64_t fast_bytes = UINT64_C(12500000000); /* 100 Gbit/s */

static uint32_t handle_of(uint32_t major, uint32_t minor)
{
    return major << 16 | minor;
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
    if (root.handle == 0)
        return 0;
    if_indextoname((unsigned)interface, name);
    if (root.handle == handle_of(ROOT_MAJOR, 0))
        return rift_fail(err, RIFT_ERR_CONFLICT, "%s is slowed down by another fault already",
                         name);
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

static const int create_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;

static int add_root(struct rift_tc *tc, int interface, struct rift_error *err)
{
    struct tc_htb_glob global = {.version = 3, .rate2quantum = 10};
    struct nl_msg *message =
        rift_tc_message(RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, interface,
                        TC_H_ROOT, handle_of(ROOT_MAJOR, 0), 0);
    put(message, TCA_KIND, "htb", 4);
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

static int add_class(struct rift_tc *tc, int interface, uint64_t rate_bytes, struct rift_error *err)
{
    uint64_t rate = rate_bytes ? rate_bytes : fast_bytes;
    /* A hundredth of a second, or two full packets. */
    uint64_t burst = rate / 100 > 3200 ? rate / 100 : 3200;
    struct tc_htb_opt parameters = {.quantum = 3200};
    parameters.rate.rate = parameters.ceil.rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
    parameters.rate.linklayer = parameters.ceil.linklayer = TC_LINKLAYER_ETHERNET;
    parameters.buffer = parameters.cbuffer = burst_ticks(rate, burst);
    struct nl_msg *message =
        rift_tc_message(RTM_NEWTCLASS, create_flags, interface, handle_of(ROOT_MAJOR, 0),
                        handle_of(ROOT_MAJOR, RIFT_SHAPE_CLASS), 0);
    put(message, TCA_KIND, "htb", 4);
    struct nlattr *options = nla_nest_start(message, TCA_OPTIONS);
    put(message, TCA_HTB_PARMS, &parameters, sizeof parameters);
    put(message, TCA_HTB_RATE64, &rate, sizeof rate);
    put(message, TCA_HTB_CEIL64, &rate, sizeof rate);
    nla_nest_end(message, options);
    return send_new(tc, message, "add a class of HTB", interface, err);
}

static int add_netem(struct rift_tc *tc, int interface, const struct rift_shape *shape,
                     struct rift_error *err)
{
    struct tc_netem_qopt head = {.limit = QUEUE_PACKETS};
    int64_t delay = shape->delay_ns, jitter = shape->jitter_ns;
    struct nl_msg *message =
        rift_tc_message(RTM_NEWQDISC, create_flags, interface,
                        handle_of(ROOT_MAJOR, RIFT_SHAPE_CLASS), handle_of(NETEM_MAJOR, 0), 0);
    put(message, TCA_KIND, "netem", 6);
    /* netem's own struct comes first, its attributes right behind it. */
    struct nlattr *options = nla_nest_start(message, TCA_OPTIONS);
    if (nlmsg_append(message, &head, sizeof head, NLMSG_ALIGNTO) < 0)
        abort();
    put(message, TCA_NETEM_LATENCY64, &delay, sizeof delay);
    put(message, TCA_NETEM_JITTER64, &jitter, sizeof jitter);
    nla_nest_end(message, options);
    if (send_new(tc, message, "add netem", interface, err))
        return err && err->code == RIFT_ERR_UNSUPPORTED
                   ? rift_fail(err, RIFT_ERR_UNSUPPORTED,
                               "this kernel has no netem, so it cannot delay packets")
                   : -1;
    return 0;
}

static int add_filter(struct rift_tc *tc, int interface, int program_fd, const char *filter_name,
                      struct rift_error *err)
{
    uint32_t class = handle_of(ROOT_MAJOR, RIFT_SHAPE_CLASS), fd = (uint32_t)program_fd;
    uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
    struct nl_msg *message =
        rift_tc_message(RTM_NEWTFILTER, create_flags, interface, handle_of(ROOT_MAJOR, 0), 1,
                        TC_H_MAKE(1U << 16, (uint32_t)htons(ETH_P_ALL)));
    put(message, TCA_KIND, "bpf", 4);
    struct nlattr *options = nla_nest_start(message, TCA_OPTIONS);
    put(message, TCA_BPF_CLASSID, &class, sizeof class);
    put(message, TCA_BPF_FD, &fd, sizeof fd);
    put(message, TCA_BPF_NAME, filter_name, strlen(filter_name) + 1);
    put(message, TCA_BPF_FLAGS, &flags, sizeof flags);
    nla_nest_end(message, options);
    return send_new(tc, message, "add a BPF filter to HTB", interface, err);
}

int rift_shape_add(struct rift_tc *tc, int interface, const struct rift_shape *shape,
                   int program_fd, const char *filter_name, struct rift_error *err)
{
    if (rift_shape_check(tc, interface, err) || add_root(tc, interface, err) ||
        add_class(tc, interface, shape->rate_bytes, err) ||
        ((shape->delay_ns > 0 || shape->jitter_ns > 0) && add_netem(tc, interface, shape, err)))
        return -1;
    return add_filter(tc, interface, program_fd, filter_name, err);
}

int rift_shape_exists(struct rift_tc *tc, int interface, bool *exists, struct rift_error *err)
{
    struct root_search root;
    if (root_find(tc, interface, &root, err))
        return -1;
    *exists = root.handle == handle_of(ROOT_MAJOR, 0) && strcmp(root.kind, "htb") == 0;
    return 0;
}

int rift_shape_remove(struct rift_tc *tc, int interface, struct rift_error *err)
{
    bool exists;
    if (rift_shape_exists(tc, interface, &exists, err))
        return -1;
    if (!exists)
        return 0;
    int rc = rift_tc_send(tc, rift_tc_message(RTM_DELQDISC, NLM_F_REQUEST, interface, TC_H_ROOT,
                                              handle_of(ROOT_MAJOR, 0), 0));
    bool is_gone = rc == -NLE_OBJ_NOTFOUND || rc == -NLE_NODEV;
    return rc < 0 && !is_gone ? rift_tc_fail(err, rc, "remove HTB", interface) : 0;
}
