/* set: elements are added, and the reads at the end must find them.
 *
 * Lost: an add was acknowledged before a read at the end began, which does not have the element.
 * Unexpected: in any read, and never tried to add by then, or only by ops that surely failed.
 * Recovered: read, though its add never heard back. The reads at the end are those that began after
 * every acknowledged add; where there is none, the last one that answered. */
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

static const char *const adds[] = {"add", "insert", NULL};
static const char *const reads[] = {"read", NULL};

/* By element. */
struct state {
    uint32_t add;   /* row of the first op that may have added it; ELEMENT_NONE */
    uint32_t acked; /* row of the first acknowledged one */
    uint32_t stamp; /* 1 + the read that has it, as reads are gone through */
    bool is_read, is_unexpected;
};

struct set {
    const struct rift_check *check;
    struct elements *elements;
    struct state *states;
    size_t capacity;
    struct element_finding lost, unexpected;
};

static struct state *state_of(struct set *set, uint32_t id)
{
    if (id >= set->capacity) {
        size_t old = set->capacity;
        set->capacity = 2 * (size_t)id + 64;
        set->states = rift_reallocarray(set->states, set->capacity, sizeof *set->states);
        for (size_t i = old; i < set->capacity; i++)
            set->states[i] = (struct state){ELEMENT_NONE, ELEMENT_NONE, 0, false, false};
    }
    return &set->states[id];
}

static void add_rows(struct set *set, const uint32_t *rows, size_t row_count)
{
    const struct rift_ops *ops = &set->check->history->ops;
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        if (!element_op_is(set->check->history, row, adds) || ops->type[row] == RIFT_OP_FAIL)
            continue;
        struct state *state = state_of(set, elements_intern(set->elements, ops->argument[row]));
        if (state->add == ELEMENT_NONE)
            state->add = row;
        if (ops->type[row] == RIFT_OP_OK &&
            (state->acked == ELEMENT_NONE || ops->end[row] < ops->end[state->acked]))
            state->acked = row;
    }
}

static void take_read(struct set *set, uint32_t read, uint32_t stamp)
{
    const struct rift_history *history = set->check->history;
    size_t count;
    const uint32_t *ids = elements_intern_from(set->elements, history->ops.result[read], 0, &count);
    for (size_t i = 0; i < count; i++) {
        uint32_t id = ids[i];
        struct state *state = state_of(set, id);
        bool may_be_there =
            state->add != ELEMENT_NONE && history->ops.start[state->add] <= history->ops.end[read];
        if (!may_be_there && !state->is_unexpected) {
            element_finding_add(&set->unexpected, id, read, ELEMENT_NONE);
            state->is_unexpected = true;
        }
        state->is_read = true;
        state->stamp = stamp;
    }
}

static void judge_final_read(struct set *set, uint32_t read, uint32_t stamp)
{
    const struct rift_history *history = set->check->history;
    size_t known = elements_count(set->elements);
    for (uint32_t id = 0; id < known; id++) {
        struct state *state = &set->states[id];
        if (state->acked == ELEMENT_NONE || state->stamp == stamp ||
            history->ops.end[state->acked] >= history->ops.start[read])
            continue;
        element_finding_add(&set->lost, id, state->acked, read);
        state->acked = ELEMENT_NONE; /* told once */
    }
}

static void judge_reads(struct set *set, const uint32_t *rows, size_t row_count,
                        struct rift_verdict *verdict)
{
    const struct rift_history *history = set->check->history;
    const struct rift_ops *ops = &history->ops;
    int64_t last_acked = INT64_MIN;
    uint32_t last_read = ELEMENT_NONE, stamp = 0;
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        if (ops->type[row] != RIFT_OP_OK)
            continue;
        if (element_op_is(history, row, adds) && ops->end[row] > last_acked)
            last_acked = ops->end[row];
        if (element_op_is(history, row, reads))
            last_read = row;
    }
    if (last_read == ELEMENT_NONE) {
        rift_verdict_doubt(verdict, "the set was never read");
        return;
    }
    size_t final_count = 0;
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        if (ops->type[row] != RIFT_OP_OK || !element_op_is(history, row, reads))
            continue;
        take_read(set, row, ++stamp);
        if (row != last_read && ops->start[row] <= last_acked)
            continue;
        judge_final_read(set, row, stamp);
        final_count++;
    }
    element_stat_add(verdict, "final_reads", final_count);
}

static void tell(const struct set *set, uint32_t key, size_t acked, struct rift_verdict *verdict)
{
    size_t tried = 0, read = 0, recovered = 0;
    for (uint32_t id = 0; id < elements_count(set->elements); id++) {
        const struct state *state = &set->states[id];
        tried += state->add != ELEMENT_NONE;
        read += state->is_read;
        recovered += state->is_read && state->add != ELEMENT_NONE &&
                     set->check->history->ops.type[state->add] == RIFT_OP_INFO &&
                     state->acked == ELEMENT_NONE;
    }
    element_stat_add(verdict, "tried", tried);
    element_stat_add(verdict, "acknowledged", acked);
    element_stat_add(verdict, "read", read);
    element_stat_add(verdict, "lost", set->lost.count);
    element_stat_add(verdict, "unexpected", set->unexpected.count);
    element_stat_add(verdict, "recovered", recovered);
    element_finding_convict(&set->lost, set->elements, key, "lost element",
                            "Acknowledged and missing from a read at the end", verdict);
    element_finding_convict(&set->unexpected, set->elements, key, "unexpected element",
                            "Read, though nobody can have added it", verdict);
}

static void judge(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                  size_t row_count, struct rift_verdict *verdict)
{
    struct set set = {.check = check, .elements = elements_create(check->history)};
    size_t acked = 0;
    add_rows(&set, rows, row_count);
    for (uint32_t id = 0; id < elements_count(set.elements); id++)
        acked += set.states[id].acked != ELEMENT_NONE;
    judge_reads(&set, rows, row_count, verdict);
    tell(&set, key, acked, verdict);
    element_finding_finish(&set.lost);
    element_finding_finish(&set.unexpected);
    elements_destroy(set.elements);
    free(set.states);
}

static int check_set(const struct rift_check *check, struct rift_verdict *verdict,
                     struct rift_error *err)
{
    (void)err;
    elements_by_key(check, judge, verdict);
    return 0;
}

const struct rift_checker rift_checker_set = {
    .name = "set",
    .summary = "what was added is in the reads at the end, and nothing else",
    .parts = RIFT_PARTS_NONE,
    .check = check_set,
};
