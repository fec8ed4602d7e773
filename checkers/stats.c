/* stats: how operations ended, by name, and with which errors, each with an example. It convicts
 * nobody: an operation that never succeeded makes the run unknown, errors are only told. Those
 * after which nobody knows what happened (info) are listed as unhandled, the most frequent first:
 * either the client could have known more, or the system left it in the dark.
 *
 * A loaded history is one part. Rows of a streamed one have no numbers, so its examples are words
 * alone. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/registry.h"
#include "common/memory.h"
#include "common/text.h"

enum { ARGUMENT_TOLD = 120 };

struct tally {
    size_t ok, fail, info;
    uint32_t example; /* the first row */
    uint32_t unknown; /* the first row that ended as info */
    char *text;       /* that operation in words; NULL: none */
};

/* By the index of a name. */
struct tallies {
    struct tally *items;
    size_t count;
};

struct stats {
    struct tallies by_name, by_error;
    bool has_examples;
};

static void tallies_reserve(struct tallies *tallies, size_t count)
{
    if (count <= tallies->count)
        return;
    tallies->items = rift_reallocarray(tallies->items, count, sizeof *tallies->items);
    memset(tallies->items + tallies->count, 0, (count - tallies->count) * sizeof *tallies->items);
    tallies->count = count;
}

/* "process 3 asked write 5 of key 2 through n1 at 1.234 s" */
static char *describe(const struct rift_history *part, uint32_t row)
{
    const struct rift_ops *ops = &part->ops;
    struct rift_text text = {0};
    rift_text_printf(&text, "process %" PRId32 " asked %s", ops->process[row],
                     part->names.text[ops->f[row]]);
    if (!rift_value_is_nil(ops->argument[row])) {
        CLEANUP(rift_free) char *argument = rift_value_print(part->values, ops->argument[row]);
        rift_text_printf(&text, " %.*s%s", ARGUMENT_TOLD, argument,
                         strlen(argument) > ARGUMENT_TOLD ? "..." : "");
    }
    if (ops->key[row] != 0) {
        CLEANUP(rift_free) char *key = rift_value_print(part->values, part->keys[ops->key[row]]);
        rift_text_printf(&text, " of key %.*s", ARGUMENT_TOLD, key);
    }
    if (ops->node[row] != 0)
        rift_text_printf(&text, " through %s", part->nodes.text[ops->node[row]]);
    if (part->time_kind == RIFT_TIME_NS)
        rift_text_printf(&text, " at %.3f s", (double)ops->start[row] / 1e9);
    return rift_text_take(&text);
}

static void count_error(struct tally *tally, const struct rift_history *part, uint32_t row)
{
    if (tally->text || part->ops.type[row] != RIFT_OP_INFO || part->ops.error[row] == 0)
        return;
    tally->unknown = row;
    tally->text = describe(part, row);
}

static void count_op(struct tally *tally, enum rift_op_type type, uint32_t row)
{
    if (tally->ok + tally->fail + tally->info == 0)
        tally->example = row;
    tally->ok += type == RIFT_OP_OK;
    tally->fail += type == RIFT_OP_FAIL;
    tally->info += type == RIFT_OP_INFO;
}

static void stats_add(void *state, const struct rift_history *part)
{
    struct stats *stats = state;
    const struct rift_ops *ops = &part->ops;
    tallies_reserve(&stats->by_name, part->names.count);
    tallies_reserve(&stats->by_error, part->errors.count);
    for (uint32_t row = 0; row < ops->count; row++) {
        count_op(&stats->by_name.items[ops->f[row]], ops->type[row], row);
        count_op(&stats->by_error.items[ops->error[row]], ops->type[row], row);
        count_error(&stats->by_error.items[ops->error[row]], part, row);
    }
}

/* Of all names or errors that were met; the empty one is none. */
static json_t *tallies_to_json(const struct rift_names *names, const struct tallies *tallies,
                               bool has_examples)
{
    json_t *all = json_object();
    for (size_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = &tallies->items[i];
        if (tally->ok + tally->fail + tally->info == 0 || names->text[i][0] == '\0')
            continue;
        json_t *counts = json_pack("{s:I, s:I, s:I}", "ok", (json_int_t)tally->ok, "fail",
                                   (json_int_t)tally->fail, "info", (json_int_t)tally->info);
        if (has_examples)
            json_object_set_new(counts, "example", json_integer(tally->example));
        json_object_set_new(all, names->text[i], counts);
    }
    return all;
}

static int compare_unknown(const void *a, const void *b)
{
    const struct tally *const *x = a, *const *y = b;
    if ((*x)->info != (*y)->info)
        return (*x)->info > (*y)->info ? -1 : 1;
    return (*x > *y) - (*x < *y); /* as they were met */
}

static json_t *unhandled_to_json(const struct rift_names *errors, const struct tallies *tallies,
                                 bool has_examples)
{
    CLEANUP(rift_free)
    const struct tally **found = rift_calloc(tallies->count + 1, sizeof *found);
    size_t count = 0;
    for (size_t i = 0; i < tallies->count; i++)
        if (tallies->items[i].text)
            found[count++] = &tallies->items[i];
    qsort(found, count, sizeof *found, compare_unknown);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_pack("{s:s, s:I, s:s}", "error", errors->text[found[i] - tallies->items],
                                "count", (json_int_t)found[i]->info, "text", found[i]->text);
        if (has_examples)
            json_object_set_new(one, "example", json_integer(found[i]->unknown));
        json_array_append_new(list, one);
    }
    return list;
}

static void stats_tell(const struct stats *stats, const struct rift_history *history,
                       struct rift_verdict *verdict)
{
    for (size_t i = 0; i < stats->by_name.count; i++) {
        const struct tally *tally = &stats->by_name.items[i];
        if (tally->ok == 0 && tally->fail + tally->info > 0)
            rift_verdict_doubt(verdict, "no %s ever succeeded, of %zu tried",
                               history->names.text[i], tally->fail + tally->info);
    }
    json_t *told = rift_verdict_stats(verdict);
    json_object_set_new(told, "by_operation",
                        tallies_to_json(&history->names, &stats->by_name, stats->has_examples));
    json_object_set_new(told, "by_error",
                        tallies_to_json(&history->errors, &stats->by_error, stats->has_examples));
    json_object_set_new(told, "unhandled",
                        unhandled_to_json(&history->errors, &stats->by_error, stats->has_examples));
}

static void *stats_begin(const struct rift_check *check)
{
    (void)check;
    return rift_calloc(1, sizeof(struct stats));
}

static void stats_end(void *state, const struct rift_history *last, struct rift_verdict *verdict)
{
    struct stats *stats = state;
    if (verdict)
        stats_tell(stats, last, verdict);
    for (size_t i = 0; i < stats->by_error.count; i++)
        free(stats->by_error.items[i].text);
    free(stats->by_name.items);
    free(stats->by_error.items);
    free(stats);
}

static int check_stats(const struct rift_check *check, struct rift_verdict *verdict,
                       struct rift_error *err)
{
    (void)err;
    struct stats *stats = stats_begin(check);
    stats->has_examples = true;
    stats_add(stats, check->history);
    stats_end(stats, check->history, verdict);
    return 0;
}

static const struct rift_checker_stream stream = {
    .begin = stats_begin, .add = stats_add, .end = stats_end};

const struct rift_checker rift_checker_stats = {
    .name = "stats",
    .summary = "how operations ended and with which errors; unknown where one never succeeded",
    .parts = RIFT_PARTS_ANY,
    .check = check_stats,
    .stream = &stream,
};
