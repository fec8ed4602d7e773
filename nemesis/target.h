/* Whom a fault hits: the symbolic target of the plan ("minority", "primaries"), and the nodes that
 * it names once the cluster is known. Nodes are numbered in plan order. */
#ifndef NEMESIS_TARGET_H
#define NEMESIS_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/rng.h"
#include "common/text.h"

enum { RIFT_NODES_MAX = 256 };

/* A set of nodes. Zeroed is empty. */
struct rift_node_set {
    uint64_t bits[RIFT_NODES_MAX / 64];
};

void rift_node_set_add(struct rift_node_set *set, size_t node);
void rift_node_set_remove(struct rift_node_set *set, size_t node);
bool rift_node_set_has(const struct rift_node_set *set, size_t node);
size_t rift_node_set_count(const struct rift_node_set *set);
/* Appends "n1, n3". */
void rift_node_set_print(const struct rift_node_set *set, const char *const *names,
                         struct rift_text *text);

enum rift_target_kind {
    RIFT_TARGET_ONE,            /* one node at random */
    RIFT_TARGET_MINORITY,       /* the largest minority: (n - 1) / 2 nodes */
    RIFT_TARGET_MAJORITY,       /* the smallest majority: n / 2 + 1 nodes */
    RIFT_TARGET_MINORITY_THIRD, /* (n - 1) / 3 nodes, at least one: what a Byzantine quorum bears */
    RIFT_TARGET_ALL,
    RIFT_TARGET_PRIMARIES, /* every node that the role probe calls primary */
    RIFT_TARGET_FOLLOWERS, /* every node that it does not */
    RIFT_TARGET_SUBSET,    /* a random non-empty subset */
    RIFT_TARGET_NAMED,     /* the nodes of the plan's list */
};

/* Plain data; part of a plan. */
struct rift_target_choice {
    enum rift_target_kind kind;
    struct rift_node_set named; /* of RIFT_TARGET_NAMED */
};

/* The words of the configuration, NULL-terminated, in the order of the enum, NAMED not among them.
 */
extern const char *const rift_target_words[];
/* One line each, same order. */
extern const char *const rift_target_summaries[];

/* What is known of the cluster at the moment of a fault. */
struct rift_cluster {
    size_t node_count;
    const char *const *names;
    struct rift_node_set primaries; /* empty: none known */
};

/* The nodes of a symbolic target: the same choice, cluster and state of rng give the same nodes.
 * Where primaries or followers are asked for and no primary is known, one node at random (or all
 * but one) stands in and *is_guess is set. Fails only for a cluster without nodes. */
int rift_target_resolve(const struct rift_target_choice *choice, const struct rift_cluster *cluster,
                        struct rift_rng *rng, struct rift_node_set *nodes, bool *is_guess,
                        struct rift_error *err);
/* Appends the symbolic form: "minority 2", "primaries", "n1, n3". */
void rift_target_print(const struct rift_target_choice *choice, size_t node_count,
                       const char *const *names, struct rift_text *text);

#endif
