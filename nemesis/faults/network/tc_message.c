/* One netlink socket: messages of traffic control out, answers and errors back. */
#include "nemesis/faults/network/tc_message.h"

#include <errno.h>
#include <net/if.h>
#include <netlink/socket.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/memory.h"

struct rift_tc {
    struct nl_sock *socket;
};

/* libnl has a lock of its own, of the numbers of all sockets, and the agent has threads and forks
 * without exec: a child must not find it taken by a thread that it does not have. */
static pthread_mutex_t numbers = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t numbers_once = PTHREAD_ONCE_INIT;

static void numbers_lock(void)
{
    pthread_mutex_lock(&numbers);
}

static void numbers_unlock(void)
{
    pthread_mutex_unlock(&numbers);
}

static void numbers_prepare(void)
{
    pthread_atfork(numbers_lock, numbers_unlock, numbers_unlock);
}

static int socket_open(struct rift_tc *tc)
{
    pthread_once(&numbers_once, numbers_prepare);
    numbers_lock();
    tc->socket = nl_socket_alloc();
    int rc = tc->socket ? nl_connect(tc->socket, NETLINK_ROUTE) : -NLE_NOMEM;
    numbers_unlock();
    return rc;
}

struct rift_tc *rift_tc_open(struct rift_error *err)
{
    struct rift_tc *tc = rift_calloc(1, sizeof *tc);
    int rc = socket_open(tc);
    if (rc < 0) {
        rift_fail(err, RIFT_ERR_UNSUPPORTED, "open a netlink socket: %s", nl_geterror(rc));
        rift_tc_close(tc);
        return NULL;
    }
    /* One question at a time on a socket that is soon closed: an acknowledgement that nobody read
     * must not spoil the next answer. */
    nl_socket_disable_seq_check(tc->socket);
    /* The kernel answers at once or never: a wait without end would hold up every heal. */
    struct timeval deadline = {.tv_sec = 5};
    setsockopt(nl_socket_get_fd(tc->socket), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    return tc;
}

void rift_tc_close(struct rift_tc *tc)
{
    if (!tc)
        return;
    numbers_lock();
    nl_socket_free(tc->socket);
    numbers_unlock();
    free(tc);
}

void rift_tc_finish(struct rift_tc **tc)
{
    rift_tc_close(*tc);
}

struct nl_msg *rift_tc_message(int type, int flags, int interface, uint32_t parent, uint32_t handle,
                               uint32_t info)
{
    struct tcmsg head = {.tcm_family = AF_UNSPEC,
                         .tcm_ifindex = interface,
                         .tcm_parent = parent,
                         .tcm_handle = handle,
                         .tcm_info = info};
    struct nl_msg *message = nlmsg_alloc_simple(type, flags);
    if (!message || nlmsg_append(message, &head, sizeof head, NLMSG_ALIGNTO) < 0)
        abort(); /* out of memory for 4 KiB; the guardian heals */
    return message;
}

int rift_tc_send(struct rift_tc *tc, struct nl_msg *message)
{
    return nl_send_sync(tc->socket, message);
}

/* An interface ioctl on the socket that is there; see netdevice(7). */
static int ask_interface(struct rift_tc *tc, unsigned long question, struct ifreq *request,
                         struct rift_error *err)
{
    if (ioctl(nl_socket_get_fd(tc->socket), question, request) == 0)
        return 1;
    return errno == ENODEV || errno == ENXIO
               ? 0
               : rift_fail_errno(err, RIFT_ERR_IO, "look for an interface");
}

int rift_tc_interface_name(struct rift_tc *tc, int interface, char *name, struct rift_error *err)
{
    struct ifreq request = {.ifr_ifindex = interface};
    int is_there = ask_interface(tc, SIOCGIFNAME, &request, err);
    if (is_there > 0)
        snprintf(name, IF_NAMESIZE, "%s", request.ifr_name);
    return is_there;
}

int rift_tc_interface_number(struct rift_tc *tc, const char *name, int *interface,
                             struct rift_error *err)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    int is_there = ask_interface(tc, SIOCGIFINDEX, &request, err);
    if (is_there > 0)
        *interface = request.ifr_ifindex;
    return is_there;
}

int rift_tc_fail(struct rift_error *err, int rc, const char *what, int interface)
{
    char name[IF_NAMESIZE] = "?";
    if_indextoname((unsigned)interface, name);
    enum rift_error_code code = rc == -NLE_PERM           ? RIFT_ERR_DENIED
                                : rc == -NLE_OBJ_NOTFOUND ? RIFT_ERR_UNSUPPORTED
                                                          : RIFT_ERR_IO;
    return rift_fail(err, code, "%s on %s: %s", what, name, nl_geterror(rc));
}

int rift_tc_query(struct rift_tc *tc, struct nl_msg *message,
                  int (*callback)(struct nl_msg *, void *), void *context)
{
    int rc = nl_send_auto(tc->socket, message);
    nlmsg_free(message);
    if (rc < 0)
        return rc;
    struct nl_cb *base = nl_socket_get_cb(tc->socket);
    struct nl_cb *callbacks = nl_cb_clone(base);
    nl_cb_put(base);
    if (!callbacks)
        abort();
    nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, callback, context);
    rc = nl_recvmsgs(tc->socket, callbacks);
    nl_cb_put(callbacks);
    return rc;
}

int rift_tc_get(struct rift_tc *tc, struct nl_msg *message,
                int (*callback)(struct nl_msg *, void *), void *context)
{
    nl_socket_disable_auto_ack(tc->socket);
    int rc = rift_tc_query(tc, message, callback, context);
    nl_socket_enable_auto_ack(tc->socket);
    return rc;
}
