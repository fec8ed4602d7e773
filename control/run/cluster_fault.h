/* A fault of the cluster as a whole (RIFT_FAULT_ON_MEMBERSHIP): no agent has a driver of it, the
 * controller carries it out here, node after node. */
#ifndef CONTROL_RUN_CLUSTER_FAULT_H
#define CONTROL_RUN_CLUSTER_FAULT_H

#include <stdint.h>

#include <jansson.h>

#include "control/run/fault_window.h"

struct cluster_fault {
    const char *name;
    /* Begins at once and may take until by_ns (monotonic) or until fault_window_goes_on is false; a
     * step that has begun is ended first. What it did goes to fault->notes, {node: {}}; a failure
     * to fault->error. fault->is_over says that there is nothing to wait for. */
    void (*inject)(struct fault_window *fault, int64_t by_ns);
    /* As fault_window_observe and fault_window_heal, {"observed", "nodes"}. */
    json_t *(*observe)(struct fault_window *fault);
    json_t *(*heal)(struct fault_window *fault);
};

/* NULL for the fault of another scope. */
const struct cluster_fault *cluster_fault_find(const struct rift_fault *fault);

/* fault->notes' entry of the node; made where there is none. Borrowed. */
json_t *cluster_fault_note(struct fault_window *fault, size_t node);
/* {"observed", "nodes"} from one object for each node; takes them over. True where one says
 * is_observed, and all that do not say may_be_chance. */
json_t *cluster_fault_result(json_t *nodes);

#endif
