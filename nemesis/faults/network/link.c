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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/network/clsact.h"
#include "nemesis/faults/network/line.h"
#include "nemesis/faults/network/link_backend.h"
#include "nemesis/faults/network/link_class.h"
#include "nemesis/faults/network/link_program.h"
#include "nemesis/faults/network/offload.h"
#include "nemesis/faults/network/peer_filter.h"

/* Expecting so many, none at all is out of the question (exp(-8)). */
enum { SURE_HITS = 8 };

/* Packets that were seen, how many of them were hit by chance, and how many had to be. */
struct tally {
    uint64_t seen, hit;
    double expected;
    bool has_rate;
    bool is_sure; /* something happens to each packet, or did to one, besides what is left to chance
                   */
    char how[160];
};

/* Of this process. */
struct live {
    struct rift_peer_filter *filter;
    struct rift_line *line;
    struct tally before; /* the last change of options */
    uint64_t changes;    /* of options */
};

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
    struct rift_link_class work = {.number = 0};
    if (rift_peer_filter_sum(inner, target, sums, err))
        return -1;
    for (size_t i = 0; i < target->peer_count; i++) {
        work.number = rift_link_class_number(injection->undo, i);
        if (rift_link_class_count(injection->undo, &work, err))
            return -1;
    }
    /* HTB lets pass at once what the rate allows. */
    bool is_held = tally->has_rate && work.counts.waiting > 0;
    tally->is_sure |= is_held;
    uint64_t lost = sums[RIFT_LINK_LOST] + work.counts.dropped;
    tally->hit =
        lost + sums[RIFT_LINK_DUPLICATED] + sums[RIFT_LINK_CORRUPTED] + sums[RIFT_LINK_SILENT];
    snprintf(tally->how, sizeof tally->how,
             "of %llu packets %llu lost, %llu doubled, %llu corrupt, %llu silently, %llu queued%s",
             (unsigned long long)tally->seen, (unsigned long long)lost,
             (unsigned long long)sums[RIFT_LINK_DUPLICATED],
             (unsigned long long)sums[RIFT_LINK_CORRUPTED],
             (unsigned long long)sums[RIFT_LINK_SILENT], (unsigned long long)work.counts.packets,
             !tally->has_rate ? ""
             : is_held        ? ", some wait now"
                              : ", none waits for the rate now");
    return 0;
}

/* The chances of what is counted. What carries nothing cannot be spoiled silently: a link on which
 * nothing else goes is not seen to be bad. */
static double counted_chances(const struct rift_link_quality *quality)
{
    return rift_link_quality_loss(quality) + quality->duplicate + quality->corrupt +
           quality->silent;
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
        if (rift_link_quality_of(options, &target->peers[i], &quality, err))
            return -1;
        json_int_t hits = json_integer_value(json_object_get(json_array_get(peers, i), "hit"));
        tally->seen += (uint64_t)hits;
        tally->has_rate |= quality.rate_bytes > 0;
        tally->is_sure |= rift_link_quality_waits(&quality);
        tally->expected += counted_chances(&quality) * (double)hits;
    }
    if (!live->line)
        return tally_kernel(injection, &inner, target, tally, err);
    tally->is_sure |=
        tally->has_rate; /* the line holds each packet for as long as it takes to send */
    tally_line(live, tally);
    return 0;
}

/* --- the life of the fault */

static int link_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    struct rift_link_needs needs;
    enum rift_link_backend backend = RIFT_LINK_BY_LINE;
    struct rift_match match;
    struct live *live = rift_calloc(1, sizeof *live);
    injection->live = live;
    if (rift_peer_filter_check(target, err) || rift_match_read(injection->options, &match, err) ||
        rift_link_needs_find(injection->options, target, &needs, err) ||
        rift_clsact_plan(injection, target, ledger, err) ||
        rift_interfaces_unstack(injection->undo, err) ||
        rift_link_backend_choose(injection, &needs, target, ledger, &backend, err))
        return -1;
    rift_link_mark_plan(injection, ledger);
    if (backend == RIFT_LINK_BY_LINE)
        return (live->line =
                    rift_line_start(injection->undo, rift_link_mark_of(injection->undo), err))
                   ? 0
                   : -1;
    if (rift_link_classes_plan(injection, target, ledger, err))
        return -1;
    return needs.is_by_chance ? rift_offload_plan(injection, ledger, err) : 0;
}

static int set_line_peer(struct live *live, const struct rift_peer *peer, size_t number,
                         const struct rift_link_quality *quality, struct rift_error *err)
{
    CLEANUP(rift_tc_finish) struct rift_tc *tc = rift_tc_open(err);
    for (const char *const *a = peer->addresses; tc && *a; a++) {
        int interface;
        if (rift_tc_route_interface(tc, *a, false, &interface, err) ||
            rift_line_set(live->line, number, *a, interface, quality, err))
            return -1;
    }
    return tc ? 0 : -1;
}

/* Each link has its own, and after each change of options others. */
static uint64_t seed_of(const struct rift_injection *injection, const char *peer)
{
    const struct live *live = injection->live;
    struct rift_rng rng;
    rift_rng_init_named(&rng, injection->seed + live->changes, peer);
    return rift_rng_next(&rng);
}

/* Everything about a link but the filter: what it says of the peer comes last, so that no packet
 * goes where nothing is yet. */
static int set_peer(struct rift_injection *injection, const json_t *options,
                    const struct rift_target *target, size_t i, struct rift_error *err)
{
    struct live *live = injection->live;
    const struct rift_peer *peer = &target->peers[i];
    struct rift_link_class work = {.number = rift_link_class_number(injection->undo, i)};
    uint64_t numbers[RIFT_PEER_NUMBERS];
    uint32_t priority = 0;
    enum rift_link_backend backend = rift_link_backend_of(injection->undo);
    if (rift_link_quality_of(options, peer, &work.quality, err))
        return -1;
    work.quality.seed = seed_of(injection, peer->name);
    if (backend == RIFT_LINK_BY_LINE)
        return set_line_peer(live, peer, i, &work.quality, err);
    struct rift_link_quality by_program = work.quality;
    if (backend == RIFT_LINK_BY_NETEM) {
        work.has_netem = true;
        work.quality.corrupt = 0;
        by_program.to_bad = by_program.bad_loss = by_program.good_loss = 0;
    }
    if (work.has_netem || work.quality.rate_bytes > 0) {
        priority = rift_shape_priority(work.number);
        if (rift_link_class_set(injection->undo, &work, err))
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
    parameters[RIFT_LINK_OWN_MARK] = rift_link_mark_of(injection->undo);
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
    struct rift_link_needs needs;
    static const char *const fixed[] = {"ports", "protocol", "interfaces", "by"};
    if (rift_link_needs_find(options, target, &needs, err))
        return -1;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        const json_t *had = json_object_get(injection->options, fixed[i]);
        const json_t *wanted = json_object_get(options, fixed[i]);
        if (had != wanted && !json_equal(had, wanted))
            return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                             "link: %s cannot be changed while it is on: heal it", fixed[i]);
    }
    if (rift_link_backend_of(injection->undo) == RIFT_LINK_BY_NETEM && needs.beyond_netem)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "link: %s: begin with by: line",
                         needs.beyond_netem);
    if (rift_link_backend_of(injection->undo) == RIFT_LINK_BY_FILTER && needs.waits)
        return rift_fail(
            err, RIFT_ERR_UNSUPPORTED,
            "link: nothing can wait, as this fault began: begin with changeable: true");
    if (needs.is_by_chance && rift_link_backend_of(injection->undo) != RIFT_LINK_BY_LINE &&
        !json_object_get(injection->undo, "offload"))
        return rift_fail(
            err, RIFT_ERR_UNSUPPORTED,
            "link: packets go in bulk, as this fault began: begin with changeable: true");
    /* Another fault may have the packets wait by now, and the root qdisc may be somebody's. */
    if (needs.has_rate && rift_link_backend_of(injection->undo) == RIFT_LINK_BY_FILTER &&
        !json_object_get(injection->undo, "shaped"))
        return rift_fail(
            err, RIFT_ERR_UNSUPPORTED,
            "link: there is no rate to change, as this fault began: begin with changeable: true");
    struct live *live = injection->live;
    live->changes++;
    for (size_t i = 0; i < target->peer_count; i++)
        if (set_peer(injection, options, target, i, err))
            return -1;
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
    struct rift_injection inner = *injection;
    inner.live = live->filter;
    /* What is led to a line that is gone is lost. */
    if (live->line && rift_line_renew(live->line, injection->lease_end_ns, err)) {
        rift_peer_filter_lift(&inner);
        return -1;
    }
    return rift_peer_filter_renew(&inner, err);
}

static int link_stands(const struct rift_injection *injection, struct rift_error *err)
{
    const struct live *live = injection->live;
    struct rift_injection inner = *injection;
    inner.live = live->filter;
    return rift_peer_filter_stands(&inner, err);
}

static int link_lift(struct rift_injection *injection)
{
    const struct live *live = injection->live;
    struct rift_injection inner = {.live = live->filter}; /* the rest may be renewed just now */
    return rift_peer_filter_lift(&inner);
}

static int link_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    /* What waits goes its way first: removing clsact empties the queues of the interface, and stops
     * it for some milliseconds (the kernel's qdisc_graft and dev_deactivate). */
    int rc = rift_line_stop(undo, err);
    if (rift_link_classes_remove(undo, err))
        rc = -1;
    if (rift_clsact_detach(id, undo, ledger, err))
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

static int link_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    const struct live *live = injection->live;
    struct rift_injection inner = *injection;
    struct tally tally;
    bool is_whole;
    inner.live = live->filter;
    if (rift_peer_filter_observe(&inner, target, is_observed, details, err) ||
        tally_take(injection, injection->options, target, details, &tally, err) ||
        rift_link_backend_is_whole(injection, target, &is_whole, err))
        return -1;
    json_object_set_new(details, "how",
                        json_string(is_whole ? tally.how : "our root qdisc is not there any more"));
    bool is_in_place = *is_observed && is_whole;
    bool has_hit = tally.hit > live->before.hit;
    bool may_be_chance = tally.expected - live->before.expected < SURE_HITS;
    *is_observed = is_in_place && tally.seen > live->before.seen &&
                   (has_hit || (may_be_chance && tally.is_sure));
    json_object_set_new(details, "may_be_chance",
                        json_boolean(is_in_place && may_be_chance && !*is_observed));
    return 0;
}

static int link_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    struct rift_link_needs needs;
    if (rift_peer_filter_check(target, err) || rift_link_needs_find(options, target, &needs, err))
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
    enum rift_link_backend backend = rift_link_backend_of(trial.undo);
    ability->backend = rift_link_backend_describe(backend);
    ability->end =
        backend == RIFT_LINK_BY_LINE
            ? "the kernel leads nothing through the line once the lease is past, whatever was "
              "killed; where line and agent are killed packets are lost until then"
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
    .takes_rtnl = true,
    .probe = link_probe,
    .plan = link_plan,
    .inject = link_inject,
    .change = link_change,
    .renew = link_renew,
    .stands = link_stands,
    .lift = link_lift,
    .heal = link_heal,
    .observe = link_observe,
    .forget = link_forget,
};
