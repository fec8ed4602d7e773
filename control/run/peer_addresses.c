/* Asked anew for each fault, as addresses move from node to node. */
#include "control/run/peer_addresses.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { ASK_MS = 500, FURTHER_MAX = 15 };

/* fd00:0::1 and fd00::1 are the same. */
static bool is_same(const char *one, const char *other)
{
    unsigned char a[16], b[16];
    if (inet_pton(AF_INET6, one, a) == 1 && inet_pton(AF_INET6, other, b) == 1)
        return memcmp(a, b, sizeof a) == 0;
    return strcmp(one, other) == 0;
}

static bool is_configured(const struct cluster *cluster, const char *address)
{
    for (size_t i = 0; i < cluster->node_count; i++)
        if (is_same(cluster->addresses[i], address))
            return true;
    return false;
}

static bool has(const json_t *reply, const char *address)
{
    size_t i = 0;
    const json_t *one = NULL;
    json_array_foreach(json_object_get(reply, "addresses"), i, one)
    {
        if (json_is_string(one) && is_same(json_string_value(one), address))
            return true;
    }
    return false;
}

static json_t *further_of(const struct cluster *cluster, const struct cluster_reply *replies,
                          size_t node)
{
    json_t *list = json_array();
    size_t i = 0;
    json_t *one = NULL;
    json_array_foreach(json_object_get(replies[node].ok, "addresses"), i, one)
    {
        const char *address = json_string_value(one);
        bool is_its_own = address && !is_configured(cluster, address);
        for (size_t other = 0; is_its_own && other < cluster->node_count; other++)
            is_its_own = other == node || !has(replies[other].ok, address);
        if (is_its_own && json_array_size(list) < FURTHER_MAX)
            json_array_append(list, one);
    }
    return list;
}

json_t *peer_addresses_ask(struct cluster *cluster)
{
    struct rift_node_set connected;
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    json_t *all = json_array();
    cluster_connected(cluster, &connected);
    cluster_call(cluster, &connected, "addresses", NULL, ASK_MS, replies);
    for (size_t i = 0; i < cluster->node_count; i++)
        json_array_append_new(all, further_of(cluster, replies, i));
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    return all;
}
