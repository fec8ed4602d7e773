/* Small random graphs against a brute force over all simple cycles: every class that exists is
 * found or implied, nothing else is, and the cycle shown is the shortest of its class. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/txn/cycle.h"
#include "common/rng.h"

enum { VERTICES_MAX = 6, ROUNDS = 30000, DATA_RELATIONS = 3 };

static const txn_relations ALL = 31 | 1U << TXN_RW_PREDICATE;

/* has[a][b] holds one bit for each relation from a to b. */
struct square {
    int count;
    txn_relations has[VERTICES_MAX][VERTICES_MAX];
};

struct brute {
    const struct square *square;
    int path[VERTICES_MAX];
    int relation[VERTICES_MAX];
    /* By the component of its vertices, named by its least; 0: none. */
    int shortest[VERTICES_MAX][TXN_CYCLE_ANOMALY_COUNT];
    int component[VERTICES_MAX];
};

static int merged(int relation)
{
    return relation == TXN_RW_PREDICATE ? TXN_RW : relation;
}

/* The class of a cycle by its edges, by the definitions; -1 for none (order alone). */
static int classify(const int *relation, int length, bool is_of_predicate)
{
    int count[TXN_RELATION_COUNT] = {0}, adjacent = 0;
    for (int i = 0; i < length; i++) {
        count[merged(relation[i])]++;
        is_of_predicate |= merged(relation[i]) != relation[i];
        adjacent += merged(relation[i]) == TXN_RW && merged(relation[(i + 1) % length]) == TXN_RW;
    }
    if (count[TXN_PROCESS] && count[TXN_REALTIME])
        return -1;
    int variant = count[TXN_REALTIME] ? 2 : count[TXN_PROCESS] ? 1 : 0;
    if (count[TXN_RW] == 1 && is_of_predicate)
        return TXN_G_SINGLE_PREDICATE + variant;
    if (count[TXN_RW] > 1 && is_of_predicate)
        return (adjacent ? TXN_G2 : TXN_G_NONADJACENT_PREDICATE) + variant;
    if (count[TXN_RW] == 1)
        return TXN_G_SINGLE + variant;
    if (count[TXN_RW] > 1)
        return (adjacent ? TXN_G2_ITEM : TXN_G_NONADJACENT) + variant;
    if (count[TXN_WR])
        return TXN_G1C + variant;
    return count[TXN_WW] ? TXN_G0 + variant : -1;
}

static void walk(struct brute *brute, int length)
{
    int at = brute->path[length - 1];
    for (int next = brute->path[0]; next < brute->square->count; next++) {
        bool is_closing = next == brute->path[0] && length > 1, is_on_path = false;
        for (int i = 0; i < length; i++)
            is_on_path |= brute->path[i] == next;
        if (is_on_path && !is_closing)
            continue;
        for (int r = 0; r < TXN_RELATION_COUNT; r++) {
            if (!(brute->square->has[at][next] >> r & 1))
                continue;
            brute->relation[length - 1] = r;
            if (!is_closing) {
                brute->path[length] = next;
                walk(brute, length + 1);
                continue;
            }
            int anomaly = classify(brute->relation, length, false);
            if (anomaly < 0)
                continue;
            int *shortest = &brute->shortest[brute->component[next]][anomaly];
            if (!*shortest || length < *shortest)
                *shortest = length;
        }
    }
}

static void random_square(struct square *square, struct rift_rng *rng)
{
    int rank[VERTICES_MAX];
    square->count = 2 + (int)rift_rng_below(rng, VERTICES_MAX - 1);
    memset(square->has, 0, sizeof square->has);
    for (int i = 0; i < square->count; i++)
        rank[i] = i;
    rift_rng_shuffle(rng, rank, (size_t)square->count, sizeof *rank);
    uint64_t one_in = 2 + rift_rng_below(rng, 5), predicates = rift_rng_below(rng, 3);
    for (int a = 0; a < square->count; a++)
        for (int b = 0; b < square->count; b++) {
            if (a == b)
                continue;
            if (rift_rng_below(rng, one_in) == 0)
                square->has[a][b] |= (txn_relations)(1U << rift_rng_below(rng, DATA_RELATIONS));
            if (predicates > 0 && rift_rng_below(rng, one_in * predicates) == 0)
                square->has[a][b] |= 1U << TXN_RW_PREDICATE;
            /* Orders go round no cycle, and a process keeps to real time. */
            if (rank[a] < rank[b] && rift_rng_below(rng, 6) == 0)
                square->has[a][b] |= 1U << TXN_REALTIME;
            if (square->has[a][b] >> TXN_REALTIME & 1 && rift_rng_below(rng, 3) == 0)
                square->has[a][b] |= 1U << TXN_PROCESS;
        }
}

static void find(const struct square *square, uint64_t work, struct txn_cycles *cycles)
{
    struct txn_edges edges;
    struct txn_graph graph;
    struct txn_cycle_limits limits = {.relations = ALL, .work = work};
    txn_edges_init(&edges, (uint32_t)square->count);
    for (int a = 0; a < square->count; a++)
        for (int b = 0; b < square->count; b++)
            for (int r = 0; r < TXN_RELATION_COUNT; r++)
                if (square->has[a][b] >> r & 1)
                    txn_edges_add(&edges, (uint32_t)a, (uint32_t)b, (enum txn_relation)r);
    txn_edges_build(&edges, &graph);
    txn_cycles_find(&graph, &limits, cycles);
    txn_graph_finish(&graph);
}

static txn_anomalies closure(txn_anomalies found)
{
    txn_anomalies closed = 0;
    for (int i = 0; i < TXN_CYCLE_ANOMALY_COUNT; i++)
        if (found >> i & 1)
            closed |= txn_anomaly_implied((enum txn_anomaly)i);
    return closed;
}

/* The cycle shown is there, simple, and of the class that it claims. */
static void check_cycle(const struct square *square, const struct txn_cycle *cycle)
{
    int relation[VERTICES_MAX];
    assert_true(cycle->length >= 2 && cycle->length <= VERTICES_MAX);
    for (uint32_t i = 0; i < cycle->length; i++) {
        uint32_t next = cycle->vertex[(i + 1) % cycle->length];
        bool is_there = false;
        for (int r = 0; r < TXN_RELATION_COUNT; r++)
            is_there |=
                merged(r) == cycle->relation[i] && (square->has[cycle->vertex[i]][next] >> r & 1);
        assert_true(is_there);
        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(cycle->vertex[i], cycle->vertex[j]);
        relation[i] = cycle->relation[i];
    }
    assert_int_equal(
        classify(relation, (int)cycle->length, cycle->anomaly >= TXN_G_SINGLE_PREDICATE),
        cycle->anomaly);
}

static void find_components(struct brute *brute)
{
    bool reach[VERTICES_MAX][VERTICES_MAX] = {0};
    int count = brute->square->count;
    for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++)
            reach[a][b] = a == b || brute->square->has[a][b];
    for (int m = 0; m < count; m++)
        for (int a = 0; a < count; a++)
            for (int b = 0; b < count; b++)
                reach[a][b] |= reach[a][m] && reach[m][b];
    for (int v = 0; v < count; v++) {
        brute->component[v] = 0;
        while (!reach[v][brute->component[v]] || !reach[brute->component[v]][v])
            brute->component[v]++;
    }
}

static void check_square(const struct square *square, uint64_t work, bool is_minimal, uint64_t seed)
{
    struct brute brute = {.square = square};
    txn_anomalies exists = 0, shown = 0;
    find_components(&brute);
    for (brute.path[0] = 0; brute.path[0] < square->count; brute.path[0]++)
        walk(&brute, 1);
    for (int v = 0; v < square->count; v++)
        for (int i = 0; i < TXN_CYCLE_ANOMALY_COUNT; i++)
            exists |= brute.shortest[v][i] ? UINT64_C(1) << i : 0;
    struct txn_cycles cycles;
    find(square, work, &cycles);
    assert_int_equal(cycles.undecided, 0);
    for (size_t i = 0; i < cycles.count; i++) {
        const struct txn_cycle *cycle = &cycles.items[i];
        check_cycle(square, cycle);
        shown |= UINT64_C(1) << cycle->anomaly;
        if (is_minimal)
            assert_int_equal(cycle->length,
                             brute.shortest[brute.component[cycle->vertex[0]]][cycle->anomaly]);
    }
    txn_anomalies mask = (UINT64_C(1) << TXN_CYCLE_ANOMALY_COUNT) - 1;
    if (txn_levels_ruled_out(shown) != txn_levels_ruled_out(exists) || shown & ~exists ||
        (cycles.found & mask) != shown)
        fail_msg("seed %llu: classes %llx exist, %llx shown", (unsigned long long)seed,
                 (unsigned long long)closure(exists), (unsigned long long)closure(shown));
    txn_cycles_finish(&cycles);
}

static void every_class_is_found_exactly_and_its_cycle_is_shortest(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct rift_rng rng;
        struct square square;
        rift_rng_init(&rng, seed);
        random_square(&square, &rng);
        check_square(&square, 0, true, seed);
    }
}

/* With no work allowed for walks, existence is decided by bits through the condensation. */
static void classes_are_exact_when_the_work_runs_out_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct rift_rng rng;
        struct square square;
        rift_rng_init(&rng, seed);
        random_square(&square, &rng);
        check_square(&square, 1, false, seed);
    }
}

/* A fan joins each source to each target but itself, whatever junctions it is made of. */
static void a_fan_joins_everything_but_a_transaction_to_itself(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rift_rng rng;
        struct txn_edges edges;
        struct txn_graph graph;
        uint32_t sources[COUNT], targets[COUNT], source_count = 0, target_count = 0;
        bool is_source[COUNT] = {0}, is_target[COUNT] = {0};
        rift_rng_init(&rng, seed);
        for (uint32_t v = 0; v < COUNT; v++) {
            if ((is_source[v] = rift_rng_below(&rng, 2)))
                sources[source_count++] = v;
            if ((is_target[v] = rift_rng_below(&rng, 2)))
                targets[target_count++] = v;
        }
        rift_rng_shuffle(&rng, targets, target_count, sizeof *targets);
        txn_edges_init(&edges, COUNT);
        txn_edges_fan(&edges, sources, source_count, targets, target_count, TXN_RW);
        assert_true(edges.count <= 6 * COUNT);
        txn_edges_build(&edges, &graph);
        for (uint32_t from = 0; from < COUNT; from++) {
            bool reached[4 * COUNT] = {0};
            uint32_t stack[4 * COUNT], depth = 0;
            stack[depth++] = from;
            while (depth) {
                uint32_t v = stack[--depth];
                for (uint32_t e = graph.first[v]; e < graph.first[v + 1]; e++) {
                    uint32_t target = txn_edge_target(graph.edge[e]);
                    assert_int_equal(txn_edge_relation(graph.edge[e]),
                                     v < COUNT ? TXN_RW : TXN_THROUGH);
                    if (!reached[target] && target >= COUNT)
                        stack[depth++] = target;
                    reached[target] = true;
                }
            }
            for (uint32_t to = 0; to < COUNT; to++)
                assert_int_equal(reached[to], is_source[from] && is_target[to] && from != to);
        }
        txn_graph_finish(&graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_is_found_exactly_and_its_cycle_is_shortest),
        cmocka_unit_test(classes_are_exact_when_the_work_runs_out_at_once),
        cmocka_unit_test(a_fan_joins_everything_but_a_transaction_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
