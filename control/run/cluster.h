/* The hosts of a run, and one question to many of them at once. */
#ifndef CONTROL_RUN_CLUSTER_H
#define CONTROL_RUN_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "control/remote/node.h"
#include "nemesis/target.h"
#include "plan/plan.h"

struct cluster {
    size_t node_count;
    const char *const *names; /* NULL-terminated, plan order */
    struct rift_node **nodes;
    const char **addresses; /* NULL-terminated; what peers and clients reach them at */
};

/* Opens all nodes in parallel: the error names every node that could not be reached, one a line.
 * hosts outlive the cluster. */
struct cluster *cluster_open(const struct rift_node_settings *hosts, size_t count,
                             const char *const *names, struct rift_error *err);
/* In parallel: heals all, ends the agents. NULL: nothing. */
void cluster_close(struct cluster *cluster);

void cluster_all(const struct cluster *cluster, struct rift_node_set *set);
/* The nodes that there is contact with right now. */
void cluster_connected(const struct cluster *cluster, struct rift_node_set *set);

/* What one node said. Zeroed: it was not asked. */
struct cluster_reply {
    bool is_asked;
    json_t *ok; /* owned; NULL where error says why, and names the node */
    struct rift_error error;
};

/* One verb to each node of the set, in parallel; returns when all have answered or deadline_ms has
 * passed. args[node] (NULL array or entry: {}) are borrowed. replies has node_count entries; give
 * them back to cluster_replies_free. Any thread. */
void cluster_call(struct cluster *cluster, const struct rift_node_set *set, const char *verb,
                  json_t *const *args, int64_t deadline_ms, struct cluster_reply *replies);
void cluster_replies_free(struct cluster_reply *replies, size_t count);
/* The same with one args for all, and no interest in what they say; fails with the first node's
 * error in plan order, and how many others failed too. */
int cluster_tell(struct cluster *cluster, const struct rift_node_set *set, const char *verb,
                 const json_t *args, int64_t deadline_ms, struct rift_error *err);
/* Turns replies into one error: the first node's, and how many more. 0 where all are well. */
int cluster_replies_check(const struct cluster *cluster, const struct cluster_reply *replies,
                          struct rift_error *err);

/* The nodes that the role probe calls leaders; empty where it cannot be asked. */
struct rift_node_set cluster_primaries(struct cluster *cluster, int64_t deadline_ms);

/* A time of the node's CLOCK_MONOTONIC in ours, and back. */
int64_t cluster_time_of_node(const struct cluster *cluster, size_t node, int64_t agent_ns);
int64_t cluster_time_at_node(const struct cluster *cluster, size_t node, int64_t our_ns);

#endif
