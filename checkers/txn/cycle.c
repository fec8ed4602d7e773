/* One pass finds the strongly connected components; all else looks at each of them alone. Classes
 * are tried from the worst on, and a class that a found one implies is skipped. That makes each
 * search simple: where no G-single was found, a cycle with one rw edge and a realtime edge allowed
 * must use it, and where no G0 was found, a G1c cycle must have its wr edge. */
#include "checkers/txn/cycle.h"

#include <stdlib.h>

#include "checkers/txn/components.h"
#include "checkers/txn/search.h"
#include "common/clock.h"
#include "common/memory.h"

enum { CYCLES_PER_CLASS = 8, WORK_DEFAULT = 1 << 25, LONG_FORK_LENGTH = 4 };

#define FOUND(anomaly) (UINT64_C(1) << (anomaly))

struct finder {
    const struct txn_cycle_limits *limits;
    struct txn_cycles *out;
    uint32_t kept[TXN_ANOMALY_COUNT];
};

static txn_relations bits(unsigned a, unsigned b)
{
    return (txn_relations)(1U << a | 1U << b);
}

static struct txn_search search_for(enum txn_anomaly anomaly, const struct txn_graph *graph)
{
    static const uint8_t order[] = {0, 1U << TXN_PROCESS, 1U << TXN_REALTIME};
    txn_relations data = bits(TXN_WW, TXN_WR), more = order[anomaly % 3];
    struct txn_search search = {.graph = graph, .anchor = TXN_RW};
    txn_relations rest = 0;
    unsigned base = anomaly - anomaly % 3U;
    switch (base) {
    case TXN_G0:
        search.anchor = TXN_WW;
        rest = txn_relation_bit(TXN_WW) | more;
        break;
    case TXN_G1C:
        search.anchor = TXN_WR;
        rest = data | more;
        break;
    case TXN_G2_ITEM:
    case TXN_G2:
        rest = data | more | txn_relation_bit(TXN_RW);
        break;
    default: /* G-single and G-nonadjacent */
        search.enclosing = txn_automaton_nonadjacent(data | more);
        search.rest = base == TXN_G_SINGLE || base == TXN_G_SINGLE_PREDICATE
                          ? txn_automaton_filter(data | more)
                          : search.enclosing;
        return search;
    }
    search.rest = search.enclosing = txn_automaton_filter(rest);
    return search;
}

/* A walk without two rw edges in a row may pass a vertex twice where no simple cycle does without
 * breaking that rule. Then one of its two halves is a G0 or G1c, which has been found before and
 * rules out more. */
static bool is_figure_eight(const struct txn_cycle *cycle)
{
    unsigned base = cycle->anomaly - cycle->anomaly % 3U;
    if (base != TXN_G_NONADJACENT && base != TXN_G_NONADJACENT_PREDICATE)
        return false;
    for (uint32_t i = 0; i < cycle->length; i++)
        for (uint32_t j = 0; j < i; j++)
            if (cycle->vertex[i] == cycle->vertex[j])
                return true;
    return false;
}

bool txn_cycle_is_long_fork(const struct txn_cycle *cycle)
{
    if (cycle->anomaly != TXN_G_NONADJACENT || cycle->length != LONG_FORK_LENGTH)
        return false;
    for (uint32_t i = 0; i < LONG_FORK_LENGTH; i++) {
        enum txn_relation follows = (enum txn_relation)cycle->relation[(i + 1) % LONG_FORK_LENGTH];
        if (cycle->relation[i] != (follows == TXN_RW ? TXN_WR : TXN_RW))
            return false;
    }
    return true;
}

static void finder_keep(struct finder *finder, const struct txn_cycle *cycle,
                        const uint32_t *members)
{
    struct txn_cycles *out = finder->out;
    out->found |= FOUND(cycle->anomaly);
    if (txn_cycle_is_long_fork(cycle))
        out->found |= FOUND(TXN_LONG_FORK);
    finder->kept[cycle->anomaly]++;
    if (out->count == out->capacity) {
        out->capacity = out->capacity ? out->capacity * 2 : CYCLES_PER_CLASS;
        out->items = rift_reallocarray(out->items, out->capacity, sizeof *out->items);
    }
    for (uint32_t i = 0; i < cycle->length; i++)
        cycle->vertex[i] = members[cycle->vertex[i]];
    out->items[out->count++] = *cycle;
}

/* Which classes are worth a search: none with rw without an rw edge, and so on. */
static txn_relations relations_of(const struct txn_graph *graph)
{
    txn_relations present = 0;
    for (uint32_t e = 0; e < graph->edge_count; e++)
        present |= txn_relation_bit(txn_edge_relation(graph->edge[e]));
    return present;
}

/* The classes in the order of the search. Those from G-single-predicate on are looked for where an
 * rw edge of a predicate counts as one of an item. */
static const enum txn_anomaly classes[] = {
    TXN_G0,
    TXN_G1C,
    TXN_G_SINGLE,
    TXN_G_NONADJACENT,
    TXN_G2_ITEM,
    TXN_G_SINGLE_PREDICATE,
    TXN_G_NONADJACENT_PREDICATE,
    TXN_G2,
};

/* Looks for one class; true if it was found, or may be there. */
static bool finder_search(struct finder *finder, enum txn_anomaly anomaly,
                          const struct txn_graph *part, const uint32_t *members)
{
    const struct txn_cycle_limits *limits = finder->limits;
    struct txn_search search = search_for(anomaly, part);
    struct txn_cycle cycle = {.anomaly = anomaly};
    search.work = limits->work ? limits->work : WORK_DEFAULT;
    search.deadline_ns = limits->deadline_ns;
    switch (txn_search_run(&search, &cycle)) {
    case TXN_SEARCH_FOUND:
        if (is_figure_eight(&cycle)) {
            free(cycle.vertex);
            free(cycle.relation);
            return false;
        }
        finder_keep(finder, &cycle, members);
        return true;
    case TXN_SEARCH_UNDECIDED:
        finder->out->undecided |= FOUND(anomaly);
        return true;
    case TXN_SEARCH_NONE:
        break;
    }
    return false;
}

static void finder_examine(struct finder *finder, const struct txn_graph *part,
                           const struct txn_graph *merged, const uint32_t *members)
{
    const struct txn_cycle_limits *limits = finder->limits;
    uint32_t cap = limits->cycles_per_class ? limits->cycles_per_class : CYCLES_PER_CLASS;
    txn_relations present[] = {relations_of(part), relations_of(merged)};
    txn_anomalies known = 0;
    for (unsigned variant = 0; variant < 3; variant++) {
        enum txn_relation extra = variant == 1 ? TXN_PROCESS : TXN_REALTIME;
        if (variant && !(present[0] & limits->relations & txn_relation_bit(extra)))
            continue;
        for (size_t c = 0; c < sizeof classes / sizeof *classes; c++) {
            enum txn_anomaly anomaly = classes[c] + variant;
            bool is_of_predicate = classes[c] >= TXN_G_SINGLE_PREDICATE;
            const struct txn_graph *graph = is_of_predicate ? merged : part;
            if ((known & FOUND(anomaly)) || (is_of_predicate && part == merged))
                continue;
            if (finder->kept[anomaly] >= cap)
                known |= txn_anomaly_implied(anomaly);
            else if ((present[is_of_predicate] &
                      txn_relation_bit(search_for(anomaly, graph).anchor)) &&
                     finder_search(finder, anomaly, graph, members))
                known |= txn_anomaly_implied(anomaly);
        }
    }
}

/* Vertices sorted by component; start[c] is where those of c begin. Within a component they ascend,
 * so junctions come last. */
static uint32_t *sort_by_component(const struct txn_components *components, uint32_t vertex_count,
                                   uint32_t **start)
{
    uint32_t *sorted = rift_reallocarray(NULL, (size_t)vertex_count + 1, sizeof *sorted);
    uint32_t *place = rift_calloc((size_t)components->count + 2, sizeof *place);
    for (uint32_t v = 0; v < vertex_count; v++)
        place[components->of[v] + 2]++;
    for (uint32_t c = 0; c < components->count; c++)
        place[c + 2] += place[c + 1];
    for (uint32_t v = 0; v < vertex_count; v++)
        sorted[place[components->of[v] + 1]++] = v;
    *start = place;
    return sorted;
}

void txn_cycles_find(const struct txn_graph *graph, const struct txn_cycle_limits *limits,
                     struct txn_cycles *cycles)
{
    struct finder finder = {.limits = limits, .out = cycles};
    *cycles = (struct txn_cycles){0};
    struct txn_automaton all = txn_automaton_filter(limits->relations);
    if (txn_is_acyclic(graph, &all))
        return;
    struct txn_components components;
    txn_components_find(graph, &all, &components);
    uint32_t *start;
    uint32_t *sorted = sort_by_component(&components, graph->vertex_count, &start);
    uint32_t *local = rift_calloc((size_t)graph->vertex_count + 1, sizeof *local);
    for (uint32_t c = 0; c < components.count; c++) {
        if (components.size[c] < 2)
            continue;
        cycles->components++;
        if (components.size[c] > cycles->largest)
            cycles->largest = components.size[c];
        struct txn_graph part, merged;
        txn_graph_restrict(graph, sorted + start[c], components.size[c], local, &part);
        if (relations_of(&part) & txn_relation_bit(TXN_RW_PREDICATE)) {
            txn_graph_restrict(graph, sorted + start[c], components.size[c], local, &merged);
            txn_graph_merge_predicates(&merged);
            finder_examine(&finder, &part, &merged, sorted + start[c]);
            txn_graph_finish(&merged);
        } else {
            finder_examine(&finder, &part, &part, sorted + start[c]);
        }
        txn_graph_finish(&part);
    }
    free(local);
    free(sorted);
    free(start);
    txn_components_finish(&components);
}

void txn_cycles_finish(struct txn_cycles *cycles)
{
    for (size_t i = 0; i < cycles->count; i++) {
        free(cycles->items[i].vertex);
        free(cycles->items[i].relation);
    }
    free(cycles->items);
    *cycles = (struct txn_cycles){0};
}
