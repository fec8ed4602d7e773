/* link: what this node SENDS to its peers is late, lost, doubled, spoiled, out of order or slow.
 *
 * On the way out, because that is where packets can wait. One BPF program on clsact knows the
 * peers' packets, from the start until the lease is past by the kernel's own clock, and does with
 * them what one of three back ends needs:
 *   netem   gives them the priority that leads to the peer's class of HTB, with netem below
 *   line    redirects them to the delay line, where the kernel has no netem or the root qdisc is
 *           somebody's
 *   filter  does all by itself, as long as nothing has to wait; HTB keeps a rate
 * Corruption and duplicates are the program's with netem, too: netem turns bits of all headers,
 * which no checksum counts, and newer kernels refuse its duplicates in a tree with other netems. */
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/clsact.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/line.h"
#include "nemesis/faults/link_program.h"
#include "nemesis/faults/netem.h"
#include "nemesis/faults/offload.h"
#include "nemesis/faults/peer_filter.h"
#include "nemesis/faults/shape.h"

/* Expecting so many, none at all is out of the question (exp(-8)). */
enum { SURE_HITS = 8 };

enum backend { BACKEND_NETEM, BACKEND_LINE, BACKEND_FILTER, BACKEND_COUNT };
static const char *const backend_words[BACKEND_COUNT] = {"netem", "line", "filter"};

/* Packets that were seen, how many of them were hit by chance, and how many had to be. */
struct tally {
    uint64_t seen, hit;
    double expected;
    char how[160];
};

/* Of this process. */
struct live {
    struct rift_peer_filter *filter;
    struct rift_line *line;
    struct tally before; /* the last change of options */
};

static void tc_cleanup(struct rift_tc **tc)
{
    rift_tc_close(*tc);
}

/* A peer's own options stand before those of the fault. */
static int quality_of(const json_t *options, const struct rift_peer *peer,
                      struct rift_link_quality *quality, struct rift_error *err)
{
    if (rift_link_quality_read(options, peer->options, quality, err))
        return peer->options ? rift_wrap(err, "peer '%s'", peer->name) : -1;
    return 0;
}

/* What all links together need. */
struct needs {
    bool waits, has_rate, is_by_chance, spoils;
};

static int needs_find(const json_t *options, const struct rift_target *target, struct needs *needs,
                      struct rift_error *err)
{
    bool is_changeable = json_is_true(json_object_get(options, "changeable"));
    *needs = (struct needs){.waits = is_changeable, .is_by_chance = is_changeable};
    for (size_t i = 0; i < target->peer_count; i++) {
        struct rift_link_quality quality;
        if (quality_of(options, &target->peers[i], &quality, err))
            return -1;
        needs->waits |= rift_link_quality_waits(&quality);
        needs->has_rate |= quality.rate_bytes > 0;
        needs->is_by_chance |= rift_link_quality_is_by_chance(&quality);
        needs->spoils |= quality.corrupt > 0 || quality.silent > 0;
    }
    return 0;
}

typedef int interface_work(struct rift_tc *tc, int interface, void *context,
                           struct rift_error *err);

/* Does the work on every interface of the record that is still there. */
static int each_interface(const json_t *undo, interface_work *work, void *context,
                          struct rift_error *err)
{
    CLEANUP(tc_cleanup) struct rift_tc *tc = rift_tc_open(err);
    if (!tc)
        return -1;
    const char *name;
    json_t *index;
    json_object_foreach(json_object_get(undo, "interfaces"), name, index)
    {
        char now[IF_NAMESIZE];
        int interface = (int)json_integer_value(index);
        int is_there = rift_tc_interface_name(tc, interface, now, err);
        if (is_there < 0 || (is_there && work(tc, interface, context, err)))
            return -1;
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
    CLEANUP(tc_cleanup) struct rift_tc *tc = rift_tc_open(NULL);
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

static int backend_choose(struct rift_injection *injection, const struct needs *needs,
                          const struct rift_target *target, const char *ledger,
                          enum backend *backend, struct rift_error *err)
{
    const char *by = json_string_value(json_object_get(injection->options, "by"));
    bool is_free = !by || strcmp(by, "auto") == 0, has_netem = kernel_has_netem();
    struct rift_error root = {0};
    bool can_shape = each_interface(injection->undo, work_check_root, NULL, &root) == 0 &&
                     check_unshaped(target, ledger, &root) == 0;
    bool wants_netem = !is_free && strcmp(by, "netem") == 0;
    if (!is_free && !wants_netem && strcmp(by, "line") != 0)
        return rift_fail(err, RIFT_ERR_INVALID, "link: 'by' must be auto, netem or line");
    if (wants_netem && !has_netem)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "link: this kernel has no netem");
    if (wants_netem && !can_shape) {
        *err = root;
        return -1;
    }
    if (wants_netem || (is_free && has_netem && can_shape))
        *backend = BACKEND_NETEM;
    else if (is_free && !needs->waits && (!needs->has_rate || can_shape))
        *backend = BACKEND_FILTER;
    else
        *backend = BACKEND_LINE;
    if (*backend == BACKEND_NETEM || (*backend == BACKEND_FILTER && needs->has_rate))
        note_shaped(injection, target);
    if (*backend == BACKEND_LINE || needs->spoils)
        return each_interface(injection->undo, work_check_ethernet, NULL, err);
    return 0;
}

static enum backend backend_of(const json_t *undo)
{
    const char *word = json_string_value(json_object_get(undo, "backend"));
    enum backend backend = BACKEND_NETEM;
    while (word && backend < BACKEND_COUNT - 1 && strcmp(backend_words[backend], word) != 0)
        backend++;
    return backend;
}

/* --- classes of HTB: one for each peer, on each interface */

struct class_search {
    json_int_t first, count;
    bool is_moved;
};

static void class_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)id;
    (void)fault;
    struct class_search *search = context;
    const json_t *classes = json_object_get(undo, "classes");
    json_int_t first = json_integer_value(json_array_get(classes, 0));
    json_int_t end = first + json_integer_value(json_array_get(classes, 1));
    if (first > 0 && search->first < end && first < search->first + search->count) {
        search->first = end;
        search->is_moved = true;
    }
}

static int classes_plan(struct rift_injection *injection, const struct rift_target *target,
                        const char *ledger, struct rift_error *err)
{
    struct class_search search = {.first = 1, .count = (json_int_t)target->peer_count};
    if (!ledger) /* a trial, which must not take the classes of a fault that is on */
        search.first = RIFT_SHAPE_CLASSES_MAX - search.count;
    do {
        search.is_moved = false;
        if (ledger)
            rift_ledger_visit(ledger, class_visit, &search);
    } while (search.is_moved);
    if (search.first + search.count > RIFT_SHAPE_CLASSES_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "link: more than %d links are slowed down at once",
                         RIFT_SHAPE_CLASSES_MAX);
    json_object_set_new(injection->undo, "classes",
                        json_pack("[I, I]", search.first, search.count));
    return 0;
}

struct mark_search {
    json_int_t number;
    bool is_taken;
};

static void mark_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)id;
    (void)fault;
    struct mark_search *search = context;
    search->is_taken |= json_integer_value(json_object_get(undo, "mark")) == search->number;
}

/* A number of its own among the faults that are on. */
static void mark_plan(struct rift_injection *injection, const char *ledger)
{
    struct mark_search search = {.number = 0};
    do {
        search = (struct mark_search){.number = search.number + 1};
        if (ledger)
            rift_ledger_visit(ledger, mark_visit, &search);
    } while (search.is_taken && search.number < RIFT_LINK_MARKS_MAX);
    json_object_set_new(injection->undo, "mark", json_integer(search.number));
}

static uint32_t mark_of(const json_t *undo)
{
    return RIFT_LINK_MARK | (uint32_t)json_integer_value(json_object_get(undo, "mark"));
}

static int class_number(const json_t *undo, size_t peer)
{
    const json_t *classes = json_object_get(undo, "classes");
    return (int)json_integer_value(json_array_get(classes, 0)) + (int)peer;
}

struct class_work {
    int number;
    struct rift_link_quality quality;
    bool has_netem;
    struct rift_shape_counts counts;
};

static int work_set_class(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    const struct class_work *work = context;
    return rift_shape_set(tc, interface, work->number, &work->quality, work->has_netem, err);
}

static int work_count_class(struct rift_tc *tc, int interface, void *context,
                            struct rift_error *err)
{
    struct class_work *work = context;
    return rift_shape_count(tc, interface, work->number, &work->counts, err);
}

static int work_remove_classes(struct rift_tc *tc, int interface, void *context,
                               struct rift_error *err)
{
    const json_t *classes = context;
    int first = (int)json_integer_value(json_array_get(classes, 0));
    int end = first + (int)json_integer_value(json_array_get(classes, 1));
    for (int number = first; number < end; number++)
        if (rift_shape_remove(tc, interface, number, err))
            return -1;
    return 0;
}

/* --- what it did */

static void tally_line(const struct live *live, struct tally *tally)
{
    struct rift_line_counts counts = rift_line_count(live->line);
    tally->seen = counts.taken;
    tally->hit = counts.lost + counts.duplicated + counts.corrupted + counts.silent + counts.early;
    snprintf(tally->how, sizeof tally->how,
             "%llu packets through the delay line: %llu lost, %llu doubled, %llu corrupt, %llu "
             "silently, %llu early, %.3f ms late on average",
             (unsigned long long)counts.taken, (unsigned long long)counts.lost,
             (unsigned long long)counts.duplicated, (unsigned long long)counts.corrupted,
             (unsigned long long)counts.silent, (unsigned long long)counts.early,
             counts.sent ? (double)counts.lateness_ns / (double)counts.sent / 1e6 : 0.0);
}

static int tally_kernel(const struct rift_injection *injection, const struct rift_injection *inner,
                        const struct rift_target *target, struct tally *tally,
                        struct rift_error *err)
{
    uint64_t sums[RIFT_PEER_COUNTERS];
    struct class_work work = {.number = 0};
    if (rift_peer_filter_sum(inner, target, sums, err))
        return -1;
    for (size_t i = 0; i < target->peer_count; i++) {
        work.number = class_number(injection->undo, i);
        if (each_interface(injection->undo, work_count_class, &work, err))
            return -1;
    }
    uint64_t lost = sums[RIFT_LINK_LOST] + work.counts.dropped;
    tally->hit =
        lost + sums[RIFT_LINK_DUPLICATED] + sums[RIFT_LINK_CORRUPTED] + sums[RIFT_LINK_SILENT];
    snprintf(tally->how, sizeof tally->how,
             "of %llu packets %llu lost, %llu doubled, %llu corrupt, %llu silently, %llu queued",
             (unsigned long long)tally->seen, (unsigned long long)lost,
             (unsigned long long)sums[RIFT_LINK_DUPLICATED],
             (unsigned long long)sums[RIFT_LINK_CORRUPTED],
             (unsigned long long)sums[RIFT_LINK_SILENT], (unsigned long long)work.counts.packets);
    return 0;
}

/* The chances of what is counted, and can befall every packet. */
static double counted_chances(const struct rift_link_quality *quality)
{
    return rift_link_quality_loss(quality) + quality->duplicate + quality->corrupt;
}

/* Of all packets so far, as these options would have it. details has the peers. */
static int tally_take(const struct rift_injection *injection, const json_t *options,
                      const struct rift_target *target, const json_t *details, struct tally *tally,
                      struct rift_error *err)
{
    const struct live *live = injection->live;
    const json_t *peers = json_object_get(details, "peers");
    struct rift_injection inner = *injection;
    inner.live = live->filter;
    *tally = (struct tally){0};
    for (size_t i = 0; i < target->peer_count; i++) {
        struct rift_link_quality quality;
        if (quality_of(options, &target->peers[i], &quality, err))
            return -1;
        json_int_t hits = json_integer_value(json_object_get(json_array_get(peers, i), "hit"));
        tally->seen += (uint64_t)hits;
        tally->expected += counted_chances(&quality) * (double)hits;
    }
    if (!live->line)
        return tally_kernel(injection, &inner, target, tally, err);
    tally_line(live, tally);
    return 0;
}

/* --- the life of the fault */

static int link_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    struct needs needs;
    enum backend backend = BACKEND_LINE;
    struct rift_match match;
    struct live *live = rift_calloc(1, sizeof *live);
    injection->live = live;
    if (rift_peer_filter_check(target, err) || rift_match_read(injection->options, &match, err) ||
        needs_find(injection->options, target, &needs, err) ||
        rift_clsact_plan(injection, target, ledger, err) ||
        backend_choose(injection, &needs, target, ledger, &backend, err))
        return -1;
    json_object_set_new(injection->undo, "backend", json_string(backend_words[backend]));
    mark_plan(injection, ledger);
    if (backend == BACKEND_LINE)
        return (live->line = rift_line_start(injection->undo, mark_of(injection->undo), err)) ? 0
                                                                                              : -1;
    if (classes_plan(injection, target, ledger, err))
        return -1;
    return needs.is_by_chance ? rift_offload_plan(injection, ledger, err) : 0;
}

static int set_line_peer(struct live *live, const struct rift_peer *peer,
                         const struct rift_link_quality *quality, struct rift_error *err)
{
    CLEANUP(tc_cleanup) struct rift_tc *tc = rift_tc_open(err);
    for (const char *const *a = peer->addresses; tc && *a; a++) {
        int interface;
        if (rift_tc_route_interface(tc, *a, false, &interface, err) ||
            rift_line_set(live->line, *a, interface, quality, err))
            return -1;
    }
    return tc ? 0 : -1;
}

/* Everything about a link but the filter: what it says of the peer comes last, so that no packet
 * goes where nothing is yet. */
static int set_peer(struct rift_injection *injection, const json_t *options,
                    const struct rift_target *target, size_t i, struct rift_error *err)
{
    struct live *live = injection->live;
    const struct rift_peer *peer = &target->peers[i];
    struct class_work work = {.number = class_number(injection->undo, i)};
    uint64_t numbers[RIFT_PEER_NUMBERS];
    uint32_t priority = 0;
    enum backend backend = backend_of(injection->undo);
    if (quality_of(options, peer, &work.quality, err))
        return -1;
    if (backend == BACKEND_LINE)
        return set_line_peer(live, peer, &work.quality, err);
    struct rift_link_quality by_program = work.quality;
    if (backend == BACKEND_NETEM) {
        work.has_netem = true;
        work.quality.corrupt = 0;
        by_program.to_bad = by_program.bad_loss = by_program.good_loss = 0;
    }
    if (work.has_netem || work.quality.rate_bytes > 0) {
        priority = rift_shape_priority(work.number);
        if (each_interface(injection->undo, work_set_class, &work, err))
            return -1;
    }
    rift_link_numbers(&by_program, priority, numbers);
    return rift_peer_filter_set_numbers(live->filter, peer, numbers, err);
}

static int link_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    struct live *live = injection->live;
    struct rift_match match;
    uint64_t parameters[RIFT_PEER_PARAMETERS] = {0};
    int tap = 0;
    if (rift_offload_suspend(injection->undo, err) ||
        (live->line && rift_line_open(live->line, injection->lease_end_ns, &tap, err)))
        return -1;
    parameters[RIFT_LINK_INSTEAD] = (uint64_t)tap;
    parameters[RIFT_LINK_OWN_MARK] = mark_of(injection->undo);
    if (rift_match_read(injection->options, &match, err))
        return -1;
    live->filter =
        rift_peer_filter_create(target, RIFT_TC_EGRESS, &match, rift_link_action, parameters, err);
    if (!live->filter)
        return -1;
    for (size_t i = 0; i < target->peer_count; i++)
        if (set_peer(injection, injection->options, target, i, err))
            return -1;
    struct rift_injection inner = *injection;
    int rc = rift_peer_filter_inject(&inner, live->filter, err);
    injection->applied_ns = inner.applied_ns;
    return rc;
}

static int link_change(struct rift_injection *injection, const struct rift_target *target,
                       const json_t *options, struct rift_error *err)
{
    struct needs needs;
    static const char *const fixed[] = {"ports", "protocol", "interfaces", "by"};
    if (needs_find(options, target, &needs, err))
        return -1;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        const json_t *had = json_object_get(injection->options, fixed[i]);
        const json_t *wanted = json_object_get(options, fixed[i]);
        if (had != wanted && !json_equal(had, wanted))
            return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                             "link: %s cannot be changed while it is on: heal it", fixed[i]);
    }
    if (backend_of(injection->undo) == BACKEND_FILTER && needs.waits)
        return rift_fail(
            err, RIFT_ERR_UNSUPPORTED,
            "link: nothing can wait, as this fault began: begin with changeable: true");
    if (needs.is_by_chance && backend_of(injection->undo) != BACKEND_LINE &&
        !json_object_get(injection->undo, "offload"))
        return rift_fail(
            err, RIFT_ERR_UNSUPPORTED,
            "link: packets go in bulk, as this fault began: begin with changeable: true");
    for (size_t i = 0; i < target->peer_count; i++)
        if (set_peer(injection, options, target, i, err))
            return -1;
    struct live *live = injection->live;
    struct rift_injection inner = *injection;
    inner.live = live->filter;
    json_t *details = json_object();
    int rc = rift_peer_filter_list(&inner, target, details, err) ||
                     tally_take(injection, options, target, details, &live->before, err)
                 ? -1
                 : 0;
    json_decref(details);
    return rc;
}

static int link_renew(struct rift_injection *injection, struct rift_error *err)
{
    struct live *live = injection->live;
    /* Of a line that is gone the kernel's rule is not renewed: it ends with the lease it has. */
    if (live->line && rift_line_renew(live->line, injection->lease_end_ns, err))
        return -1;
    struct rift_injection inner = *injection;
    inner.live = live->filter;
    return rift_peer_filter_renew(&inner, err);
}

static int link_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    int rc = rift_clsact_detach(id, undo, ledger, err);
    if (rift_line_stop(undo, err))
        rc = -1;
    json_t *classes = json_object_get(undo, "classes");
    if (classes && each_interface(undo, work_remove_classes, classes, err))
        rc = -1;
    return rift_offload_restore(id, undo, ledger, err) ? -1 : rc;
}

static void link_forget(struct rift_injection *injection)
{
    struct live *live = injection->live;
    if (!live)
        return;
    rift_line_forget(live->line);
    rift_peer_filter_destroy(live->filter);
    free(live);
    injection->live = NULL;
}

static int work_has_root(struct rift_tc *tc, int interface, void *context, struct rift_error *err)
{
    bool exists, *is_shaped = context;
    if (rift_shape_exists(tc, interface, &exists, err))
        return -1;
    *is_shaped = *is_shaped && exists;
    return 0;
}

/* Is our root still there, where packets wait in its classes? A person can put another there. */
static int check_shaped(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_shaped, struct rift_error *err)
{
    enum backend backend = backend_of(injection->undo);
    struct needs needs;
    *is_shaped = true;
    if (needs_find(injection->options, target, &needs, err))
        return -1;
    if (backend == BACKEND_LINE || (backend == BACKEND_FILTER && !needs.has_rate))
        return 0;
    return each_interface(injection->undo, work_has_root, is_shaped, err);
}

static int link_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    const struct live *live = injection->live;
    struct rift_injection inner = *injection;
    struct tally tally;
    bool is_shaped;
    inner.live = live->filter;
    if (rift_peer_filter_observe(&inner, target, is_observed, details, err) ||
        tally_take(injection, injection->options, target, details, &tally, err) ||
        check_shaped(injection, target, &is_shaped, err))
        return -1;
    json_object_set_new(
        details, "how",
        json_string(is_shaped ? tally.how : "our root qdisc is not there any more"));
    *is_observed =
        *is_observed && is_shaped && tally.seen > live->before.seen &&
        (tally.hit > live->before.hit || tally.expected - live->before.expected < SURE_HITS);
    return 0;
}

/* By what means, and how exact it is: what makes packets wait does so by a timer, which is tried.
 */
static const char *backend_describe(enum backend backend)
{
    static char line[128];
    if (backend == BACKEND_FILTER)
        return "BPF on clsact egress, and HTB for a rate (chances are drawn for each packet; the "
               "rate counts Ethernet headers)";
    snprintf(line, sizeof line, "%s (a timer came up to %.2f ms late when tried now)",
             backend == BACKEND_NETEM ? "netem below HTB" : "the delay line, a process in front",
             (double)rift_line_try_lateness() / 1e6);
    return line;
}

static int link_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    struct needs needs;
    if (rift_peer_filter_check(target, err) || needs_find(options, target, &needs, err))
        return -1;
    int64_t now = rift_clock_now();
    struct rift_error reason = {0};
    struct rift_injection trial = {.id = "probe",
                                   .options = options,
                                   .undo = json_object(),
                                   .start_ns = now + 3600 * RIFT_SECOND, /* it hits nothing */
                                   .lease_end_ns = now + RIFT_SECOND};
    ability->can = link_plan(&trial, target, NULL, &reason) == 0;
    if (ability->can) {
        ability->can = link_inject(&trial, target, &reason) == 0;
        ability->can = link_heal(trial.id, trial.undo, NULL, &reason) == 0 && ability->can;
    }
    enum backend backend = backend_of(trial.undo);
    ability->backend = backend_describe(backend);
    ability->end =
        backend == BACKEND_LINE
            ? "the kernel leads nothing through the line once the lease is past, whatever was "
              "killed; of a line that is killed packets are lost until then"
            : "the kernel lets everything pass once the lease is past, whatever was killed; qdisc "
              "and offloads of the card are as before at the next contact at the latest";
    link_forget(&trial);
    json_decref(trial.undo);
    snprintf(ability->why, sizeof ability->why, "%.255s", ability->can ? "" : reason.text);
    return 0;
}

const struct rift_fault_driver rift_link_driver = {
    .name = "link",
    .starts_itself = true,
    .probe = link_probe,
    .plan = link_plan,
    .inject = link_inject,
    .change = link_change,
    .renew = link_renew,
    .heal = link_heal,
    .observe = link_observe,
    .forget = link_forget,
};
