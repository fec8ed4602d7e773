#include "checkers/txn/judge.h"

#include "checkers/txn/order.h"
#include "common/clock.h"

void txn_judge_cycles_as(const struct rift_check *check, struct txn_findings *findings,
                         enum txn_anomaly anomaly, struct txn_edges *edges, const void *model,
                         txn_explain *explain)
{
    const struct txn_set *set = findings->set;
    struct txn_cycle_limits limits = {.relations = txn_level_relations(findings->level)};
    struct txn_graph graph;
    struct txn_cycles cycles;
    json_t *stats = rift_verdict_stats(findings->verdict);
    size_t data_edges = edges->count;
    if (check->budget.time_ms > 0)
        limits.deadline_ns = rift_clock_now() + check->budget.time_ms * RIFT_MS;
    if (limits.relations & txn_relation_bit(TXN_PROCESS))
        txn_order_processes(set, edges);
    if (limits.relations & txn_relation_bit(TXN_REALTIME))
        txn_order_realtime(set, edges);
    bool is_full = edges->is_full;
    txn_edges_build(edges, &graph);
    txn_cycles_find(&graph, &limits, &cycles);
    if (anomaly != TXN_ANOMALY_COUNT) {
        cycles.undecided = cycles.undecided ? UINT64_C(1) << anomaly : 0;
        cycles.found = 0;
        for (size_t i = 0; i < cycles.count; i++)
            cycles.items[i].anomaly = anomaly;
    }
    txn_findings_add_cycles(findings, &cycles, model, explain);
    json_object_set_new(stats, "edges", json_integer(graph.edge_count));
    if (is_full)
        rift_verdict_doubt(findings->verdict, "more dependencies than the graph can hold");
    /* Without one dependency nothing was put to the test. */
    if (data_edges == 0 && !findings->found)
        rift_verdict_doubt(findings->verdict,
                           "no transaction observed, or missed, what another did");
    txn_cycles_finish(&cycles);
    txn_graph_finish(&graph);
}

void txn_judge_cycles(const struct rift_check *check, struct txn_findings *findings,
                      struct txn_edges *edges, const void *model, txn_explain *explain)
{
    txn_judge_cycles_as(check, findings, TXN_ANOMALY_COUNT, edges, model, explain);
}
