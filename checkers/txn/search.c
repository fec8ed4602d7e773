/* Breadth first from the end of each anchor back to its start, over product vertices (vertex,
 * state of the automaton); a junction costs no step. Where many anchors close no cycle that would
 * be quadratic: then reachability is decided for 256 starts at a time by bits that flow through the
 * condensation in topological order. */
#include "checkers/txn/search.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"

enum { BLOCK_WORDS = 4, BLOCK_STARTS = BLOCK_WORDS * 64, CLOCK_EVERY = 64 };

static const uint32_t NOWHERE = UINT32_MAX;

/* Anchors sorted by their end: start[first[i]] .. belong to end[i]. */
struct anchors {
    uint32_t end_count;
    uint32_t *end;
    uint32_t *first;
    uint32_t *start;
};

struct walker {
    const struct txn_search *search;
    uint32_t states;
    uint32_t *parent; /* product vertex it was reached from */
    uint32_t *stamp;  /* the round in which it was reached */
    uint32_t *wanted; /* per vertex: the round in which it is the start of an anchor */
    uint32_t *now, *later;
    uint32_t round;
    uint64_t work;
    uint32_t best; /* length of the best cycle so far */
};

static void anchors_finish(struct anchors *anchors)
{
    free(anchors->end);
    free(anchors->first);
    free(anchors->start);
}

/* Only anchors with both ends in one component of the enclosing automaton. */
static void anchors_collect(const struct txn_search *search, struct anchors *anchors)
{
    const struct txn_graph *graph = search->graph;
    uint32_t states = search->enclosing.state_count;
    struct txn_components components;
    txn_components_find(graph, &search->enclosing, &components);
    uint32_t *count = rift_calloc((size_t)graph->vertex_count + 2, sizeof *count);
    uint32_t *kept = rift_reallocarray(NULL, (size_t)graph->edge_count * 2 + 1, sizeof *kept);
    uint32_t kept_count = 0;
    for (uint32_t v = 0; v < graph->vertex_count; v++)
        for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
            if (txn_edge_relation(graph->edge[e]) != search->anchor)
                continue;
            uint32_t end = txn_edge_target(graph->edge[e]);
            uint32_t state = (uint32_t)search->enclosing.next[0][search->anchor];
            if (components.of[v * states] != components.of[end * states + state])
                continue;
            kept[2 * kept_count] = v;
            kept[2 * kept_count++ + 1] = end;
            count[end + 2]++;
        }
    txn_components_finish(&components);
    *anchors = (struct anchors){0};
    anchors->end = rift_reallocarray(NULL, kept_count + 1, sizeof *anchors->end);
    anchors->first = rift_reallocarray(NULL, kept_count + 2, sizeof *anchors->first);
    anchors->start = rift_reallocarray(NULL, kept_count + 1, sizeof *anchors->start);
    for (uint32_t v = 0; v < graph->vertex_count; v++) {
        if (count[v + 2]) {
            anchors->end[anchors->end_count] = v;
            anchors->first[anchors->end_count++] = count[v + 1];
        }
        count[v + 2] += count[v + 1];
    }
    anchors->first[anchors->end_count] = kept_count;
    for (uint32_t i = 0; i < kept_count; i++)
        anchors->start[count[kept[2 * i + 1] + 1]++] = kept[2 * i];
    free(count);
    free(kept);
}

/* The state in which the walk begins at the end of an anchor. */
static uint32_t search_first_state(const struct txn_search *search)
{
    return search->rest.state_count > 1 && search->anchor == TXN_RW ? 1 : 0;
}

static bool walker_is_late(struct walker *walker)
{
    const struct txn_search *search = walker->search;
    if (walker->work > search->work)
        return true;
    return search->deadline_ns && walker->round % CLOCK_EVERY == 0 &&
           rift_clock_now() > search->deadline_ns;
}

/* Reaches product vertex to from from; true if it ends a cycle. */
static bool walker_reach(struct walker *walker, uint32_t from, uint32_t to)
{
    if (walker->stamp[to] == walker->round)
        return false;
    walker->stamp[to] = walker->round;
    walker->parent[to] = from;
    return to % walker->states == 0 && walker->wanted[to / walker->states] == walker->round;
}

/* Shortest way from end to one of the wanted vertices that makes a cycle shorter than the best.
 * Returns the product vertex where it arrives, or NOWHERE. */
static uint32_t walker_walk(struct walker *walker, uint32_t end)
{
    const struct txn_graph *graph = walker->search->graph;
    const struct txn_automaton *rest = &walker->search->rest;
    uint32_t states = walker->states, now_count = 0, later_count = 0;
    uint32_t origin = end * states + search_first_state(walker->search);
    walker_reach(walker, NOWHERE, origin);
    walker->now[now_count++] = origin;
    for (uint32_t length = 2; now_count > 0 && length < walker->best; length++) {
        later_count = 0;
        for (uint32_t i = 0; i < now_count; i++) {
            uint32_t from = walker->now[i], v = from / states;
            bool is_junction = v >= graph->transaction_count;
            walker->work += graph->first[v + 1] - graph->first[v];
            for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
                int8_t state = rest->next[from % states][txn_edge_relation(graph->edge[e])];
                if (state < 0)
                    continue;
                uint32_t to = txn_edge_target(graph->edge[e]) * states + (uint8_t)state;
                if (walker->stamp[to] == walker->round)
                    continue;
                if (walker_reach(walker, from, to))
                    return to;
                if (is_junction)
                    walker->now[now_count++] = to;
                else
                    walker->later[later_count++] = to;
            }
        }
        uint32_t *swap = walker->now;
        walker->now = walker->later;
        walker->later = swap;
        now_count = later_count;
    }
    return NOWHERE;
}

static enum txn_relation edge_between(const struct walker *walker, uint32_t from, uint32_t to)
{
    const struct txn_graph *graph = walker->search->graph;
    uint32_t states = walker->states, v = from / states;
    for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
        enum txn_relation relation = txn_edge_relation(graph->edge[e]);
        if (txn_edge_target(graph->edge[e]) == to / states &&
            walker->search->rest.next[from % states][relation] == (int8_t)(to % states))
            return relation;
    }
    return TXN_THROUGH;
}

/* The cycle: the anchor from arrival, then the way back to it, without junctions. */
static void walker_write(const struct walker *walker, uint32_t arrival, struct txn_cycle *cycle)
{
    uint32_t states = walker->states, count = 0;
    for (uint32_t at = arrival; at != NOWHERE; at = walker->parent[at])
        count++;
    free(cycle->vertex);
    free(cycle->relation);
    cycle->vertex = rift_reallocarray(NULL, count + 1, sizeof *cycle->vertex);
    cycle->relation = rift_reallocarray(NULL, count + 1, sizeof *cycle->relation);
    /* Backwards from the arrival, which is also where the anchor starts. */
    uint32_t length = 0, after = NOWHERE, kept = count;
    for (uint32_t at = arrival; at != NOWHERE; after = at, at = walker->parent[at]) {
        if (at / states >= walker->search->graph->transaction_count)
            continue;
        kept--;
        length++;
        cycle->vertex[kept] = at / states;
        cycle->relation[kept] =
            (uint8_t)(after == NOWHERE ? walker->search->anchor : edge_between(walker, at, after));
    }
    memmove(cycle->vertex, cycle->vertex + kept, length * sizeof *cycle->vertex);
    memmove(cycle->relation, cycle->relation + kept, length * sizeof *cycle->relation);
    cycle->length = length;
}

/* Tries the anchors that end in end number i. */
static bool walker_try(struct walker *walker, const struct anchors *anchors, uint32_t i,
                       struct txn_cycle *cycle)
{
    walker->round++;
    for (uint32_t a = anchors->first[i]; a < anchors->first[i + 1]; a++)
        walker->wanted[anchors->start[a]] = walker->round;
    uint32_t arrival = walker_walk(walker, anchors->end[i]);
    if (arrival == NOWHERE)
        return false;
    walker_write(walker, arrival, cycle);
    walker->best = cycle->length;
    return true;
}

/* Product vertices in an order in which every edge leads forward or stays in its component. */
static uint32_t *topological_order(const struct txn_components *components, size_t count)
{
    uint32_t *place = rift_calloc((size_t)components->count + 1, sizeof *place);
    uint32_t *order = rift_reallocarray(NULL, count + 1, sizeof *order);
    for (size_t p = 0; p < count; p++)
        place[components->count - 1 - components->of[p] + 1]++;
    for (uint32_t c = 0; c < components->count; c++)
        place[c + 1] += place[c];
    for (size_t p = 0; p < count; p++)
        order[place[components->count - 1 - components->of[p]]++] = (uint32_t)p;
    free(place);
    return order;
}

/* Lets the bits of each start flow along the edges. */
static void flow(const struct txn_search *search, const struct txn_components *components,
                 const uint32_t *order, size_t count, uint64_t (*bits)[BLOCK_WORDS])
{
    const struct txn_graph *graph = search->graph;
    uint32_t states = search->rest.state_count;
    for (size_t i = 0; i < count; i++) {
        uint32_t product = order[i], v = product / states;
        const uint64_t *from = bits[components->of[product]];
        for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++) {
            int8_t state = search->rest.next[product % states][txn_edge_relation(graph->edge[e])];
            if (state < 0)
                continue;
            uint32_t target = txn_edge_target(graph->edge[e]) * states + (uint8_t)state;
            uint64_t *to = bits[components->of[target]];
            for (int w = 0; w < BLOCK_WORDS; w++)
                to[w] |= from[w];
        }
    }
}

/* The first end number from which an anchor's start is reached, NOWHERE if there is none for sure,
 * or -2 when late. */
static int64_t search_by_bits(const struct txn_search *search, const struct anchors *anchors)
{
    size_t count = (size_t)search->graph->vertex_count * search->rest.state_count;
    uint32_t states = search->rest.state_count, first_state = search_first_state(search);
    struct txn_components components;
    txn_components_find(search->graph, &search->rest, &components);
    uint32_t *order = topological_order(&components, count);
    uint64_t(*bits)[BLOCK_WORDS] = rift_reallocarray(NULL, components.count + 1, sizeof *bits);
    int64_t found = NOWHERE;
    for (uint32_t base = 0; found == NOWHERE && base < anchors->end_count; base += BLOCK_STARTS) {
        if (search->deadline_ns && rift_clock_now() > search->deadline_ns) {
            found = -2;
            break;
        }
        uint32_t limit =
            anchors->end_count - base < BLOCK_STARTS ? anchors->end_count - base : BLOCK_STARTS;
        memset(bits, 0, components.count * sizeof *bits);
        for (uint32_t i = 0; i < limit; i++)
            bits[components.of[anchors->end[base + i] * states + first_state]][i / 64] |=
                UINT64_C(1) << (i % 64);
        flow(search, &components, order, count, bits);
        for (uint32_t i = 0; found == NOWHERE && i < limit; i++)
            for (uint32_t a = anchors->first[base + i]; a < anchors->first[base + i + 1]; a++)
                if (bits[components.of[anchors->start[a] * states]][i / 64] >> (i % 64) & 1)
                    found = base + i;
    }
    free(bits);
    free(order);
    txn_components_finish(&components);
    return found;
}

static enum txn_search_result search_with(struct walker *walker, const struct anchors *anchors,
                                          struct txn_cycle *cycle)
{
    bool is_found = false;
    for (uint32_t i = 0; i < anchors->end_count && walker->best > 2; i++) {
        if (walker_is_late(walker)) {
            if (is_found)
                return TXN_SEARCH_FOUND;
            int64_t end = search_by_bits(walker->search, anchors);
            if (end == NOWHERE)
                return TXN_SEARCH_NONE;
            if (end < 0)
                return TXN_SEARCH_UNDECIDED;
            return walker_try(walker, anchors, (uint32_t)end, cycle) ? TXN_SEARCH_FOUND
                                                                     : TXN_SEARCH_UNDECIDED;
        }
        is_found |= walker_try(walker, anchors, i, cycle);
    }
    return is_found ? TXN_SEARCH_FOUND : TXN_SEARCH_NONE;
}

enum txn_search_result txn_search_run(const struct txn_search *search, struct txn_cycle *cycle)
{
    struct anchors anchors;
    anchors_collect(search, &anchors);
    if (anchors.end_count == 0) {
        anchors_finish(&anchors);
        return TXN_SEARCH_NONE;
    }
    size_t vertex_count = search->graph->vertex_count;
    size_t count = vertex_count * search->rest.state_count;
    struct walker walker = {
        .search = search, .states = search->rest.state_count, .best = UINT32_MAX};
    walker.parent = rift_reallocarray(NULL, count + 1, sizeof *walker.parent);
    walker.stamp = rift_calloc(count + 1, sizeof *walker.stamp);
    walker.wanted = rift_calloc(vertex_count + 1, sizeof *walker.wanted);
    walker.now = rift_reallocarray(NULL, count + 1, sizeof *walker.now);
    walker.later = rift_reallocarray(NULL, count + 1, sizeof *walker.later);
    enum txn_search_result result = search_with(&walker, &anchors, cycle);
    free(walker.parent);
    free(walker.stamp);
    free(walker.wanted);
    free(walker.now);
    free(walker.later);
    anchors_finish(&anchors);
    return result;
}
