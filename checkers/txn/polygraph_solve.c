/* The whole question of a polygraph, by its parts in order of cost. */
#include "checkers/txn/polygraph.h"
#include "checkers/txn/search.h"

enum { CYCLE_WORK = 1 << 24 };

/* The shortest forbidden cycle of what is known, if there is one. */
static bool find_known_cycle(const struct polygraph *polygraph, struct txn_cycle *cycle)
{
    static const enum txn_relation anchors[] = {TXN_RW, TXN_WW, TXN_WR};
    struct txn_graph graph;
    txn_edges_copy(&polygraph->known, &graph);
    bool is_found = false;
    for (size_t i = 0; !is_found && i < sizeof anchors / sizeof *anchors; i++) {
        struct txn_search search = {.graph = &graph,
                                    .anchor = anchors[i],
                                    .rest = polygraph->automaton,
                                    .enclosing = polygraph->automaton,
                                    .work = CYCLE_WORK};
        is_found = txn_search_run(&search, cycle) == TXN_SEARCH_FOUND;
    }
    txn_graph_finish(&graph);
    return is_found;
}

static bool is_cyclic(const struct polygraph *polygraph)
{
    struct txn_graph graph;
    txn_edges_copy(&polygraph->known, &graph);
    bool has_cycle = !txn_is_acyclic(&graph, &polygraph->automaton);
    txn_graph_finish(&graph);
    return has_cycle;
}

enum polygraph_answer polygraph_solve(struct polygraph *polygraph, struct txn_cycle *cycle,
                                      const char **reason)
{
    *reason = NULL;
    if (polygraph->known.is_full) {
        *reason = "there are more dependencies than the graph can hold";
        return POLYGRAPH_UNDECIDED;
    }
    if (is_cyclic(polygraph)) {
        find_known_cycle(polygraph, cycle);
        return POLYGRAPH_VIOLATED;
    }
    if (polygraph_guess(polygraph))
        return POLYGRAPH_EXPLAINED;
    enum polygraph_answer answer = polygraph_prune(polygraph, reason);
    if (answer == POLYGRAPH_VIOLATED)
        find_known_cycle(polygraph, cycle);
    if (answer != POLYGRAPH_UNDECIDED || *reason)
        return answer;
    if (polygraph->pair_count == 0)
        return POLYGRAPH_EXPLAINED;
    if (polygraph_guess(polygraph))
        return POLYGRAPH_EXPLAINED;
    return polygraph_search(polygraph, reason);
}
