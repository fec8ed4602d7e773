/* A graph of transactions in compressed rows: integers only, one 32-bit word an edge.
 *
 * Vertices below transaction_count are transactions. Those above are junctions: they stand for many
 * edges at once ("everything that ended by now precedes everything that starts later"), which keeps
 * the graph linear where the relation is quadratic. An edge into a junction has the relation that
 * the junction stands for; edges out of it are THROUGH and count for nothing. */
#ifndef CHECKERS_TXN_GRAPH_H
#define CHECKERS_TXN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum txn_relation {
    TXN_WW,           /* wrote the version before one that the other wrote */
    TXN_WR,           /* wrote a version that the other read */
    TXN_RW,           /* read a version before one that the other wrote */
    TXN_PROCESS,      /* ran earlier in the same process */
    TXN_REALTIME,     /* ended before the other started */
    TXN_THROUGH,      /* out of a junction */
    TXN_RW_PREDICATE, /* as rw, but a predicate selected the version and did not return it */
    TXN_RELATION_COUNT,
};

enum {
    TXN_RELATION_SHIFT = 29,
    TXN_VERTEX_MAX = (1 << TXN_RELATION_SHIFT) - 1,
};

#define TXN_VERTEX_MASK ((UINT32_C(1) << TXN_RELATION_SHIFT) - 1)

/* A set of relations, one bit each. */
typedef uint8_t txn_relations;

static inline txn_relations txn_relation_bit(enum txn_relation relation)
{
    return (txn_relations)(1U << relation);
}

const char *txn_relation_name(enum txn_relation relation);

struct txn_graph {
    uint32_t vertex_count;
    uint32_t transaction_count;
    uint32_t edge_count;
    uint32_t *first; /* vertex_count + 1: edges of v are first[v] .. first[v + 1] - 1 */
    uint32_t *edge;  /* target | relation << TXN_RELATION_SHIFT */
};

static inline uint32_t txn_edge_target(uint32_t edge)
{
    return edge & TXN_VERTEX_MASK;
}

static inline enum txn_relation txn_edge_relation(uint32_t edge)
{
    return (enum txn_relation)(edge >> TXN_RELATION_SHIFT);
}

void txn_graph_finish(struct txn_graph *graph);
/* The graph over members only (junctions among them last): member i becomes vertex i. Edges to
 * others are dropped. local maps old vertices to new ones plus one, zeroed before and after. */
void txn_graph_restrict(const struct txn_graph *graph, const uint32_t *members, uint32_t count,
                        uint32_t *local, struct txn_graph *part);

/* Collects edges in any order. */
struct txn_edges {
    uint32_t transaction_count;
    uint32_t vertex_count;
    size_t count;
    size_t capacity;
    struct txn_edge {
        uint32_t from;
        uint32_t edge;
    } * items;
    bool is_full; /* more vertices or edges than the graph can hold: it is not to be trusted */
};

void txn_edges_init(struct txn_edges *edges, uint32_t transaction_count);
void txn_edges_finish(struct txn_edges *edges);
/* A new vertex that is no transaction. */
uint32_t txn_edges_junction(struct txn_edges *edges);
/* from == to is ignored: no transaction precedes itself. */
void txn_edges_add(struct txn_edges *edges, uint32_t from, uint32_t to, enum txn_relation relation);
/* An edge from each of sources to each of targets but to itself, in linear size. */
void txn_edges_fan(struct txn_edges *edges, const uint32_t *sources, size_t source_count,
                   const uint32_t *targets, size_t target_count, enum txn_relation relation);
/* Sorts into rows and frees the edges. An edge that was added twice is there twice. */
void txn_edges_build(struct txn_edges *edges, struct txn_graph *graph);
/* Makes no difference any more between what items and what predicates missed: rw. */
void txn_edges_merge_predicates(struct txn_edges *edges);
/* The same for a graph. */
void txn_graph_merge_predicates(struct txn_graph *graph);
/* As txn_edges_build, and keeps the edges, to add more. */
void txn_edges_copy(const struct txn_edges *edges, struct txn_graph *graph);

#endif
