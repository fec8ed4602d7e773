/* A grudge: for each node, the nodes whose packets it drops. Every partition is one. */
#ifndef NEMESIS_GRUDGE_H
#define NEMESIS_GRUDGE_H

#include <jansson.h>

#include "common/error.h"
#include "common/rng.h"
#include "nemesis/target.h"

enum rift_grudge_kind {
    RIFT_GRUDGE_HALVES,           /* two random halves; the smaller has n / 2 nodes */
    RIFT_GRUDGE_ISOLATE_ONE,      /* one random node alone */
    RIFT_GRUDGE_MINORITY,         /* the largest minority against the rest */
    RIFT_GRUDGE_MINORITY_THIRD,   /* (n - 1) / 3 nodes, at least one, against the rest */
    RIFT_GRUDGE_MAJORITIES_RING,  /* every node sees a majority, no two see the same; both ways */
    RIFT_GRUDGE_BRIDGE,           /* two halves, and one node that sees both */
    RIFT_GRUDGE_ONE_WAY,          /* a random minority is deaf, or is heard by nobody else */
    RIFT_GRUDGE_ISOLATE_PRIMARY,  /* the primaries, each alone */
    RIFT_GRUDGE_PRIMARY_MINORITY, /* a primary with a minority of the others against the rest */
    RIFT_GRUDGE_ISOLATE_ALL,      /* nobody sees anybody */
    RIFT_GRUDGE_EXPLICIT,         /* as the plan lists it */
};

/* The words of the configuration, NULL-terminated, in the order of the enum, EXPLICIT not among
 * them. */
extern const char *const rift_grudge_words[];
/* One line each, same order. */
extern const char *const rift_grudge_summaries[];

/* Plain data. drops[d] holds the sources whose packets node d drops; never d itself. */
struct rift_grudge {
    size_t node_count;
    struct rift_node_set drops[RIFT_NODES_MAX];
};

/* Fills the grudge for kind (not EXPLICIT): the same cluster and state of rng give the same one.
 * *is_guess as in rift_target_resolve. Fails for a cluster of fewer than two nodes, or of fewer
 * than three where the kind needs them (majorities-ring, bridge). */
int rift_grudge_resolve(enum rift_grudge_kind kind, const struct rift_cluster *cluster,
                        struct rift_rng *rng, struct rift_grudge *grudge, bool *is_guess,
                        struct rift_error *err);
/* Every node of a component drops all that are in none of its components; a node in two components
 * (a bridge) hears both. */
void rift_grudge_from_components(struct rift_grudge *grudge, size_t node_count,
                                 const struct rift_node_set *components, size_t component_count);
bool rift_grudge_is_dropped(const struct rift_grudge *grudge, size_t source, size_t destination);
/* Links (ordered pairs) that are cut. */
size_t rift_grudge_cut_count(const struct rift_grudge *grudge);

/* {"n1": ["n3", "n4"], ...}: destination to sources, only nodes that drop something; the caller
 * owns it. And back: fails naming the unknown node. */
json_t *rift_grudge_to_json(const struct rift_grudge *grudge, const char *const *names);
int rift_grudge_from_json(struct rift_grudge *grudge, const json_t *json, const char *const *names,
                          size_t node_count, struct rift_error *err);

#endif
