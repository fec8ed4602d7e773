/* One dump for each family, of inet_diag's binary form (linux/inet_diag.h). */
#include "nemesis/faults/network/tcp_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"

enum { REPLY_BYTES = 32768, REPLY_TIMEOUT_S = 2 };
/* Numbers of the kernel's net/tcp_states.h, as a mask. */
enum { OPEN_STATES = 1 << 1 /* established */ | 1 << 4 | 1 << 5 /* fin-wait */ | 1 << 8 };

static const size_t attribute_head = sizeof(struct nlattr);

static void socket_read(const struct nlmsghdr *header, rift_tcp_socket_visit *visit, void *context)
{
    const struct inet_diag_msg *message = NLMSG_DATA(header);
    struct rift_tcp_socket found = {.local_port = ntohs(message->id.idiag_sport),
                                    .remote_port = ntohs(message->id.idiag_dport),
                                    .cookie = (uint64_t)message->id.idiag_cookie[1] << 32 |
                                              message->id.idiag_cookie[0]};
    if (message->idiag_family == AF_INET) {
        found.remote[10] = found.remote[11] = 0xff;
        memcpy(found.remote + 12, message->id.idiag_dst, 4);
    } else {
        memcpy(found.remote, message->id.idiag_dst, 16);
    }
    const char *end = (const char *)header + header->nlmsg_len;
    for (const char *at = (const char *)(message + 1); end - at >= (ptrdiff_t)attribute_head;) {
        const struct nlattr *attribute = (const struct nlattr *)(const void *)at;
        struct tcp_info info = {0};
        size_t length = attribute->nla_len;
        if (length < attribute_head || (ptrdiff_t)length > end - at)
            break;
        size_t size = length - attribute_head;
        if (attribute->nla_type == INET_DIAG_INFO) {
            memcpy(&info, at + attribute_head, size < sizeof info ? size : sizeof info);
            found.segments_in = info.tcpi_segs_in;
        }
        at += (length + 3) / 4 * 4;
    }
    visit(&found, context);
}

/* 1: more will come, 0: that was all, -1 with errno. */
static int reply_read(int fd, rift_tcp_socket_visit *visit, void *context)
{
    union {
        struct nlmsghdr first;
        char bytes[REPLY_BYTES];
    } buffer;
    ssize_t got = recv(fd, buffer.bytes, sizeof buffer.bytes, 0);
    if (got < 0)
        return errno == EINTR ? 1 : -1;
    unsigned left = (unsigned)got;
    for (const struct nlmsghdr *h = &buffer.first; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_type == NLMSG_DONE)
            return 0;
        if (h->nlmsg_type == NLMSG_ERROR) {
            errno = -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
            return -1;
        }
        if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
            socket_read(h, visit, context);
    }
    return 1;
}

static int family_visit(int fd, int family, rift_tcp_socket_visit *visit, void *context)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {.header = {.nlmsg_len = sizeof message,
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 .request = {.sdiag_family = (__u8)family,
                             .sdiag_protocol = IPPROTO_TCP,
                             .idiag_ext = 1 << (INET_DIAG_INFO - 1),
                             .idiag_states = OPEN_STATES}};
    if (send(fd, &message, sizeof message, 0) != (ssize_t)sizeof message)
        return -1;
    int rc;
    while ((rc = reply_read(fd, visit, context)) == 1)
        ;
    return rc;
}

int rift_tcp_sockets_visit(rift_tcp_socket_visit *visit, void *context, struct rift_error *err)
{
    CLEANUP(rift_close_fd)
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    struct timeval timeout = {.tv_sec = REPLY_TIMEOUT_S};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) ||
        family_visit(fd, AF_INET, visit, context) || family_visit(fd, AF_INET6, visit, context))
        return rift_fail_errno(err, RIFT_ERR_UNSUPPORTED, "list the TCP connections (sock_diag)");
    return 0;
}
