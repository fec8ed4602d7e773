/* A set: each element is in it or not. */
#include <stdlib.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/container.h"
#include "checkers/models/registry.h"
#include "common/memory.h"

enum { CODE_ADD, CODE_REMOVE, CODE_CONTAINS, CODE_READ };

static const struct rift_operation_name names[] = {
    {"add", CODE_ADD},           {"insert", CODE_ADD},
    {"remove", CODE_REMOVE},     {"delete", CODE_REMOVE},
    {"contains", CODE_CONTAINS}, {"member", CODE_CONTAINS},
    {"read", CODE_READ},         {NULL, 0},
};

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A read of the whole set: b is its list of sorted ids; an element twice is in it once. */
static enum rift_translation translate_read(struct rift_problem *problem,
                                            const struct rift_model_op *op, struct rift_call *call)
{
    if (op->type != RIFT_OP_OK)
        return RIFT_NO_INFORMATION;
    const struct rift_values *values = problem->history->values;
    size_t count = rift_value_count(values, op->result), kept = 0;
    uint32_t *ids = rift_reallocarray(NULL, count + 1, sizeof *ids);
    for (size_t i = 0; i < count; i++)
        ids[i] = rift_problem_intern(problem, rift_value_item(values, op->result, i));
    qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    *call = (struct rift_call){RIFT_CALL_READ_ALL, rift_problem_intern(problem, op->result),
                               rift_states_intern(problem->lists, ids, kept)};
    free(ids);
    return RIFT_TRANSLATED;
}

static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    /* Answered nothing, false, true. */
    static const uint32_t kinds[][3] = {
        [CODE_ADD] = {RIFT_CALL_ADD, RIFT_CALL_CONTAINS, RIFT_CALL_ADD_NEW},
        [CODE_REMOVE] = {RIFT_CALL_REMOVE, RIFT_CALL_LACKS, RIFT_CALL_REMOVE_FOUND},
        [CODE_CONTAINS] = {RIFT_CALL_KIND_COUNT, RIFT_CALL_LACKS, RIFT_CALL_CONTAINS},
    };
    if (op->code == CODE_READ)
        return translate_read(problem, op, call);
    const struct rift_values *values = problem->history->values;
    bool is_answered = op->type == RIFT_OP_OK && rift_value_kind(values, op->result) == RIFT_BOOL;
    int answer = is_answered ? 1 + rift_value_as_bool(op->result) : 0;
    *call =
        (struct rift_call){kinds[op->code][answer], rift_problem_intern(problem, op->argument), 0};
    if (call->kind != RIFT_CALL_KIND_COUNT)
        return RIFT_TRANSLATED;
    if (op->type != RIFT_OP_OK)
        return RIFT_NO_INFORMATION;
    rift_fail(err, RIFT_ERR_INVALID, "contains must answer true or false");
    return RIFT_NOT_TRANSLATED;
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    if (call->kind == RIFT_CALL_READ_ALL) {
        size_t count, other_count;
        const uint32_t *items = rift_states_words(states, state, &count);
        const uint32_t *other = rift_states_words(problem->lists, call->b, &other_count);
        bool is_equal = count == other_count;
        for (size_t i = 0; is_equal && i < count; i++)
            is_equal = items[i] == other[i];
        return is_equal ? state : RIFT_STATE_NONE;
    }
    size_t count, low = 0;
    const uint32_t *items = rift_states_words(states, state, &count);
    for (size_t high = count; low < high;) {
        size_t middle = (low + high) / 2;
        if (items[middle] < call->a)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_in = low < count && items[low] == call->a;
    switch (call->kind) {
    case RIFT_CALL_CONTAINS:
        return is_in ? state : RIFT_STATE_NONE;
    case RIFT_CALL_LACKS:
        return is_in ? RIFT_STATE_NONE : state;
    case RIFT_CALL_ADD:
    case RIFT_CALL_ADD_NEW:
        if (is_in)
            return call->kind == RIFT_CALL_ADD ? state : RIFT_STATE_NONE;
        return rift_container_with(states, state, low, call->a);
    case RIFT_CALL_REMOVE:
    case RIFT_CALL_REMOVE_FOUND:
        if (!is_in)
            return call->kind == RIFT_CALL_REMOVE ? state : RIFT_STATE_NONE;
        return rift_container_without(states, state, low);
    default:
        return RIFT_STATE_NONE;
    }
}

const struct rift_model rift_model_set = {
    .name = "set",
    .summary = "elements, each in it or not",
    .operations = "add v [-> was it new]; remove v [-> was it there]; contains v -> true or false; "
                  "read -> all",
    .names = names,
    .is_projectable = true,
    .translate = translate,
    .start = rift_container_start,
    .step = step,
    .describe = rift_container_describe,
};
