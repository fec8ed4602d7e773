/* The claim that each key is linearizable, so that its versions follow real time.
 *
 * Each version has a zone in time (Gibbons and Korach, SIAM J. Computing 26(4), 1997): a comes
 * before b iff some transaction that left a in place had ended when one that found b started, which
 * is known_from[a] < last_seen[b]. No pairs are needed: targets are sorted by last_seen, and a
 * source leads into a chain of junctions at the first target that it precedes. What it must not
 * reach (its own version, and a version that its own transaction wrote) splits that suffix; the
 * short ranges before are spelled out, or covered by a tree of junctions. */
#include "checkers/txn/register.h"

#include <stdlib.h>

#include "common/memory.h"

enum { RANGE_DIRECT_MAX = 8 };

struct zone {
    int64_t known_from;
    int64_t last_seen;
    uint32_t version;
    uint32_t writer;
};

/* The zones of one key, and where its transactions stand among the targets. */
struct timeline {
    struct register_model *model;
    struct txn_edges *edges;
    struct zone *zones;
    uint32_t zone_count;
    struct zone *targets; /* those with a writer that were found by somebody, by last_seen */
    uint32_t target_count;
    uint32_t *place_key; /* per transaction: the key plus one for which place is set */
    uint32_t *place;     /* per transaction: the target that it wrote */
    uint32_t chain;      /* first junction of the chain; TXN_NONE: not built */
    uint32_t tree;       /* junction 0 of the tree; TXN_NONE: not built */
};

static void find_zones(struct register_model *model)
{
    const struct txn_set *set = model->set;
    bool *is_last = register_last_touches(set);
    size_t size = (size_t)model->version_count + 1;
    model->known_from = rift_reallocarray(NULL, size, sizeof *model->known_from);
    model->last_seen = rift_reallocarray(NULL, size, sizeof *model->last_seen);
    for (uint32_t v = 0; v < model->version_count; v++) {
        model->known_from[v] = register_is_initial(model, v) ? INT64_MIN : INT64_MAX;
        model->last_seen[v] = INT64_MIN;
    }
    for (uint32_t mop = 0; mop < set->mop_count; mop++) {
        uint32_t first, last;
        if (!is_last[mop])
            continue;
        register_versions_shown(model, mop, &first, &last);
        int64_t start = txn_start(set, set->mop_txn[mop]), end = txn_end(set, set->mop_txn[mop]);
        if (first != TXN_NONE && start > model->last_seen[first])
            model->last_seen[first] = start;
        if (last != TXN_NONE && end < model->known_from[last])
            model->known_from[last] = end;
    }
    free(is_last);
}

static int compare_known_from(const void *a, const void *b)
{
    const struct zone *x = a, *y = b;
    return (x->known_from > y->known_from) - (x->known_from < y->known_from);
}

static int compare_last_seen(const void *a, const void *b)
{
    const struct zone *x = a, *y = b;
    return (x->last_seen > y->last_seen) - (x->last_seen < y->last_seen);
}

static bool precedes(const struct zone *a, const struct zone *b)
{
    return a->known_from < b->last_seen;
}

/* The forward zone (one that precedes itself) with the largest known_from before a time. */
static const struct zone *forward_before(const struct zone *forward, uint32_t count, int64_t time)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (forward[middle].known_from < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &forward[low - 1] : NULL;
}

/* Two versions that precede each other, if there are any: then either two forward zones overlap, or
 * a forward zone holds another whole. A longer cycle always holds such a pair. */
static bool find_cyclic_pair(const struct timeline *timeline, const struct zone **a,
                             const struct zone **b)
{
    struct zone *zones = timeline->zones;
    uint32_t forward = 0;
    for (uint32_t i = 0; i < timeline->zone_count; i++)
        if (precedes(&zones[i], &zones[i])) {
            struct zone swap = zones[i];
            zones[i] = zones[forward];
            zones[forward++] = swap;
        }
    qsort(zones, forward, sizeof *zones, compare_known_from);
    for (uint32_t i = 1; i < forward; i++)
        if (precedes(&zones[i], &zones[i - 1])) {
            *a = &zones[i - 1];
            *b = &zones[i];
            return true;
        }
    for (uint32_t i = forward; i < timeline->zone_count; i++) {
        *a = forward_before(zones, forward, zones[i].last_seen);
        *b = &zones[i];
        if (*a && precedes(*b, *a))
            return true;
    }
    return false;
}

static void build_chain(struct timeline *timeline)
{
    struct txn_edges *edges = timeline->edges;
    timeline->chain = edges->vertex_count;
    for (uint32_t i = 0; i < timeline->target_count; i++) {
        uint32_t junction = txn_edges_junction(edges);
        txn_edges_add(edges, junction, timeline->targets[i].writer, TXN_THROUGH);
        if (i > 0)
            txn_edges_add(edges, junction - 1, junction, TXN_THROUGH);
    }
}

/* A segment tree: node i leads to nodes 2i and 2i + 1; those from target_count on are targets. */
static void build_tree(struct timeline *timeline)
{
    struct txn_edges *edges = timeline->edges;
    uint32_t count = timeline->target_count;
    timeline->tree = edges->vertex_count;
    for (uint32_t i = 0; i < count; i++)
        txn_edges_junction(edges);
    for (uint32_t i = 1; !edges->is_full && i < count; i++)
        for (uint32_t child = 2 * i; child <= 2 * i + 1; child++)
            txn_edges_add(edges, timeline->tree + i,
                          child >= count ? timeline->targets[child - count].writer
                                         : timeline->tree + child,
                          TXN_THROUGH);
}

static void add_node(struct timeline *timeline, uint32_t source, uint32_t node,
                     enum txn_relation relation)
{
    uint32_t count = timeline->target_count;
    txn_edges_add(timeline->edges, source,
                  node >= count ? timeline->targets[node - count].writer : timeline->tree + node,
                  relation);
}

/* From source to targets low .. high - 1. */
static void add_range(struct timeline *timeline, uint32_t source, uint32_t low, uint32_t high,
                      enum txn_relation relation)
{
    uint32_t count = timeline->target_count;
    if (low >= high || timeline->edges->is_full)
        return;
    if (high - low <= RANGE_DIRECT_MAX && high < count) {
        for (uint32_t i = low; i < high; i++)
            txn_edges_add(timeline->edges, source, timeline->targets[i].writer, relation);
    } else if (high == count) {
        if (timeline->chain == TXN_NONE)
            build_chain(timeline);
        txn_edges_add(timeline->edges, source, timeline->chain + low, relation);
    } else {
        if (timeline->tree == TXN_NONE)
            build_tree(timeline);
        for (low += count, high += count; low < high; low /= 2, high /= 2) {
            if (low & 1)
                add_node(timeline, source, low++, relation);
            if (high & 1)
                add_node(timeline, source, --high, relation);
        }
    }
}

/* From source to every target that the zone precedes, but the zone's own and the source's own. */
static void add_successors(struct timeline *timeline, uint32_t k, const struct zone *zone,
                           uint32_t source, enum txn_relation relation)
{
    uint32_t low = 0, high = timeline->target_count, count = timeline->target_count;
    uint32_t none = count, skip_a = none, skip_b = none;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (timeline->targets[middle].last_seen > zone->known_from)
            high = middle;
        else
            low = middle + 1;
    }
    if (zone->writer != TXN_NONE && timeline->place_key[zone->writer] == k + 1)
        skip_a = timeline->place[zone->writer];
    if (timeline->place_key[source] == k + 1)
        skip_b = timeline->place[source];
    if (skip_a > skip_b) {
        uint32_t swap = skip_a;
        skip_a = skip_b;
        skip_b = swap;
    }
    if (skip_a < none && skip_a >= low) {
        add_range(timeline, source, low, skip_a, relation);
        low = skip_a + 1;
    }
    if (skip_b < none && skip_b >= low) {
        add_range(timeline, source, low, skip_b, relation);
        low = skip_b + 1;
    }
    add_range(timeline, source, low, count, relation);
}

static void add_key(struct timeline *timeline, uint32_t k)
{
    const struct register_model *model = timeline->model;
    timeline->chain = timeline->tree = TXN_NONE;
    timeline->target_count = 0;
    for (uint32_t i = 0; i < timeline->zone_count; i++)
        if (timeline->zones[i].writer != TXN_NONE && timeline->zones[i].last_seen != INT64_MIN)
            timeline->targets[timeline->target_count++] = timeline->zones[i];
    qsort(timeline->targets, timeline->target_count, sizeof *timeline->targets, compare_last_seen);
    for (uint32_t i = 0; i < timeline->target_count; i++) {
        timeline->place_key[timeline->targets[i].writer] = k + 1;
        timeline->place[timeline->targets[i].writer] = i;
    }
    for (uint32_t i = 0; i < timeline->zone_count; i++) {
        const struct zone *zone = &timeline->zones[i];
        if (zone->known_from == INT64_MAX || register_is_initial(model, zone->version))
            continue;
        if (zone->writer != TXN_NONE)
            add_successors(timeline, k, zone, zone->writer, TXN_WW);
        for (uint32_t r = model->reader_first[zone->version];
             r < model->reader_first[zone->version + 1]; r++)
            add_successors(timeline, k, zone, model->reader[r],
                           r < register_items_end(model, zone->version) ? TXN_RW
                                                                        : TXN_RW_PREDICATE);
    }
}

/* Whether some committed transaction showed the version. One that its writer replaced itself (seen
 * by a G1b) has no place in the order. */
static bool has_zone(const struct register_model *model, uint32_t v)
{
    if (!register_is_initial(model, v) && model->has_later_write[v])
        return false;
    return model->known_from[v] != INT64_MAX || model->last_seen[v] != INT64_MIN;
}

/* Zones sorted by key; first is per key. */
static struct zone *zones_by_key(const struct register_model *model, uint32_t **first)
{
    const struct txn_set *set = model->set;
    uint32_t *place = rift_calloc((size_t)set->key_count + 2, sizeof *place);
    uint32_t count = 0;
    for (uint32_t v = 0; v < model->version_count; v++)
        if (has_zone(model, v)) {
            place[register_key_of(model, v) + 2]++;
            count++;
        }
    for (uint32_t k = 0; k < set->key_count; k++)
        place[k + 2] += place[k + 1];
    struct zone *zones = rift_reallocarray(NULL, (size_t)count + 1, sizeof *zones);
    for (uint32_t v = 0; v < model->version_count; v++)
        if (has_zone(model, v))
            zones[place[register_key_of(model, v) + 1]++] = (struct zone){
                model->known_from[v], model->last_seen[v], v, register_writer(model, v)};
    *first = place;
    return zones;
}

void register_realtime_edges(struct register_model *model, struct txn_findings *findings,
                             enum txn_anomaly anomaly, struct txn_edges *edges)
{
    const struct txn_set *set = model->set;
    struct timeline timeline = {.model = model, .edges = edges};
    uint32_t *first;
    model->is_cyclic = rift_calloc((size_t)set->key_count + 1, sizeof *model->is_cyclic);
    find_zones(model);
    struct zone *zones = zones_by_key(model, &first);
    timeline.targets =
        rift_reallocarray(NULL, (size_t)first[set->key_count] + 1, sizeof *timeline.targets);
    timeline.place_key = rift_calloc((size_t)set->count + 1, sizeof *timeline.place_key);
    timeline.place = rift_calloc((size_t)set->count + 1, sizeof *timeline.place);
    for (uint32_t k = 0; k < set->key_count; k++) {
        const struct zone *a, *b;
        timeline.zones = zones + first[k];
        timeline.zone_count = first[k + 1] - first[k];
        if (find_cyclic_pair(&timeline, &a, &b)) {
            model->is_cyclic[k] = true;
            register_report_cyclic(model, findings, anomaly, a->version, b->version,
                                   "by when they were written and read");
            continue;
        }
        add_key(&timeline, k);
    }
    free(timeline.targets);
    free(timeline.place_key);
    free(timeline.place);
    free(zones);
    free(first);
}
