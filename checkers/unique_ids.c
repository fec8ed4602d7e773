/* unique-ids: no identifier is given twice. */
#include <stdlib.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

static const char *const generates[] = {"generate", NULL};

static void tell_range(const struct rift_history *history, const uint32_t *rows, size_t row_count,
                       struct rift_verdict *verdict)
{
    int64_t lowest = INT64_MAX, highest = INT64_MIN;
    for (size_t i = 0; i < row_count; i++) {
        struct rift_value id = history->ops.result[rows[i]];
        if (history->ops.type[rows[i]] != RIFT_OP_OK ||
            rift_value_kind(history->values, id) != RIFT_INTEGER)
            continue;
        int64_t number = rift_value_as_integer(history->values, id);
        lowest = number < lowest ? number : lowest;
        highest = number > highest ? number : highest;
    }
    if (lowest <= highest)
        json_object_set_new(rift_verdict_stats(verdict), "range",
                            json_pack("[I, I]", (json_int_t)lowest, (json_int_t)highest));
}

static int check_unique_ids(const struct rift_check *check, struct rift_verdict *verdict,
                            struct rift_error *err)
{
    (void)err;
    const struct rift_history *history = check->history;
    const struct rift_ops *ops = &history->ops;
    struct elements *elements = elements_create(history);
    struct element_finding repeated = {0};
    size_t tried = 0, acked = 0, capacity = ops->count + 1;
    CLEANUP(rift_free) uint32_t *first = rift_malloc(capacity * sizeof *first);
    CLEANUP(rift_free) bool *is_told = rift_calloc(capacity, sizeof *is_told);
    CLEANUP(rift_free) uint32_t *rows = rift_malloc(capacity * sizeof *rows);
    for (uint32_t row = 0; row < ops->count; row++) {
        if (!element_op_is(history, row, generates))
            continue;
        rows[tried++] = row;
        if (ops->type[row] != RIFT_OP_OK)
            continue;
        acked++;
        size_t known = elements_count(elements);
        uint32_t id = elements_intern(elements, ops->result[row]);
        if (id == known) {
            first[id] = row;
        } else if (!is_told[id]) {
            is_told[id] = true;
            element_finding_add(&repeated, id, first[id], row);
        }
    }
    element_stat_add(verdict, "tried", tried);
    element_stat_add(verdict, "acknowledged", acked);
    element_stat_add(verdict, "duplicated", repeated.count);
    tell_range(history, rows, tried, verdict);
    element_finding_convict(&repeated, elements, 0, "duplicate identifier", "Given more than once",
                            verdict);
    element_finding_finish(&repeated);
    elements_destroy(elements);
    return 0;
}

const struct rift_checker rift_checker_unique_ids = {
    .name = "unique-ids",
    .summary = "no identifier is given twice",
    .check = check_unique_ids,
};
