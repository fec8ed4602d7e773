#include "checkers/txn/polygraph.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"

enum { TIME_DEFAULT_MS = 60000 };

#define FOUND(anomaly) (UINT64_C(1) << (anomaly))

struct question {
    enum txn_anomaly anomaly;
    enum polygraph_level level;
    enum polygraph_order order;
};

/* From the weakest on, so that the first one violated says most. */
static const struct question questions[] = {
    {TXN_NOT_PREFIX, POLYGRAPH_PREFIX, POLYGRAPH_ANY},
    {TXN_NOT_PREFIX_PROCESS, POLYGRAPH_PREFIX, POLYGRAPH_PROCESS},
    {TXN_NOT_SNAPSHOT_ISOLATED, POLYGRAPH_SNAPSHOT, POLYGRAPH_ANY},
    {TXN_NOT_SNAPSHOT_ISOLATED_PROCESS, POLYGRAPH_SNAPSHOT, POLYGRAPH_PROCESS},
    {TXN_NOT_SNAPSHOT_ISOLATED_REALTIME, POLYGRAPH_SNAPSHOT, POLYGRAPH_REALTIME},
    {TXN_NOT_SERIALIZABLE, POLYGRAPH_SERIAL, POLYGRAPH_ANY},
    {TXN_NOT_SERIALIZABLE_PROCESS, POLYGRAPH_SERIAL, POLYGRAPH_PROCESS},
    {TXN_NOT_STRICTLY_SERIALIZABLE, POLYGRAPH_SERIAL, POLYGRAPH_REALTIME},
};

enum { QUESTION_COUNT = sizeof questions / sizeof *questions };

static enum polygraph_answer ask(const struct rift_check *check, const struct txn_set *set,
                                 const struct question *question, struct txn_findings *findings,
                                 struct txn_findings *record, const char **reason)
{
    struct register_model model;
    struct polygraph polygraph;
    struct txn_cycle cycle = {.anomaly = question->anomaly};
    struct txn_findings silent = *findings;
    struct rift_verdict nothing = {0};
    silent.verdict = &nothing;
    register_model_init(&model, set);
    silent.count[TXN_NOT_STRICTLY_SERIALIZABLE] = 0;
    polygraph_init(&polygraph, &model, question->level, question->order, &silent);
    polygraph.memory_bytes = check->budget.memory_bytes / 2;
    polygraph.deadline_ns =
        rift_clock_now() +
        (check->budget.time_ms ? check->budget.time_ms : TIME_DEFAULT_MS) * RIFT_MS;
    bool has_cyclic_keys = silent.count[TXN_NOT_STRICTLY_SERIALIZABLE] > 0;
    enum polygraph_answer answer =
        has_cyclic_keys ? POLYGRAPH_VIOLATED : polygraph_solve(&polygraph, &cycle, reason);
    json_t *stats = rift_verdict_stats(findings->verdict);
    json_object_set_new(stats, "pairs_of_writes",
                        json_integer((json_int_t)polygraph.pairs_at_first));
    json_object_set_new(stats, "pairs_left", json_integer((json_int_t)polygraph.pairs_left));
    json_object_set_new(stats, "clauses", json_integer((json_int_t)polygraph.clauses));
    if (answer == POLYGRAPH_VIOLATED && record) {
        struct txn_cycles cycles = {.count = 1, .items = &cycle};
        if (cycle.length > 0)
            txn_findings_add_cycles(record, &cycles, &model, register_model_explain);
        else if (has_cyclic_keys)
            txn_findings_add(record, question->anomaly,
                             "two versions of one key each come before the other in real time");
        else
            txn_findings_add(record, question->anomaly,
                             "of %zu pairs of writes whose order is not known, no choice of orders "
                             "is free of forbidden cycles",
                             polygraph.pairs_left);
    }
    free(cycle.vertex);
    free(cycle.relation);
    polygraph_finish(&polygraph);
    register_model_finish(&model);
    rift_verdict_finish(&nothing);
    return answer;
}

void polygraph_judge(const struct rift_check *check, const struct txn_set *set,
                     struct txn_findings *findings)
{
    int strongest = -1;
    for (int i = 0; i < QUESTION_COUNT; i++)
        if (findings->forbidden & FOUND(questions[i].anomaly))
            strongest = i;
    if (strongest < 0)
        return;
    const char *reason = NULL;
    enum polygraph_answer answer = ask(check, set, &questions[strongest], findings, NULL, &reason);
    if (answer == POLYGRAPH_UNDECIDED)
        rift_verdict_doubt(findings->verdict,
                           "whether some order of the writes explains it is undecided: %s", reason);
    bool is_told = false;
    for (int i = 0; answer == POLYGRAPH_VIOLATED && !is_told && i <= strongest; i++) {
        const char *ignored = NULL;
        is_told =
            (findings->forbidden & FOUND(questions[i].anomaly)) &&
            ask(check, set, &questions[i], findings, findings, &ignored) == POLYGRAPH_VIOLATED;
    }
    /* Asked again, it may be late. */
    if (answer == POLYGRAPH_VIOLATED && !is_told)
        txn_findings_add(findings, questions[strongest].anomaly,
                         "no choice of orders of the writes is free of forbidden cycles; there was "
                         "no time left to tell which");
}
