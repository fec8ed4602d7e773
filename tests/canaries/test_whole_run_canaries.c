/* A register on three nodes that copy from each other, cut apart for a while, and its twins with
 * one bug each: what whole runs are judged by must notice it, and say nothing of the healthy one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

enum bug {
    HEALTHY,
    A_COPY_STOPS,         /* one node never hears of a write again */
    STAYS_DOWN,           /* after the cut one node takes long to serve again */
    COPIES_LAG,           /* reads are of the node's own copy, far behind */
    READS_HOP,            /* each read is of any copy, however old */
    CAS_NEVER_WORKS,      /* every cas ends without an answer */
    FAULT_WITHOUT_EFFECT, /* the cut was commanded, and nobody saw it */
    FAULT_TOO_LATE,       /* all operations are over when the cut comes */
    FAULT_IN_A_PAUSE,     /* nothing is asked as long as the cut lasts */
    FAULT_ELSEWHERE,      /* the cut is of a node that no client speaks to */
    FAULT_ALL_ALONG,      /* the cut is there before the first operation, and stays */
    TURNS_AWAY,           /* one node never serves */
    STOPS_SERVING,        /* after a third of the run nothing succeeds */
    SHOWS_NOTHING,        /* writes are acknowledged, and no read sees one */
};

enum { NODES = 3, CLIENTS = 6, OPS = 900, CUT_AT = 300, HEALED_AT = 500, SLOW_UNTIL = 800 };

struct cluster {
    enum bug bug;
    bool has_cas;
    struct rift_rng rng;
    struct rift_builder *builder;
    struct rift_values *values;
    int64_t log[OPS + 1]; /* all writes in one order */
    size_t count, copied[NODES];
    int64_t time, process[CLIENTS];
};

static const char *const node_names[NODES] = {"n1", "n2", "n3"};

static void record(struct cluster *cluster, size_t client, const char *f, int type,
                   struct rift_value value, const char *error)
{
    struct rift_event event = {.process = (int32_t)cluster->process[client],
                               .f = f,
                               .node = node_names[client % NODES],
                               .value = value,
                               .error = error,
                               .has_time = true,
                               .time_ns = cluster->time += RIFT_MS};
    event.type = type;
    assert_int_equal(rift_builder_add(cluster->builder, &event, NULL), 0);
}

static void fault(struct cluster *cluster, const char *f)
{
    bool is_seen = cluster->bug != FAULT_WITHOUT_EFFECT;
    json_t *json = json_pack("{s:i, s:s, s:b, s:{s:{s:b}}}", "window", 1, "what", "halves",
                             "observed", is_seen, "nodes",
                             cluster->bug == FAULT_ELSEWHERE ? "n4" : "n3", "is_observed", is_seen);
    struct rift_event event = {.process = RIFT_PROCESS_NEMESIS,
                               .f = f,
                               .has_time = true,
                               .time_ns = cluster->time += RIFT_MS};
    assert_int_equal(rift_value_from_json(cluster->values, json, &event.value, NULL), 0);
    event.type = RIFT_EVENT_INVOKE;
    assert_int_equal(rift_builder_add(cluster->builder, &event, NULL), 0);
    event.type = RIFT_EVENT_INFO;
    assert_int_equal(rift_builder_add(cluster->builder, &event, NULL), 0);
    json_decref(json);
}

/* How many writes a read sees. */
static size_t seen_by_read(struct cluster *cluster, size_t node)
{
    size_t lag = rift_rng_below(&cluster->rng, 20);
    if (cluster->bug == SHOWS_NOTHING)
        return 0;
    size_t behind = cluster->count > lag ? cluster->count - lag : 0;
    if (cluster->bug == READS_HOP)
        return behind;
    if (cluster->bug == COPIES_LAG && behind > cluster->copied[node])
        cluster->copied[node] = behind;
    bool is_local = cluster->bug == COPIES_LAG || (cluster->bug == A_COPY_STOPS && node == 2);
    return is_local ? cluster->copied[node] : cluster->count;
}

static bool serves(const struct cluster *cluster, int step, size_t node)
{
    bool is_cut =
        node == 2 && ((step >= CUT_AT && step < HEALED_AT) || cluster->bug == FAULT_ALL_ALONG);
    if ((cluster->bug == TURNS_AWAY && node == 2) ||
        (cluster->bug == STOPS_SERVING && step >= CUT_AT))
        return false;
    bool is_slow =
        cluster->bug == STAYS_DOWN && node == 2 && step >= HEALED_AT && step < SLOW_UNTIL;
    return !is_cut && !is_slow;
}

static void act(struct cluster *cluster, int step)
{
    static const char *const names[] = {"read", "write", "cas"};
    size_t client = (size_t)step % CLIENTS, node = client % NODES;
    bool is_over = step >= OPS - 5 * CLIENTS; /* only reads in the end */
    const char *f =
        is_over ? "read" : names[rift_rng_below(&cluster->rng, cluster->has_cas ? 3 : 2)];
    int64_t now = cluster->count ? cluster->log[cluster->count - 1] : 0, next = step + 1;
    struct rift_value change[] = {now ? rift_value_small_integer(now) : RIFT_VALUE_NIL,
                                  rift_value_small_integer(next)};
    bool is_cas = f == names[2], is_read = f == names[0];
    struct rift_value argument = is_read  ? RIFT_VALUE_NIL
                                 : is_cas ? rift_value_box(cluster->values, RIFT_PAIR, change, 2)
                                          : change[1];
    record(cluster, client, f, RIFT_EVENT_INVOKE, argument, NULL);
    if (is_cas && cluster->bug == CAS_NEVER_WORKS) {
        record(cluster, client, f, RIFT_EVENT_INFO, RIFT_VALUE_NIL, "timeout");
        cluster->process[client] += CLIENTS;
        return;
    }
    if (!serves(cluster, step, node)) {
        record(cluster, client, f, RIFT_EVENT_FAIL, RIFT_VALUE_NIL, "connection refused");
        return;
    }
    if (is_read) {
        size_t seen = seen_by_read(cluster, node);
        record(cluster, client, f, RIFT_EVENT_OK,
               seen ? rift_value_small_integer(cluster->log[seen - 1]) : RIFT_VALUE_NIL, NULL);
        return;
    }
    cluster->log[cluster->count++] = next;
    if (cluster->bug != A_COPY_STOPS || node != 2 || step < CUT_AT)
        cluster->copied[node] = cluster->count;
    record(cluster, client, f, RIFT_EVENT_OK, argument, NULL);
}

static struct rift_history *simulate(enum bug bug, bool has_cas)
{
    static struct cluster cluster;
    cluster = (struct cluster){
        .bug = bug, .has_cas = has_cas, .builder = rift_builder_create(RIFT_TIME_NS)};
    cluster.values = rift_builder_values(cluster.builder);
    rift_rng_init(&cluster.rng, 3);
    for (size_t i = 0; i < CLIENTS; i++)
        cluster.process[i] = (int64_t)i;
    int cut_at = bug == FAULT_TOO_LATE ? OPS : bug == FAULT_ALL_ALONG ? 0 : CUT_AT;
    bool is_healed = bug != FAULT_TOO_LATE && bug != FAULT_ALL_ALONG;
    for (int step = 0; step < OPS; step++) {
        if (step == cut_at)
            fault(&cluster, "start-partition");
        if (step == HEALED_AT && is_healed)
            fault(&cluster, "stop-partition");
        if (bug == FAULT_IN_A_PAUSE && step >= CUT_AT && step < HEALED_AT)
            cluster.time += 2 * RIFT_MS;
        else
            act(&cluster, step);
    }
    if (cut_at == OPS)
        fault(&cluster, "start-partition");
    return rift_builder_finish(cluster.builder, NULL);
}

/* anomaly: what is named, or stands in the reason of an unknown. */
static void expect(const char *name, const char *options, enum bug bug, enum rift_validity validity,
                   const char *anomaly)
{
    /* The question of k is one of reads and writes. */
    struct rift_history *history = simulate(bug, strcmp(name, "k-atomic") != 0);
    if (validity == RIFT_UNKNOWN) {
        struct rift_verdict verdict = judge(name, options, history);
        assert_int_equal(verdict.validity, validity);
        assert_non_null(strstr(verdict.reason, anomaly));
        rift_verdict_finish(&verdict);
        rift_history_destroy(history);
    } else {
        expect_verdict(name, options, history, validity, anomaly);
    }
}

static void a_copy_that_stops_has_diverged(void **state)
{
    (void)state;
    expect("convergence", NULL, HEALTHY, RIFT_VALID, NULL);
    expect("convergence", NULL, A_COPY_STOPS, RIFT_INVALID, "diverged");
}

static void a_node_that_stays_down_recovers_too_slowly(void **state)
{
    static const char bounds[] = "{\"recovery_s\": 0.1, \"budget_percent\": 12}";
    (void)state;
    expect("availability", bounds, HEALTHY, RIFT_VALID, NULL);
    expect("availability", bounds, STAYS_DOWN, RIFT_INVALID, "error budget spent");
    expect("availability", "{\"recovery_s\": 0.1}", STAYS_DOWN, RIFT_INVALID, "recovery too slow");
}

static void copies_that_lag_are_stale(void **state)
{
    (void)state;
    expect("staleness", "{\"versions_max\": 3}", HEALTHY, RIFT_VALID, NULL);
    expect("staleness", "{\"versions_max\": 3}", COPIES_LAG, RIFT_INVALID, "stale read");
    expect("k-atomic", "{\"k\": 2}", HEALTHY, RIFT_VALID, NULL);
    expect("k-atomic", "{\"k\": 2}", READS_HOP, RIFT_INVALID, "not k-atomic");
}

static void reads_that_go_back_are_not_sequential(void **state)
{
    (void)state;
    expect("sequential", "{\"model\": \"cas-register\"}", HEALTHY, RIFT_VALID, NULL);
    expect("sequential", "{\"model\": \"cas-register\"}", READS_HOP, RIFT_INVALID,
           "not sequential");
}

static void an_operation_that_never_works_is_no_evidence(void **state)
{
    (void)state;
    expect("stats", NULL, HEALTHY, RIFT_VALID, NULL);
    expect("stats", NULL, CAS_NEVER_WORKS, RIFT_UNKNOWN, "no cas ever succeeded");
    expect("evidence", NULL, HEALTHY, RIFT_VALID, NULL);
    expect("evidence", NULL, CAS_NEVER_WORKS, RIFT_UNKNOWN, "no cas ever succeeded");
}

static void a_fault_that_nobody_saw_is_no_evidence(void **state)
{
    (void)state;
    expect("evidence", NULL, FAULT_WITHOUT_EFFECT, RIFT_UNKNOWN, "partition");
}

static void a_fault_that_no_operation_met_is_no_evidence(void **state)
{
    (void)state;
    expect("evidence", NULL, FAULT_TOO_LATE, RIFT_UNKNOWN,
           "fault window 1 (partition halves) met no operation: it began after the last operation");
    expect("evidence", NULL, FAULT_IN_A_PAUSE, RIFT_UNKNOWN,
           "fault window 1 (partition halves) met no operation: no operation was tried in it");
    expect("evidence", NULL, FAULT_ELSEWHERE, RIFT_VALID, NULL);
}

static void a_node_that_never_serves_is_no_evidence_unless_that_is_so_by_design(void **state)
{
    (void)state;
    expect("evidence", NULL, TURNS_AWAY, RIFT_UNKNOWN, "operations outside of its faults");
    expect("evidence", "{\"every_node\": false}", TURNS_AWAY, RIFT_VALID, NULL);
    expect("evidence", NULL, FAULT_ALL_ALONG, RIFT_VALID, NULL);
}

static void a_system_that_stops_serving_is_no_evidence(void **state)
{
    (void)state;
    expect("evidence", NULL, STOPS_SERVING, RIFT_UNKNOWN,
           "none of the last 600 of 900 operations succeeded");
}

static void reads_that_never_see_a_write_are_no_evidence(void **state)
{
    (void)state;
    expect("evidence", NULL, SHOWS_NOTHING, RIFT_UNKNOWN, "no read ever saw a change");
}

static void a_violation_is_told_in_its_phase(void **state)
{
    static const char options[] =
        "{\"checker\": [\"linearizable\", \"stats\"], \"phases\": [\"calm\"]}";
    (void)state;
    expect("by-phase", options, HEALTHY, RIFT_VALID, NULL);
    expect("by-phase", options, READS_HOP, RIFT_INVALID, "stale read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_that_stops_has_diverged),
        cmocka_unit_test(a_node_that_stays_down_recovers_too_slowly),
        cmocka_unit_test(copies_that_lag_are_stale),
        cmocka_unit_test(reads_that_go_back_are_not_sequential),
        cmocka_unit_test(an_operation_that_never_works_is_no_evidence),
        cmocka_unit_test(a_fault_that_nobody_saw_is_no_evidence),
        cmocka_unit_test(a_fault_that_no_operation_met_is_no_evidence),
        cmocka_unit_test(a_node_that_never_serves_is_no_evidence_unless_that_is_so_by_design),
        cmocka_unit_test(a_system_that_stops_serving_is_no_evidence),
        cmocka_unit_test(reads_that_never_see_a_write_are_no_evidence),
        cmocka_unit_test(a_violation_is_told_in_its_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
