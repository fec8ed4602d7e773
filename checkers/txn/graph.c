/* Edges are collected in a list, then sorted into rows by counting: linear time. */
#include "checkers/txn/graph.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { FAN_DIRECT_MAX = 64, EDGES_FIRST = 1024 };

const char *txn_relation_name(enum txn_relation relation)
{
    static const char *const names[] = {"ww", "wr", "rw", "process", "realtime", "through", "rw"};
    return names[relation];
}

void txn_graph_finish(struct txn_graph *graph)
{
    free(graph->first);
    free(graph->edge);
    *graph = (struct txn_graph){0};
}

void txn_graph_restrict(const struct txn_graph *graph, const uint32_t *members, uint32_t count,
                        uint32_t *local, struct txn_graph *part)
{
    size_t edge_count = 0;
    uint32_t transaction_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        local[members[i]] = i + 1;
        transaction_count += members[i] < graph->transaction_count;
        edge_count += graph->first[members[i] + 1] - graph->first[members[i]];
    }
    *part = (struct txn_graph){.vertex_count = count, .transaction_count = transaction_count};
    part->first = rift_calloc((size_t)count + 1, sizeof *part->first);
    part->edge = rift_reallocarray(NULL, edge_count + 1, sizeof *part->edge);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t e = graph->first[members[i]]; e < graph->first[members[i] + 1]; e++) {
            uint32_t target = local[txn_edge_target(graph->edge[e])];
            if (target)
                part->edge[kept++] = (graph->edge[e] & ~TXN_VERTEX_MASK) | (target - 1);
        }
        part->first[i + 1] = kept;
    }
    part->edge_count = kept;
    for (uint32_t i = 0; i < count; i++)
        local[members[i]] = 0;
}

void txn_edges_init(struct txn_edges *edges, uint32_t transaction_count)
{
    *edges = (struct txn_edges){.transaction_count = transaction_count,
                                .vertex_count = transaction_count};
}

void txn_edges_finish(struct txn_edges *edges)
{
    free(edges->items);
    *edges = (struct txn_edges){0};
}

uint32_t txn_edges_junction(struct txn_edges *edges)
{
    if (edges->vertex_count == TXN_VERTEX_MAX) {
        edges->is_full = true;
        return edges->vertex_count - 1;
    }
    return edges->vertex_count++;
}

void txn_edges_add(struct txn_edges *edges, uint32_t from, uint32_t to, enum txn_relation relation)
{
    if (from == to)
        return;
    if (edges->count == edges->capacity) {
        if (edges->count >= UINT32_MAX / 2) {
            edges->is_full = true;
            return;
        }
        edges->capacity = edges->capacity ? edges->capacity * 2 : EDGES_FIRST;
        edges->items = rift_reallocarray(edges->items, edges->capacity, sizeof *edges->items);
    }
    edges->items[edges->count++] =
        (struct txn_edge){from, to | (uint32_t)relation << TXN_RELATION_SHIFT};
}

static int compare_vertices(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The list ascending, each once; its new length in *count. */
static uint32_t *sort_unique(const uint32_t *list, size_t *count)
{
    uint32_t *sorted = rift_reallocarray(NULL, *count, sizeof *sorted);
    size_t kept = 0;
    memcpy(sorted, list, *count * sizeof *sorted);
    for (size_t i = 1; i < *count; i++)
        if (sorted[i - 1] > sorted[i]) {
            qsort(sorted, *count, sizeof *sorted, compare_vertices);
            break;
        }
    for (size_t i = 0; i < *count; i++)
        if (kept == 0 || sorted[kept - 1] != sorted[i])
            sorted[kept++] = sorted[i];
    *count = kept;
    return sorted;
}

/* Two chains of junctions over the sorted targets: up[i] leads to targets i, i + 1, ... and down[i]
 * to targets i, i - 1, ... A source that is itself target i goes to up[i + 1] and down[i - 1]. */
void txn_edges_fan(struct txn_edges *edges, const uint32_t *sources, size_t source_count,
                   const uint32_t *targets, size_t target_count, enum txn_relation relation)
{
    if (source_count == 0 || target_count == 0)
        return;
    if (source_count * target_count <= FAN_DIRECT_MAX || source_count == 1 || target_count == 1) {
        for (size_t i = 0; i < source_count; i++)
            for (size_t j = 0; j < target_count; j++)
                txn_edges_add(edges, sources[i], targets[j], relation);
        return;
    }
    uint32_t *sorted = sort_unique(targets, &target_count);
    uint32_t up = edges->vertex_count;
    for (size_t i = 0; i < 2 * target_count; i++)
        txn_edges_junction(edges);
    uint32_t down = up + (uint32_t)target_count;
    for (uint32_t i = 0; !edges->is_full && i < target_count; i++) {
        txn_edges_add(edges, up + i, sorted[i], TXN_THROUGH);
        txn_edges_add(edges, down + i, sorted[i], TXN_THROUGH);
        if (i + 1 < target_count) {
            txn_edges_add(edges, up + i, up + i + 1, TXN_THROUGH);
            txn_edges_add(edges, down + i + 1, down + i, TXN_THROUGH);
        }
    }
    for (size_t i = 0; !edges->is_full && i < source_count; i++) {
        uint32_t *own =
            bsearch(&sources[i], sorted, target_count, sizeof *sorted, compare_vertices);
        if (!own) {
            txn_edges_add(edges, sources[i], up, relation);
            continue;
        }
        uint32_t at = (uint32_t)(own - sorted);
        if (at + 1 < target_count)
            txn_edges_add(edges, sources[i], up + at + 1, relation);
        if (at > 0)
            txn_edges_add(edges, sources[i], down + at - 1, relation);
    }
    free(sorted);
}

static uint32_t merged_edge(uint32_t edge)
{
    if (txn_edge_relation(edge) != TXN_RW_PREDICATE)
        return edge;
    return txn_edge_target(edge) | (uint32_t)TXN_RW << TXN_RELATION_SHIFT;
}

void txn_edges_merge_predicates(struct txn_edges *edges)
{
    for (size_t i = 0; i < edges->count; i++)
        edges->items[i].edge = merged_edge(edges->items[i].edge);
}

void txn_graph_merge_predicates(struct txn_graph *graph)
{
    for (uint32_t e = 0; e < graph->edge_count; e++)
        graph->edge[e] = merged_edge(graph->edge[e]);
}

void txn_edges_copy(const struct txn_edges *edges, struct txn_graph *graph)
{
    uint32_t vertex_count = edges->vertex_count;
    *graph = (struct txn_graph){.vertex_count = vertex_count,
                                .transaction_count = edges->transaction_count,
                                .edge_count = (uint32_t)edges->count};
    graph->first = rift_calloc((size_t)vertex_count + 2, sizeof *graph->first);
    graph->edge = rift_reallocarray(NULL, edges->count + 1, sizeof *graph->edge);
    uint32_t *next = graph->first + 1; /* next[v] is where the following edge of v goes */
    for (size_t i = 0; i < edges->count; i++)
        next[edges->items[i].from + 1]++;
    for (uint32_t v = 0; v < vertex_count; v++)
        next[v + 1] += next[v];
    for (size_t i = 0; i < edges->count; i++)
        graph->edge[next[edges->items[i].from]++] = edges->items[i].edge;
}

void txn_edges_build(struct txn_edges *edges, struct txn_graph *graph)
{
    txn_edges_copy(edges, graph);
    txn_edges_finish(edges);
}
