#include "nemesis/faults/network/link_backend.h"

#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/line.h"
#include "nemesis/faults/network/netem.h"
#include "nemesis/faults/network/shape.h"

static const char *const words[RIFT_LINK_BY_COUNT] = {"netem", "line", "filter"};

int rift_link_needs_find(const json_t *options, const struct rift_target *target,
                         struct rift_link_needs *needs, struct rift_error *err)
{
    bool is_changeable = json_is_true(json_object_get(options, "changeable"));
    *needs = (struct rift_link_needs){.waits = is_changeable, .is_by_chance = is_changeable};
    for (size_t i = 0; i < target->peer_count; i++) {
        struct rift_link_quality quality;
        if (rift_link_quality_of(options, &target->peers[i], &quality, err))
            return -1;
        needs->waits |= rift_link_quality_waits(&quality);
        needs->has_rate |= quality.rate_bytes > 0;
        needs->is_by_chance |= rift_link_quality_is_by_chance(&quality);
        if (!needs->beyond_netem)
            needs->beyond_netem = rift_netem_shortfall(&quality);
        needs->spoils |= quality.corrupt > 0 || quality.silent > 0;
    }
    return 0;
}

static int work_check_root(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    (void)context;
    return rift_shape_check(tc, interface, err);
}

static int work_check_ethernet(struct rift_tc *tc, int interface, void *context,
                               struct rift_error *err)
{
    (void)tc;
    (void)context;
    struct ifreq request = {0};
    CLEANUP(rift_close_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !if_indextoname((unsigned)interface, request.ifr_name) ||
        ioctl(fd, SIOCGIFHWADDR, &request))
        return rift_fail_errno(err, RIFT_ERR_IO, "link: look at interface %d", interface);
    if (request.ifr_hwaddr.sa_family == ARPHRD_ETHER)
        return 0;
    return rift_fail(err, RIFT_ERR_UNSUPPORTED, "link: %s is no Ethernet card", request.ifr_name);
}

static bool kernel_has_netem(void)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(NULL);
    return tc && rift_netem_exists(tc);
}

struct overlap {
    const struct rift_target *target;
    bool is_found;
};

static void overlap_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)id;
    (void)fault;
    struct overlap *overlap = context;
    size_t i = 0;
    const json_t *address = NULL;
    json_array_foreach(json_object_get(undo, "shaped"), i, address)
    {
        for (size_t peer = 0; peer < overlap->target->peer_count; peer++)
            for (const char *const *a = overlap->target->peers[peer].addresses; *a; a++)
                overlap->is_found |=
                    json_is_string(address) && strcmp(json_string_value(address), *a) == 0;
    }
}

/* A packet waits in one class only: of two faults on one link one must do without. */
static int check_unshaped(const struct rift_target *target, const char *ledger,
                          struct rift_error *err)
{
    struct overlap overlap = {.target = target};
    if (ledger)
        rift_ledger_visit(ledger, overlap_visit, &overlap);
    return overlap.is_found ? rift_fail(err, RIFT_ERR_CONFLICT,
                                        "link: packets to one of these peers wait for another "
                                        "fault already: use by: line, or auto")
                            : 0;
}

/* For those that come later. */
static void note_shaped(struct rift_injection *injection, const struct rift_target *target)
{
    json_t *shaped = json_array();
    for (size_t peer = 0; peer < target->peer_count; peer++)
        for (const char *const *a = target->peers[peer].addresses; *a; a++)
            json_array_append_new(shaped, json_string(*a));
    json_object_set_new(injection->undo, "shaped", shaped);
}

int rift_link_backend_choose(struct rift_injection *injection, const struct rift_link_needs *needs,
                             const struct rift_target *target, const char *ledger,
                             enum rift_link_backend *backend, struct rift_error *err)
{
    const char *by = json_string_value(json_object_get(injection->options, "by"));
    bool is_free = !by || strcmp(by, "auto") == 0, has_netem = kernel_has_netem();
    struct rift_error root = {0};
    bool can_shape = rift_interfaces_each(injection->undo, work_check_root, NULL, &root) == 0 &&
                     check_unshaped(target, ledger, &root) == 0;
    bool wants_netem = !is_free && strcmp(by, "netem") == 0;
    if (!is_free && !wants_netem && strcmp(by, "line") != 0)
        return rift_fail(err, RIFT_ERR_INVALID, "link: 'by' must be auto, netem or line");
    if (wants_netem && !has_netem)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "link: this kernel has no netem");
    if (wants_netem && needs->beyond_netem)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "link: %s: use by: line, or auto",
                         needs->beyond_netem);
    if (wants_netem && !can_shape) {
        *err = root;
        return -1;
    }
    if (wants_netem || (is_free && has_netem && !needs->beyond_netem && can_shape))
        *backend = RIFT_LINK_BY_NETEM;
    else if (is_free && !needs->waits && (!needs->has_rate || can_shape))
        *backend = RIFT_LINK_BY_FILTER;
    else
        *backend = RIFT_LINK_BY_LINE;
    json_object_set_new(injection->undo, "backend", json_string(words[*backend]));
    if (*backend == RIFT_LINK_BY_NETEM || (*backend == RIFT_LINK_BY_FILTER && needs->has_rate))
        note_shaped(injection, target);
    if (*backend == RIFT_LINK_BY_LINE || needs->spoils)
        return rift_interfaces_each(injection->undo, work_check_ethernet, NULL, err);
    return 0;
}

enum rift_link_backend rift_link_backend_of(const json_t *undo)
{
    const char *word = json_string_value(json_object_get(undo, "backend"));
    enum rift_link_backend backend = RIFT_LINK_BY_NETEM;
    while (word && backend < RIFT_LINK_BY_COUNT - 1 && strcmp(words[backend], word) != 0)
        backend++;
    return backend;
}

static int work_has_root(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    bool exists, *is_shaped = context;
    if (rift_shape_exists(tc, interface, &exists, err))
        return -1;
    *is_shaped = *is_shaped && exists;
    return 0;
}

int rift_link_backend_is_whole(const struct rift_injection *injection,
                               const struct rift_target *target, bool *is_shaped,
                               struct rift_error *err)
{
    enum rift_link_backend backend = rift_link_backend_of(injection->undo);
    struct rift_link_needs needs;
    *is_shaped = true;
    if (rift_link_needs_find(injection->options, target, &needs, err))
        return -1;
    if (backend == RIFT_LINK_BY_LINE || (backend == RIFT_LINK_BY_FILTER && !needs.has_rate))
        return 0;
    return rift_interfaces_each(injection->undo, work_has_root, is_shaped, err);
}

const char *rift_link_backend_describe(enum rift_link_backend backend)
{
    static char line[128];
    if (backend == RIFT_LINK_BY_FILTER)
        return "BPF on clsact egress, and HTB for a rate (chances are drawn for each packet; the "
               "rate counts Ethernet headers)";
    snprintf(line, sizeof line, "%s (a timer came up to %.2f ms late when tried now)",
             backend == RIFT_LINK_BY_NETEM ? "netem below HTB"
                                           : "the delay line, a process in front",
             (double)rift_line_try_lateness() / 1e6);
    return line;
}
