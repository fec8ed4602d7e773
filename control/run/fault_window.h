/* One fault window on the hosts: injected, looked at, healed, looked at again; and what of it is
 * recorded. */
#ifndef CONTROL_RUN_FAULT_WINDOW_H
#define CONTROL_RUN_FAULT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "control/run/client_probe.h"
#include "control/run/cluster.h"
#include "control/run/link_probe.h"
#include "nemesis/schedule.h"

struct fault_window {
    struct cluster *cluster;
    const struct rift_window *window;
    int64_t run_origin_ns; /* monotonic; recorded times count from here */
    struct rift_resolved resolved;
    char id[32];     /* by which the agents know it */
    char *what;      /* for people: "halves: n1 n2 | n3 n4 n5" */
    json_t *further; /* addresses of each node besides the configured one, of a fault on links */
    struct link_probe before;           /* who heard whom before the cut */
    struct client_probe clients_before; /* who answered us before it */
    struct cluster_reply *injected;
    struct rift_error
        error; /* of the first node that could not inject or heal it; code NONE: well */
    /* Of a fault of the cluster as a whole (control/run/cluster_fault.h). */
    const struct cluster_fault *cluster_fault; /* NULL: the agents carry it out */
    json_t *notes;                             /* what was done to each node */
    struct rift_node_set primaries;            /* of a wait: before it began, then those it found */
    bool is_met;                               /* of a wait */
    int64_t sooner_ns;                         /* than planned: a wait before it was over sooner */
    bool is_over;                              /* there is nothing to wait for: it may be healed */
    /* Sleeps until a time (monotonic), and is false where the fault is to end now. Set after
     * fault_window_prepare; NULL: it only sleeps. */
    bool (*wait)(void *context, int64_t until_ns);
    void *wait_context;
    struct rift_window changed; /* the window as it is since a change */
    json_t *changed_options;    /* its options; NULL: there was none */
};

/* Finds out whom the window hits, and who hears whom so far. -1 and fault->error where it cannot be
 * resolved; it is to be finished then too. */
int fault_window_prepare(struct fault_window *fault, struct cluster *cluster,
                         const struct rift_window *window, int64_t run_origin_ns);
/* The same for one that comes after a wait, which found these primaries; empty: none in particular.
 */
int fault_window_prepare_after(struct fault_window *fault, struct cluster *cluster,
                               const struct rift_window *window, int64_t run_origin_ns,
                               const struct rift_node_set *primaries);
void fault_window_finish(struct fault_window *fault);

/* For faults that take their time: sleeps, and tells whether they are to go on. */
bool fault_window_wait(struct fault_window *fault, int64_t until_ns);
bool fault_window_goes_on(struct fault_window *fault);

/* What is recorded when it begins; the caller owns it. */
json_t *fault_window_planned(const struct fault_window *fault);
/* Injects on every node that takes part, to begin at the same moment start_ns (monotonic). A node
 * that refuses stands in fault->error. A fault of the cluster as a whole begins then, and may take
 * as long as its window. Returns how long the slowest node took from the call until it was ready to
 * begin, in ns; 0 where none said so. */
int64_t fault_window_inject(struct fault_window *fault, int64_t start_ns);
/* The fault goes on with other options (borrowed), without a gap, on every node that it is on. A
 * node that cannot stands in fault->error, and may go on with some of them. */
void fault_window_change(struct fault_window *fault, const json_t *options);
/* {"observed": bool, "nodes": {name: {"applied_ns", "late_ns" (after the agreed moment; null where
 * the node said nothing), "observed": text, "is_observed": bool, "may_be_chance": it was not, but
 * chance may have spared all that passed so far}}}. A window is observed where some node saw it,
 * and it may be chance for all that did not. To be called while the fault is in force; hosts that
 * do not answer are waited for until about by_ns (monotonic), so that the heal comes when it is
 * due. The caller owns it. */
json_t *fault_window_observe(struct fault_window *fault, int64_t by_ns);
/* Some node did not see it, and may yet: a probe of a slow node had not met it, or no packet had.
 * Never of cuts and of delays: whoever looks again and again would miss a leak by luck. */
bool fault_window_may_be_seen_later(const struct fault_window *fault, const json_t *seen);
/* Looks again, and answers, in place of seen, which it frees, what either look saw. */
json_t *fault_window_observe_again(struct fault_window *fault, json_t *seen, int64_t by_ns);
/* Heals on every node, and looks whether cut links hear again: {"observed", "nodes": {name:
 * {"healed_ns" (null: it does not say so), "after": text, "is_observed", "ended_early": somebody
 * else healed it, or its lease ran out}}}. */
json_t *fault_window_heal(struct fault_window *fault);

#endif
