/* The network of a lab: a bridge in a namespace of its own, a veth pair to every host, and one
 * more, the uplink, to the machine's namespace, where the controller lives.
 *
 * The bridge has its own namespace so that no firewall of the machine sees the hosts' traffic (with
 * br_netfilter loaded, a FORWARD policy would), and so that it ends with the last host. */
#ifndef LAB_NETWORK_H
#define LAB_NETWORK_H

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define LAB_NETMASK 0xffffff00u
#define LAB_TAP     "tap0"

enum {
    LAB_CONTROLLER_NUMBER = 254, /* last octet of the controller's address */
    LAB_LINK_NAME_SIZE = 16,
    LAB_ADDRESS_SIZE = 64,
};

/* 10.77.subnet.number, in the host's byte order. */
uint32_t lab_network_address(unsigned subnet, unsigned number);
void lab_network_address_text(unsigned subnet, unsigned number, char text[LAB_ADDRESS_SIZE]);
/* fd77:7269:6674:subnet::number, a unique local address. */
void lab_network_address6_text(unsigned subnet, unsigned number, char text[LAB_ADDRESS_SIZE]);
/* The uplink as the machine sees it: "rift0". */
void lab_network_uplink_name(unsigned subnet, char name[LAB_LINK_NAME_SIZE]);

/* In the bridge's namespace: makes the bridge and the uplink, whose far end goes to the namespace
 * machine_fd. */
int lab_network_make_hub(unsigned subnet, int machine_fd, struct rift_error *err);
/* In the bridge's namespace: makes the pair of one host; "eth0" appears in the namespace of pid. */
int lab_network_make_host_link(unsigned number, pid_t pid, struct rift_error *err);
/* In the host's namespace: lo and eth0 up, with addresses. */
int lab_network_configure_host(unsigned subnet, unsigned number, struct rift_error *err);
/* In the host's namespace, for a guest: lo up, and eth0 without addresses on a bridge with LAB_TAP,
 * whose other side is the guest. */
int lab_network_configure_guest(struct rift_error *err);
/* In the machine's namespace: the controller's addresses on the uplink. */
int lab_network_configure_uplink(unsigned subnet, struct rift_error *err);
/* In the machine's namespace: removes the uplink, if it is there and a veth. It goes by itself some
 * time after the last host; this makes it gone now. */
int lab_network_remove_uplink(unsigned subnet, struct rift_error *err);

#endif
