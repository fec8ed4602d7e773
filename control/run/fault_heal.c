#include "control/run/fault_heal.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/run/cluster_fault.h"
#include "control/run/fault_signs.h"
#include "control/run/link_fault.h"

enum {
    HEAL_DEADLINE_MS = 15000, /* healing a kill starts the system again */
    /* IPv6 finds neighbours by packets that a cut drops too, and asks again once a second. */
    BACK_MS = 3000,
    BACK_PAUSE_MS = 50,
};

/* Healed is what can be seen: cut links hear again what they heard before. */
static json_t *describe_healed(const struct fault_window *fault, size_t node,
                               const struct cluster_reply *healed, const struct link_probe *after,
                               const struct client_probe *clients)
{
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    bool is_observed = healed->ok != NULL;
    const char *how = json_string_value(json_object_get(healed->ok, "how"));
    if (how)
        rift_text_append(&text, how);
    if (!healed->ok)
        rift_text_append(&text, fault_window_words_of(fault, node, &healed->error));
    const char *was = json_string_value(json_object_get(healed->ok, "was"));
    bool is_absent = was && strcmp(was, "absent") == 0;
    bool is_early = fault->injected[node].ok && (is_absent || (was && strcmp(was, "ended") == 0));
    if (is_early && is_absent)
        rift_text_append(&text, "it had ended before");
    for (size_t s = 0; s < fault->cluster->node_count && fault_is_on_links(&fault->window->what);
         s++) {
        if (!rift_grudge_is_dropped(&fault->resolved.grudge, s, node))
            continue;
        bool was_heard = link_probe_heard(&fault->before, s, node) > 0;
        bool is_heard = link_probe_heard(after, s, node) > 0;
        is_observed = is_observed && (is_heard || !was_heard);
        rift_text_printf(&text, "%s%s %s", text.length ? ", " : "", fault->cluster->names[s],
                         is_heard    ? "heard again"
                         : was_heard ? "not heard"
                                     : "not heard, but not before either");
    }
    if (fault_is_of_clients(&fault->window->what))
        is_observed = client_probe_describe_healed(&fault->clients_before, clients, node, &text) &&
                      is_observed;
    return json_pack("{s:o, s:s, s:b, s:b}", "healed_ns",
                     fault_window_time_of(fault, node, json_object_get(healed->ok, "applied_ns")),
                     "after", text.data ? text.data : "", "is_observed", (int)is_observed,
                     "ended_early", (int)is_early);
}

static bool are_all_heard(const struct fault_window *fault, const struct link_probe *after)
{
    for (size_t d = 0; d < fault->cluster->node_count; d++)
        for (size_t s = 0; s < fault->cluster->node_count; s++)
            if (rift_grudge_is_dropped(&fault->resolved.grudge, s, d) &&
                link_probe_heard(&fault->before, s, d) > 0 && link_probe_heard(after, s, d) == 0)
                return false;
    return true;
}

/* Looks until every link hears that heard before, or BACK_MS are over. */
static void look_after_heal(const struct fault_window *fault, struct link_probe *after)
{
    int64_t until = rift_clock_now() + BACK_MS * RIFT_MS;
    for (;;) {
        link_probe_run(after, fault->cluster, &fault->resolved.grudge, 0, LINK_PROBE_DEADLINE_MS);
        if (are_all_heard(fault, after) || rift_clock_now() >= until)
            return;
        link_probe_finish(after);
        *after = (struct link_probe){0};
        rift_clock_sleep_until(rift_clock_now() + BACK_PAUSE_MS * RIFT_MS);
    }
}

/* The same for clients. */
static void look_as_client_after_heal(const struct fault_window *fault, struct client_probe *after)
{
    int64_t until = rift_clock_now() + BACK_MS * RIFT_MS;
    for (;;) {
        fault_window_ask_as_client(fault, after, 0);
        if (client_probe_all_answer(after, &fault->clients_before, &fault->resolved.nodes) ||
            rift_clock_now() >= until)
            return;
        client_probe_finish(after);
        rift_clock_sleep_until(rift_clock_now() + BACK_PAUSE_MS * RIFT_MS);
    }
}

json_t *fault_window_heal(struct fault_window *fault)
{
    struct cluster *cluster = fault->cluster;
    if (fault->cluster_fault)
        return fault->cluster_fault->heal(fault);
    const struct rift_node_set *nodes = &fault->resolved.nodes;
    /* An agent that is another one than at the beginning knows neither. */
    json_t *id = json_pack("{s:s, s:s}", "id", fault->id, "fault",
                           link_fault_driver(fault->window->what.fault));
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    for (size_t i = 0; i < cluster->node_count; i++)
        args[i] = id;
    struct cluster_reply *healed = rift_calloc(cluster->node_count, sizeof *healed);
    cluster_call(cluster, nodes, "heal", args, HEAL_DEADLINE_MS, healed);
    if (fault->error.code == RIFT_ERR_NONE)
        cluster_replies_check(cluster, healed, &fault->error);
    struct link_probe after = {0};
    if (fault_is_on_links(&fault->window->what))
        look_after_heal(fault, &after);
    struct client_probe clients = {0};
    if (fault_is_of_clients(&fault->window->what))
        look_as_client_after_heal(fault, &clients);
    json_t *described = json_object();
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (rift_node_set_has(nodes, i))
            json_object_set_new(described, cluster->names[i],
                                describe_healed(fault, i, &healed[i], &after, &clients));
    }
    cluster_replies_free(healed, cluster->node_count);
    free(healed);
    free(args);
    json_decref(id);
    link_probe_finish(&after);
    client_probe_finish(&clients);
    return cluster_fault_result(described);
}
