/* Tarjan's algorithm (SIAM J. Computing 1(2), 1972) without recursion: a history may chain millions
 * of transactions. For topological orders that of Kahn (CACM 5(11), 1962). */
#include "checkers/txn/components.h"

#include <stdlib.h>

#include "common/memory.h"

static const uint32_t NO_COMPONENT = UINT32_MAX;

struct tarjan {
    const struct txn_graph *graph;
    const struct txn_automaton *automaton;
    struct txn_components *out;
    uint32_t *low;    /* 0: not visited; else the least number reachable so far */
    uint32_t *number; /* order of the visit, from 1 */
    uint32_t *stack;  /* visited, component not yet known */
    uint32_t *path;   /* the walk from the root to here */
    uint32_t *edge;   /* next edge of each vertex on the path */
    uint32_t stack_count;
    uint32_t path_count;
    uint32_t visited;
};

struct txn_automaton txn_automaton_filter(txn_relations allowed)
{
    struct txn_automaton automaton = {.state_count = 1};
    for (int r = 0; r < TXN_RELATION_COUNT; r++)
        automaton.next[0][r] = r == TXN_THROUGH || (allowed >> r & 1) ? 0 : -1;
    return automaton;
}

struct txn_automaton txn_automaton_nonadjacent(txn_relations allowed)
{
    struct txn_automaton automaton = {.state_count = 2};
    for (int r = 0; r < TXN_RELATION_COUNT; r++)
        automaton.next[0][r] = automaton.next[1][r] = allowed >> r & 1 ? 0 : -1;
    automaton.next[0][TXN_RW] = 1;
    automaton.next[1][TXN_RW] = -1;
    automaton.next[0][TXN_THROUGH] = 0;
    automaton.next[1][TXN_THROUGH] = 1;
    return automaton;
}

static void tarjan_enter(struct tarjan *t, uint32_t product)
{
    t->low[product] = t->number[product] = ++t->visited;
    t->stack[t->stack_count++] = product;
    t->edge[t->path_count] = t->graph->first[product / t->automaton->state_count];
    t->path[t->path_count++] = product;
}

static void tarjan_leave(struct tarjan *t)
{
    uint32_t product = t->path[--t->path_count];
    if (t->low[product] == t->number[product]) {
        uint32_t component = t->out->count++, size = 0, member;
        do {
            member = t->stack[--t->stack_count];
            t->out->of[member] = component;
            size++;
        } while (member != product);
        t->out->size[component] = size;
    }
    if (t->path_count > 0) {
        uint32_t parent = t->path[t->path_count - 1];
        if (t->low[product] < t->low[parent])
            t->low[parent] = t->low[product];
    }
}

/* Follows the next edge of the last vertex on the path; false when it has none left. */
static bool tarjan_advance(struct tarjan *t)
{
    uint32_t product = t->path[t->path_count - 1];
    uint32_t states = t->automaton->state_count;
    const int8_t *next = t->automaton->next[product % states];
    uint32_t end = t->graph->first[product / states + 1];
    for (uint32_t e = t->edge[t->path_count - 1]; e < end; e++) {
        int8_t state = next[txn_edge_relation(t->graph->edge[e])];
        if (state < 0)
            continue;
        uint32_t target = txn_edge_target(t->graph->edge[e]) * states + (uint8_t)state;
        if (t->low[target] == 0) {
            t->edge[t->path_count - 1] = e + 1;
            tarjan_enter(t, target);
            return true;
        }
        if (t->out->of[target] == NO_COMPONENT && t->number[target] < t->low[product])
            t->low[product] = t->number[target];
    }
    return false;
}

void txn_components_find(const struct txn_graph *graph, const struct txn_automaton *automaton,
                         struct txn_components *components)
{
    size_t count = (size_t)graph->vertex_count * automaton->state_count;
    struct tarjan t = {.graph = graph, .automaton = automaton, .out = components};
    *components = (struct txn_components){0};
    components->of = rift_reallocarray(NULL, count + 1, sizeof *components->of);
    components->size = rift_reallocarray(NULL, count + 1, sizeof *components->size);
    for (size_t i = 0; i < count; i++)
        components->of[i] = NO_COMPONENT;
    t.low = rift_calloc(count + 1, sizeof *t.low);
    t.number = rift_reallocarray(NULL, count + 1, sizeof *t.number);
    t.stack = rift_reallocarray(NULL, count + 1, sizeof *t.stack);
    t.path = rift_reallocarray(NULL, count + 1, sizeof *t.path);
    t.edge = rift_reallocarray(NULL, count + 1, sizeof *t.edge);
    for (uint32_t root = 0; root < count; root++) {
        if (t.low[root])
            continue;
        tarjan_enter(&t, root);
        while (t.path_count > 0)
            if (!tarjan_advance(&t))
                tarjan_leave(&t);
    }
    free(t.low);
    free(t.number);
    free(t.stack);
    free(t.path);
    free(t.edge);
}

void txn_components_finish(struct txn_components *components)
{
    free(components->of);
    free(components->size);
    *components = (struct txn_components){0};
}

static uint32_t target_of(const struct txn_automaton *automaton, uint32_t state, uint32_t edge)
{
    int8_t next = automaton->next[state][txn_edge_relation(edge)];
    return next < 0 ? UINT32_MAX : txn_edge_target(edge) * automaton->state_count + (uint8_t)next;
}

uint32_t *txn_topological_order(const struct txn_graph *graph,
                                const struct txn_automaton *automaton)
{
    uint32_t states = automaton->state_count, done = 0, ready = 0;
    size_t count = (size_t)graph->vertex_count * states;
    CLEANUP(rift_free) uint32_t *waits_for = rift_calloc(count + 1, sizeof *waits_for);
    uint32_t *order = rift_reallocarray(NULL, count + 1, sizeof *order), target;
    for (uint32_t e = 0; e < graph->edge_count; e++)
        for (uint32_t state = 0; state < states; state++)
            if ((target = target_of(automaton, state, graph->edge[e])) != UINT32_MAX)
                waits_for[target]++;
    for (uint32_t p = 0; p < count; p++)
        if (waits_for[p] == 0)
            order[ready++] = p;
    while (done < ready) {
        uint32_t v = order[done] / states, state = order[done] % states;
        done++;
        for (uint32_t e = graph->first[v]; e < graph->first[v + 1]; e++)
            if ((target = target_of(automaton, state, graph->edge[e])) != UINT32_MAX &&
                --waits_for[target] == 0)
                order[ready++] = target;
    }
    if (done == count)
        return order;
    free(order);
    return NULL;
}

bool txn_is_acyclic(const struct txn_graph *graph, const struct txn_automaton *automaton)
{
    CLEANUP(rift_free) uint32_t *order = txn_topological_order(graph, automaton);
    return order != NULL;
}
