/* convergence: once nobody changes a thing any more and all faults are healed, all nodes answer the
 * same. For each key those reads count that began after every acknowledged change of it, and after
 * the last heal, by settle_s at least; the last of them on each node are compared.
 *
 * A change that never heard back may still land, once: as many times as there are such changes the
 * answer may become another one between two reads that follow each other by more than settle_s.
 * More often is a violation, as often or less is unknown. */
#include <inttypes.h>
#include <stdlib.h>

#include "checkers/elements.h"
#include "checkers/fault_spans.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { KEYS_TOLD = 16 };

static const char *const reads[] = {"read", "r", NULL};

struct quiet {
    int64_t since_ns, settle_ns;
    size_t open_count; /* changes that may still land */
};

static int64_t last_heal(const struct rift_history *history)
{
    struct fault_spans spans;
    fault_spans_init(&spans, history);
    int64_t healed_ns = INT64_MIN;
    for (size_t i = 0; i < spans.count; i++)
        if (spans.items[i].end_ns > healed_ns)
            healed_ns = spans.items[i].end_ns; /* never healed: nothing counts */
    fault_spans_finish(&spans);
    return healed_ns;
}

static struct quiet find_quiet(const struct rift_check *check, int64_t healed_ns,
                               const uint32_t *rows, size_t row_count)
{
    const struct rift_history *history = check->history;
    const struct rift_ops *ops = &history->ops;
    struct quiet quiet = {.since_ns = healed_ns};
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        if (element_op_is(history, row, reads) || ops->type[row] == RIFT_OP_FAIL)
            continue;
        bool is_open = ops->type[row] == RIFT_OP_INFO;
        int64_t last_ns = is_open ? ops->start[row] : ops->end[row];
        quiet.open_count += is_open;
        quiet.since_ns = last_ns > quiet.since_ns ? last_ns : quiet.since_ns;
    }
    double settle_s = json_number_value(json_object_get(check->options, "settle_s"));
    quiet.settle_ns = history->time_kind == RIFT_TIME_NS ? (int64_t)(settle_s * 1e9) : 0;
    if (quiet.since_ns > INT64_MIN && quiet.since_ns < INT64_MAX - quiet.settle_ns)
        quiet.since_ns += quiet.settle_ns;
    return quiet;
}

/* The last read of each node in the quiet time, and how often the answer surely changed. A change
 * that lands late gives the nodes their time to settle too, so two reads that differ show one only
 * where they are further apart. */
struct last_reads {
    uint32_t *of_node; /* ELEMENT_NONE: none */
    size_t node_count, changes;
};

static void find_last_reads(const struct rift_history *history, const struct quiet *quiet,
                            const uint32_t *rows, size_t row_count, struct last_reads *last)
{
    const struct rift_ops *ops = &history->ops;
    uint32_t before = ELEMENT_NONE;
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        uint16_t node = ops->node[row];
        if (ops->type[row] != RIFT_OP_OK || node == 0 || ops->start[row] <= quiet->since_ns ||
            !element_op_is(history, row, reads))
            continue;
        last->node_count += last->of_node[node] == ELEMENT_NONE;
        last->of_node[node] = row;
        if (before == ELEMENT_NONE) {
            before = row;
        } else if (ops->end[before] < ops->start[row] &&
                   ops->start[row] - ops->end[before] > quiet->settle_ns) {
            last->changes +=
                !rift_value_equal(history->values, ops->result[before], ops->result[row]);
            before = row;
        }
    }
}

static void convict(const struct rift_history *history, uint32_t a, uint32_t b,
                    struct rift_verdict *verdict)
{
    const struct rift_ops *ops = &history->ops;
    CLEANUP(rift_free) char *one = rift_value_print(history->values, ops->result[a]);
    CLEANUP(rift_free) char *other = rift_value_print(history->values, ops->result[b]);
    json_t *anomaly = rift_verdict_convict(
        verdict, "diverged", "At the end %s answers %.200s, and %s answers %.200s",
        history->nodes.text[ops->node[a]], one, history->nodes.text[ops->node[b]], other);
    json_object_set_new(anomaly, "ops", json_pack("[I, I]", (json_int_t)a, (json_int_t)b));
    if (ops->key[a] != 0)
        json_object_set_new(anomaly, "key",
                            rift_value_to_json(history->values, history->keys[ops->key[a]]));
}

static void judge_key(const struct rift_check *check, int64_t healed_ns, const uint32_t *rows,
                      size_t row_count, struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    struct quiet quiet = find_quiet(check, healed_ns, rows, row_count);
    struct last_reads last = {.of_node =
                                  rift_malloc((history->nodes.count + 1) * sizeof *last.of_node)};
    for (size_t node = 0; node < history->nodes.count; node++)
        last.of_node[node] = ELEMENT_NONE;
    find_last_reads(history, &quiet, rows, row_count, &last);
    uint32_t first = ELEMENT_NONE, other = ELEMENT_NONE;
    for (size_t node = 1; node < history->nodes.count && other == ELEMENT_NONE; node++) {
        uint32_t row = last.of_node[node];
        if (row == ELEMENT_NONE)
            continue;
        if (first == ELEMENT_NONE)
            first = row;
        else if (!rift_value_equal(history->values, history->ops.result[first],
                                   history->ops.result[row]))
            other = row;
    }
    bool is_compared = last.node_count > 1;
    bool is_told = json_array_size(json_object_get(verdict->details, "anomalies")) < KEYS_TOLD;
    element_stat_add(verdict, "keys", 1);
    element_stat_add(verdict, "keys_compared", is_compared);
    element_stat_add(verdict, "keys_diverged", other != ELEMENT_NONE);
    if (other != ELEMENT_NONE && last.changes <= quiet.open_count && quiet.open_count > 0)
        rift_verdict_doubt(verdict,
                           "nodes differ at the end, and %zu changes that never heard "
                           "back may have landed between the reads",
                           quiet.open_count);
    else if (other != ELEMENT_NONE && is_told)
        convict(history, first, other, verdict);
    free(last.of_node);
}

static int check_convergence(const struct rift_check *check, struct rift_verdict *verdict,
                             struct rift_error *err)
{
    (void)err;
    int64_t healed_ns = last_heal(check->history);
    struct rift_key_split split;
    rift_key_split_init(&split, check->history);
    for (size_t key = 0; key < split.key_count; key++)
        if (split.first[key + 1] > split.first[key])
            judge_key(check, healed_ns, split.rows + split.first[key],
                      split.first[key + 1] - split.first[key], verdict);
    rift_key_split_finish(&split);
    if (json_integer_value(json_object_get(rift_verdict_stats(verdict), "keys_compared")) == 0)
        rift_verdict_doubt(verdict, "nothing was read through two nodes after the last change");
    return 0;
}

static const struct rift_option options[] = {
    {.name = "settle_s",
     .kind = RIFT_OPTION_REAL,
     .unit = "s",
     .fallback = "0",
     .minimum = 0,
     .maximum = 86400,
     .summary = "time that the nodes have after the last change and the last heal"},
    {.name = NULL},
};

const struct rift_checker rift_checker_convergence = {
    .name = "convergence",
    .summary = "after the last change and the last heal all nodes answer the same",
    .options = options,
    .parts = RIFT_PARTS_NONE,
    .check = check_convergence,
};
