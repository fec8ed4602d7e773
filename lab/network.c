/* The network of a lab: a bridge in a namespace of its own and a veth pair to every host. */
#include "lab/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>

#include "common/memory.h"

#define LAB_BRIDGE "br0"

static void free_socket(struct nl_sock **socket)
{
    nl_socket_free(*socket);
}

static void put_link(struct rtnl_link **link)
{
    rtnl_link_put(*link);
}

static void put_rtnl_addr(struct rtnl_addr **address)
{
    rtnl_addr_put(*address);
}

static void put_nl_addr(struct nl_addr **address)
{
    nl_addr_put(*address);
}

static int fail_netlink(struct rift_error *err, const char *what, int code)
{
    return rift_fail(err, RIFT_ERR_IO, "%s: %s", what, nl_geterror(code));
}

static struct nl_sock *open_socket(struct rift_error *err)
{
    struct nl_sock *socket = nl_socket_alloc();
    int result = socket ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;
    if (result == 0)
        return socket;
    fail_netlink(err, "open a netlink socket", result);
    nl_socket_free(socket);
    return NULL;
}

uint32_t lab_network_address(unsigned subnet, unsigned number)
{
    return (10u << 24) | (77u << 16) | (subnet << 8) | number;
}

void lab_network_address_text(unsigned subnet, unsigned number, char text[LAB_ADDRESS_SIZE])
{
    snprintf(text, LAB_ADDRESS_SIZE, "10.77.%u.%u", subnet, number);
}

void lab_network_address6_text(unsigned subnet, unsigned number, char text[LAB_ADDRESS_SIZE])
{
    snprintf(text, LAB_ADDRESS_SIZE, "fd77:7269:6674:%x::%x", subnet, number);
}

void lab_network_uplink_name(unsigned subnet, char name[LAB_LINK_NAME_SIZE])
{
    snprintf(name, LAB_LINK_NAME_SIZE, "rift%u", subnet);
}

static int set_link_up(struct nl_sock *socket, unsigned index, struct rift_error *err)
{
    CLEANUP(put_link) struct rtnl_link *link = rtnl_link_alloc();
    rtnl_link_set_ifindex(link, (int)index);
    rtnl_link_set_flags(link, IFF_UP);
    int result = rtnl_link_change(socket, link, link, 0);
    return result < 0 ? fail_netlink(err, "set a link up", result) : 0;
}

static int add_address(struct nl_sock *socket, unsigned index, const char *text, int prefix_length,
                       struct rift_error *err)
{
    CLEANUP(put_nl_addr) struct nl_addr *local = NULL;
    CLEANUP(put_rtnl_addr) struct rtnl_addr *address = rtnl_addr_alloc();
    int result = nl_addr_parse(text, AF_UNSPEC, &local);
    if (result == 0) {
        nl_addr_set_prefixlen(local, prefix_length);
        rtnl_addr_set_ifindex(address, (int)index);
        result = rtnl_addr_set_local(address, local);
        /* Nobody else can hold the address: without the probe for that it works at once. */
        if (nl_addr_get_family(local) == AF_INET6)
            rtnl_addr_set_flags(address, IFA_F_NODAD);
    }
    if (result == 0)
        result = rtnl_addr_add(socket, address, 0);
    if (result == 0 || result == -NLE_EXIST)
        return 0;
    return rift_fail(err, RIFT_ERR_IO, "add address %s: %s", text, nl_geterror(result));
}

static int add_both_addresses(struct nl_sock *socket, unsigned index, unsigned subnet,
                              unsigned number, struct rift_error *err)
{
    char text[LAB_ADDRESS_SIZE];
    lab_network_address_text(subnet, number, text);
    if (add_address(socket, index, text, 24, err) < 0)
        return -1;
    /* A machine without IPv6 has a lab without it. */
    lab_network_address6_text(subnet, number, text);
    struct rift_error no_ipv6;
    add_address(socket, index, text, 64, &no_ipv6);
    return 0;
}

/* Makes a veth pair, near end up and on the bridge; the far end stands in another namespace, given
 * by a process in it or by a descriptor. */
static int add_pair(struct nl_sock *socket, const char *near, const char *far, pid_t far_pid,
                    int far_fd, struct rift_error *err)
{
    struct rtnl_link *link = rtnl_link_veth_alloc();
    if (!link)
        return rift_fail(err, RIFT_ERR_LIMIT, "out of memory for a link");
    struct rtnl_link *peer = rtnl_link_veth_get_peer(link);
    rtnl_link_set_name(link, near);
    rtnl_link_set_flags(link, IFF_UP);
    rtnl_link_set_master(link, (int)if_nametoindex(LAB_BRIDGE));
    rtnl_link_set_name(peer, far);
    if (far_pid > 0)
        rtnl_link_set_ns_pid(peer, far_pid);
    else
        rtnl_link_set_ns_fd(peer, far_fd);
    int result = rtnl_link_add(socket, link, NLM_F_CREATE | NLM_F_EXCL);
    rtnl_link_put(peer);
    rtnl_link_veth_release(link);
    if (result < 0)
        return rift_fail(err, RIFT_ERR_IO, "make the link %s - %s: %s", near, far,
                         nl_geterror(result));
    return 0;
}

int lab_network_make_hub(unsigned subnet, int machine_fd, struct rift_error *err)
{
    CLEANUP(free_socket) struct nl_sock *socket = open_socket(err);
    if (!socket)
        return -1;
    int result = rtnl_link_bridge_add(socket, LAB_BRIDGE);
    if (result < 0)
        return fail_netlink(err, "make the bridge", result);
    if (set_link_up(socket, if_nametoindex(LAB_BRIDGE), err) < 0)
        return -1;
    char uplink[LAB_LINK_NAME_SIZE];
    lab_network_uplink_name(subnet, uplink);
    return add_pair(socket, "uplink", uplink, 0, machine_fd, err);
}

int lab_network_make_host_link(unsigned number, pid_t pid, struct rift_error *err)
{
    CLEANUP(free_socket) struct nl_sock *socket = open_socket(err);
    char name[LAB_LINK_NAME_SIZE];
    snprintf(name, sizeof name, "n%u", number);
    return socket ? add_pair(socket, name, "eth0", pid, -1, err) : -1;
}

int lab_network_configure_host(unsigned subnet, unsigned number, struct rift_error *err)
{
    CLEANUP(free_socket) struct nl_sock *socket = open_socket(err);
    unsigned index = if_nametoindex("eth0");
    if (!socket || set_link_up(socket, if_nametoindex("lo"), err) < 0 ||
        set_link_up(socket, index, err) < 0)
        return -1;
    return add_both_addresses(socket, index, subnet, number, err);
}

/* The guest's driver cannot take segments larger than its interface's: with these off the kernel
 * cuts them, and fills in checksums, before the tap device sees them. */
static int disable_offloads(int fd, const char *name, struct rift_error *err)
{
    static const uint32_t commands[] = {ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_STXCSUM, ETHTOOL_SSG};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct ethtool_value value = {.cmd = commands[i], .data = 0};
        struct ifreq request = {.ifr_data = (char *)&value};
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
        if (ioctl(fd, SIOCETHTOOL, &request) < 0 && errno != EOPNOTSUPP)
            return rift_fail_errno(err, RIFT_ERR_IO, "turn offloads of %s off", name);
    }
    return 0;
}

static int make_tap(struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", LAB_TAP);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "make the tap device of the guest");
    return 0;
}

static int join_bridge(struct nl_sock *socket, const char *name, struct rift_error *err)
{
    int result = rtnl_link_enslave_ifindex(socket, (int)if_nametoindex(LAB_BRIDGE),
                                           (int)if_nametoindex(name));
    return result < 0 ? fail_netlink(err, "put a link on the bridge", result)
                      : set_link_up(socket, if_nametoindex(name), err);
}

int lab_network_configure_guest(struct rift_error *err)
{
    CLEANUP(free_socket) struct nl_sock *netlink = open_socket(err);
    CLEANUP(rift_close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!netlink || make_tap(err) < 0)
        return -1;
    int result = rtnl_link_bridge_add(netlink, LAB_BRIDGE);
    if (result < 0)
        return fail_netlink(err, "make the bridge of the guest", result);
    if (set_link_up(netlink, if_nametoindex("lo"), err) < 0 ||
        set_link_up(netlink, if_nametoindex(LAB_BRIDGE), err) < 0 ||
        join_bridge(netlink, "eth0", err) < 0 || join_bridge(netlink, LAB_TAP, err) < 0)
        return -1;
    return disable_offloads(fd, "eth0", err) < 0 ? -1 : disable_offloads(fd, LAB_TAP, err);
}

int lab_network_configure_uplink(unsigned subnet, struct rift_error *err)
{
    CLEANUP(free_socket) struct nl_sock *socket = open_socket(err);
    char name[LAB_LINK_NAME_SIZE];
    lab_network_uplink_name(subnet, name);
    unsigned index = if_nametoindex(name);
    if (!socket || set_link_up(socket, index, err) < 0)
        return -1;
    return add_both_addresses(socket, index, subnet, LAB_CONTROLLER_NUMBER, err);
}

int lab_network_remove_uplink(unsigned subnet, struct rift_error *err)
{
    CLEANUP(free_socket) struct nl_sock *socket = open_socket(err);
    CLEANUP(put_link) struct rtnl_link *link = NULL;
    char name[LAB_LINK_NAME_SIZE];
    lab_network_uplink_name(subnet, name);
    if (!socket)
        return -1;
    int result = rtnl_link_get_kernel(socket, 0, name, &link);
    if (result == 0 && rtnl_link_is_veth(link))
        result = rtnl_link_delete(socket, link);
    if (result == 0 || result == -NLE_NODEV || result == -NLE_OBJ_NOTFOUND)
        return 0;
    return rift_fail(err, RIFT_ERR_IO, "remove the link %s: %s", name, nl_geterror(result));
}
