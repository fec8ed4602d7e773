/* A link is hit where its grudge's destination sends back to the source, so the echo of a probe
 * from source to destination shows it. */
#include "control/run/link_fault.h"

#include <math.h>
#include <string.h>

enum { LATE_MOST_MS = 5000 };
/* A shorter delay is not told from a busy host by a few datagrams. */
static const double told_ms = 4;
/* The least part of the delay that must be seen: half of it, as jitter and a few datagrams have it.
 */
static const double seen_part = 0.5;

const char *link_fault_driver(const struct rift_fault *fault)
{
    return fault->driver ? fault->driver : fault->name;
}

static const json_t *link_own_options(const struct cluster *cluster,
                                      const struct rift_fault_variant *what, size_t from, size_t to)
{
    if (!what->fault->is_given_by_link)
        return NULL;
    return json_object_get(
        json_object_get(json_object_get(what->options, "links"), cluster->names[from]),
        cluster->names[to]);
}

json_t *link_fault_peers(const struct cluster *cluster, const struct rift_fault_variant *what,
                         size_t node, const struct rift_node_set *peers, const json_t *further)
{
    json_t *list = json_array();
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (!rift_node_set_has(peers, i))
            continue;
        json_t *peer = json_pack("{s:s, s:[s], s:O?}", "name", cluster->names[i], "addresses",
                                 cluster->addresses[i], "further", json_array_get(further, i));
        const json_t *own = link_own_options(cluster, what, node, i);
        if (own)
            json_object_set(peer, "options", (json_t *)own);
        json_array_append_new(list, peer);
    }
    return list;
}

bool link_fault_delays(const struct rift_fault_variant *what)
{
    return what->fault->is_given_by_link ||
           json_number_value(json_object_get(what->options, "delay_ms")) > 0 ||
           json_array_size(json_object_get(what->options, "delays_ms")) > 0 ||
           json_number_value(json_object_get(what->options, "slot_ms")) > 0;
}

bool link_fault_is_by_chance(const struct rift_fault_variant *what)
{
    return strcmp(link_fault_driver(what->fault), "link") == 0 && !link_fault_delays(what) &&
           !(json_number_value(json_object_get(what->options, "rate_kbit")) > 0);
}

bool link_fault_scatters(const struct rift_fault_variant *what)
{
    return what->fault->is_given_by_link ||
           json_array_size(json_object_get(what->options, "delays_ms")) > 0 ||
           json_number_value(json_object_get(what->options, "jitter_ms")) > 0;
}

/* The least or the most of the delays as measured, where they are given; else 0. */
static double measured_ms(const struct rift_fault_variant *what, bool is_most)
{
    const json_t *list = json_object_get(what->options, "delays_ms");
    double best_ms = json_number_value(json_array_get(list, 0));
    for (size_t i = 1; i < json_array_size(list); i++) {
        double ms = json_number_value(json_array_get(list, i));
        best_ms = is_most ? fmax(best_ms, ms) : fmin(best_ms, ms);
    }
    return best_ms;
}

static double number_of(const struct cluster *cluster, const struct rift_fault_variant *what,
                        size_t from, size_t to, const char *name)
{
    const json_t *own = json_object_get(link_own_options(cluster, what, from, to), name);
    return json_number_value(own ? own : json_object_get(what->options, name));
}

int64_t link_fault_late_ms(const struct cluster *cluster, const struct rift_fault_variant *what,
                           const struct rift_grudge *grudge)
{
    double most_ms = 0;
    for (size_t node = 0; node < cluster->node_count; node++)
        for (size_t peer = 0; peer < cluster->node_count; peer++) {
            if (!rift_grudge_is_dropped(grudge, peer, node))
                continue;
            double ms = number_of(cluster, what, node, peer, "delay_ms") +
                        4 * number_of(cluster, what, node, peer, "jitter_ms") +
                        number_of(cluster, what, node, peer, "slot_ms") +
                        number_of(cluster, what, node, peer, "slot_jitter_ms") +
                        measured_ms(what, true);
            /* The way there may be late as well. */
            most_ms = fmax(most_ms, 2 * ms);
        }
    return (int64_t)fmin(most_ms, LATE_MOST_MS);
}

bool link_fault_describe(const struct cluster *cluster, const struct rift_fault_variant *what,
                         const struct rift_grudge *grudge, size_t node,
                         const struct link_probe *before, const struct link_probe *during,
                         struct rift_text *text)
{
    bool is_observed = true;
    for (size_t peer = 0; peer < cluster->node_count; peer++) {
        if (!rift_grudge_is_dropped(grudge, peer, node))
            continue;
        double asked_ms =
            number_of(cluster, what, node, peer, "delay_ms") + measured_ms(what, false);
        int64_t was_ns = link_probe_trip(before, peer, node);
        int64_t is_ns = link_probe_trip(during, peer, node);
        rift_text_printf(text, "%s%s ", text->length ? ", " : "", cluster->names[peer]);
        if (is_ns < 0) {
            rift_text_append(text, "does not answer");
            continue;
        }
        rift_text_printf(text, "answers in %.1f ms", (double)is_ns / 1e6);
        if (was_ns >= 0)
            rift_text_printf(text, " instead of %.1f", (double)was_ns / 1e6);
        double late_ms = (double)(is_ns - (was_ns < 0 ? 0 : was_ns)) / 1e6;
        is_observed = is_observed && (asked_ms < told_ms || late_ms >= asked_ms * seen_part);
    }
    return is_observed;
}
