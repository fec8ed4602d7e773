/* One fault window on the hosts: whom it hits, what of it is recorded, and how it begins and
 * changes. */
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
/* The system's ports of the nodes, tried as by a client; spread_ms as in client_probe_run. */
void fault_window_ask_as_client(const struct fault_window *fault, struct client_probe *probe,
                                int64_t spread_ms);
/* Run time of a time that an agent gave; null where it gave none. The caller owns it. */
json_t *fault_window_time_of(const struct fault_window *fault, size_t node, const json_t *time_ns);
/* An error names its node, which the reader of a node's entry knows already. */
const char *fault_window_words_of(const struct fault_window *fault, size_t node,
                                  const struct rift_error *error);

#endif
