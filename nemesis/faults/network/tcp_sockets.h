/* The kernel's own account of this node's open TCP connections, by sock_diag(7). */
#ifndef NEMESIS_FAULTS_NETWORK_TCP_SOCKETS_H
#define NEMESIS_FAULTS_NETWORK_TCP_SOCKETS_H

#include <stdint.h>

#include "common/error.h"

struct rift_tcp_socket {
    unsigned char remote[16]; /* IPv4 mapped into IPv6 */
    uint16_t local_port, remote_port;
    uint64_t cookie;      /* never that of another socket */
    uint64_t segments_in; /* that TCP was given */
};

typedef void rift_tcp_socket_visit(const struct rift_tcp_socket *socket, void *context);
/* Every connection that is established or half closed, in this network namespace. */
int rift_tcp_sockets_visit(rift_tcp_socket_visit *visit, void *context, struct rift_error *err);

#endif
