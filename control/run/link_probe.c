/* Which node hears which. Each round has a token of its own, so that a late datagram of one round
 * never counts in another. */
#include "control/run/link_probe.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { LINK_PROBE_INTERVAL_MS = 5, LINK_PROBE_WAIT_MS = 50 };

static atomic_int link_next_token = 1;

static json_t *link_args_of_source(struct cluster *cluster, const struct rift_grudge *links,
                                   size_t source, const json_int_t *ports, int token,
                                   int64_t spread_ms, int64_t late_ms)
{
    json_t *peers = json_array();
    for (size_t d = 0; d < cluster->node_count; d++) {
        if (!rift_grudge_is_dropped(links, source, d))
            continue;
        json_array_append_new(peers, json_pack("{s:s, s:s, s:I}", "name", cluster->names[d],
                                               "address", cluster->addresses[d], "port", ports[d]));
    }
    return json_pack("{s:i, s:o, s:i, s:i, s:I}", "token", token, "peers", peers, "count",
                     spread_ms > 0 ? LINK_PROBE_SPREAD : LINK_PROBE_COUNT, "interval_ms",
                     spread_ms > 0 ? (int)(spread_ms / LINK_PROBE_SPREAD) + 1
                                   : LINK_PROBE_INTERVAL_MS,
                     "wait_ms", (json_int_t)(LINK_PROBE_WAIT_MS + late_ms));
}

/* "from" of one destination into its row; addresses that belong to no node are left out. */
static void link_read_row(const struct cluster *cluster, const json_t *ok,
                          const struct rift_grudge *links, size_t destination,
                          const struct cluster_reply *sent, int *row)
{
    for (size_t s = 0; s < cluster->node_count; s++) {
        if (rift_grudge_is_dropped(links, s, destination) && sent[s].ok)
            row[s] = 0;
    }
    size_t i = 0;
    const json_t *from = NULL;
    json_array_foreach(json_object_get(ok, "from"), i, from)
    {
        const char *address = json_string_value(json_object_get(from, "address"));
        for (size_t s = 0; address && s < cluster->node_count; s++) {
            if (strcmp(address, cluster->addresses[s]) == 0 && row[s] != LINK_NOT_PROBED)
                row[s] = (int)json_integer_value(json_object_get(from, "received"));
        }
    }
}

/* What a source measured, by the names of its peers. */
static void link_read_trips(const struct cluster *cluster, const json_t *ok, size_t source,
                            int64_t *trips_ns)
{
    size_t i = 0;
    const json_t *peer = NULL;
    json_array_foreach(json_object_get(ok, "peers"), i, peer)
    {
        const char *name = json_string_value(json_object_get(peer, "name"));
        const json_t *trip = json_object_get(peer, "trip_ns");
        for (size_t d = 0; name && trip && d < cluster->node_count; d++)
            if (strcmp(cluster->names[d], name) == 0)
                trips_ns[d * cluster->node_count + source] = json_integer_value(trip);
    }
}

static void link_read_ports(struct cluster *cluster, json_int_t *ports)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        json_t *hello = rift_node_hello(cluster->nodes[i]);
        ports[i] = json_integer_value(json_object_get(hello, "probe_port"));
        json_decref(hello);
    }
}

void link_probe_run(struct link_probe *probe, struct cluster *cluster,
                    const struct rift_grudge *links, int64_t spread_ms, int64_t deadline_ms)
{
    const size_t count = cluster->node_count;
    int token = atomic_fetch_add(&link_next_token, 1);
    struct rift_node_set sources = {0}, destinations = {0};
    json_t **args = rift_calloc(count, sizeof(json_t *));
    json_int_t *ports = rift_calloc(count, sizeof *ports);
    struct cluster_reply *sent = rift_calloc(count, sizeof *sent);
    struct cluster_reply *received = rift_calloc(count, sizeof *received);
    probe->node_count = count;
    probe->heard = rift_calloc(count * count, sizeof *probe->heard);
    probe->trips_ns = rift_calloc(count * count, sizeof *probe->trips_ns);
    for (size_t i = 0; i < count * count; i++) {
        probe->heard[i] = LINK_NOT_PROBED;
        probe->trips_ns[i] = -1;
    }
    link_read_ports(cluster, ports);
    for (size_t s = 0; s < count; s++) {
        args[s] = link_args_of_source(cluster, links, s, ports, token, spread_ms, probe->late_ms);
        if (json_array_size(json_object_get(args[s], "peers")) > 0)
            rift_node_set_add(&sources, s);
        if (rift_node_set_count(&links->drops[s]) > 0)
            rift_node_set_add(&destinations, s);
    }
    cluster_call(cluster, &sources, "probe_pairs", args, deadline_ms, sent);
    for (size_t i = 0; i < count; i++) {
        link_read_trips(cluster, sent[i].ok, i, probe->trips_ns);
        json_decref(args[i]);
        args[i] = json_pack("{s:i}", "token", token);
    }
    cluster_call(cluster, &destinations, "probe_received", args, deadline_ms, received);
    for (size_t d = 0; d < count; d++) {
        if (received[d].ok)
            link_read_row(cluster, received[d].ok, links, d, sent, &probe->heard[d * count]);
        json_decref(args[d]);
    }
    cluster_replies_free(sent, count);
    cluster_replies_free(received, count);
    free(sent);
    free(received);
    free(args);
    free(ports);
}

void link_probe_finish(struct link_probe *probe)
{
    free(probe->heard);
    free(probe->trips_ns);
    *probe = (struct link_probe){0};
}

int link_probe_heard(const struct link_probe *probe, size_t source, size_t destination)
{
    return probe->heard ? probe->heard[destination * probe->node_count + source] : LINK_NOT_PROBED;
}

int64_t link_probe_trip(const struct link_probe *probe, size_t source, size_t destination)
{
    return probe->trips_ns ? probe->trips_ns[destination * probe->node_count + source] : -1;
}
