/* Observed is what something other than the fault itself shows: for links, that datagrams between
 * the agents passed before and do not pass now; for the rest, what the agent finds in /proc. */
#include "control/run/fault_look.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/run/cluster_fault.h"
#include "control/run/fault_signs.h"
#include "control/run/link_fault.h"

enum {
    LOOK_LEAST_MS = 250,
    LOOK_ANSWER_MS = 150, /* of that, for the answer to come back */
    LATE_TOLD_MS = 20,
};

/* When a node began, by its own clock; NULL where it did not say, not even when it was asked again:
 * the kernel may take its time over a fault. */
static const json_t *applied_of(const json_t *injected, const json_t *observed)
{
    const json_t *applied = json_object_get(injected, "applied_ns");
    return applied || !injected
               ? applied
               : json_object_get(json_object_get(observed, "details"), "applied_ns");
}

/* By how much a node began after the agreed moment; null where it did not say. */
static json_t *lateness_of(const json_t *injected, const json_t *observed)
{
    const json_t *planned = json_object_get(injected, "planned_ns");
    const json_t *applied = applied_of(injected, observed);
    if (!json_is_integer(planned) || !json_is_integer(applied))
        return json_null();
    return json_integer(json_integer_value(applied) - json_integer_value(planned));
}

static bool agent_saw_drops(const json_t *observed, const char *peer)
{
    size_t i = 0;
    const json_t *entry = NULL;
    json_array_foreach(json_object_get(json_object_get(observed, "details"), "peers"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        if (name && strcmp(name, peer) == 0)
            return json_integer_value(json_object_get(entry, "hit")) > 0;
    }
    return false;
}

/* Nothing else silenced the link: the fault's own filter dropped something of it. Where another cut
 * is on as well, that one's filter may have come first. */
static bool is_work_of_cut(const json_t *observed, const char *peer, int heard_before)
{
    const json_t *others = json_object_get(json_object_get(observed, "details"), "others");
    return agent_saw_drops(observed, peer) || (heard_before > 0 && json_integer_value(others) > 0);
}

/* A cut is observed where no datagram comes through; one that comes and goes, where some do, as did
 * before. Where they go by another interface than is cut, the filter's own count stands in. */
static bool describe_cut(const struct fault_window *fault, size_t node, const json_t *observed,
                         const struct link_probe *during, struct rift_text *text)
{
    const struct cluster *cluster = fault->cluster;
    bool is_observed = true, is_first = true,
         flaps = fault_flap_spread_ms(&fault->window->what) > 0;
    int sent = flaps ? LINK_PROBE_SPREAD : LINK_PROBE_COUNT;
    for (size_t s = 0; s < cluster->node_count; s++) {
        if (!rift_grudge_is_dropped(&fault->resolved.grudge, s, node))
            continue;
        int before = link_probe_heard(&fault->before, s, node);
        int now = link_probe_heard(during, s, node);
        bool has_drops = agent_saw_drops(observed, cluster->names[s]);
        bool is_ours = is_work_of_cut(observed, cluster->names[s], before);
        bool is_deaf = now == 0 && is_ours;
        bool is_elsewhere = now > 0 && fault_names_interfaces(&fault->window->what);
        bool is_by_turns = flaps && is_ours && before > 0 && now > 0 && now < sent;
        is_observed = is_observed && (is_deaf || is_by_turns || (is_elsewhere && has_drops));
        rift_text_printf(text, "%s%s ", is_first ? "" : ", ", cluster->names[s]);
        is_first = false;
        if (now == LINK_NOT_PROBED)
            rift_text_append(text, "could not be probed");
        else if (is_by_turns)
            rift_text_printf(text, "heard by turns (%d of %d probes)", now, sent);
        else if (is_elsewhere)
            rift_text_printf(text, "heard by another interface, %s on that which is cut",
                             has_drops ? "drops" : "no drops yet");
        else if (now > 0)
            rift_text_printf(text, "still heard (%d of %d probes)", now, sent);
        else if (is_deaf)
            rift_text_append(text, "not heard");
        else
            rift_text_printf(text, "not heard, but %s",
                             before > 0 ? "nothing was dropped" : "not before either");
    }
    return is_observed;
}

static json_t *describe_node(const struct fault_window *fault, size_t node,
                             const struct cluster_reply *observed, const struct link_probe *during,
                             const struct client_probe *clients)
{
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    bool is_observed = false;
    const char *how = json_string_value(json_object_get(observed->ok, "how"));
    json_t *late = lateness_of(fault->injected[node].ok, observed->ok);
    if (json_integer_value(late) > LATE_TOLD_MS * RIFT_MS)
        rift_text_printf(&text, "began %.0f ms late; ", (double)json_integer_value(late) / 1e6);
    if (!fault->injected[node].ok)
        rift_text_append(&text, fault_window_words_of(fault, node, &fault->injected[node].error));
    else if (fault_is_cut(&fault->window->what)) {
        is_observed = describe_cut(fault, node, observed->ok, during, &text);
        if (!observed->ok)
            rift_text_printf(&text, "; %s", fault_window_words_of(fault, node, &observed->error));
    } else if (!observed->ok)
        rift_text_append(&text, fault_window_words_of(fault, node, &observed->error));
    else {
        is_observed = json_is_true(json_object_get(observed->ok, "observed"));
        if (fault_is_late(&fault->window->what)) {
            is_observed =
                link_fault_describe(fault->cluster, &fault->window->what, &fault->resolved.grudge,
                                    node, &fault->before, during, &text) &&
                is_observed;
            rift_text_append(&text, "; ");
        }
        if (fault_is_of_clients(&fault->window->what)) {
            is_observed =
                client_probe_describe_cut(&fault->clients_before, clients, node,
                                          fault_flap_spread_ms(&fault->window->what) > 0, &text) &&
                is_observed;
            rift_text_append(&text, "; ");
        }
        rift_text_append(&text, how ? how : "");
    }
    if (text.data && rift_text_ends_with(text.data, "; "))
        text.data[text.length -= 2] = '\0';
    int64_t error_ns = 0;
    rift_node_clock_offset(fault->cluster->nodes[node], &error_ns);
    const json_t *chance =
        json_object_get(json_object_get(observed->ok, "details"), "may_be_chance");
    return json_pack(
        "{s:o, s:I, s:o, s:s, s:b, s:b}", "applied_ns",
        fault_window_time_of(fault, node, applied_of(fault->injected[node].ok, observed->ok)),
        "clock_error_ns", (json_int_t)error_ns, "late_ns", late, "observed",
        text.data ? text.data : "", "is_observed", (int)is_observed, "may_be_chance",
        (int)(!is_observed && !fault_is_late(&fault->window->what) && json_is_true(chance)));
}

/* There are three rounds of questions, one after another. */
static int64_t observe_deadline_ms(int64_t by_ns)
{
    int64_t third_ms = rift_clock_poll_ms(by_ns) / 3;
    if (third_ms < LOOK_LEAST_MS)
        return LOOK_LEAST_MS;
    return third_ms < LINK_PROBE_DEADLINE_MS ? third_ms : LINK_PROBE_DEADLINE_MS;
}

json_t *fault_window_observe(struct fault_window *fault, int64_t by_ns)
{
    struct cluster *cluster = fault->cluster;
    if (fault->cluster_fault)
        return fault->cluster_fault->observe(fault);
    const struct rift_node_set *nodes = &fault->resolved.nodes;
    int64_t deadline_ms = observe_deadline_ms(by_ns);
    struct link_probe during = {0};
    if (fault_is_late(&fault->window->what))
        during.late_ms = link_fault_late_ms(cluster, &fault->window->what, &fault->resolved.grudge);
    deadline_ms += during.late_ms;
    if (fault_is_on_links(&fault->window->what))
        link_probe_run(&during, cluster, &fault->resolved.grudge,
                       fault_probe_spread_ms(&fault->window->what),
                       deadline_ms + fault_probe_spread_ms(&fault->window->what));
    struct client_probe clients = {0};
    if (fault_is_of_clients(&fault->window->what))
        fault_window_ask_as_client(fault, &clients, fault_flap_spread_ms(&fault->window->what));
    json_t *id = json_pack("{s:s, s:I}", "id", fault->id, "for_ms",
                           (json_int_t)(deadline_ms - LOOK_ANSWER_MS));
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    for (size_t i = 0; i < cluster->node_count; i++)
        args[i] = id;
    struct cluster_reply *observed = rift_calloc(cluster->node_count, sizeof *observed);
    cluster_call(cluster, nodes, "observe", args, deadline_ms, observed);
    json_t *described = json_object();
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (rift_node_set_has(nodes, i))
            json_object_set_new(described, cluster->names[i],
                                describe_node(fault, i, &observed[i], &during, &clients));
    }
    cluster_replies_free(observed, cluster->node_count);
    free(observed);
    free(args);
    json_decref(id);
    link_probe_finish(&during);
    client_probe_finish(&clients);
    return cluster_fault_result(described);
}

bool fault_window_may_be_seen_later(const struct fault_window *fault, const json_t *seen)
{
    bool is_by_silence = strcmp(fault->window->what.fault->name, "partition") == 0;
    return !fault->cluster_fault && !is_by_silence && !fault_is_late(&fault->window->what) &&
           !fault_is_of_clients(&fault->window->what) && fault->error.code == RIFT_ERR_NONE &&
           !json_is_true(json_object_get(seen, "observed"));
}

json_t *fault_window_observe_again(struct fault_window *fault, json_t *seen, int64_t by_ns)
{
    json_t *again = fault_window_observe(fault, by_ns);
    json_t *nodes = json_object_get(seen, "nodes"), *node = NULL;
    const char *name = NULL;
    json_object_foreach(json_object_get(again, "nodes"), name, node)
    {
        if (json_is_true(json_object_get(node, "is_observed")) &&
            !json_is_true(json_object_get(json_object_get(nodes, name), "is_observed")))
            json_object_set(nodes, name, node);
    }
    json_t *both = cluster_fault_result(json_incref(nodes));
    json_decref(again);
    json_decref(seen);
    return both;
}
