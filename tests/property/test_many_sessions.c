/* sessions and causal on random small histories, against their definitions followed literally: all
 * that had happened before an op is found by closing a relation. RIFT_LONG=1: more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

enum { OPS_MAX = 256, PROCESSES_MAX = 128, KEYS_MAX = 3, NONE = -1 };
enum { OWN_WRITE, OWN_READ, WRITTEN_BEFORE, READ_BEFORE, RULES };

static const char *const guarantees[RULES] = {"read your writes", "monotonic reads",
                                              "monotonic writes", "writes follow reads"};

struct op {
    int process, session, key;
    bool is_write;
    enum rift_op_type type;
    int source; /* of a read: the write that it saw, or NONE: the initial state */
    int64_t start, end;
};

struct sample {
    int count;
    struct op ops[OPS_MAX];
};

/* Processes take turns at random. A read sees any write to its key that began before it ends, of
 * late ones rather; without times, any write at all. */
static void sample_make(struct sample *sample, struct rift_rng *rng, int process_count, int count,
                        int key_count, bool has_times)
{
    int session[PROCESSES_MAX], sessions = process_count;
    int64_t free_from[PROCESSES_MAX] = {0}, now = 1;
    sample->count = count;
    for (int p = 0; p < process_count; p++)
        session[p] = p;
    for (int i = 0; i < count; i++) {
        struct op *op = &sample->ops[i];
        int p = (int)rift_rng_below(rng, (uint64_t)process_count);
        now = now >= free_from[p] ? now + 1 : free_from[p] + 1;
        *op = (struct op){.process = p,
                          .session = session[p],
                          .key = (int)rift_rng_below(rng, (uint64_t)key_count),
                          .is_write = rift_rng_below(rng, 5) < 2,
                          .source = NONE,
                          .start = now};
        op->end = has_times ? now + (int64_t)rift_rng_below(rng, 8) : RIFT_TIME_NEVER;
        free_from[p] = has_times ? op->end : now;
        /* Some sessions are short and some long. */
        op->type = rift_rng_below(rng, p % 2 ? 4 : 64) ? RIFT_OP_OK : RIFT_OP_INFO;
        if (op->type == RIFT_OP_INFO) {
            op->end = RIFT_TIME_NEVER;
            session[p] = sessions++;
        }
    }
    for (int i = 0; i < count; i++) {
        struct op *op = &sample->ops[i];
        int candidate[OPS_MAX], candidates = 0;
        for (int w = 0; w < count; w++)
            if (sample->ops[w].is_write && sample->ops[w].key == op->key &&
                sample->ops[w].start <= op->end && (!has_times || w < i + 3))
                candidate[candidates++] = w;
        if (!op->is_write && op->type == RIFT_OP_OK && candidates && rift_rng_below(rng, 6)) {
            int back = (int)rift_rng_below(rng, (uint64_t)candidates);
            back = back / (1 + (int)rift_rng_below(rng, 3));
            op->source = candidate[candidates - 1 - back];
        }
    }
}

/* Op i writes the value i + 1. */
static struct rift_history *history_of(const struct sample *sample)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    struct rift_values *values = rift_builder_values(builder);
    struct rift_error err = {0};
    for (int i = 0; i < sample->count; i++) {
        const struct op *op = &sample->ops[i];
        struct rift_event event = {.process = op->process, .f = op->is_write ? "write" : "read"};
        event.has_key = true;
        event.key = rift_value_integer(values, op->key);
        if (op->is_write)
            event.value = rift_value_integer(values, i + 1);
        struct rift_value result =
            op->source == NONE ? RIFT_VALUE_NIL : rift_value_integer(values, op->source + 1);
        if (rift_builder_add_op(builder, &event, op->type, op->start, op->end,
                                op->is_write ? event.value : result, &err) != 0)
            fail_msg("%s", err.text);
    }
    struct rift_history *history = rift_builder_finish(builder, &err);
    if (!history)
        fail_msg("%s", err.text);
    return history;
}

static bool is_read(const struct op *op)
{
    return !op->is_write && op->type == RIFT_OP_OK;
}

/* Whether read r misses write w if w must be known to it. */
static bool misses(const struct sample *sample, int r, int w)
{
    const struct op *read = &sample->ops[r], *write = &sample->ops[w];
    if (!write->is_write || write->key != read->key)
        return false;
    return read->source == NONE ||
           (sample->ops[read->source].session == write->session && read->source < w);
}

static bool has_rule(const struct sample *sample, int r, int rule)
{
    const struct op *ops = sample->ops;
    for (int q = 0; q < r; q++) {
        if (ops[q].session != ops[r].session)
            continue;
        if (rule == OWN_WRITE && misses(sample, r, q))
            return true;
        int seen = ops[q].source;
        if (seen == NONE)
            continue;
        if (rule == OWN_READ && misses(sample, r, seen))
            return true;
        for (int i = 0; i <= seen && ops[seen].session != ops[r].session; i++) {
            if (ops[i].session != ops[seen].session)
                continue;
            if ((rule == WRITTEN_BEFORE && misses(sample, r, i)) ||
                (rule == READ_BEFORE && ops[i].source != NONE && misses(sample, r, ops[i].source)))
                return true;
        }
    }
    return false;
}

/* By op: what happened after it, a bit each. */
struct closure {
    uint64_t bits[OPS_MAX][OPS_MAX / 64];
};

static bool is_before(const struct closure *closure, int a, int b)
{
    return closure->bits[a][b / 64] >> (b % 64) & 1;
}

/* False where it goes round. */
static bool close_relation(const struct sample *sample, struct closure *closure)
{
    int n = sample->count;
    memset(closure, 0, sizeof *closure);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            if ((i < j && sample->ops[i].session == sample->ops[j].session) ||
                sample->ops[j].source == i)
                closure->bits[i][j / 64] |= UINT64_C(1) << (j % 64);
    for (int k = 0; k < n; k++)
        for (int i = 0; i < n; i++)
            for (int w = 0; w < OPS_MAX / 64 && is_before(closure, i, k); w++)
                closure->bits[i][w] |= closure->bits[k][w];
    for (int i = 0; i < n; i++)
        if (is_before(closure, i, i))
            return false;
    return true;
}

static void sample_print(const struct sample *sample)
{
    for (int i = 0; i < sample->count; i++) {
        const struct op *op = &sample->ops[i];
        print_message("%d: p%d s%d k%d %s %d %s [%lld, %lld]\n", i, op->process, op->session,
                      op->key, op->is_write ? "w" : "r", op->is_write ? i : op->source,
                      op->type == RIFT_OP_OK ? "ok" : "info", (long long)op->start,
                      (long long)op->end);
    }
}

static json_int_t run(const char *name, const struct sample *sample, enum rift_validity *validity,
                      json_int_t found[RULES])
{
    struct rift_history *history = history_of(sample);
    struct rift_verdict verdict = judge(name, NULL, history);
    *validity = verdict.validity;
    for (int rule = 0; rule < RULES; rule++)
        found[rule] =
            json_integer_value(json_object_get(rift_verdict_stats(&verdict), guarantees[rule]));
    json_int_t told = (json_int_t)json_array_size(json_object_get(verdict.details, "anomalies"));
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
    return told;
}

static void compare_sessions(const struct sample *sample, size_t seen[RULES])
{
    json_int_t expected[RULES] = {0}, found[RULES];
    enum rift_validity validity;
    bool is_violated = false, has_reads = false;
    for (int r = 0; r < sample->count; r++) {
        has_reads |= is_read(&sample->ops[r]);
        for (int rule = 0; rule < RULES && is_read(&sample->ops[r]); rule++)
            if (has_rule(sample, r, rule)) {
                expected[rule]++;
                seen[rule]++;
                is_violated = true;
                break;
            }
    }
    run("sessions", sample, &validity, found);
    bool is_same = has_reads ? (validity == RIFT_INVALID) == is_violated : true;
    for (int rule = 0; rule < RULES; rule++)
        is_same &= found[rule] == expected[rule];
    if (is_same)
        return;
    sample_print(sample);
    for (int rule = 0; rule < RULES; rule++)
        print_message("%s: %lld, found %lld\n", guarantees[rule], (long long)expected[rule],
                      (long long)found[rule]);
    fail_msg("sessions differ");
}

static void compare_causal(const struct sample *sample, size_t seen[3])
{
    struct closure closure;
    json_int_t expected = 0, ignored[RULES];
    enum rift_validity validity;
    bool is_acyclic = close_relation(sample, &closure), has_reads = false;
    for (int r = 0; r < sample->count; r++) {
        bool is_missing = false;
        has_reads |= is_read(&sample->ops[r]);
        for (int w = 0; w < sample->count && is_read(&sample->ops[r]); w++)
            is_missing |= is_before(&closure, w, r) && misses(sample, r, w);
        expected += is_missing;
    }
    if (!is_acyclic)
        expected = 1;
    json_int_t told = run("causal", sample, &validity, ignored);
    seen[is_acyclic ? expected > 0 : 2]++;
    if (told == (expected < 16 ? expected : 16) &&
        (!has_reads || (validity == RIFT_INVALID) == (expected > 0)))
        return;
    sample_print(sample);
    fail_msg("causal: %lld reads, told %lld", (long long)expected, (long long)told);
}

static void both_follow_their_definitions(void **state)
{
    (void)state;
    uint64_t rounds = getenv("RIFT_LONG") ? 1000000 : 20000;
    size_t by_rule[RULES] = {0}, by_outcome[3] = {0};
    struct rift_rng rng;
    rift_rng_init_named(&rng, 1, "sessions");
    for (uint64_t i = 0; i < rounds; i++) {
        struct sample sample;
        /* Now and then more sessions than a block of clocks holds, or few that are long. */
        bool is_wide = i % 1000 == 999, is_long = i % 100 == 99;
        int process_count = is_wide ? PROCESSES_MAX : 2 + (int)(i % 5);
        int count = is_long ? OPS_MAX : 6 + (int)(i % 18);
        sample_make(&sample, &rng, process_count, count, 1 + (int)(i % 4) * 2 / 3, i % 7 > 2);
        compare_sessions(&sample, by_rule);
        compare_causal(&sample, by_outcome);
    }
    for (int rule = 0; rule < RULES; rule++)
        print_message("%s: %zu\n", guarantees[rule], by_rule[rule]);
    print_message("causal: %zu held, %zu violated, %zu went round\n", by_outcome[0], by_outcome[1],
                  by_outcome[2]);
    for (int rule = 0; rule < RULES; rule++)
        assert_true(by_rule[rule] > 0);
    assert_true(by_outcome[0] && by_outcome[1] && by_outcome[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_follow_their_definitions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
