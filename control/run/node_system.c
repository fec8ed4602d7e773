/* Agents answer for themselves; what is told of a process comes from /proc, through the agent, and
 * not from the call that started it. */
#include "control/run/node_system.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

enum { PROGRAMS_DEADLINE_MS = 3000 };

json_t *node_system_ask(struct cluster *cluster, size_t node, const char *verb, json_t *args,
                        int64_t deadline_ms, struct rift_error *err)
{
    json_t *asked = args ? args : json_object();
    json_object_set_new(asked, "deadline_ms", json_integer(deadline_ms));
    json_t **all = rift_calloc(cluster->node_count, sizeof(json_t *));
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    struct rift_node_set one = {0};
    rift_node_set_add(&one, node);
    all[node] = asked;
    cluster_call(cluster, &one, verb, all, deadline_ms, replies);
    json_t *ok = json_incref(replies[node].ok);
    if (!ok)
        *err = replies[node].error;
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    free(all);
    json_decref(asked);
    return ok;
}

int node_system_tell(struct cluster *cluster, size_t node, const char *verb, json_t *args,
                     int64_t deadline_ms, struct rift_error *err)
{
    json_t *ok = node_system_ask(cluster, node, verb, args, deadline_ms, err);
    json_decref(ok);
    return ok ? 0 : -1;
}

int node_system_start(struct cluster *cluster, size_t node, json_t *args, int64_t deadline_ms,
                      struct rift_error *err)
{
    int64_t end_ns = rift_clock_now() + deadline_ms * RIFT_MS;
    /* "conflict": it runs, which is what is wanted. */
    if (node_system_tell(cluster, node, "system.start", args, deadline_ms, err) != 0 &&
        err->code != RIFT_ERR_CONFLICT)
        return -1;
    int64_t left_ms = (end_ns - rift_clock_now()) / RIFT_MS;
    return node_system_tell(cluster, node, "system.wait_ready", NULL, left_ms > 1 ? left_ms : 1,
                            err);
}

int node_system_others_ready(struct cluster *cluster, size_t without, int64_t deadline_ms,
                             struct rift_error *err)
{
    struct rift_node_set others;
    cluster_all(cluster, &others);
    if (without < cluster->node_count)
        rift_node_set_remove(&others, without);
    json_t *args = json_pack("{s:I}", "deadline_ms", (json_int_t)deadline_ms);
    int result = cluster_tell(cluster, &others, "system.wait_ready", args, deadline_ms, err);
    json_decref(args);
    return result;
}

json_t *node_system_programs(struct cluster *cluster, size_t node)
{
    struct rift_error ignored;
    json_t *ok =
        node_system_ask(cluster, node, "system.programs", NULL, PROGRAMS_DEADLINE_MS, &ignored);
    json_t *processes = json_object_get(ok, "processes");
    json_t *copy = json_is_array(processes) ? json_deep_copy(processes) : json_array();
    json_decref(ok);
    return copy;
}

static bool has_entry(const json_t *processes, const json_t *wanted, const char *key)
{
    size_t i = 0;
    const json_t *process = NULL;
    json_array_foreach(processes, i, process)
    {
        if (json_equal(json_object_get(process, key), json_object_get(wanted, key)) &&
            (strcmp(key, "pid") != 0 || json_equal(json_object_get(process, "start_ticks"),
                                                   json_object_get(wanted, "start_ticks"))))
            return true;
    }
    return false;
}

bool node_system_are_others(const json_t *before, const json_t *now)
{
    size_t i = 0;
    const json_t *process = NULL;
    json_array_foreach(now, i, process)
    {
        if (has_entry(before, process, "pid"))
            return false;
    }
    return true;
}

static bool has_all_programs(const json_t *in, const json_t *of)
{
    size_t i = 0;
    const json_t *process = NULL;
    json_array_foreach(of, i, process)
    {
        if (!has_entry(in, process, "sha256"))
            return false;
    }
    return true;
}

bool node_system_same_programs(const json_t *before, const json_t *now)
{
    return has_all_programs(before, now) && has_all_programs(now, before);
}
