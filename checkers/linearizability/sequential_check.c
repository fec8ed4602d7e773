/* The checker "sequential". Keys that have no order of their own have none together. Where each has
 * one, all have one together if each is linearizable too, for linearizability composes (Herlihy and
 * Wing 1990); otherwise all are searched at once. */
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/guess.h"
#include "checkers/linearizability/judge.h"
#include "checkers/linearizability/keys.h"
#include "checkers/linearizability/sequential.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

enum { SHRINK_MS = 3000, TRIAL_MS = 200, UNKNOWN_KEYS_NAMED = 3 };

struct checking {
    struct rift_verdict *verdict;
    struct rift_problem **keys;
    size_t key_count, invalid, unknown;
    struct rift_limits limits;
};

/* What is kept of some keys while the rest still has no order. */
struct shrink {
    struct rift_problem *const *keys;
    size_t key_count;
    bool **kept, **trial; /* by key and op */
    int64_t deadline_ns;
    uint64_t memory_bytes;
};

static bool trial_is_impossible(const struct shrink *shrink)
{
    const struct rift_problem **parts = rift_calloc(shrink->key_count + 1, sizeof *parts);
    size_t count = 0, longest;
    for (size_t k = 0; k < shrink->key_count; k++) {
        const struct rift_problem *key = shrink->keys[k];
        CLEANUP(rift_free) uint32_t *indices = rift_calloc(key->count + 1, sizeof *indices);
        size_t kept = 0;
        for (uint32_t i = 0; i < key->count; i++)
            if (shrink->trial[k][i])
                indices[kept++] = i;
        if (kept)
            parts[count++] = rift_problem_subset(key, indices, kept, NULL, RIFT_EVENT_NEVER);
    }
    struct rift_limits limits = {.deadline_ns = rift_clock_now() + TRIAL_MS * RIFT_MS,
                                 .memory_bytes = shrink->memory_bytes};
    bool is_impossible =
        rift_judge_sequential(parts, count, &limits, &longest) == RIFT_ANSWER_INVALID;
    for (size_t i = 0; i < count; i++)
        rift_problem_destroy((struct rift_problem *)(uintptr_t)parts[i]);
    free(parts);
    return is_impossible;
}

/* Takes over the trial where it has no order either. */
static void trial_settle(struct shrink *shrink)
{
    bool is_taken = trial_is_impossible(shrink);
    for (size_t k = 0; k < shrink->key_count; k++)
        memcpy(is_taken ? shrink->kept[k] : shrink->trial[k],
               is_taken ? shrink->trial[k] : shrink->kept[k], shrink->keys[k]->count);
}

/* True where no kept op sees the value, so that a write of it may as well be left out: what was
 * there before stays a little longer, and nobody looks. */
static bool is_unseen(const struct shrink *shrink, size_t k, uint32_t value)
{
    const struct rift_problem *key = shrink->keys[k];
    for (size_t i = 0; i < key->count; i++) {
        const struct rift_call *call = &key->ops[i].call;
        bool is_plain = call->kind == RIFT_CALL_READ || call->kind == RIFT_CALL_CAS;
        if (shrink->kept[k][i] && call->kind != RIFT_CALL_WRITE && (!is_plain || call->a == value))
            return false;
    }
    return key->model->is_scalar;
}

/* Leaves out this part of the key's ops: observers, and writes whose value nobody sees. */
static void shrink_part(struct shrink *shrink, size_t k, size_t begin, size_t end)
{
    const struct rift_problem *key = shrink->keys[k];
    bool is_less = false;
    for (size_t i = begin; i < end; i++) {
        const struct rift_call *call = &key->ops[i].call;
        if (!shrink->trial[k][i] ||
            !(rift_call_is_observer(call->kind) ||
              (call->kind == RIFT_CALL_WRITE && is_unseen(shrink, k, call->a))))
            continue;
        shrink->trial[k][i] = false;
        is_less = true;
    }
    if (is_less)
        trial_settle(shrink);
}

/* Every order of the whole is one of what is kept: keys and observers can be left out of any. */
static void shrink_run(struct shrink *shrink)
{
    for (size_t k = 0; k < shrink->key_count && rift_clock_now() < shrink->deadline_ns; k++) {
        if (shrink->key_count == 1)
            break;
        memset(shrink->trial[k], 0, shrink->keys[k]->count);
        trial_settle(shrink);
    }
    for (size_t parts = 2, is_last = 0; !is_last; parts *= 4) {
        is_last = 1;
        for (size_t k = 0; k < shrink->key_count; k++) {
            size_t count = shrink->keys[k]->count, size = (count + parts - 1) / parts;
            is_last &= size <= 1;
            for (size_t end = count; end > 0 && rift_clock_now() < shrink->deadline_ns;
                 end -= end < size ? end : size)
                shrink_part(shrink, k, end < size ? 0 : end - size, end);
        }
    }
}

static int compare_rows(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The rows of a small set of ops that has no order, ascending. */
static json_t *impossible_rows(struct checking *checking, struct rift_problem *const *keys,
                               size_t key_count)
{
    struct shrink shrink = {.keys = keys,
                            .key_count = key_count,
                            .deadline_ns = rift_clock_now() + SHRINK_MS * RIFT_MS,
                            .memory_bytes = checking->limits.memory_bytes};
    shrink.kept = rift_calloc(key_count + 1, sizeof(bool *));
    shrink.trial = rift_calloc(key_count + 1, sizeof(bool *));
    size_t total = 0, count = 0;
    for (size_t k = 0; k < key_count; k++) {
        shrink.kept[k] = rift_calloc(keys[k]->count + 1, 1);
        shrink.trial[k] = rift_calloc(keys[k]->count + 1, 1);
        memset(shrink.kept[k], 1, keys[k]->count);
        memset(shrink.trial[k], 1, keys[k]->count);
        total += keys[k]->count;
    }
    shrink_run(&shrink);
    CLEANUP(rift_free) uint32_t *rows = rift_calloc(total + 1, sizeof *rows);
    for (size_t k = 0; k < key_count; k++) {
        for (size_t i = 0; i < keys[k]->count; i++)
            if (shrink.kept[k][i])
                rows[count++] = keys[k]->ops[i].row;
        free(shrink.kept[k]);
        free(shrink.trial[k]);
    }
    free(shrink.kept);
    free(shrink.trial);
    qsort(rows, count, sizeof *rows, compare_rows);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(rows[i]));
    return list;
}

static void judge_key(struct checking *checking, struct rift_problem *key)
{
    size_t deepest;
    const struct rift_problem *object = key;
    enum rift_answer answer = rift_judge_sequential(&object, 1, &checking->limits, &deepest);
    if (answer == RIFT_ANSWER_VALID)
        return;
    CLEANUP(rift_free)
    char *name = rift_value_print(key->history->values, key->history->keys[key->key]);
    if (answer == RIFT_ANSWER_NONE) {
        if (checking->unknown++ < UNKNOWN_KEYS_NAMED)
            rift_verdict_doubt(checking->verdict,
                               "key %s: time or memory was spent with %zu of %zu ops in order",
                               name, deepest, key->count);
        return;
    }
    checking->invalid++;
    json_t *rows = impossible_rows(checking, &key, 1);
    json_t *anomaly = rift_verdict_convict(
        checking->verdict, "not sequential",
        "Key %s: no order of its %zu operations keeps the order of each process; these %zu alone "
        "have none.",
        name, key->count, json_array_size(rows));
    json_object_set_new(anomaly, "ops", rows);
}

/* True where every key is linearizable: then all have one order together. */
static bool keys_are_linearizable(struct checking *checking)
{
    for (size_t k = 0; k < checking->key_count; k++) {
        struct rift_judgement judgement;
        rift_judge_problem(checking->keys[k], &checking->limits, 1, &judgement);
        bool is_valid = judgement.answer == RIFT_ANSWER_VALID;
        rift_judgement_finish(&judgement);
        if (!is_valid)
            return false;
    }
    return true;
}

static void judge_together(struct checking *checking)
{
    size_t deepest = 0, total = 0;
    if (keys_are_linearizable(checking))
        return;
    enum rift_answer answer =
        rift_judge_sequential((const struct rift_problem *const *)checking->keys,
                              checking->key_count, &checking->limits, &deepest);
    for (size_t k = 0; k < checking->key_count; k++)
        total += checking->keys[k]->count;
    if (answer == RIFT_ANSWER_NONE)
        rift_verdict_doubt(
            checking->verdict,
            "each key by itself is sequentially consistent; time or memory was spent "
            "with %zu of %zu ops of all keys in one order (keys: apart asks for less)",
            deepest, total);
    if (answer != RIFT_ANSWER_INVALID)
        return;
    json_t *rows = impossible_rows(checking, checking->keys, checking->key_count);
    json_t *anomaly = rift_verdict_convict(
        checking->verdict, "not sequential",
        "Each key by itself has an order that keeps the order of each process; all %zu keys "
        "together have none, and these %zu operations have none.",
        checking->key_count, json_array_size(rows));
    json_object_set_new(anomaly, "ops", rows);
}

static void keep_key(void *context, struct rift_problem *key)
{
    struct checking *checking = context;
    checking->keys[checking->key_count++] = key;
}

static int sequential_check(const struct rift_check *check, struct rift_verdict *verdict,
                            struct rift_error *err)
{
    const char *name = json_string_value(json_object_get(check->options, "model"));
    const char *keys = json_string_value(json_object_get(check->options, "keys"));
    bool is_apart = keys && strcmp(keys, "apart") == 0;
    if (keys && !is_apart && strcmp(keys, "together") != 0)
        return rift_fail(err, RIFT_ERR_INVALID, "option 'keys' is together or apart, not '%s'",
                         keys);
    const struct rift_model *model = rift_model_for(name ? name : "auto", check->history, err);
    if (!model)
        return -1;
    if (model->has_choices)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "sequential consistency of the model %s is not checked", model->name);
    struct checking checking = {
        .verdict = verdict,
        .keys = rift_calloc(check->history->key_count + 1, sizeof(struct rift_problem *)),
        .limits = rift_limits_of_budget(&check->budget, 1),
    };
    int result = rift_keys_visit(check->history, model, keep_key, &checking, err);
    for (size_t k = 0; k < checking.key_count && result == 0; k++)
        judge_key(&checking, checking.keys[k]);
    bool is_whole = checking.key_count > 1 && !is_apart;
    if (result == 0 && is_whole && checking.invalid + checking.unknown == 0)
        judge_together(&checking);
    if (checking.unknown > UNKNOWN_KEYS_NAMED)
        rift_verdict_doubt(verdict, "%zu keys more", checking.unknown - UNKNOWN_KEYS_NAMED);
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(stats, "keys", json_integer((json_int_t)checking.key_count));
    json_object_set_new(stats, "model", json_string(model->name));
    if (checking.key_count > 1 && is_apart)
        json_object_set_new(verdict->details, "note",
                            json_string("each key by itself; together they may still be none"));
    for (size_t k = 0; k < checking.key_count; k++)
        rift_problem_destroy(checking.keys[k]);
    free(checking.keys);
    return result;
}

static const struct rift_option options[] = {
    {.name = "model",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "auto",
     .summary = "the sequential specification; auto: from the format or the operations' names"},
    {.name = "keys",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "together",
     .summary = "together: one order of all keys; apart: each key by itself, which promises less"},
    {.name = NULL},
};

const struct rift_checker rift_checker_sequential = {
    .name = "sequential",
    .summary = "all behaves as if one operation at a time happened, in each process' order",
    .options = options,
    .check = sequential_check,
};
