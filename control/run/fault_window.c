/* One fault window on the hosts.
 *
 * Observed is what something other than the fault itself shows: for links, that datagrams between
 * the agents passed before and do not pass now; for the rest, what the agent finds in /proc. */
#include "control/run/fault_window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/run/cluster_fault.h"
#include "control/run/grudge_text.h"
#include "control/run/link_fault.h"
#include "control/run/peer_addresses.h"

enum {
    FAULT_ROLE_DEADLINE_MS = 500,
    FAULT_PROBE_DEADLINE_MS = 1000,
    FAULT_OBSERVE_LEAST_MS = 250,
    FAULT_OBSERVE_ANSWER_MS = 150, /* of that, for the answer to come back */
    FAULT_CLIENT_WAIT_MS = 300,
    FAULT_LATE_TOLD_MS = 20,
    FAULT_SPREAD_MOST_MS = 600,
    FAULT_CHANCE_SPREAD_MS = 200,
    FAULT_INJECT_LEAST_MS = 1500,
    FAULT_INJECT_MOST_MS = 5000,
    FAULT_HEAL_DEADLINE_MS = 15000, /* healing a kill starts the system again */
    /* IPv6 finds neighbours by packets that a cut drops too, and asks again once a second. */
    FAULT_BACK_MS = 3000,
    FAULT_BACK_PAUSE_MS = 50,
};

static bool is_on_links(const struct fault_window *fault)
{
    return fault->window->what.fault->scope == RIFT_FAULT_ON_LINKS;
}

static bool is_of_clients(const struct fault_window *fault)
{
    return fault->window->what.fault->hits_clients;
}

static bool option_is(const struct fault_window *fault, const char *name, const char *word)
{
    const char *is = json_string_value(json_object_get(fault->window->what.options, name));
    return is && strcmp(is, word) == 0;
}

/* Then the agents' datagrams may go by another one. */
static bool names_interfaces(const struct fault_window *fault)
{
    return json_array_size(json_object_get(fault->window->what.options, "interfaces")) > 0;
}

/* A partition that holds back the agents' datagrams. Those of TCP alone, or of a port, and other
 * faults on links let them through; what those did is told by the agents. */
static bool is_cut(const struct fault_window *fault)
{
    const json_t *ports = json_object_get(fault->window->what.options, "ports");
    return strcmp(fault->window->what.fault->name, "partition") == 0 &&
           json_array_size(ports) == 0 && !option_is(fault, "protocol", "tcp") &&
           !option_is(fault, "connections", "established") &&
           !option_is(fault, "connections", "new");
}

/* Over how long probes must be spread to see a cut that comes and goes; 0: it does not. Of a longer
 * period only a part is seen. */
static int64_t flap_spread_ms(const struct fault_window *fault)
{
    double period_ms = json_number_value(json_object_get(fault->window->what.options, "flap_ms"));
    return is_cut(fault) || is_of_clients(fault)
               ? (int64_t)ceil(fmin(period_ms, FAULT_SPREAD_MOST_MS))
               : 0;
}

/* The agents' datagrams are of UDP, and of no port of the system. */
static bool may_meet_datagrams(const struct fault_window *fault)
{
    const json_t *ports = json_object_get(fault->window->what.options, "ports");
    return is_on_links(fault) && json_array_size(ports) == 0 && !names_interfaces(fault) &&
           !option_is(fault, "protocol", "tcp");
}

static bool is_late(const struct fault_window *fault)
{
    return may_meet_datagrams(fault) && link_fault_delays(&fault->window->what);
}

/* Over how long datagrams are sent to a link, many of them; 0: a few at once will do. */
static int64_t probe_spread_ms(const struct fault_window *fault)
{
    const struct rift_fault_variant *what = &fault->window->what;
    bool are_many = may_meet_datagrams(fault) && (link_fault_is_by_chance(what) ||
                                                  (is_late(fault) && link_fault_scatters(what)));
    return are_many ? FAULT_CHANCE_SPREAD_MS : flap_spread_ms(fault);
}

static void ask_as_client(const struct fault_window *fault, struct client_probe *probe,
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
    if (is_on_links(fault)) {
        const char *reads = window->what.fault->reads;
        grudge_print(&fault->resolved.grudge, cluster->names, reads ? reads : "deaf to", &whom);
        fault->further = peer_addresses_ask(cluster);
        link_probe_run(&fault->before, cluster, &fault->resolved.grudge, 0,
                       FAULT_PROBE_DEADLINE_MS);
    } else {
        rift_node_set_print(&fault->resolved.nodes, cluster->names, &whom);
    }
    if (is_of_clients(fault))
        ask_as_client(fault, &fault->clients_before, 0);
    /* A target that is a list of nodes, or a grudge, already says whom. */
    bool is_said = strcmp(target, whom.data) == 0 ||
                   (is_on_links(fault) && window->what.grudge == RIFT_GRUDGE_EXPLICIT);
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
    if (is_on_links(fault))
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
    if (!is_on_links(fault))
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

/* Run time of a time that an agent gave; nil where it gave none. */
static json_t *run_time_of(const struct fault_window *fault, size_t node, const json_t *time_ns)
{
    if (!json_is_integer(time_ns))
        return json_null();
    int64_t ours_ns = cluster_time_of_node(fault->cluster, node, json_integer_value(time_ns));
    return json_integer(ours_ns - fault->run_origin_ns);
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
    bool is_observed = true, is_first = true, flaps = flap_spread_ms(fault) > 0;
    int sent = flaps ? LINK_PROBE_SPREAD : LINK_PROBE_COUNT;
    for (size_t s = 0; s < cluster->node_count; s++) {
        if (!rift_grudge_is_dropped(&fault->resolved.grudge, s, node))
            continue;
        int before = link_probe_heard(&fault->before, s, node);
        int now = link_probe_heard(during, s, node);
        bool has_drops = agent_saw_drops(observed, cluster->names[s]);
        bool is_ours = is_work_of_cut(observed, cluster->names[s], before);
        bool is_deaf = now == 0 && is_ours;
        bool is_elsewhere = now > 0 && names_interfaces(fault);
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

/* An error names its node, which the reader of a node's entry knows already. */
static const char *own_words(const struct fault_window *fault, size_t node,
                             const struct rift_error *error)
{
    const char *name = fault->cluster->names[node];
    size_t length = strlen(name);
    bool is_named =
        strncmp(error->text, name, length) == 0 && strncmp(error->text + length, ": ", 2) == 0;
    return error->text + (is_named ? length + 2 : 0);
}

static json_t *describe_node(const struct fault_window *fault, size_t node,
                             const struct cluster_reply *observed, const struct link_probe *during,
                             const struct client_probe *clients)
{
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    bool is_observed = false;
    const char *how = json_string_value(json_object_get(observed->ok, "how"));
    json_t *late = lateness_of(fault->injected[node].ok, observed->ok);
    if (json_integer_value(late) > FAULT_LATE_TOLD_MS * RIFT_MS)
        rift_text_printf(&text, "began %.0f ms late; ", (double)json_integer_value(late) / 1e6);
    if (!fault->injected[node].ok)
        rift_text_append(&text, own_words(fault, node, &fault->injected[node].error));
    else if (is_cut(fault)) {
        is_observed = describe_cut(fault, node, observed->ok, during, &text);
        if (!observed->ok)
            rift_text_printf(&text, "; %s", own_words(fault, node, &observed->error));
    } else if (!observed->ok)
        rift_text_append(&text, own_words(fault, node, &observed->error));
    else {
        is_observed = json_is_true(json_object_get(observed->ok, "observed"));
        if (is_late(fault)) {
            is_observed =
                link_fault_describe(fault->cluster, &fault->window->what, &fault->resolved.grudge,
                                    node, &fault->before, during, &text) &&
                is_observed;
            rift_text_append(&text, "; ");
        }
        if (is_of_clients(fault)) {
            is_observed = client_probe_describe_cut(&fault->clients_before, clients, node,
                                                    flap_spread_ms(fault) > 0, &text) &&
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
    return json_pack("{s:o, s:I, s:o, s:s, s:b, s:b}", "applied_ns",
                     run_time_of(fault, node, applied_of(fault->injected[node].ok, observed->ok)),
                     "clock_error_ns", (json_int_t)error_ns, "late_ns", late, "observed",
                     text.data ? text.data : "", "is_observed", (int)is_observed, "may_be_chance",
                     (int)(!is_observed && !is_late(fault) && json_is_true(chance)));
}

/* There are three rounds of questions, one after another. */
static int64_t observe_deadline_ms(int64_t by_ns)
{
    int64_t third_ms = rift_clock_poll_ms(by_ns) / 3;
    if (third_ms < FAULT_OBSERVE_LEAST_MS)
        return FAULT_OBSERVE_LEAST_MS;
    return third_ms < FAULT_PROBE_DEADLINE_MS ? third_ms : FAULT_PROBE_DEADLINE_MS;
}

json_t *fault_window_observe(struct fault_window *fault, int64_t by_ns)
{
    struct cluster *cluster = fault->cluster;
    if (fault->cluster_fault)
        return fault->cluster_fault->observe(fault);
    const struct rift_node_set *nodes = &fault->resolved.nodes;
    int64_t deadline_ms = observe_deadline_ms(by_ns);
    struct link_probe during = {0};
    if (is_late(fault))
        during.late_ms = link_fault_late_ms(cluster, &fault->window->what, &fault->resolved.grudge);
    deadline_ms += during.late_ms;
    if (is_on_links(fault))
        link_probe_run(&during, cluster, &fault->resolved.grudge, probe_spread_ms(fault),
                       deadline_ms + probe_spread_ms(fault));
    struct client_probe clients = {0};
    if (is_of_clients(fault))
        ask_as_client(fault, &clients, flap_spread_ms(fault));
    json_t *id = json_pack("{s:s, s:I}", "id", fault->id, "for_ms",
                           (json_int_t)(deadline_ms - FAULT_OBSERVE_ANSWER_MS));
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
    return !fault->cluster_fault && !is_by_silence && !is_late(fault) && !is_of_clients(fault) &&
           fault->error.code == RIFT_ERR_NONE && !json_is_true(json_object_get(seen, "observed"));
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
        rift_text_append(&text, own_words(fault, node, &healed->error));
    const char *was = json_string_value(json_object_get(healed->ok, "was"));
    bool is_absent = was && strcmp(was, "absent") == 0;
    bool is_early = fault->injected[node].ok && (is_absent || (was && strcmp(was, "ended") == 0));
    if (is_early && is_absent)
        rift_text_append(&text, "it had ended before");
    for (size_t s = 0; s < fault->cluster->node_count && is_on_links(fault); s++) {
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
    if (is_of_clients(fault))
        is_observed = client_probe_describe_healed(&fault->clients_before, clients, node, &text) &&
                      is_observed;
    return json_pack("{s:o, s:s, s:b, s:b}", "healed_ns",
                     run_time_of(fault, node, json_object_get(healed->ok, "applied_ns")), "after",
                     text.data ? text.data : "", "is_observed", (int)is_observed, "ended_early",
                     (int)is_early);
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

/* Looks until every link hears that heard before, or FAULT_BACK_MS are over. */
static void look_after_heal(const struct fault_window *fault, struct link_probe *after)
{
    int64_t until = rift_clock_now() + FAULT_BACK_MS * RIFT_MS;
    for (;;) {
        link_probe_run(after, fault->cluster, &fault->resolved.grudge, 0, FAULT_PROBE_DEADLINE_MS);
        if (are_all_heard(fault, after) || rift_clock_now() >= until)
            return;
        link_probe_finish(after);
        *after = (struct link_probe){0};
        rift_clock_sleep_until(rift_clock_now() + FAULT_BACK_PAUSE_MS * RIFT_MS);
    }
}

/* The same for clients. */
static void look_as_client_after_heal(const struct fault_window *fault, struct client_probe *after)
{
    int64_t until = rift_clock_now() + FAULT_BACK_MS * RIFT_MS;
    for (;;) {
        ask_as_client(fault, after, 0);
        if (client_probe_all_answer(after, &fault->clients_before, &fault->resolved.nodes) ||
            rift_clock_now() >= until)
            return;
        client_probe_finish(after);
        rift_clock_sleep_until(rift_clock_now() + FAULT_BACK_PAUSE_MS * RIFT_MS);
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
    cluster_call(cluster, nodes, "heal", args, FAULT_HEAL_DEADLINE_MS, healed);
    if (fault->error.code == RIFT_ERR_NONE)
        cluster_replies_check(cluster, healed, &fault->error);
    struct link_probe after = {0};
    if (is_on_links(fault))
        look_after_heal(fault, &after);
    struct client_probe clients = {0};
    if (is_of_clients(fault))
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
