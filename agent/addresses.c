/* What getifaddrs(3) lists, and what the kernel would do with a packet to an address: a datagram
 * socket is connected, which sends nothing. */
#include "agent/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"

enum { LISTED_MAX = 64, ANY_PORT = 9 };

/* Those of one link mean nothing without its name; those of the loopback are everybody's. Others
 * may well stand on the loopback's interface, where a host is routed to. */
static bool is_for_peers(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
        return !IN6_IS_ADDR_LINKLOCAL(v6) && !IN6_IS_ADDR_LOOPBACK(v6);
    }
    uint32_t number = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
    return number >> 16 != 0xa9fe && number >> 24 != 127; /* 169.254.0.0/16, 127.0.0.0/8 */
}

static const void *bytes_of(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6
               ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
               : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
}

int addresses_verb(struct agent *agent, const struct request *request, json_t *ok,
                   struct rift_error *err)
{
    (void)agent;
    (void)request;
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "list the addresses of this node");
    json_t *list = json_array();
    for (const struct ifaddrs *one = all; one && json_array_size(list) < LISTED_MAX;
         one = one->ifa_next) {
        char text[INET6_ADDRSTRLEN];
        const struct sockaddr *address = one->ifa_addr;
        bool is_ip = address && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
        if (is_ip && (one->ifa_flags & IFF_UP) && is_for_peers(address) &&
            inet_ntop(address->sa_family, bytes_of(address), text, sizeof text))
            json_array_append_new(list, json_string(text));
    }
    freeifaddrs(all);
    json_object_set_new(ok, "addresses", list);
    return 0;
}

bool address_is_elsewhere(const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(ANY_PORT)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(ANY_PORT)};
    bool is_v6 = inet_pton(AF_INET6, address, &v6.sin6_addr) == 1;
    if (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) != 1)
        return false;
    const struct sockaddr *to = is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    struct sockaddr_storage from;
    socklen_t size = is_v6 ? sizeof v6 : sizeof v4, from_size = sizeof from;
    CLEANUP(rift_close_fd) int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, to, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&from, &from_size) != 0)
        return false;
    return memcmp(bytes_of(to), bytes_of((const struct sockaddr *)&from), is_v6 ? 16 : 4) != 0;
}
