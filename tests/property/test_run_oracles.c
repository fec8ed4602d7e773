/* Checkers of whole runs against brute forces written from docs/checkers/whole-runs.md: all
 * landings of changes that never heard back, all moments of an outage, every operation by itself.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "tests/lib/oracle_suite.h"

enum { RANDOM_ROUNDS = 20000, NODES = 3, NONE = -1, MOMENTS_MAX = 40 };

static const char *const nodes[NODES] = {"n1", "n2", "n3"};

static bool is_named(const struct plain_op *op, const char *f)
{
    return strcmp(op->f, f) == 0;
}

/* convergence */

/* Starts differ, so that each node has one last read. */
static void generate_copies(struct choices *choices, bool is_small, struct plain_history *history)
{
    history->is_timed = true;
    history->count = is_small ? 4 : 2 + (int)choose(choices, 7);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        bool is_read = is_small ? i > 0 : choose(choices, 4) > 0;
        *op = (struct plain_op){.process = i, .f = is_read ? "read" : "write", .start = 2 * i};
        op->end =
            op->start + (is_small ? 1 + 2 * (int)choose(choices, 2) : (int)choose(choices, 6));
        op->node = nodes[choose(choices, is_small ? 2 : NODES)];
        op->type = (enum rift_op_type)choose(choices, is_read && is_small ? 1 : 3);
        if (is_read && !is_small && choose(choices, 3))
            op->type = RIFT_OP_OK;
        op->key = is_small ? 0 : 1 + (choose(choices, 6) == 0);
        struct plain_value value = plain_integer((int)choose(choices, is_small ? 2 : 3));
        *(is_read ? &op->result : &op->argument) = value;
    }
    history->fault_count = is_small ? 0 : (int)choose(choices, 3) == 0;
    history->fault[0].start = (int)choose(choices, is_small ? 1 : 6);
    history->fault[0].end = history->fault[0].start + (int)choose(choices, is_small ? 1 : 6);
    if (!is_small && choose(choices, 10) == 0)
        history->fault[0].end = NONE;
}

/* What a key's history is once nobody changes it any more. */
struct quiet {
    int settle, landing_count; /* changes that may still land */
    int read[PLAIN_OPS_MAX], read_count;
};

static void find_quiet(const struct plain_history *history, int key, struct quiet *quiet)
{
    int since = -1000;
    for (int i = 0; i < history->fault_count; i++) {
        int healed = history->fault[i].end == NONE ? 1000 : history->fault[i].end;
        since = healed > since ? healed : since;
    }
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        if (op->key != key || is_named(op, "read") || op->type == RIFT_OP_FAIL)
            continue;
        int last = op->type == RIFT_OP_INFO ? op->start : op->end;
        quiet->landing_count += op->type == RIFT_OP_INFO;
        since = last > since ? last : since;
    }
    for (int i = 0; i < history->count; i++)
        if (history->op[i].key == key && is_named(&history->op[i], "read") &&
            history->op[i].type == RIFT_OP_OK && history->op[i].start > since + quiet->settle)
            quiet->read[quiet->read_count++] = i;
}

/* States come one after another, each with the landing of a change; a node may answer a state from
 * its landing on, and until the next one has landed and had the time to settle. */
static bool explains(const struct plain_history *history, const struct quiet *quiet,
                     const int *landed, const int *value)
{
    for (int r = 0; r < quiet->read_count; r++) {
        const struct plain_op *read = &history->op[quiet->read[r]];
        bool is_right = false;
        for (int state = 0; state <= quiet->landing_count; state++) {
            bool had_come = state == 0 || landed[state - 1] <= read->end;
            bool had_gone =
                state < quiet->landing_count && landed[state] + quiet->settle < read->start;
            is_right |= had_come && !had_gone && value[state] == read->result.number;
        }
        if (!is_right)
            return false;
    }
    return true;
}

static bool try_landings(const struct plain_history *history, const struct quiet *quiet, int state,
                         int *landed, int *value)
{
    for (value[state] = 0; value[state] < 3; value[state]++) {
        if (state == quiet->landing_count) {
            if (explains(history, quiet, landed, value))
                return true;
            continue;
        }
        for (landed[state] = state ? landed[state - 1] : 0; landed[state] < MOMENTS_MAX;
             landed[state]++)
            if (try_landings(history, quiet, state + 1, landed, value))
                return true;
    }
    return false;
}

static void judge_copies_of(const struct plain_history *history, int key, int settle,
                            struct oracle_answer *answer)
{
    struct quiet quiet = {.settle = settle};
    int last[NODES] = {NONE, NONE, NONE}, landed[PLAIN_OPS_MAX], value[PLAIN_OPS_MAX];
    int read_nodes = 0, other_answers = 0, first = NONE;
    find_quiet(history, key, &quiet);
    for (int r = 0; r < quiet.read_count; r++)
        for (int node = 0; node < NODES; node++)
            if (strcmp(history->op[quiet.read[r]].node, nodes[node]) == 0)
                last[node] = quiet.read[r];
    for (int node = 0; node < NODES; node++) {
        if (last[node] == NONE)
            continue;
        read_nodes++;
        first = first == NONE ? last[node] : first;
        other_answers += !plain_equal(&history->op[first].result, &history->op[last[node]].result);
    }
    if (read_nodes > 1)
        answer->is_open = false;
    if (other_answers == 0)
        return;
    /* More than two landings take too long to try, and explain all that three values can show. */
    answer->is_excused |=
        quiet.landing_count > 2 || try_landings(history, &quiet, 0, landed, value);
    answer->has[0] |= quiet.landing_count <= 2 && !try_landings(history, &quiet, 0, landed, value);
}

static void judge_copies_after(const struct plain_history *history, int settle,
                               struct oracle_answer *answer)
{
    answer->is_open = true; /* until a key was read through two nodes */
    for (int key = 0; key <= 2; key++)
        judge_copies_of(history, key, settle, answer);
    answer->is_open |= answer->is_excused;
    /* The checker counts changes by one chain of reads, which may be too few. */
    answer->may_be_unknown = true;
}

static void judge_copies(const struct plain_history *history, struct oracle_answer *answer)
{
    judge_copies_after(history, 0, answer);
}

static void judge_slow_copies(const struct plain_history *history, struct oracle_answer *answer)
{
    judge_copies_after(history, 3, answer);
}

static void copies_that_no_landing_explains_have_diverged(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){"convergence", NULL, {"diverged"}, generate_copies, judge_copies},
        RANDOM_ROUNDS);
    oracle_compare(&(struct oracle_subject){"convergence",
                                            "{\"settle_s\": 3e-9}",
                                            {"diverged"},
                                            generate_copies,
                                            judge_slow_copies},
                   RANDOM_ROUNDS);
}

/* availability: 1 ns is one unit of the oracle's clock. */
static void generate_service(struct choices *choices, bool is_small, struct plain_history *history)
{
    static const char *const errors[] = {"timeout", "empty"};
    history->is_timed = true;
    history->count = is_small ? 3 : 1 + (int)choose(choices, 8);
    for (int i = 0; i < history->count; i++) {
        struct plain_op *op = &history->op[i];
        *op = (struct plain_op){.process = i, .f = "write"};
        op->start = (int)choose(choices, is_small ? 3 : 12);
        op->end = op->start + (int)choose(choices, is_small ? 3 : 6);
        op->type = (enum rift_op_type)choose(choices, 3);
        op->node = nodes[choose(choices, is_small ? 2 : NODES)];
        op->error = op->type == RIFT_OP_FAIL ? errors[choose(choices, 2)] : NULL;
    }
    history->fault_count = is_small ? 1 : (int)choose(choices, 3);
    for (int i = 0; i < history->fault_count; i++) {
        history->fault[i].start = i;
        history->fault[i].end = is_small ? 2 : i + (int)choose(choices, 12);
        if (!is_small && choose(choices, 8) == 0)
            history->fault[i].end = NONE;
    }
}

static int last_moment(const struct plain_history *history)
{
    int last = 0;
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        int moment = op->type == RIFT_OP_INFO ? op->start : op->end;
        last = moment > last ? moment : last;
    }
    return last;
}

static bool is_served_between(const struct plain_history *history, int after, int before)
{
    for (int i = 0; i < history->count; i++)
        if (history->op[i].type == RIFT_OP_OK && history->op[i].end > after &&
            history->op[i].end < before)
            return true;
    return false;
}

/* The longest stretch of moments with no completion inside, from the first start to the end. */
static int longest_outage(const struct plain_history *history)
{
    int first = MOMENTS_MAX, longest = 0;
    for (int i = 0; i < history->count; i++)
        first = history->op[i].start < first ? history->op[i].start : first;
    for (int from = first; from <= last_moment(history); from++)
        for (int to = from; to <= last_moment(history); to++)
            if (!is_served_between(history, from, to) && to - from > longest)
                longest = to - from;
    return longest;
}

/* From the heal until each node has completed an operation that began after it; where one never
 * has, to the end. */
static int recovery_after(const struct plain_history *history, int healed)
{
    for (int moment = healed; moment < MOMENTS_MAX; moment++) {
        bool is_back = true;
        for (int node = 0; node < NODES; node++) {
            bool is_there = false, is_served = false;
            for (int i = 0; i < history->count; i++) {
                const struct plain_op *op = &history->op[i];
                bool is_mine = strcmp(op->node, nodes[node]) == 0;
                is_there |= is_mine;
                is_served |=
                    is_mine && op->type == RIFT_OP_OK && op->start >= healed && op->end <= moment;
            }
            is_back &= is_served || !is_there;
        }
        if (is_back)
            return moment - healed;
    }
    return last_moment(history) - healed;
}

static void judge_service(const struct plain_history *history, struct oracle_answer *answer)
{
    int lost = 0;
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        lost += op->type == RIFT_OP_INFO ||
                (op->type == RIFT_OP_FAIL && strcmp(op->error, "empty") != 0);
    }
    answer->has[0] = 3 * lost > history->count; /* a third and a bit is the budget */
    answer->has[1] = longest_outage(history) > 4;
    for (int i = 0; i < history->fault_count; i++)
        answer->has[2] |=
            history->fault[i].end != NONE && recovery_after(history, history->fault[i].end) > 3;
}

static void service_is_judged_by_every_moment_of_it(void **state)
{
    (void)state;
    oracle_compare(
        &(struct oracle_subject){"availability",
                                 "{\"budget_percent\": 33.34, \"gap_s\": 4.5e-9, "
                                 "\"recovery_s\": 3.5e-9}",
                                 {"error budget spent", "outage too long", "recovery too slow"},
                                 generate_service,
                                 judge_service},
        RANDOM_ROUNDS);
}

/* stats: every count, by hand. */
static void check_counts(const json_t *told, const struct plain_history *history, const char *name,
                         bool is_error)
{
    int count[3] = {0}, first = NONE;
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        const char *mine = is_error ? op->error : op->f;
        if (!mine || strcmp(mine, name) != 0)
            continue;
        count[op->type]++;
        first = first == NONE ? i : first;
    }
    const json_t *counts = json_object_get(told, name);
    if (first == NONE) {
        assert_null(counts);
        return;
    }
    assert_int_equal(json_integer_value(json_object_get(counts, "ok")), count[RIFT_OP_OK]);
    assert_int_equal(json_integer_value(json_object_get(counts, "fail")), count[RIFT_OP_FAIL]);
    assert_int_equal(json_integer_value(json_object_get(counts, "info")), count[RIFT_OP_INFO]);
    assert_int_equal(json_integer_value(json_object_get(counts, "example")), first);
}

/* Errors that ended an operation as info: most frequent first, with the first such operation. */
static void check_unhandled(const json_t *list, const struct plain_history *history)
{
    size_t before = SIZE_MAX, known = 0, i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const char *error = json_string_value(json_object_get(one, "error"));
        size_t count = 0;
        int first = NONE;
        for (int row = 0; row < history->count; row++) {
            const struct plain_op *op = &history->op[row];
            if (op->type != RIFT_OP_INFO || strcmp(op->error, error) != 0)
                continue;
            count++;
            first = first == NONE ? row : first;
        }
        assert_int_equal(json_integer_value(json_object_get(one, "count")), count);
        assert_int_equal(json_integer_value(json_object_get(one, "example")), first);
        CLEANUP(rift_free)
        char *text = rift_printf("process %d asked %s", first, history->op[first].f);
        assert_string_equal(json_string_value(json_object_get(one, "text")), text);
        assert_true(count <= before && count > 0);
        before = count;
        known += count;
    }
    for (int row = 0; row < history->count; row++)
        known -= history->op[row].type == RIFT_OP_INFO;
    assert_int_equal(known, 0);
}

static void every_operation_and_error_is_counted_with_its_first_example(void **state)
{
    static const char *const functions[] = {"read", "write", "add"};
    static const char *const errors[] = {"timeout", "empty"};
    (void)state;
    for (uint64_t seed = 0; seed < oracle_rounds(2000); seed++) {
        struct choices choices;
        struct plain_history history = {.count = 8};
        bool is_open = false;
        choices_random(&choices, seed);
        for (int i = 0; i < history.count; i++) {
            struct plain_op *op = &history.op[i];
            *op = (struct plain_op){.process = i, .start = 2 * i, .end = 2 * i + 1};
            op->f = functions[choose(&choices, 3)];
            op->type = (enum rift_op_type)choose(&choices, 3);
            op->error = op->type == RIFT_OP_OK ? NULL : errors[choose(&choices, 2)];
        }
        struct rift_verdict verdict = plain_judge(&history, "stats", NULL);
        const json_t *stats = json_object_get(verdict.details, "stats");
        for (int f = 0; f < 3; f++) {
            int tried = 0, succeeded = 0;
            for (int i = 0; i < history.count; i++) {
                tried += is_named(&history.op[i], functions[f]);
                succeeded +=
                    is_named(&history.op[i], functions[f]) && history.op[i].type == RIFT_OP_OK;
            }
            is_open |= tried > 0 && succeeded == 0;
            check_counts(json_object_get(stats, "by_operation"), &history, functions[f], false);
        }
        for (int e = 0; e < 2; e++)
            check_counts(json_object_get(stats, "by_error"), &history, errors[e], true);
        check_unhandled(json_object_get(stats, "unhandled"), &history);
        assert_int_equal(verdict.validity, is_open ? RIFT_UNKNOWN : RIFT_VALID);
        rift_verdict_finish(&verdict);
    }
}

/* performance: percentiles and rates from their definitions. One moment is 0.2 s. */
enum { MOMENT_NS = 200000000, SECOND_NS = 1000000000 };

static double latency_ms(const struct plain_op *op)
{
    return (double)(op->end - op->start) / 1e6;
}

/* The smallest latency that at least so many percent of the ok operations that ended from..to do
 * not exceed; negative where none ended. */
static double percentile_of(const struct plain_history *history, int percent, int64_t from,
                            int64_t to)
{
    double best = -1;
    for (int i = 0; i < history->count; i++) {
        int count = 0, within = 0;
        const struct plain_op *op = &history->op[i];
        if (op->type != RIFT_OP_OK || op->end < from || op->end >= to)
            continue;
        for (int j = 0; j < history->count; j++) {
            const struct plain_op *other = &history->op[j];
            if (other->type != RIFT_OP_OK || other->end < from || other->end >= to)
                continue;
            count++;
            within += latency_ms(other) <= latency_ms(op);
        }
        if (100 * within >= percent * count && (best < 0 || latency_ms(op) < best))
            best = latency_ms(op);
    }
    return best;
}

static const json_t *points_of(const struct rift_verdict *verdict, size_t plot, size_t series)
{
    const json_t *plots = json_object_get(verdict->details, "plots");
    const json_t *all = json_object_get(json_array_get(plots, plot), "series");
    return json_object_get(json_array_get(all, series), "points");
}

static double y_of(const json_t *point)
{
    return json_real_value(json_array_get(point, 1));
}

static void check_second(const struct plain_history *history, const struct rift_verdict *verdict,
                         int64_t begin, int64_t second, size_t *drawn)
{
    static const int percents[] = {50, 95, 99, 100};
    int64_t from = begin + second * SECOND_NS, to = from + SECOND_NS;
    int count[3] = {0};
    for (int i = 0; i < history->count; i++) {
        const struct plain_op *op = &history->op[i];
        int64_t moment = op->type == RIFT_OP_INFO ? op->start : op->end;
        count[op->type] += moment >= from && moment < to;
    }
    for (size_t type = 0; type < 3; type++)
        assert_float_equal(y_of(json_array_get(points_of(verdict, 1, type), (size_t)second)),
                           count[type], 1e-9);
    if (count[RIFT_OP_OK] == 0)
        return;
    for (size_t p = 0; p < 4; p++)
        assert_float_equal(y_of(json_array_get(points_of(verdict, 0, p), *drawn)),
                           percentile_of(history, percents[p], from, to), 1e-6);
    ++*drawn;
}

static void latencies_and_rates_are_those_of_their_definition(void **state)
{
    static const char *const names[] = {"p50", "p95", "p99", "max"};
    static const int percents[] = {50, 95, 99, 100};
    (void)state;
    for (uint64_t seed = 0; seed < oracle_rounds(3000); seed++) {
        struct choices choices;
        struct plain_history history = {.is_timed = true, .count = PLAIN_OPS_MAX};
        size_t drawn = 0;
        choices_random(&choices, seed);
        int64_t begin = INT64_MAX;
        for (int i = 0; i < history.count; i++) {
            struct plain_op *op = &history.op[i];
            *op = (struct plain_op){.process = i, .f = "read", .node = "n1"};
            op->start = MOMENT_NS * (int)choose(&choices, 7);
            op->end = op->start + MOMENT_NS * (int)choose(&choices, 4);
            op->type = (enum rift_op_type)choose(&choices, 3);
            begin = op->start < begin ? op->start : begin;
        }
        struct rift_verdict verdict = plain_judge(&history, "performance", NULL);
        const json_t *all =
            json_object_get(json_object_get(verdict.details, "stats"), "latency_ms");
        for (size_t p = 0; p < 4 && all; p++)
            assert_float_equal(json_real_value(json_object_get(all, names[p])),
                               percentile_of(&history, percents[p], 0, INT64_MAX), 1e-6);
        for (int64_t second = 0; second < (int64_t)json_array_size(points_of(&verdict, 1, 0));
             second++)
            check_second(&history, &verdict, begin, second, &drawn);
        assert_int_equal(drawn, json_array_size(points_of(&verdict, 0, 0)));
        rift_verdict_finish(&verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_that_no_landing_explains_have_diverged),
        cmocka_unit_test(service_is_judged_by_every_moment_of_it),
        cmocka_unit_test(latencies_and_rates_are_those_of_their_definition),
        cmocka_unit_test(every_operation_and_error_is_counted_with_its_first_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
