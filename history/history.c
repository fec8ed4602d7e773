/* What every history can do, whoever made it. */
#include "history/history.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/ops.h"

void rift_history_destroy(struct rift_history *history)
{
    if (!history)
        return;
    rift_ops_finish(&history->ops);
    rift_ops_finish(&history->nemesis);
    free(history->names.text);
    free(history->errors.text);
    free(history->nodes.text);
    free(history->keys);
    rift_values_destroy(history->values);
    rift_arena_finish(&history->texts);
    free(history);
}

void rift_reach_append(const struct rift_reach *reach, struct rift_text *text)
{
    rift_text_printf(text, "torn at byte %zu: read up to operation %zu", reach->cut_at_byte,
                     reach->op_count);
    if (reach->has_time)
        rift_text_printf(text, " and %.3f s", (double)reach->last_ns / 1e9);
}

struct rift_reach rift_history_reach(const struct rift_history *history)
{
    int64_t client = rift_ops_last_moment(&history->ops);
    int64_t fault = rift_ops_last_moment(&history->nemesis);
    return (struct rift_reach){.cut_at_byte = history->cut_at_byte,
                               .op_count = history->ops.count,
                               .has_time = history->time_kind == RIFT_TIME_NS,
                               .last_ns = client > fault ? client : fault};
}

void rift_history_append_reach(const struct rift_history *history, struct rift_text *text)
{
    struct rift_reach reach = rift_history_reach(history);
    rift_reach_append(&reach, text);
}

uint16_t rift_history_name(const struct rift_history *history, const char *name)
{
    for (size_t i = 1; i < history->names.count; i++)
        if (strcmp(history->names.text[i], name) == 0)
            return (uint16_t)i;
    return 0;
}

void rift_key_split_init(struct rift_key_split *split, const struct rift_history *history)
{
    const struct rift_ops *ops = &history->ops;
    split->key_count = history->key_count;
    split->first = rift_calloc(history->key_count + 1, sizeof *split->first);
    split->rows = rift_reallocarray(NULL, ops->count, sizeof *split->rows);
    for (size_t i = 0; i < ops->count; i++)
        split->first[ops->key[i] + 1]++;
    for (size_t k = 0; k < split->key_count; k++)
        split->first[k + 1] += split->first[k];
    size_t *next CLEANUP(rift_free) = rift_reallocarray(NULL, split->key_count + 1, sizeof *next);
    memcpy(next, split->first, (split->key_count + 1) * sizeof *next);
    for (size_t i = 0; i < ops->count; i++)
        split->rows[next[ops->key[i]]++] = (uint32_t)i;
}

void rift_key_split_finish(struct rift_key_split *split)
{
    free(split->first);
    free(split->rows);
    *split = (struct rift_key_split){0};
}
