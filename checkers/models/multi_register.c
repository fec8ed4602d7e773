/* Several registers that are read and written together, in one step: [[:r k v] [:w k v] ...]. The
 * state: pairs of key and value ids, sorted by key; a register never written holds the initial
 * value. */
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/problem.h"
#include "checkers/models/registry.h"
#include "common/memory.h"

enum { CODE_TXN };
enum { STEP_READ, STEP_WRITE, STEP_WORDS = 3, STEPS_MAX = 128, PAIRS_MAX = 512 };

static const struct rift_operation_name names[] = {
    {"txn", CODE_TXN}, {"transact", CODE_TXN}, {"read", CODE_TXN}, {"write", CODE_TXN}, {NULL, 0},
};

/* One micro-operation [f k v]; false where it is none. */
static bool parse_step(struct rift_problem *problem, const struct rift_value parts[3],
                       uint32_t *words)
{
    const struct rift_values *values = problem->history->values;
    enum rift_value_kind kind = rift_value_kind(values, parts[0]);
    size_t length;
    if (kind != RIFT_TEXT && kind != RIFT_KEYWORD)
        return false;
    const char *f = rift_value_as_text(values, parts[0], &length);
    if (strcmp(f, "r") == 0 || strcmp(f, "read") == 0)
        words[0] = STEP_READ;
    else if (strcmp(f, "w") == 0 || strcmp(f, "write") == 0)
        words[0] = STEP_WRITE;
    else
        return false;
    words[1] = rift_problem_intern(problem, parts[1]);
    words[2] = rift_problem_intern(problem, parts[2]);
    return true;
}

/* The steps in words; the number of steps, -1 where the value is no transaction. */
static int parse_steps(struct rift_problem *problem, struct rift_value txn, bool only_writes,
                       uint32_t *words)
{
    const struct rift_values *values = problem->history->values;
    bool is_flat = rift_value_kind(values, txn) == RIFT_TXN;
    size_t count = rift_value_count(values, txn) / (is_flat ? 3 : 1);
    int kept = 0;
    if (count > STEPS_MAX)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct rift_value item = is_flat ? RIFT_VALUE_NIL : rift_value_item(values, txn, i);
        if (!is_flat && rift_value_count(values, item) != 3)
            return -1;
        struct rift_value parts[3];
        for (size_t k = 0; k < 3; k++)
            parts[k] = is_flat ? rift_value_item(values, txn, 3 * i + k)
                               : rift_value_item(values, item, k);
        uint32_t *step = words + kept * STEP_WORDS;
        if (!parse_step(problem, parts, step))
            return -1;
        kept += !only_writes || step[0] == STEP_WRITE;
    }
    return kept;
}

/* call.b: in problem->lists [id of the list of its writes alone, steps...]. */
static enum rift_translation translate(struct rift_problem *problem, const struct rift_model_op *op,
                                       struct rift_call *call, struct rift_error *err)
{
    uint32_t words[1 + STEPS_MAX * STEP_WORDS];
    words[0] = 0;
    int writes = parse_steps(problem, op->argument, true, words + 1);
    if (writes < 0) {
        rift_fail(err, RIFT_ERR_INVALID, "a transaction of at most %d [f key value] is needed",
                  STEPS_MAX);
        return RIFT_NOT_TRANSLATED;
    }
    uint32_t weak = rift_states_intern(problem->lists, words, 1 + (size_t)writes * STEP_WORDS);
    *call =
        (struct rift_call){RIFT_CALL_TRANSACTION, rift_problem_intern(problem, op->argument), weak};
    if (op->type != RIFT_OP_OK)
        return writes ? RIFT_TRANSLATED : RIFT_NO_INFORMATION;
    int steps = parse_steps(problem, op->result, false, words + 1);
    if (steps < 0) {
        rift_fail(err, RIFT_ERR_INVALID, "its result is no transaction");
        return RIFT_NOT_TRANSLATED;
    }
    words[0] = weak;
    call->a = rift_problem_intern(problem, op->result);
    call->b = rift_states_intern(problem->lists, words, 1 + (size_t)steps * STEP_WORDS);
    return RIFT_TRANSLATED;
}

static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    (void)problem;
    return rift_states_intern(states, NULL, 0);
}

/* The place of the key among pairs, or where it belongs. */
static size_t place_of(const uint32_t *pairs, size_t count, uint32_t key)
{
    size_t at = 0;
    while (at < count && pairs[2 * at] < key)
        at++;
    return at;
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t words, length;
    const uint32_t *from = rift_states_words(states, state, &words);
    const uint32_t *list = rift_states_words(problem->lists, call->b, &length);
    size_t count = words / 2, steps = (length - 1) / STEP_WORDS;
    if (count + steps > PAIRS_MAX)
        return RIFT_STATE_NONE;
    uint32_t pairs[2 * PAIRS_MAX];
    memcpy(pairs, from, words * sizeof *pairs);
    for (size_t i = 0; i < steps; i++) {
        const uint32_t *micro = list + 1 + i * STEP_WORDS;
        size_t at = place_of(pairs, count, micro[1]);
        bool is_there = at < count && pairs[2 * at] == micro[1];
        if (micro[0] == STEP_READ) {
            if ((is_there ? pairs[2 * at + 1] : problem->initial) != micro[2])
                return RIFT_STATE_NONE;
            continue;
        }
        if (!is_there) {
            memmove(pairs + 2 * at + 2, pairs + 2 * at, 2 * (count - at) * sizeof *pairs);
            count++;
        }
        pairs[2 * at] = micro[1];
        pairs[2 * at + 1] = micro[2];
    }
    return rift_states_intern(states, pairs, 2 * count);
}

static void describe(const struct rift_problem *problem, const struct rift_states *states,
                     uint32_t state, struct rift_text *text)
{
    size_t words;
    const uint32_t *pairs = rift_states_words(states, state, &words);
    rift_text_append(text, words ? "the registers" : "nothing written");
    for (size_t i = 0; i + 1 < words; i += 2) {
        CLEANUP(rift_free)
        char *key = rift_value_print(problem->history->values, problem->values[pairs[i]]);
        CLEANUP(rift_free)
        char *value = rift_value_print(problem->history->values, problem->values[pairs[i + 1]]);
        rift_text_printf(text, " %s = %s", key, value);
    }
}

const struct rift_model rift_model_multi_register = {
    .name = "multi-register",
    .summary = "several registers, read and written together in one step",
    .operations = "txn [[:r k v] [:w k v] ...]",
    .names = names,
    .translate = translate,
    .start = start,
    .step = step,
    .describe = describe,
};
