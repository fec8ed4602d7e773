/* The nodes are asked again and again, by role or readiness; who led when the step was prepared was
 * asked then. */
#include "control/run/wait_step.h"

#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/run/node_system.h"

enum { ROLE_MS = 500, READY_MS = 1000 };
#define PAUSE_NS (50 * RIFT_MS)

static const char *until_of(const struct fault_window *fault)
{
    return json_string_value(json_object_get(fault->window->what.options, "until"));
}

static bool is_met(struct fault_window *fault, const struct rift_node_set *before)
{
    struct rift_error ignored;
    struct cluster *cluster = fault->cluster;
    if (strcmp(until_of(fault), "healthy") == 0)
        return node_system_others_ready(cluster, cluster->node_count, READY_MS, &ignored) == 0;
    struct rift_node_set found = cluster_primaries(cluster, ROLE_MS);
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (rift_node_set_has(before, i) && strcmp(until_of(fault), "new-leader") == 0)
            rift_node_set_remove(&found, i);
    }
    fault->primaries = found;
    return rift_node_set_count(&found) > 0;
}

static void wait_inject(struct fault_window *fault, int64_t by_ns)
{
    struct rift_node_set before = fault->primaries;
    fault->primaries = (struct rift_node_set){0};
    fault->is_over = true;
    while (!(fault->is_met = is_met(fault, &before)))
        if (rift_clock_now() >= by_ns || !fault_window_wait(fault, rift_clock_now() + PAUSE_NS))
            return;
}

static json_t *wait_observe(struct fault_window *fault)
{
    bool is_healthy = strcmp(until_of(fault), "healthy") == 0;
    json_t *nodes = json_object();
    for (size_t i = 0; i < fault->cluster->node_count && fault->is_met; i++) {
        if (is_healthy || rift_node_set_has(&fault->primaries, i))
            json_object_set_new(nodes, fault->cluster->names[i],
                                json_pack("{s:I, s:s, s:b}", "applied_ns",
                                          (json_int_t)(rift_clock_now() - fault->run_origin_ns),
                                          "observed", is_healthy ? "ready" : "it leads",
                                          "is_observed", 1));
    }
    json_t *result = cluster_fault_result(nodes);
    CLEANUP(rift_free)
    char *why =
        rift_printf("no %s within %.1f s", until_of(fault), (double)fault->window->length_ns / 1e9);
    if (!fault->is_met)
        json_object_set_new(result, "why", json_string(why));
    return result;
}

static json_t *wait_heal(struct fault_window *fault)
{
    (void)fault;
    return json_pack("{s:b, s:{}}", "observed", 1, "nodes");
}

const struct cluster_fault wait_step = {
    .name = "wait_for",
    .inject = wait_inject,
    .observe = wait_observe,
    .heal = wait_heal,
};
