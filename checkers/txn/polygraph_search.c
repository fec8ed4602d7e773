/* The pairs that pruning left go to a SAT solver: one variable a pair, true for the order that
 * agrees with a topological order of what is known. Cycles are forbidden lazily: a choice is tried
 * as a whole, each cycle that it closes gives a clause, and the solver goes on from there. */
#include "checkers/txn/polygraph.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

#ifndef RIFT_HAVE_CADICAL

enum polygraph_answer polygraph_search(struct polygraph *polygraph, const char **reason)
{
    (void)polygraph;
    *reason = "this build has no SAT solver (install libcadical-dev and build again)";
    return POLYGRAPH_UNDECIDED;
}

#else

#include <ccadical.h>

enum {
    CLAUSES_PER_ROUND = 1 << 16,
    WORK_PER_ROUND = 1 << 26, /* edges followed while looking for cycles */
    SAT_YES = 10,
    SAT_NO = 20,
};

/* An edge of the choice at hand, with the literal that put it there. */
struct chosen {
    uint32_t from, edge;
    int literal;
};

struct search {
    struct polygraph *polygraph;
    CCaDiCaL *solver;
    struct chosen *chosen; /* sorted by from and edge */
    size_t chosen_count, chosen_capacity;
    struct txn_graph graph; /* what is known, and the choice */
    struct txn_components components;
    uint32_t *parent, *stamp, *queue;
    uint32_t round;
    uint64_t work;
    size_t clauses;
};

static int compare_chosen(const void *a, const void *b)
{
    const struct chosen *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->edge > y->edge) - (x->edge < y->edge);
}

static int stop_when_late(void *polygraph)
{
    return polygraph_is_late(polygraph);
}

/* Turns each pair so that its first order agrees with a topological order of what is known that
 * follows time: most of them are right at once. */
static void orient_pairs(struct polygraph *polygraph)
{
    struct txn_graph graph;
    struct txn_closure closure;
    CLEANUP(rift_free) int64_t *time = polygraph_times(polygraph);
    uint32_t states = polygraph->automaton.state_count;
    const struct txn_set *set = polygraph->model->set;
    txn_edges_copy(&polygraph->known, &graph);
    bool is_acyclic =
        txn_closure_init(&closure, &graph, &polygraph->automaton, time, 1, UINT64_MAX);
    for (size_t i = 0; is_acyclic && i < polygraph->pair_count; i++) {
        struct polygraph_pair *pair = &polygraph->pairs[i];
        if (closure.number[set->mop_txn[pair->a] * states] >
            closure.number[set->mop_txn[pair->b] * states])
            *pair = (struct polygraph_pair){pair->b, pair->a};
    }
    if (is_acyclic)
        txn_closure_finish(&closure);
    txn_graph_finish(&graph);
}

/* The graph of what is known and what the solver chose. */
static void build_choice(struct search *search)
{
    struct polygraph *polygraph = search->polygraph;
    struct txn_edges edges = polygraph->known;
    edges.items = rift_reallocarray(NULL, edges.count + 1, sizeof *edges.items);
    if (edges.count > 0)
        memcpy(edges.items, polygraph->known.items, edges.count * sizeof *edges.items);
    edges.capacity = edges.count + 1;
    search->chosen_count = 0;
    for (size_t i = 0; i < polygraph->pair_count; i++) {
        struct polygraph_pair pair = polygraph->pairs[i];
        int literal = (int)i + 1;
        if (ccadical_val(search->solver, literal) < 0) {
            literal = -literal;
            pair = (struct polygraph_pair){pair.b, pair.a};
        }
        size_t before = edges.count;
        polygraph_add_choice(polygraph, pair.a, pair.b, &edges);
        for (size_t e = before; e < edges.count; e++) {
            if (search->chosen_count == search->chosen_capacity) {
                search->chosen_capacity = 2 * search->chosen_capacity + 1024;
                search->chosen = rift_reallocarray(search->chosen, search->chosen_capacity,
                                                   sizeof *search->chosen);
            }
            search->chosen[search->chosen_count++] =
                (struct chosen){edges.items[e].from, edges.items[e].edge, literal};
        }
    }
    if (search->chosen_count > 0)
        qsort(search->chosen, search->chosen_count, sizeof *search->chosen, compare_chosen);
    txn_edges_build(&edges, &search->graph);
}

/* The literal of an edge, 0 where it is known. A chosen edge that is known too counts as chosen:
 * the clause is then weaker than it could be, but right. */
static int literal_of(const struct search *search, uint32_t from, uint32_t edge)
{
    struct chosen wanted = {.from = from, .edge = edge};
    const struct chosen *found = bsearch(&wanted, search->chosen, search->chosen_count,
                                         sizeof *search->chosen, compare_chosen);
    return found ? found->literal : 0;
}

/* Breadth first from product vertex from to product vertex to within their component. */
static bool find_way(struct search *search, uint32_t from, uint32_t to)
{
    const struct txn_automaton *automaton = &search->polygraph->automaton;
    uint32_t states = automaton->state_count, head = 0, tail = 0;
    uint32_t component = search->components.of[from];
    search->round++;
    search->stamp[from] = search->round;
    search->parent[from] = UINT32_MAX;
    search->queue[tail++] = from;
    while (head < tail && search->stamp[to] != search->round) {
        uint32_t product = search->queue[head++], v = product / states;
        search->work += search->graph.first[v + 1] - search->graph.first[v];
        for (uint32_t e = search->graph.first[v]; e < search->graph.first[v + 1]; e++) {
            uint32_t edge = search->graph.edge[e];
            int8_t state = automaton->next[product % states][txn_edge_relation(edge)];
            if (state < 0)
                continue;
            uint32_t target = txn_edge_target(edge) * states + (uint8_t)state;
            if (search->components.of[target] != component ||
                search->stamp[target] == search->round)
                continue;
            search->stamp[target] = search->round;
            search->parent[target] = product;
            search->queue[tail++] = target;
        }
    }
    return search->stamp[to] == search->round;
}

/* Adds the literals of the edges by which product vertex to can follow from: none if one is known.
 */
static int literal_between(const struct search *search, uint32_t from, uint32_t to)
{
    const struct txn_automaton *automaton = &search->polygraph->automaton;
    uint32_t states = automaton->state_count, v = from / states;
    int literal = 0;
    for (uint32_t e = search->graph.first[v]; e < search->graph.first[v + 1]; e++) {
        uint32_t edge = search->graph.edge[e];
        if (txn_edge_target(edge) != to / states ||
            automaton->next[from % states][txn_edge_relation(edge)] != (int8_t)(to % states))
            continue;
        int found = literal_of(search, v, edge);
        if (found == 0)
            return 0;
        literal = found;
    }
    return literal;
}

/* Forbids the cycle from product vertex first over the way found to last. */
static void add_clause(struct search *search, uint32_t last, int literal)
{
    ccadical_add(search->solver, -literal);
    for (uint32_t at = last; search->parent[at] != UINT32_MAX; at = search->parent[at]) {
        int other = literal_between(search, search->parent[at], at);
        if (other != 0 && other != literal)
            ccadical_add(search->solver, -other);
    }
    ccadical_add(search->solver, 0);
    search->clauses++;
}

/* A clause for each chosen edge that lies on a cycle, within the bounds of a round. */
static size_t forbid_cycles(struct search *search)
{
    const struct txn_automaton *automaton = &search->polygraph->automaton;
    uint32_t states = automaton->state_count;
    size_t before = search->clauses;
    search->work = 0;
    for (size_t i = 0; i < search->chosen_count; i++) {
        const struct chosen *chosen = &search->chosen[i];
        if (search->clauses - before >= CLAUSES_PER_ROUND || search->work > WORK_PER_ROUND)
            break;
        for (uint32_t state = 0; state < states; state++) {
            int8_t next = automaton->next[state][txn_edge_relation(chosen->edge)];
            if (next < 0)
                continue;
            uint32_t from = chosen->from * states + state;
            uint32_t to = txn_edge_target(chosen->edge) * states + (uint8_t)next;
            if (search->components.of[from] != search->components.of[to] ||
                !find_way(search, to, from))
                continue;
            add_clause(search, from, chosen->literal);
            break;
        }
    }
    return search->clauses - before;
}

/* EXPLAINED if the choice of the solver closes no cycle; else its cycles are forbidden. A cycle
 * that no choice made is a violation. */
static enum polygraph_answer try_choice(struct search *search)
{
    enum polygraph_answer answer = POLYGRAPH_EXPLAINED;
    build_choice(search);
    size_t count = (size_t)search->graph.vertex_count * search->polygraph->automaton.state_count;
    txn_components_find(&search->graph, &search->polygraph->automaton, &search->components);
    bool is_acyclic = search->components.count == count;
    if (!is_acyclic) {
        search->parent = rift_reallocarray(NULL, count + 1, sizeof *search->parent);
        search->stamp = rift_calloc(count + 1, sizeof *search->stamp);
        search->queue = rift_reallocarray(NULL, count + 1, sizeof *search->queue);
        search->round = 0;
        answer = forbid_cycles(search) > 0 ? POLYGRAPH_UNDECIDED : POLYGRAPH_VIOLATED;
        free(search->parent);
        free(search->stamp);
        free(search->queue);
    }
    txn_components_finish(&search->components);
    txn_graph_finish(&search->graph);
    return answer;
}

enum polygraph_answer polygraph_search(struct polygraph *polygraph, const char **reason)
{
    struct search search = {.polygraph = polygraph, .solver = ccadical_init()};
    enum polygraph_answer answer = POLYGRAPH_UNDECIDED;
    orient_pairs(polygraph);
    ccadical_set_option(search.solver, "quiet", 1);
    ccadical_set_terminate(search.solver, polygraph, stop_when_late);
    /* Every variable must be known to the solver before its value is asked for. */
    for (size_t i = 0; i < polygraph->pair_count; i++) {
        ccadical_add(search.solver, (int)i + 1);
        ccadical_add(search.solver, -(int)i - 1);
        ccadical_add(search.solver, 0);
    }
    while (answer == POLYGRAPH_UNDECIDED && !*reason) {
        int result = ccadical_solve(search.solver);
        if (result == SAT_NO)
            answer = POLYGRAPH_VIOLATED;
        else if (result != SAT_YES || polygraph_is_late(polygraph))
            *reason = "the time ran out in the SAT solver";
        else
            answer = try_choice(&search);
    }
    polygraph->clauses = search.clauses;
    ccadical_release(search.solver);
    free(search.chosen);
    return answer;
}

#endif
