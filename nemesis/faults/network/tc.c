/* Raw messages over libnl's sockets: libnl-route knows neither clsact nor cls_bpf. Filters are told
 * apart by their name, so that a heal finds ours whatever priority and handle they got, and can
 * never touch another's. */
#include "nemesis/faults/network/tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "common/memory.h"
#include "nemesis/faults/network/tc_message.h"

enum {
    OWN_PRIORITY = 100, /* where nobody else has a filter */
    FILTERS_MAX = 256,  /* most of ours that one dump can name */
};

/* One filter of a dump. */
struct filter {
    uint32_t handle;
    uint16_t priority;
    uint16_t protocol; /* network order */
    bool is_bpf;
    char name[RIFT_TC_NAME_SIZE];
};

struct filter_list {
    struct filter items[FILTERS_MAX];
    size_t count;
};

static int route_callback(struct nl_msg *message, void *context)
{
    int *found = context; /* [0] interface, [1] route type */
    struct nlmsghdr *header = nlmsg_hdr(message);
    if (header->nlmsg_type != RTM_NEWROUTE)
        return NL_SKIP;
    const struct rtmsg *route = nlmsg_data(header);
    found[1] = route->rtm_type;
    const struct nlattr *out = nlmsg_find_attr(header, sizeof *route, RTA_OIF);
    if (out)
        found[0] = (int)nla_get_u32(out);
    return NL_STOP;
}

int rift_tc_route_interface(struct rift_tc *tc, const char *address, bool may_be_own,
                            int *interface, struct rift_error *err)
{
    unsigned char bytes[16];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    int size = family == AF_INET6 ? 16 : 4;
    if (inet_pton(family, address, bytes) != 1)
        return rift_fail(err, RIFT_ERR_INVALID, "'%s' is not a numeric address", address);
    struct rtmsg head = {.rtm_family = (unsigned char)family,
                         .rtm_dst_len = (unsigned char)(size * 8)};
    struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
    if (!message || nlmsg_append(message, &head, sizeof head, NLMSG_ALIGNTO) < 0 ||
        nla_put(message, RTA_DST, size, bytes) < 0)
        abort();
    int found[2] = {0, 0};
    int rc = rift_tc_get(tc, message, route_callback, found);
    if (rc < 0 || found[0] == 0)
        return rift_fail(err, RIFT_ERR_UNREACHABLE, "there is no route to '%s'%s%s", address,
                         rc < 0 ? ": " : "", rc < 0 ? nl_geterror(rc) : "");
    if (found[1] == RTN_LOCAL && !may_be_own)
        return rift_fail(err, RIFT_ERR_INVALID, "'%s' is this node's own address", address);
    *interface = found[0];
    return 0;
}

static int link_callback(struct nl_msg *message, void *context)
{
    uint32_t *segments = context;
    struct nlmsghdr *header = nlmsg_hdr(message);
    const struct nlattr *attribute =
        header->nlmsg_type == RTM_NEWLINK
            ? nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_GSO_MAX_SEGS)
            : NULL;
    if (attribute)
        *segments = nla_get_u32(attribute);
    return NL_STOP;
}

static struct nl_msg *link_message(int type, int interface)
{
    struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = interface};
    struct nl_msg *message = nlmsg_alloc_simple(type, NLM_F_REQUEST);
    if (!message || nlmsg_append(message, &head, sizeof head, NLMSG_ALIGNTO) < 0)
        abort();
    return message;
}

static int lower_callback(struct nl_msg *message, void *context)
{
    struct nlmsghdr *header = nlmsg_hdr(message);
    struct nlattr *info = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_LINKINFO);
    const struct nlattr *kind =
        info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;
    const struct nlattr *link = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_LINK);
    /* A veth has a link too: its other end, by its index in another namespace. */
    if (kind && link && (nla_strcmp(kind, "vlan") == 0 || nla_strcmp(kind, "macvlan") == 0) &&
        !nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_LINK_NETNSID))
        *(int *)context = (int)nla_get_u32(link);
    return NL_STOP;
}

int rift_tc_lower(struct rift_tc *tc, int interface, int *lower, struct rift_error *err)
{
    *lower = 0;
    int rc = rift_tc_get(tc, link_message(RTM_GETLINK, interface), lower_callback, lower);
    return rc < 0 ? rift_tc_fail(err, rc, "read the settings", interface) : 0;
}

int rift_tc_gso_segments(struct rift_tc *tc, int interface, uint32_t *segments,
                         struct rift_error *err)
{
    *segments = 0;
    int rc = rift_tc_get(tc, link_message(RTM_GETLINK, interface), link_callback, segments);
    if (rc < 0)
        return rift_tc_fail(err, rc, "read the settings", interface);
    if (*segments == 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "this kernel does not tell gso_max_segs");
    return 0;
}

int rift_tc_set_gso_segments(struct rift_tc *tc, int interface, uint32_t segments,
                             struct rift_error *err)
{
    struct nl_msg *message = link_message(RTM_NEWLINK, interface);
    if (nla_put_u32(message, IFLA_GSO_MAX_SEGS, segments) < 0)
        abort();
    int rc = rift_tc_send(tc, message);
    return rc < 0 ? rift_tc_fail(err, rc, "set gso_max_segs", interface) : 0;
}

struct qdisc_search {
    int interface;
    bool is_found;
};

static int qdisc_callback(struct nl_msg *message, void *context)
{
    struct qdisc_search *search = context;
    struct nlmsghdr *header = nlmsg_hdr(message);
    if (header->nlmsg_type != RTM_NEWQDISC)
        return NL_SKIP;
    const struct tcmsg *qdisc = nlmsg_data(header);
    if (qdisc->tcm_ifindex == search->interface && qdisc->tcm_parent == TC_H_CLSACT)
        search->is_found = true;
    return NL_OK;
}

int rift_tc_clsact_exists(struct rift_tc *tc, int interface, bool *exists, struct rift_error *err)
{
    struct qdisc_search search = {.interface = interface};
    struct nl_msg *message =
        rift_tc_message(RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, interface, 0, 0, 0);
    int rc = rift_tc_query(tc, message, qdisc_callback, &search);
    if (rc < 0)
        return rift_tc_fail(err, rc, "list the qdiscs", interface);
    *exists = search.is_found;
    return 0;
}

int rift_tc_clsact_add(struct rift_tc *tc, int interface, struct rift_error *err)
{
    struct nl_msg *message =
        rift_tc_message(RTM_NEWQDISC, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, interface,
                        TC_H_CLSACT, TC_H_MAKE(TC_H_CLSACT, 0), 0);
    if (nla_put_string(message, TCA_KIND, "clsact") < 0)
        abort();
    int rc = rift_tc_send(tc, message);
    return rc < 0 && rc != -NLE_EXIST ? rift_tc_fail(err, rc, "add clsact", interface) : 0;
}

static uint32_t tc_parent(enum rift_tc_hook hook)
{
    return TC_H_MAKE(TC_H_CLSACT, hook == RIFT_TC_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

static int filter_callback(struct nl_msg *message, void *context)
{
    struct filter_list *list = context;
    struct nlmsghdr *header = nlmsg_hdr(message);
    if (header->nlmsg_type != RTM_NEWTFILTER || list->count == FILTERS_MAX)
        return NL_SKIP;
    const struct tcmsg *head = nlmsg_data(header);
    struct filter *filter = &list->items[list->count++];
    memset(filter, 0, sizeof *filter);
    filter->handle = head->tcm_handle;
    filter->priority = (uint16_t)(head->tcm_info >> 16);
    filter->protocol = (uint16_t)head->tcm_info;
    struct nlattr *kind = nlmsg_find_attr(header, sizeof *head, TCA_KIND);
    struct nlattr *options = nlmsg_find_attr(header, sizeof *head, TCA_OPTIONS);
    filter->is_bpf = kind && nla_strcmp(kind, "bpf") == 0;
    if (!filter->is_bpf || !options)
        return NL_OK;
    struct nlattr *name = nla_find(nla_data(options), nla_len(options), TCA_BPF_NAME);
    if (name)
        nla_strlcpy(filter->name, name, sizeof filter->name);
    return NL_OK;
}

/* cls_bpf is listed twice for each filter (once for the instance, with handle 0). */
static int filter_dump(struct rift_tc *tc, int interface, enum rift_tc_hook hook,
                       struct filter_list *list, struct rift_error *err)
{
    list->count = 0;
    struct nl_msg *message = rift_tc_message(RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP, interface,
                                             tc_parent(hook), 0, 0);
    int rc = rift_tc_query(tc, message, filter_callback, list);
    if (rc == -NLE_INVAL || rc == -NLE_NODEV || rc == -NLE_OBJ_NOTFOUND)
        return 0; /* no qdisc, or no interface: no filters */
    return rc < 0 ? rift_tc_fail(err, rc, "list the filters", interface) : 0;
}

int rift_tc_clsact_remove_unused(struct rift_tc *tc, int interface, struct rift_error *err)
{
    CLEANUP(rift_free) struct filter_list *list = rift_malloc(sizeof *list);
    bool exists;
    if (rift_tc_clsact_exists(tc, interface, &exists, err))
        return -1;
    if (!exists)
        return 0;
    for (int hook = RIFT_TC_INGRESS; hook <= RIFT_TC_EGRESS; hook++) {
        if (filter_dump(tc, interface, (enum rift_tc_hook)hook, list, err))
            return -1;
        if (list->count > 0)
            return 0;
    }
    struct nl_msg *message = rift_tc_message(RTM_DELQDISC, NLM_F_REQUEST, interface, TC_H_CLSACT,
                                             TC_H_MAKE(TC_H_CLSACT, 0), 0);
    if (nla_put_string(message, TCA_KIND, "clsact") < 0)
        abort();
    int rc = rift_tc_send(tc, message);
    bool is_gone = rc == -NLE_OBJ_NOTFOUND || rc == -NLE_NODEV || rc == -NLE_INVAL;
    return rc < 0 && !is_gone ? rift_tc_fail(err, rc, "remove clsact", interface) : 0;
}

static bool filter_is_ours(const struct filter *filter)
{
    return filter->is_bpf && strncmp(filter->name, RIFT_TC_OWN_NAME, strlen(RIFT_TC_OWN_NAME)) == 0;
}

/* A filter that passes with TC_ACT_OK ends the chain, so ours has to stand in front of others'. */
static int filter_place(const struct filter_list *list, int interface, uint16_t *priority,
                        uint32_t *handle, struct rift_error *err)
{
    uint16_t lowest = UINT16_MAX; /* of the others; each is listed with handle 0 as well */
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].handle != 0 && !filter_is_ours(&list->items[i]) &&
            list->items[i].priority < lowest)
            lowest = list->items[i].priority;
    *priority = lowest > OWN_PRIORITY ? OWN_PRIORITY : (uint16_t)(lowest - 1);
    *handle = 1;
    for (size_t i = 0; i < list->count; i++) {
        const struct filter *filter = &list->items[i];
        if (filter_is_ours(filter) && filter->priority == *priority && filter->handle >= *handle)
            *handle = filter->handle + 1;
    }
    if (*priority > 0)
        return 0;
    char name[IF_NAMESIZE] = "?";
    if_indextoname((unsigned)interface, name);
    return rift_fail(err, RIFT_ERR_CONFLICT,
                     "a filter of someone else's has priority 1 on %s, and ours must stand in "
                     "front: move it to priority 2 or later",
                     name);
}

int rift_tc_filter_add(struct rift_tc *tc, int interface, enum rift_tc_hook hook, int program_fd,
                       const char *name, struct rift_error *err)
{
    CLEANUP(rift_free) struct filter_list *list = rift_malloc(sizeof *list);
    uint16_t priority;
    uint32_t handle;
    if (filter_dump(tc, interface, hook, list, err) ||
        filter_place(list, interface, &priority, &handle, err))
        return -1;
    struct nl_msg *message = rift_tc_message(
        RTM_NEWTFILTER, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, interface, tc_parent(hook),
        handle, TC_H_MAKE((uint32_t)priority << 16, (uint32_t)htons(ETH_P_ALL)));
    struct nlattr *options;
    if (nla_put_string(message, TCA_KIND, "bpf") < 0 ||
        !(options = nla_nest_start(message, TCA_OPTIONS)) ||
        nla_put_u32(message, TCA_BPF_FD, (uint32_t)program_fd) < 0 ||
        nla_put_string(message, TCA_BPF_NAME, name) < 0 ||
        nla_put_u32(message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0)
        abort();
    nla_nest_end(message, options);
    int rc = rift_tc_send(tc, message);
    return rc < 0 ? rift_tc_fail(err, rc, "add a BPF filter", interface) : 0;
}

int rift_tc_filter_count(struct rift_tc *tc, int interface, enum rift_tc_hook hook,
                         const char *name, size_t *count, struct rift_error *err)
{
    CLEANUP(rift_free) struct filter_list *list = rift_malloc(sizeof *list);
    *count = 0;
    if (filter_dump(tc, interface, hook, list, err))
        return -1;
    for (size_t i = 0; i < list->count; i++)
        *count += list->items[i].handle != 0 && strcmp(list->items[i].name, name) == 0;
    return 0;
}

int rift_tc_filter_count_own(struct rift_tc *tc, int interface, enum rift_tc_hook hook,
                             size_t *count, struct rift_error *err)
{
    CLEANUP(rift_free) struct filter_list *list = rift_malloc(sizeof *list);
    *count = 0;
    if (filter_dump(tc, interface, hook, list, err))
        return -1;
    for (size_t i = 0; i < list->count; i++)
        *count += list->items[i].handle != 0 && filter_is_ours(&list->items[i]);
    return 0;
}

int rift_tc_filter_remove(struct rift_tc *tc, int interface, enum rift_tc_hook hook,
                          const char *name, struct rift_error *err)
{
    CLEANUP(rift_free) struct filter_list *list = rift_malloc(sizeof *list);
    if (filter_dump(tc, interface, hook, list, err))
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        const struct filter *filter = &list->items[i];
        if (!filter_is_ours(filter) || filter->handle == 0 ||
            (name && strcmp(filter->name, name) != 0))
            continue;
        struct nl_msg *message = rift_tc_message(
            RTM_DELTFILTER, NLM_F_REQUEST, interface, tc_parent(hook), filter->handle,
            TC_H_MAKE((uint32_t)filter->priority << 16, (uint32_t)filter->protocol));
        if (nla_put_string(message, TCA_KIND, "bpf") < 0)
            abort();
        int rc = rift_tc_send(tc, message);
        if (rc < 0 && rc != -NLE_OBJ_NOTFOUND && rc != -NLE_NODEV && rc != -NLE_INVAL)
            return rift_tc_fail(err, rc, "remove a BPF filter", interface);
    }
    return 0;
}
