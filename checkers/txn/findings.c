#include "checkers/txn/findings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum {
    KEPT_PER_ANOMALY = 8,
    BRIEF_MAX = 10,
    BRIEF_FIRST = 4,
    BRIEF_LAST = 3,
    NAME_SIZE = 16,
    CYCLE_TEXT_MAX = 12
};

#define FOUND(anomaly) (UINT64_C(1) << (anomaly))

int txn_findings_init(struct txn_findings *findings, const struct rift_check *check,
                      const struct txn_set *set, struct rift_verdict *verdict,
                      struct rift_error *err)
{
    const char *name = json_string_value(json_object_get(check->options, "level"));
    *findings = (struct txn_findings){.set = set, .verdict = verdict, .level = -1};
    if (name)
        findings->level = txn_level_find(name);
    if (findings->level < 0) {
        struct rift_text levels = {0};
        for (size_t i = 0; txn_level_names[i]; i++)
            rift_text_printf(&levels, "%s%s", i ? ", " : "", txn_level_names[i]);
        rift_fail(err, RIFT_ERR_INVALID, "level '%s' is none of: %s", name ? name : "",
                  levels.data);
        rift_text_finish(&levels);
        return -1;
    }
    findings->forbidden = txn_level_forbids(findings->level);
    for (uint32_t t = 0; t < set->count && !findings->has_times; t++)
        findings->has_times = txn_end(set, t) != RIFT_TIME_NEVER;
    return 0;
}

void txn_findings_refuse_repeated(struct txn_findings *findings)
{
    const struct txn_set *set = findings->set;
    uint32_t mop = set->repeated_write;
    CLEANUP(rift_free) char *key = rift_value_print(set->values, set->keys[set->mop_key[mop]]);
    CLEANUP(rift_free) char *value = rift_value_print(set->values, set->mop_value[mop]);
    rift_verdict_doubt(findings->verdict,
                       "operation %" PRIu32 " writes %s to key %s, as another does: values must be "
                       "unique for each key",
                       set->row[set->mop_txn[mop]], value, key);
}

json_t *txn_findings_add(struct txn_findings *findings, enum txn_anomaly anomaly,
                         const char *format, ...)
{
    struct rift_verdict *verdict = findings->verdict;
    findings->found |= FOUND(anomaly);
    if (++findings->count[anomaly] > KEPT_PER_ANOMALY)
        return NULL;
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        abort();
    const char *name = txn_anomaly_name(anomaly);
    json_t *object;
    if (findings->forbidden & FOUND(anomaly)) {
        object = rift_verdict_convict(verdict, name, "%s: %s", name, text);
        json_object_set_new(object, "text", json_string(text));
    } else {
        rift_verdict_stats(verdict); /* makes details */
        json_t *allowed = json_object_get(verdict->details, "allowed");
        if (!allowed) {
            allowed = json_array();
            json_object_set_new(verdict->details, "allowed", allowed);
        }
        object = json_pack("{s:s, s:s}", "name", name, "text", text);
        json_array_append_new(allowed, object);
    }
    json_object_set_new(object, "meaning", json_string(txn_anomaly_summary(anomaly)));
    free(text);
    return object;
}

void txn_findings_set_key(const struct txn_findings *findings, json_t *anomaly, uint32_t key)
{
    if (anomaly)
        json_object_set_new(anomaly, "key",
                            rift_value_to_json(findings->set->values, findings->set->keys[key]));
}

void txn_findings_set_ops(const struct txn_findings *findings, json_t *anomaly, uint32_t txn_a,
                          uint32_t txn_b)
{
    if (!anomaly)
        return;
    json_t *ops = json_array();
    if (txn_a != TXN_NONE)
        json_array_append_new(ops, json_integer(findings->set->row[txn_a]));
    if (txn_b != TXN_NONE && txn_b != txn_a)
        json_array_append_new(ops, json_integer(findings->set->row[txn_b]));
    json_object_set_new(anomaly, "ops", ops);
}

/* The first and last items of what is longer than BRIEF_MAX: "[1 2 3 4 ... and 93 more ... 98 99]".
 */
static void print_list_brief(struct rift_text *text, const struct rift_values *values,
                             struct rift_value list)
{
    size_t count = rift_value_count(values, list), cut = count > BRIEF_MAX ? BRIEF_FIRST : count;
    rift_text_append(text, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            rift_text_append(text, " ");
        if (i == cut) {
            rift_text_printf(text, "... and %zu more ... ", count - BRIEF_FIRST - BRIEF_LAST);
            i = count - BRIEF_LAST;
        }
        rift_value_print_to(text, values, rift_value_item(values, list, i));
    }
    rift_text_append(text, "]");
}

char *txn_print_brief(const struct rift_values *values, struct rift_value value)
{
    struct rift_text text = {0};
    enum rift_value_kind kind = rift_value_kind(values, value);
    size_t count = rift_value_count(values, value);
    if (kind == RIFT_LIST) {
        print_list_brief(&text, values, value);
    } else if (kind == RIFT_TXN) {
        rift_text_append(&text, "[");
        for (size_t i = 0; i < count && i < 3 * BRIEF_MAX; i += 3) {
            CLEANUP(rift_free)
            char *read = txn_print_brief(values, rift_value_item(values, value, i + 2));
            rift_text_append(&text, i ? " [" : "[");
            rift_value_print_to(&text, values, rift_value_item(values, value, i));
            rift_text_append(&text, " ");
            rift_value_print_to(&text, values, rift_value_item(values, value, i + 1));
            rift_text_printf(&text, " %s]", read);
        }
        if (count > 3 * BRIEF_MAX)
            rift_text_printf(&text, " ... and %zu more", count / 3 - BRIEF_MAX);
        rift_text_append(&text, "]");
    } else {
        rift_value_print_to(&text, values, value);
    }
    return rift_text_take(&text);
}

/* "T1 = [[:append 5 1]] (operation 12, process 3)", lists cut where they are long. */
static void describe_transaction(const struct txn_set *set, uint32_t txn, const char *name,
                                 struct rift_text *text)
{
    const struct rift_ops *ops = &set->history->ops;
    uint32_t row = set->row[txn];
    struct rift_value value = set->type[txn] != RIFT_OP_FAIL && !rift_value_is_nil(ops->result[row])
                                  ? ops->result[row]
                                  : ops->argument[row];
    CLEANUP(rift_free) char *printed = txn_print_brief(set->values, value);
    rift_text_printf(text, "%s = %s (operation %" PRIu32 ", process %" PRId32 "%s)", name, printed,
                     row, ops->process[row],
                     set->type[txn] == RIFT_OP_INFO ? ", outcome unknown" : "");
}

static void explain_step(const struct txn_findings *findings, const struct txn_cycle *cycle,
                         uint32_t i, const void *model, txn_explain *explain,
                         struct rift_text *text)
{
    uint32_t j = (i + 1) % cycle->length, a = cycle->vertex[i], b = cycle->vertex[j];
    enum txn_relation relation = (enum txn_relation)cycle->relation[i];
    const struct txn_set *set = findings->set;
    const struct rift_ops *ops = &set->history->ops;
    char name_a[NAME_SIZE], name_b[NAME_SIZE];
    snprintf(name_a, sizeof name_a, "T%" PRIu32, i + 1);
    snprintf(name_b, sizeof name_b, "T%" PRIu32, j + 1);
    if (relation == TXN_PROCESS) {
        rift_text_printf(text, "process %" PRId32 " ran %s before %s", ops->process[set->row[a]],
                         name_a, name_b);
    } else if (relation == TXN_REALTIME) {
        int64_t gap = txn_start(set, b) - txn_end(set, a);
        if (set->history->time_kind == RIFT_TIME_NS)
            rift_text_printf(text, "%s had ended %.6f s before %s started", name_a,
                             (double)gap / 1e9, name_b);
        else
            rift_text_printf(text, "%s had ended before %s started", name_a, name_b);
    } else {
        explain(model, a, b, relation, name_a, name_b, text);
    }
}

static void add_cycle(struct txn_findings *findings, const struct txn_cycle *cycle,
                      const void *model, txn_explain *explain)
{
    struct rift_text text = {0};
    json_t *steps = json_array(), *ops = json_array();
    rift_text_append(&text, "let ");
    for (uint32_t i = 0; i < cycle->length && i < CYCLE_TEXT_MAX; i++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "T%" PRIu32, i + 1);
        if (i)
            rift_text_append(&text, "; ");
        describe_transaction(findings->set, cycle->vertex[i], name, &text);
    }
    for (uint32_t i = 0; i < cycle->length; i++) {
        struct rift_text step = {0};
        uint32_t j = (i + 1) % cycle->length;
        explain_step(findings, cycle, i, model, explain, &step);
        if (i < CYCLE_TEXT_MAX)
            rift_text_printf(&text, "%s T%" PRIu32 " < T%" PRIu32 ", because %s",
                             i == 0                  ? ". Then"
                             : i + 1 < cycle->length ? ";"
                                                     : "; but",
                             i + 1, j + 1, step.data);
        json_array_append_new(
            steps,
            json_pack("{s:i, s:i, s:s, s:s}", "from", (int)findings->set->row[cycle->vertex[i]],
                      "to", (int)findings->set->row[cycle->vertex[j]], "edge",
                      txn_relation_name((enum txn_relation)cycle->relation[i]), "text", step.data));
        json_array_append_new(ops, json_integer(findings->set->row[cycle->vertex[i]]));
        rift_text_finish(&step);
    }
    rift_text_append(&text, ": a contradiction");
    json_t *object = txn_findings_add(findings, cycle->anomaly, "%s", text.data);
    if (object) {
        json_object_set_new(object, "steps", steps);
        json_object_set_new(object, "ops", ops);
    } else {
        json_decref(steps);
        json_decref(ops);
    }
    rift_text_finish(&text);
}

/* A G-nonadjacent of two writers and two readers says more than others of its class. */
static void add_long_fork(struct txn_findings *findings, const struct txn_cycles *cycles)
{
    json_t *object = txn_findings_add(findings, TXN_LONG_FORK, "%s",
                                      "two readers saw two writes in opposite orders, as a "
                                      "G-nonadjacent cycle of wr, rw, wr, rw shows");
    json_t *ops = json_array();
    for (size_t i = 0; i < cycles->count; i++) {
        const struct txn_cycle *cycle = &cycles->items[i];
        if (!txn_cycle_is_long_fork(cycle))
            continue;
        for (uint32_t v = 0; v < cycle->length; v++)
            json_array_append_new(ops, json_integer(findings->set->row[cycle->vertex[v]]));
        break;
    }
    if (object)
        json_object_set(object, "ops", ops);
    json_decref(ops);
}

void txn_findings_add_cycles(struct txn_findings *findings, const struct txn_cycles *cycles,
                             const void *model, txn_explain *explain)
{
    for (size_t i = 0; i < cycles->count; i++)
        add_cycle(findings, &cycles->items[i], model, explain);
    if (cycles->found & FOUND(TXN_LONG_FORK))
        add_long_fork(findings, cycles);
    findings->undecided |= cycles->undecided;
    json_t *stats = rift_verdict_stats(findings->verdict);
    if (cycles->components) {
        json_object_set_new(stats, "cyclic_components",
                            json_integer((json_int_t)cycles->components));
        json_object_set_new(stats, "largest_component", json_integer((json_int_t)cycles->largest));
    }
}

static json_t *level_list(txn_levels levels)
{
    json_t *list = json_array();
    for (int level = 0; txn_level_names[level]; level++)
        if (levels >> level & 1)
            json_array_append_new(list, json_string(txn_level_names[level]));
    return list;
}

/* Some level of the strongest among them. */
static int strongest_of(txn_levels levels)
{
    txn_levels strongest = txn_levels_strongest(levels);
    int level = 0;
    while (!(strongest >> level & 1))
        level++;
    return level;
}

void txn_findings_conclude(struct txn_findings *findings)
{
    const struct txn_set *set = findings->set;
    json_t *stats = rift_verdict_stats(findings->verdict), *details = findings->verdict->details;
    json_object_set_new(stats, "transactions", json_integer(set->count));
    json_object_set_new(stats, "committed", json_integer(set->by_type[RIFT_OP_OK]));
    json_object_set_new(stats, "aborted", json_integer(set->by_type[RIFT_OP_FAIL]));
    json_object_set_new(stats, "unknown", json_integer(set->by_type[RIFT_OP_INFO]));
    json_t *counts = json_object();
    for (int i = 0; i < TXN_ANOMALY_COUNT; i++)
        if (findings->count[i])
            json_object_set_new(counts, txn_anomaly_name((enum txn_anomaly)i),
                                json_integer(findings->count[i]));
    json_object_set_new(details, "counts", counts);
    json_object_set_new(details, "level", json_string(txn_level_names[findings->level]));
    /* A level that speaks of process or real time is only judged where those were looked at. */
    txn_levels judged = 0, out = txn_levels_ruled_out(findings->found);
    txn_relations looked_at = txn_level_relations(findings->level);
    if (!findings->has_times)
        looked_at &= (txn_relations)~txn_relation_bit(TXN_REALTIME);
    for (int level = 0; txn_level_names[level]; level++)
        if ((txn_level_relations(level) & ~looked_at) == 0)
            judged |= UINT64_C(1) << level;
    txn_levels weakest = txn_levels_weakest(out);
    json_object_set_new(details, "not", level_list(weakest));
    json_object_set_new(details, "also_not", level_list(out & ~weakest));
    json_object_set_new(details, "possible", level_list(txn_levels_strongest(judged & ~out)));
    txn_anomalies doubtful = findings->undecided & findings->forbidden;
    for (int i = 0; i < TXN_ANOMALY_COUNT; i++)
        if (doubtful & FOUND(i))
            rift_verdict_doubt(findings->verdict,
                               "the search for %s ended undecided: raise the time limit",
                               txn_anomaly_name((enum txn_anomaly)i));
    if (txn_level_relations(findings->level) & ~looked_at)
        rift_verdict_doubt(
            findings->verdict,
            "no operation says when it ended, so nothing is known of real time, of "
            "which %s speaks: ask for %s",
            txn_level_names[findings->level],
            txn_level_names[strongest_of(txn_level_implied(findings->level) & judged)]);
    if (set->by_type[RIFT_OP_OK] == 0)
        rift_verdict_doubt(findings->verdict, "no transaction is known to have committed");
}
