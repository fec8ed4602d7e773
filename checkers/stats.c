/* stats: how operations ended, by name, and with which errors, each with an example. It convicts
 * nobody: an operation that never succeeded makes the run unknown, errors are only told. */
#include <stdlib.h>

#include "checkers/registry.h"
#include "common/memory.h"

struct tally {
    size_t ok, fail, info;
    uint32_t example; /* the first row */
};

static void count_op(struct tally *tally, enum rift_op_type type, uint32_t row)
{
    if (tally->ok + tally->fail + tally->info == 0)
        tally->example = row;
    tally->ok += type == RIFT_OP_OK;
    tally->fail += type == RIFT_OP_FAIL;
    tally->info += type == RIFT_OP_INFO;
}

/* Of all names or errors that were met; the empty one is none. */
static json_t *tallies_to_json(const struct rift_names *names, const struct tally *tallies)
{
    json_t *all = json_object();
    for (size_t i = 0; i < names->count; i++) {
        const struct tally *tally = &tallies[i];
        if (tally->ok + tally->fail + tally->info == 0 || names->text[i][0] == '\0')
            continue;
        json_object_set_new(all, names->text[i],
                            json_pack("{s:I, s:I, s:I, s:I}", "ok", (json_int_t)tally->ok, "fail",
                                      (json_int_t)tally->fail, "info", (json_int_t)tally->info,
                                      "example", (json_int_t)tally->example));
    }
    return all;
}

static int check_stats(const struct rift_check *check, struct rift_verdict *verdict,
                       struct rift_error *err)
{
    (void)err;
    const struct rift_history *history = check->history;
    const struct rift_ops *ops = &history->ops;
    CLEANUP(rift_free)
    struct tally *by_name = rift_calloc(history->names.count + 1, sizeof *by_name);
    CLEANUP(rift_free)
    struct tally *by_error = rift_calloc(history->errors.count + 1, sizeof *by_error);
    for (uint32_t row = 0; row < ops->count; row++) {
        count_op(&by_name[ops->f[row]], ops->type[row], row);
        count_op(&by_error[ops->error[row]], ops->type[row], row);
    }
    for (size_t i = 0; i < history->names.count; i++)
        if (by_name[i].ok == 0 && by_name[i].fail + by_name[i].info > 0)
            rift_verdict_doubt(verdict, "no %s ever succeeded, of %zu tried",
                               history->names.text[i], by_name[i].fail + by_name[i].info);
    json_t *stats = rift_verdict_stats(verdict);
    json_object_set_new(stats, "by_operation", tallies_to_json(&history->names, by_name));
    json_object_set_new(stats, "by_error", tallies_to_json(&history->errors, by_error));
    return 0;
}

const struct rift_checker rift_checker_stats = {
    .name = "stats",
    .summary = "how operations ended and with which errors; unknown where one never succeeded",
    .parts = RIFT_PARTS_ANY,
    .check = check_stats,
};
