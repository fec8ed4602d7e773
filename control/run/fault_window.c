#include "control/run/fault_window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/run/cluster_fault.h"
#include "control/run/fault_signs.h"
#include "control/run/grudge_text.h"
#include "control/run/link_fault.h"
#include "control/run/peer_addresses.h"

enum {
    FAULT_ROLE_DEADLINE_MS = 500,
    FAULT_CLIENT_WAIT_MS = 300,
    FAULT_INJECT_LEAST_MS = 1500,
    FAULT_INJECT_MOST_MS = 5000,
};

void fault_window_ask_as_client(const struct fault_window *fault, struct client_probe *probe,
                                int64_t spread_ms)
{
    client_probe_run(probe, fault->cluster, &fault->resolved.nodes,
                     json_object_get(fault->window->what.options, "ports"), spread_ms,
                     FAULT_CLIENT_WAIT_MS);
}

static bool asks_for_roles(const struct rift_fault_variant *what)
{
    if (what->fault->scope == RIFT_FAULT_ON_LINKS)
        return what->grudge == RIFT_GRUDGE_ISOLATE_PRIMARY ||
               what->grudge == RIFT_GRUDGE_PRIMARY_MINORITY;
    return what->fault == &rift_wait_for || what->target.kind == RIFT_TARGET_PRIMARIES ||
           what->target.kind == RIFT_TARGET_FOLLOWERS;
}

int fault_window_prepare(struct fault_window *fault, struct cluster *cluster,
                         const struct rift_window *window, int64_t run_origin_ns)
{
    const struct rift_node_set none = {0};
    return fault_window_prepare_after(fault, cluster, window, run_origin_ns, &none);
}

int fault_window_prepare_after(struct fault_window *fault, struct cluster *cluster,
                               const struct rift_window *window, int64_t run_origin_ns,
                               const struct rift_node_set *primaries)
{
    *fault =
        (struct fault_window){.cluster = cluster, .window = window, .run_origin_ns = run_origin_ns};
    snprintf(fault->id, sizeof fault->id, "w%u", window->number);
    fault->cluster_fault = cluster_fault_find(window->what.fault);
    struct rift_cluster known = {.node_count = cluster->node_count, .names = cluster->names};
    known.primaries = *primaries;
    if (asks_for_roles(&window->what) && rift_node_set_count(primaries) == 0)
        known.primaries = cluster_primaries(cluster, FAULT_ROLE_DEADLINE_MS);
    fault->primaries = known.primaries;
    fault->injected = rift_calloc(cluster->node_count, sizeof *fault->injected);
    CLEANUP(rift_free)
    char *target = rift_window_target(window, cluster->node_count, cluster->names);
    if (rift_window_resolve(window, &known, &fault->resolved, &fault->error) != 0) {
        fault->what = rift_strdup(target);
        return -1;
    }
    struct rift_text CLEANUP(rift_text_finish) whom = {0};
    rift_text_append(&whom, "");
    if (fault_is_on_links(&fault->window->what)) {
        const char *reads = window->what.fault->reads;
        grudge_print(&fault->resolved.grudge, cluster->names, reads ? reads : "deaf to", &whom);
        fault->further = peer_addresses_ask(cluster);
        link_probe_run(&fault->before, cluster, &fault->resolved.grudge, 0, LINK_PROBE_DEADLINE_MS);
    } else {
        rift_node_set_print(&fault->resolved.nodes, cluster->names, &whom);
    }
    if (fault_is_of_clients(&fault->window->what))
        fault_window_ask_as_client(fault, &fault->clients_before, 0);
    /* A target that is a list of nodes, or a grudge, already says whom. */
    bool is_said = strcmp(target, whom.data) == 0 || (fault_is_on_links(&fault->window->what) &&
                                                      window->what.grudge == RIFT_GRUDGE_EXPLICIT);
    const char *guess = fault->resolved.is_guess ? " (no primary is known)" : "";
    fault->what =
        is_said ? rift_strdup(whom.data) : rift_printf("%s%s: %s", target, guess, whom.data);
    return 0;
}

void fault_window_finish(struct fault_window *fault)
{
    if (fault->injected)
        cluster_replies_free(fault->injected, fault->cluster->node_count);
    free(fault->injected);
    json_decref(fault->notes);
    json_decref(fault->further);
    json_decref(fault->changed_options);
    free(fault->what);
    link_probe_finish(&fault->before);
    client_probe_finish(&fault->clients_before);
}

bool fault_window_wait(struct fault_window *fault, int64_t until_ns)
{
    if (fault->wait)
        return fault->wait(fault->wait_context, until_ns);
    rift_clock_sleep_until(until_ns);
    return true;
}

bool fault_window_goes_on(struct fault_window *fault)
{
    return fault_window_wait(fault, rift_clock_now());
}

json_t *fault_window_time_of(const struct fault_window *fault, size_t node, const json_t *time_ns)
{
    if (!json_is_integer(time_ns))
        return json_null();
    int64_t ours_ns = cluster_time_of_node(fault->cluster, node, json_integer_value(time_ns));
    return json_integer(ours_ns - fault->run_origin_ns);
}

const char *fault_window_words_of(const struct fault_window *fault, size_t node,
                                  const struct rift_error *error)
{
    const char *name = fault->cluster->names[node];
    size_t length = strlen(name);
    bool is_named =
        strncmp(error->text, name, length) == 0 && strncmp(error->text + length, ": ", 2) == 0;
    return error->text + (is_named ? length + 2 : 0);
}

static json_t *names_of(const struct cluster *cluster, const struct rift_node_set *set)
{
    json_t *names = json_array();
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (rift_node_set_has(set, i))
            json_array_append_new(names, json_string(cluster->names[i]));
    }
    return names;
}

json_t *fault_window_planned(const struct fault_window *fault)
{
    const struct cluster *cluster = fault->cluster;
    json_t *planned = rift_window_to_json(fault->window, cluster->node_count, cluster->names);
    json_object_set_new(planned, "window", json_integer(fault->window->number));
    json_object_set_new(planned, "entry", json_integer((json_int_t)fault->window->entry + 1));
    json_object_set_new(planned, "what", json_string(fault->what));
    json_object_set_new(planned, "nodes", names_of(cluster, &fault->resolved.nodes));
    if (fault_is_on_links(&fault->window->what))
        json_object_set_new(planned, "drops",
                            rift_grudge_to_json(&fault->resolved.grudge, cluster->names));
    if (fault->resolved.is_guess)
        json_object_set_new(planned, "guess", json_string("no primary was known"));
    return planned;
}

/* What an agent leaves to chance is of the plan's seed, too, and each node has its own. */
static json_t *seed_at_node(const struct fault_window *fault, size_t node)
{
    struct rift_rng rng;
    rift_rng_init_named(&rng, fault->window->seed, fault->cluster->names[node]);
    return json_integer((json_int_t)(rift_rng_next(&rng) >> 1));
}

static json_t *inject_args(const struct fault_window *fault, size_t node, int64_t start_ns)
{
    const struct cluster *cluster = fault->cluster;
    json_t *args = json_pack("{s:s, s:s, s:O, s:I, s:o}", "id", fault->id, "fault",
                             link_fault_driver(fault->window->what.fault), "options",
                             fault->window->what.options, "start_ns",
                             (json_int_t)cluster_time_at_node(cluster, node, start_ns), "seed",
                             seed_at_node(fault, node));
    if (!fault_is_on_links(&fault->window->what))
        return args;
    json_t *peers = link_fault_peers(cluster, &fault->window->what, node,
                                     &fault->resolved.grudge.drops[node], fault->further);
    json_object_set_new(args, "peers", peers);
    return args;
}

/* A host that does not answer must not keep the others broken for longer than was planned. They are
 * well until start_ns, before which most faults are not answered. */
static int64_t inject_deadline_ms(const struct fault_window *fault, int64_t start_ns)
{
    int64_t half_ms = fault->window->length_ns / RIFT_MS / 2, now = rift_clock_now();
    int64_t until_start_ms = start_ns > now ? (start_ns - now) / RIFT_MS : 0;
    if (half_ms < FAULT_INJECT_LEAST_MS)
        half_ms = FAULT_INJECT_LEAST_MS;
    return until_start_ms + (half_ms < FAULT_INJECT_MOST_MS ? half_ms : FAULT_INJECT_MOST_MS);
}

static int64_t slowest_of(const struct fault_window *fault, int64_t called_ns)
{
    int64_t slowest_ns = 0;
    for (size_t i = 0; i < fault->cluster->node_count; i++) {
        const json_t *ready = json_object_get(fault->injected[i].ok, "ready_ns");
        if (!json_is_integer(ready))
            continue;
        int64_t ready_ns = cluster_time_of_node(fault->cluster, i, json_integer_value(ready));
        if (ready_ns - called_ns > slowest_ns)
            slowest_ns = ready_ns - called_ns;
    }
    return slowest_ns;
}

int64_t fault_window_inject(struct fault_window *fault, int64_t start_ns)
{
    struct cluster *cluster = fault->cluster;
    int64_t called_ns = rift_clock_now();
    if (fault->cluster_fault) {
        if (fault_window_wait(fault, start_ns))
            fault->cluster_fault->inject(fault, start_ns + fault->window->length_ns);
        return 0;
    }
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (rift_node_set_has(&fault->resolved.nodes, i))
            args[i] = inject_args(fault, i, start_ns);
    }
    cluster_call(cluster, &fault->resolved.nodes, "inject", args,
                 inject_deadline_ms(fault, start_ns), fault->injected);
    cluster_replies_check(cluster, fault->injected, &fault->error);
    for (size_t i = 0; i < cluster->node_count; i++)
        json_decref(args[i]);
    free(args);
    return slowest_of(fault, called_ns);
}

void fault_window_change(struct fault_window *fault, const json_t *options)
{
    struct cluster *cluster = fault->cluster;
    json_t *own = json_deep_copy(options);
    json_t *change = json_pack("{s:s, s:O}", "id", fault->id, "options", own);
    json_t **args = rift_calloc(cluster->node_count, sizeof(json_t *));
    for (size_t i = 0; i < cluster->node_count; i++)
        args[i] = change;
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    cluster_call(cluster, &fault->resolved.nodes, "change", args, inject_deadline_ms(fault, 0),
                 replies);
    cluster_replies_check(cluster, replies, &fault->error);
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    free(args);
    json_decref(change);
    if (fault->error.code != RIFT_ERR_NONE) {
        json_decref(own);
        return;
    }
    fault->changed = *fault->window;
    fault->changed.what.options = own;
    fault->window = &fault->changed;
    json_decref(fault->changed_options);
    fault->changed_options = own;
}
