/* evidence: was enough seen to tell anything? A history in which hardly anything succeeded, or in
 * which the planned faults never happened, satisfies every other checker by emptiness; this one
 * makes such a run unknown, and says why. It never convicts. */
#include <stdlib.h>
#include <string.h>

#include "checkers/evidence_parts.h"
#include "checkers/registry.h"
#include "common/memory.h"

struct tally {
    size_t ok, fail, info;
};

/* One for each name of the history, by its index. */
static struct tally *count_by_name(const struct rift_history *history, struct tally *all)
{
    struct tally *tallies = rift_calloc(history->names.count, sizeof *tallies);
    for (size_t row = 0; row < history->ops.count; row++) {
        struct tally *mine = &tallies[history->ops.f[row]];
        bool is_ok = history->ops.type[row] == RIFT_OP_OK;
        bool is_fail = history->ops.type[row] == RIFT_OP_FAIL;
        mine->ok += is_ok;
        mine->fail += is_fail;
        mine->info += !is_ok && !is_fail;
        all->ok += is_ok;
        all->fail += is_fail;
        all->info += !is_ok && !is_fail;
    }
    return tallies;
}

static json_t *tally_to_json(const struct tally *tally)
{
    return json_pack("{s:I, s:I, s:I}", "ok", (json_int_t)tally->ok, "fail",
                     (json_int_t)tally->fail, "info", (json_int_t)tally->info);
}

static void judge_operations(const struct rift_check *check, struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    struct tally all = {0};
    struct tally *tallies = count_by_name(history, &all);
    json_t *stats = rift_verdict_stats(verdict);
    json_t *by_name = json_object();
    size_t least = (size_t)json_integer_value(json_object_get(check->options, "min_ok"));
    if (all.ok < least)
        rift_verdict_doubt(verdict,
                           "only %zu of %zu operations were ok, fewer than %zu (min_ok): a longer "
                           "run or a higher rate has more",
                           all.ok, history->ops.count, least);
    for (size_t i = 0; i < history->names.count; i++) {
        size_t tried = tallies[i].ok + tallies[i].fail + tallies[i].info;
        if (tried == 0)
            continue;
        json_object_set_new(by_name, history->names.text[i], tally_to_json(&tallies[i]));
        if (tallies[i].ok == 0)
            rift_verdict_doubt(verdict, "no %s ever succeeded, of %zu tried",
                               history->names.text[i], tried);
    }
    json_object_set_new(stats, "operations", tally_to_json(&all));
    json_object_set_new(stats, "by_operation", by_name);
    free(tallies);
}

/* A system that stopped serving for good hides what it lost. Half of all operations, as a lock that
 * is held turns many away in a row. */
static void judge_tail(const struct rift_history *history, struct rift_verdict *verdict)
{
    const struct rift_ops *ops = &history->ops;
    size_t tail = 0;
    while (tail < ops->count && ops->type[ops->count - 1 - tail] != RIFT_OP_OK)
        tail++;
    if (tail >= EVIDENCE_FEW && tail < ops->count && tail > ops->count / 2)
        rift_verdict_doubt(verdict,
                           "none of the last %zu of %zu operations succeeded: the system stopped "
                           "serving, so what it lost was not seen",
                           tail, ops->count);
}

/* The run itself says so where it was ended before its time. */
static void judge_end(const struct rift_history *history, struct rift_verdict *verdict)
{
    if (history->is_truncated) {
        CLEANUP(rift_text_finish) struct rift_text reach = {0};
        rift_history_append_reach(history, &reach);
        rift_verdict_doubt(verdict, "the history ends in the middle, as its writer was killed; %s",
                           reach.data);
    }
    uint16_t stopped = rift_history_name(history, "run-stopped");
    for (size_t row = 0; row < history->nemesis.count && stopped; row++) {
        if (history->nemesis.f[row] != stopped)
            continue;
        json_t *reason = rift_value_to_json(history->values, history->nemesis.argument[row]);
        const char *what = json_string_value(json_object_get(reason, "what"));
        rift_verdict_doubt(verdict, "the run ended early: %s", what ? what : "");
        json_decref(reason);
    }
}

static int evidence_check(const struct rift_check *check, struct rift_verdict *verdict,
                          struct rift_error *err)
{
    (void)err;
    judge_operations(check, verdict);
    judge_tail(check->history, verdict);
    evidence_judge_reads(check->history, verdict);
    evidence_judge_faults(check, verdict);
    judge_end(check->history, verdict);
    return 0;
}

static const struct rift_option evidence_options[] = {
    {.name = "min_ok",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "",
     .fallback = "20",
     .minimum = 0,
     .maximum = 1e9,
     .summary = "with fewer ok operations the run is unknown"},
    {.name = "every_node",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "true",
     .summary = "a node that served nothing, though no fault was on it, makes the run unknown; "
                "false where some serve nothing by design"},
    {.name = NULL},
};

const struct rift_checker rift_checker_evidence = {
    .name = "evidence",
    .summary = "enough happened to tell anything: operations succeeded, faults were observed",
    .options = evidence_options,
    .parts = RIFT_PARTS_NONE,
    .check = evidence_check,
};
