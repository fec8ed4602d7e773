/* Causal consistency: if t1's write of x was read by a transaction that t2, which wrote x too, had
 * happened before, then t2 committed before t1.
 *
 * Happened-before is kept as clocks, for a block of sessions at a time: clock[t][s] is how far t
 * had seen session s. Reads are taken key by key, so that the writes of a key stay in the cache,
 * and for each version and session only the last write that any of its readers had seen matters.
 * What t1 itself had seen needs no edge. Time O(reads * sessions), memory O(transactions * block).
 */
#include "checkers/txn/weak.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/txn/components.h"
#include "common/memory.h"

enum { BLOCK_MAX = 64 };

struct causal {
    const struct weak_index *index;
    struct txn_graph graph; /* PROCESS and WR */
    uint32_t *order;        /* transactions in an order that keeps what happened before */
    uint32_t *clock;        /* txn_count * width */
    uint32_t base, width;   /* sessions of the block */
    uint32_t *key_write_first, *key_write; /* per key: writers by session and place */
    uint32_t *key_read_first, *key_read;   /* per key: reads (indices into read_from) by writer */
    uint32_t *reader;                      /* per read: its transaction */
};

static bool build_order(struct causal *causal)
{
    const struct weak_index *index = causal->index;
    struct txn_edges edges;
    struct txn_automaton all =
        txn_automaton_filter((txn_relations)(1U << TXN_PROCESS | 1U << TXN_WR));
    txn_edges_init(&edges, index->txn_count);
    for (uint32_t t = 0; t < index->txn_count; t++) {
        for (uint32_t r = index->read_first[t]; r < index->read_first[t + 1]; r++)
            if (index->read_from[r] != TXN_NONE)
                txn_edges_add(&edges, index->read_from[r], t, TXN_WR);
        if (index->before[t] != TXN_NONE)
            txn_edges_add(&edges, index->before[t], t, TXN_PROCESS);
    }
    txn_edges_build(&edges, &causal->graph);
    causal->order = txn_topological_order(&causal->graph, &all);
    return causal->order != NULL;
}

static void fill_clocks(struct causal *causal)
{
    const struct weak_index *index = causal->index;
    const struct txn_graph *graph = &causal->graph;
    size_t width = causal->width;
    memset(causal->clock, 0, (size_t)index->txn_count * width * sizeof *causal->clock);
    for (uint32_t i = 0; i < index->txn_count; i++) {
        uint32_t t = causal->order[i];
        uint32_t *from = causal->clock + t * width;
        uint32_t s = index->session[t] - causal->base;
        if (s < width && index->place[t] > from[s])
            from[s] = index->place[t];
        for (uint32_t e = graph->first[t]; e < graph->first[t + 1]; e++) {
            uint32_t *to = causal->clock + txn_edge_target(graph->edge[e]) * width;
            for (size_t w = 0; w < width; w++)
                to[w] = from[w] > to[w] ? from[w] : to[w];
        }
    }
}

/* Sorts pairs (group, item), given item by item in the order that must stay, by group. */
static uint32_t *group(uint32_t group_count, const uint32_t *groups, const uint32_t *items,
                       uint32_t count, uint32_t **first)
{
    uint32_t *place = rift_calloc((size_t)group_count + 2, sizeof *place);
    uint32_t *sorted = rift_reallocarray(NULL, (size_t)count + 1, sizeof *sorted);
    for (uint32_t i = 0; i < count; i++)
        place[groups[i] + 2]++;
    for (uint32_t g = 0; g < group_count; g++)
        place[g + 2] += place[g + 1];
    for (uint32_t i = 0; i < count; i++)
        sorted[place[groups[i] + 1]++] = items[i];
    *first = place;
    return sorted;
}

/* Writers of each key by session and place; reads of each key by the transaction read from. */
static void group_by_key(struct causal *causal)
{
    const struct weak_index *index = causal->index;
    uint32_t key_count = index->model->set->key_count, txn_count = index->txn_count;
    uint32_t reads = index->read_first[txn_count], writes = index->write_first[txn_count];
    size_t size = (size_t)(reads > writes ? reads : writes) + 1;
    uint32_t *groups = rift_reallocarray(NULL, size, sizeof *groups);
    uint32_t *items = rift_reallocarray(NULL, size, sizeof *items);
    uint32_t *numbers = rift_reallocarray(NULL, (size_t)txn_count + 1, sizeof *numbers);
    uint32_t *first, n = 0;
    for (uint32_t t = 0; t < txn_count; t++)
        numbers[t] = t;
    uint32_t *by_session =
        group(index->session_count + 1, index->session, numbers, txn_count, &first);
    free(first);
    for (uint32_t i = 0; i < txn_count; i++) {
        uint32_t t = by_session[i];
        for (uint32_t w = index->write_first[t]; w < index->write_first[t + 1]; w++) {
            groups[n] = index->write_key[w];
            items[n++] = t;
        }
    }
    causal->key_write = group(key_count, groups, items, n, &causal->key_write_first);
    /* By writer first, the initial state last; then by key, which keeps that order. */
    causal->reader = rift_reallocarray(NULL, (size_t)reads + 1, sizeof *causal->reader);
    for (uint32_t t = 0; t < txn_count; t++)
        for (uint32_t r = index->read_first[t]; r < index->read_first[t + 1]; r++) {
            causal->reader[r] = t;
            groups[r] = index->read_from[r] == TXN_NONE ? txn_count : index->read_from[r];
            items[r] = r;
        }
    uint32_t *by_writer = group(txn_count + 1, groups, items, reads, &first);
    free(first);
    for (uint32_t i = 0; i < reads; i++)
        groups[i] = index->read_key[by_writer[i]];
    causal->key_read = group(key_count, groups, by_writer, reads, &causal->key_read_first);
    free(by_writer);
    free(by_session);
    free(numbers);
    free(groups);
    free(items);
}

/* The last of the writers low .. high - 1 (of one session) with a place up to limit, or TXN_NONE.
 */
static uint32_t last_write_within(const struct causal *causal, uint32_t low, uint32_t high,
                                  uint32_t limit)
{
    uint32_t begin = low;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (causal->index->place[causal->key_write[middle]] <= limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low > begin ? causal->key_write[low - 1] : TXN_NONE;
}

/* One of the readers begin .. end - 1 that t2 had happened before. */
static uint32_t reader_that_saw(const struct causal *causal, uint32_t begin, uint32_t end,
                                uint32_t t2)
{
    const struct weak_index *index = causal->index;
    uint32_t s = index->session[t2] - causal->base;
    for (uint32_t i = begin; i < end; i++) {
        uint32_t t3 = causal->reader[causal->key_read[i]];
        if (t3 != t2 && causal->clock[(size_t)t3 * causal->width + s] >= index->place[t2])
            return t3;
    }
    return causal->reader[causal->key_read[begin]];
}

/* Relates one version (t1's, read by reads begin .. end - 1) with the writers of its key. */
static void relate_version(const struct causal *causal, uint32_t key, uint32_t t1, uint32_t begin,
                           uint32_t end, struct txn_edges *edges, struct weak_conflict *conflict)
{
    const struct weak_index *index = causal->index;
    size_t width = causal->width;
    uint32_t seen[BLOCK_MAX] = {0};
    for (uint32_t i = begin; i < end; i++) {
        uint32_t t3 = causal->reader[causal->key_read[i]];
        const uint32_t *clock = causal->clock + t3 * width;
        uint32_t own = index->session[t3] - causal->base;
        for (size_t s = 0; s < width; s++) {
            /* The reader itself did not happen before itself. */
            uint32_t limit = clock[s] - (s == own && index->place[t3] > 0);
            seen[s] = limit > seen[s] ? limit : seen[s];
        }
    }
    uint32_t high = causal->key_write_first[key + 1];
    for (uint32_t low = causal->key_write_first[key], next; low < high; low = next) {
        uint32_t session = index->session[causal->key_write[low]], s = session - causal->base;
        for (next = low + 1; next < high && index->session[causal->key_write[next]] == session;)
            next++;
        if (s >= width || seen[s] == 0)
            continue;
        uint32_t known = t1 == TXN_NONE ? 0 : causal->clock[t1 * width + s];
        if (seen[s] <= known)
            continue;
        uint32_t t2 = last_write_within(causal, low, next, seen[s]);
        if (t2 == TXN_NONE || t2 == t1 || index->place[t2] <= known)
            continue;
        if (t1 != TXN_NONE)
            txn_edges_add(edges, t2, t1, TXN_WW);
        else if (conflict->reader == TXN_NONE)
            *conflict = (struct weak_conflict){reader_that_saw(causal, begin, end, t2), t2, key};
    }
}

static void relate_block(const struct causal *causal, struct txn_edges *edges,
                         struct weak_conflict *conflict)
{
    const struct weak_index *index = causal->index;
    for (uint32_t k = 0; k < index->model->set->key_count; k++)
        for (uint32_t i = causal->key_read_first[k], next; i < causal->key_read_first[k + 1];
             i = next) {
            uint32_t from = index->read_from[causal->key_read[i]];
            for (next = i + 1; next < causal->key_read_first[k + 1] &&
                               index->read_from[causal->key_read[next]] == from;)
                next++;
            relate_version(causal, k, from, i, next, edges, conflict);
        }
}

void weak_causal(const struct weak_index *index, struct txn_edges *edges,
                 struct weak_conflict *conflict)
{
    struct causal causal = {.index = index};
    conflict->reader = TXN_NONE;
    /* Where what happened before goes round, that is the violation, and clocks make no sense. */
    bool is_acyclic = build_order(&causal);
    for (uint32_t v = 0; v < index->txn_count; v++)
        for (uint32_t e = causal.graph.first[v]; e < causal.graph.first[v + 1]; e++)
            txn_edges_add(edges, v, txn_edge_target(causal.graph.edge[e]),
                          txn_edge_relation(causal.graph.edge[e]));
    if (is_acyclic) {
        uint32_t most = index->session_count < BLOCK_MAX ? index->session_count : BLOCK_MAX;
        causal.clock =
            rift_reallocarray(NULL, (size_t)index->txn_count * most + 1, sizeof *causal.clock);
        group_by_key(&causal);
        for (; causal.base < index->session_count; causal.base += causal.width) {
            uint32_t left = index->session_count - causal.base;
            causal.width = left < most ? left : most;
            fill_clocks(&causal);
            relate_block(&causal, edges, conflict);
        }
        free(causal.clock);
        free(causal.key_write_first);
        free(causal.key_write);
        free(causal.key_read_first);
        free(causal.key_read);
        free(causal.reader);
    }
    txn_graph_finish(&causal.graph);
    free(causal.order);
}
