/* ethtool(2)'s simple commands, and the most segments that the kernel puts into one packet, by
 * rtnetlink. Sockets keep what they learned of a device until their route is looked up again, which
 * a flush of the route cache makes them do. */
#include "nemesis/faults/network/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/network/tc.h"

/* What is switched off meanwhile, where it is on: merging of what arrives, and checksums that the
 * card would fill in, or, between virtual cards, nobody. */
static const struct {
    const char *name;
    uint32_t read, write;
} switches[] = {
    {"gro", ETHTOOL_GGRO, ETHTOOL_SGRO},
    {"tx_checksums", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM},
};
enum { SWITCHES = sizeof switches / sizeof *switches };

/* 0, or -1 with errno: EOPNOTSUPP where the device has no such thing. */
static int ethtool(const char *interface, uint32_t command, uint32_t *value)
{
    struct ethtool_value request = {.cmd = command, .data = *value};
    struct ifreq ifr = {0};
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", interface);
    ifr.ifr_data = (char *)&request;
    CLEANUP(rift_close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCETHTOOL, &ifr))
        return -1;
    *value = request.data;
    return 0;
}

/* Of the interface that had this name at the beginning. */
static json_int_t index_of(const json_t *undo, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(undo, "interfaces"), name));
}

/* By index: an interface may have had another name. */
struct saved_search {
    json_int_t index;
    const char *except; /* an id */
    json_t *found;
};

static void saved_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)fault;
    struct saved_search *search = context;
    const char *name;
    json_t *saved;
    json_object_foreach(json_object_get(undo, "offload"), name, saved)
    {
        if (!search->found && strcmp(id, search->except) != 0 &&
            index_of(undo, name) == search->index)
            search->found = json_incref(saved);
    }
}

static int offload_save(struct rift_tc *tc, const char *interface, int index, json_t *saved,
                        struct rift_error *err)
{
    uint32_t segments;
    if (rift_tc_gso_segments(tc, index, &segments, err))
        return -1;
    json_object_set_new(saved, "gso_max_segs", json_integer(segments));
    for (size_t i = 0; i < SWITCHES; i++) {
        uint32_t is_on = 0;
        if (ethtool(interface, switches[i].read, &is_on) == 0)
            json_object_set_new(saved, switches[i].name, json_integer(is_on));
    }
    return 0;
}

int rift_offload_plan(struct rift_injection *injection, const char *ledger, struct rift_error *err)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    json_t *all = json_object();
    json_object_set_new(injection->undo, "offload", all);
    const char *name;
    json_t *index;
    json_object_foreach(json_object_get(injection->undo, "interfaces"), name, index)
    {
        struct saved_search search = {.index = json_integer_value(index), .except = injection->id};
        if (ledger)
            rift_ledger_visit(ledger, saved_visit, &search);
        json_t *saved = search.found ? search.found : json_object();
        json_object_set_new(all, name, saved);
        if (!search.found && offload_save(tc, name, (int)json_integer_value(index), saved, err))
            return -1;
    }
    return 0;
}

static void flush_routes(void)
{
    const char *const paths[] = {"/proc/sys/net/ipv4/route/flush",
                                 "/proc/sys/net/ipv6/route/flush"};
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(rift_close_fd) int fd = open(paths[i], O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "1", 1) != 1)
            continue; /* new connections are right all the same */
    }
}

static int offload_set(struct rift_tc *tc, int index, const json_t *saved, bool is_restore,
                       struct rift_error *err)
{
    char interface[IF_NAMESIZE];
    int is_there = rift_tc_interface_name(tc, index, interface, err);
    if (is_there <= 0)
        return is_there; /* gone, and its settings with it */
    uint32_t segments = (uint32_t)json_integer_value(json_object_get(saved, "gso_max_segs"));
    for (size_t i = 0; i < SWITCHES; i++) {
        uint32_t is_on = is_restore;
        if (json_integer_value(json_object_get(saved, switches[i].name)) != 0 &&
            ethtool(interface, switches[i].write, &is_on) && errno != EOPNOTSUPP)
            return rift_fail_errno(err, RIFT_ERR_IO, "set %s of %s", switches[i].name, interface);
    }
    return rift_tc_set_gso_segments(tc, index, is_restore ? segments : 1, err);
}

int rift_offload_suspend(const json_t *undo, struct rift_error *err)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    const char *name;
    json_t *saved;
    json_object_foreach(json_object_get(undo, "offload"), name, saved)
    {
        if (offload_set(tc, (int)index_of(undo, name), saved, false, err))
            return -1;
    }
    flush_routes();
    return 0;
}

int rift_offload_restore(const char *id, const json_t *undo, const char *ledger,
                         struct rift_error *err)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    int rc = 0;
    const char *name;
    json_t *saved;
    json_object_foreach(json_object_get(undo, "offload"), name, saved)
    {
        struct saved_search search = {.index = index_of(undo, name), .except = id};
        if (ledger)
            rift_ledger_visit(ledger, saved_visit, &search);
        json_decref(search.found);
        if (!search.found && offload_set(tc, (int)index_of(undo, name), saved, true, err))
            rc = -1;
    }
    flush_routes();
    return rc;
}
