#include "checkers/models/container.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/problem.h"
#include "common/memory.h"

enum { ITEMS_ON_STACK = 256 };

static bool is_empty_answer(const struct rift_values *values, struct rift_value value)
{
    if (rift_value_is_nil(value))
        return true;
    enum rift_value_kind kind = rift_value_kind(values, value);
    size_t length;
    return (kind == RIFT_TEXT || kind == RIFT_KEYWORD) &&
           strcmp(rift_value_as_text(values, value, &length), "empty") == 0;
}

static enum rift_translation translate_insert(struct rift_problem *problem,
                                              const struct rift_model_op *op,
                                              struct rift_call *call, struct rift_error *err)
{
    if (rift_value_is_nil(op->argument)) {
        rift_fail(err, RIFT_ERR_INVALID, "nil cannot be put in: it is the answer of an empty one");
        return RIFT_NOT_TRANSLATED;
    }
    uint32_t value = rift_problem_intern(problem, op->argument);
    *call = (struct rift_call){
        op->code == RIFT_CONTAINER_INSERT ? RIFT_CALL_INSERT : RIFT_CALL_INSERT_FRONT, value, 0};
    return RIFT_TRANSLATED;
}

enum rift_translation rift_container_translate(struct rift_problem *problem,
                                               const struct rift_model_op *op,
                                               struct rift_call *call, struct rift_error *err)
{
    /* What each code becomes when it answered a value, "empty", or nothing at all. */
    static const uint32_t kinds[][3] = {
        [RIFT_CONTAINER_TAKE] = {RIFT_CALL_TAKE, RIFT_CALL_TAKE_EMPTY, RIFT_CALL_TAKE_UNKNOWN},
        [RIFT_CONTAINER_PEEK] = {RIFT_CALL_PEEK, RIFT_CALL_PEEK_EMPTY, RIFT_CALL_KIND_COUNT},
        [RIFT_CONTAINER_TAKE_BACK] = {RIFT_CALL_TAKE_BACK, RIFT_CALL_TAKE_BACK_EMPTY,
                                      RIFT_CALL_TAKE_BACK_UNKNOWN},
        [RIFT_CONTAINER_PEEK_BACK] = {RIFT_CALL_PEEK_BACK, RIFT_CALL_PEEK_BACK_EMPTY,
                                      RIFT_CALL_KIND_COUNT},
    };
    if (op->code == RIFT_CONTAINER_INSERT || op->code == RIFT_CONTAINER_INSERT_FRONT)
        return translate_insert(problem, op, call, err);
    const uint32_t *kind = kinds[op->code];
    *call = (struct rift_call){kind[2], 0, 0};
    if (op->type == RIFT_OP_OK) {
        bool is_empty = is_empty_answer(problem->history->values, op->result);
        call->kind = kind[is_empty];
        call->a = is_empty ? 0 : rift_problem_intern(problem, op->result);
    }
    return call->kind == RIFT_CALL_KIND_COUNT ? RIFT_NO_INFORMATION : RIFT_TRANSLATED;
}

uint32_t rift_container_start(const struct rift_problem *problem, struct rift_states *states)
{
    (void)problem;
    return rift_states_intern(states, NULL, 0);
}

void rift_container_describe(const struct rift_problem *problem, const struct rift_states *states,
                             uint32_t state, struct rift_text *text)
{
    size_t count;
    const uint32_t *items = rift_states_words(states, state, &count);
    rift_text_append(text, count ? "inside:" : "nothing inside");
    for (size_t i = 0; i < count; i++) {
        CLEANUP(rift_free)
        char *value = rift_value_print(problem->history->values, problem->values[items[i]]);
        rift_text_printf(text, " %s", value);
    }
}

/* The items with one left out (skip) or one put in; interned from a copy, as interning moves them.
 */
static uint32_t container_edit(struct rift_states *states, uint32_t state, size_t place,
                               bool is_insert, uint32_t value)
{
    size_t count;
    const uint32_t *items = rift_states_words(states, state, &count);
    uint32_t small[ITEMS_ON_STACK];
    uint32_t *copy =
        count + 1 <= ITEMS_ON_STACK ? small : rift_reallocarray(NULL, count + 1, sizeof *copy);
    size_t after = is_insert ? place : place + 1;
    if (place)
        memcpy(copy, items, place * sizeof *copy);
    if (is_insert)
        copy[place] = value;
    if (count > after)
        memcpy(copy + place + is_insert, items + after, (count - after) * sizeof *copy);
    uint32_t next = rift_states_intern(states, copy, is_insert ? count + 1 : count - 1);
    if (copy != small)
        free(copy);
    return next;
}

uint32_t rift_container_without(struct rift_states *states, uint32_t state, size_t place)
{
    return container_edit(states, state, place, false, 0);
}

uint32_t rift_container_with(struct rift_states *states, uint32_t state, size_t place,
                             uint32_t value)
{
    return container_edit(states, state, place, true, value);
}
