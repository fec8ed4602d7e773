/* Which faults these are, and what they share. */
#include "control/run/cluster_fault.h"

#include <string.h>

#include "control/run/membership.h"
#include "control/run/rolling.h"
#include "control/run/wait_step.h"

static const struct cluster_fault *const cluster_faults[] = {&rolling_restart, &rolling_upgrade,
                                                             &membership_change, &wait_step};

const struct cluster_fault *cluster_fault_find(const struct rift_fault *fault)
{
    for (size_t i = 0; i < sizeof cluster_faults / sizeof cluster_faults[0]; i++) {
        if (strcmp(cluster_faults[i]->name, fault->name) == 0)
            return cluster_faults[i];
    }
    return NULL;
}

json_t *cluster_fault_note(struct fault_window *fault, size_t node)
{
    const char *name = fault->cluster->names[node];
    if (!fault->notes)
        fault->notes = json_object();
    if (!json_object_get(fault->notes, name))
        json_object_set_new(fault->notes, name, json_object());
    return json_object_get(fault->notes, name);
}

json_t *cluster_fault_result(json_t *nodes)
{
    bool is_seen = false, is_denied = false;
    const char *name = NULL;
    json_t *node = NULL;
    json_object_foreach(nodes, name, node)
    {
        bool is_observed = json_is_true(json_object_get(node, "is_observed"));
        is_seen = is_seen || is_observed;
        is_denied =
            is_denied || (!is_observed && !json_is_true(json_object_get(node, "may_be_chance")));
    }
    return json_pack("{s:b, s:o}", "observed", (int)(is_seen && !is_denied), "nodes", nodes);
}
