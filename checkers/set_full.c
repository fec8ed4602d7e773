/* set-full: elements are added and the whole set is read all the time.
 *
 * An element is known from the moment its add was acknowledged or a read with it completed. It is
 * lost when the latest read without it began after it was known and after the latest read with it;
 * stale when such a read came before the latest one with it; never read when no read has it. An
 * element twice in one read is a duplicate; one that nobody can have added is unexpected. One pass
 * over the reads in order of invocation, constant work for each of their elements; of what a read
 * begins with as the one before did, no more than a comparison of bytes. */
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

static const char *const adds[] = {"add", "insert", NULL};
static const char *const reads[] = {"read", NULL};

/* Reads are numbered up to a quarter of 2^32, as each takes two events of a history. */
enum { READ_NONE = -1, UNSETTLED = 1 << 30, IN_TRUNK = INT32_MAX };

enum { COMPARED_AT_ONCE = 1024 };

/* By element; reads are numbered in order of invocation. */
struct state {
    int64_t known_at;    /* INT64_MAX: never */
    int32_t last_absent; /* number of a read, READ_NONE */
    uint32_t add;        /* row, ELEMENT_NONE */
    uint32_t duplicate;  /* row of a read that has it twice, ELEMENT_NONE */
    uint32_t unexpected; /* row of a read that has it before anybody tried to add it */
};

struct set_full {
    const struct rift_check *check;
    struct elements *elements;
    struct state *states;
    /* By element, apart from the rest so that it stays in the cache: the latest read that has it,
     * READ_NONE. Less by UNSETTLED while a read may still be the first to make it known. IN_TRUNK
     * while the trunk holds it. */
    int32_t *present;
    size_t capacity;
    /* What the latest read begins with and nothing more can be learnt of as long as reads begin
     * with it: settled elements, each once. Then reads are not gone through up to there. */
    struct rift_value latest;
    uint32_t *trunk;
    size_t trunk_count, trunk_capacity;
    uint32_t *read_rows; /* by number */
    int32_t read_count;
    double *latencies_ms; /* of stable elements */
    size_t stable_count;
    struct element_finding lost, stale, never_read, duplicated, unexpected;
};

static struct state *state_of(struct set_full *set, uint32_t id)
{
    if (id >= set->capacity) {
        size_t old = set->capacity;
        set->capacity = 2 * (size_t)id + 64;
        set->states = rift_reallocarray(set->states, set->capacity, sizeof *set->states);
        for (size_t i = old; i < set->capacity; i++)
            set->states[i] =
                (struct state){INT64_MAX, READ_NONE, ELEMENT_NONE, ELEMENT_NONE, ELEMENT_NONE};
        set->present = rift_reallocarray(set->present, set->capacity, sizeof *set->present);
        for (size_t i = old; i < set->capacity; i++)
            set->present[i] = READ_NONE - UNSETTLED;
    }
    return &set->states[id];
}

static void take_add(struct set_full *set, uint32_t row)
{
    const struct rift_ops *ops = &set->check->history->ops;
    if (ops->type[row] == RIFT_OP_FAIL)
        return;
    struct state *state = state_of(set, elements_intern(set->elements, ops->argument[row]));
    if (state->add == ELEMENT_NONE)
        state->add = row;
    if (ops->type[row] == RIFT_OP_OK && ops->end[row] < state->known_at)
        state->known_at = ops->end[row];
}

static int32_t last_present(const struct set_full *set, uint32_t id)
{
    int32_t number = set->present[id];
    if (number == IN_TRUNK)
        return set->read_count - 1;
    return number < READ_NONE ? number + UNSETTLED : number;
}

/* What is not the usual case: absent from the read before, twice in this one, or not known for
 * longer than this read. */
static void take_unusual(struct set_full *set, uint32_t id, int32_t number)
{
    const struct rift_ops *ops = &set->check->history->ops;
    uint32_t row = set->read_rows[number];
    struct state *state = &set->states[id];
    int32_t before = last_present(set, id);
    if (before == number)
        state->duplicate = row;
    if (set->present[id] == IN_TRUNK)
        return;
    if (before < number - 1)
        state->last_absent = number - 1;
    if (ops->end[row] < state->known_at) {
        /* Only a read that completes before all others, and before the add, can come before it. */
        if (state->add == ELEMENT_NONE || ops->start[state->add] > ops->end[row])
            state->unexpected = row;
        state->known_at = ops->end[row];
    }
    /* No later read ends before this one began. */
    bool is_settled = state->known_at <= ops->start[row];
    set->present[id] = is_settled ? number : number - UNSETTLED;
}

/* How many items both lists begin with, of count at most. */
static size_t common_prefix(const int32_t *a, const int32_t *b, size_t count)
{
    size_t i = 0;
    while (count - i >= COMPARED_AT_ONCE && memcmp(a + i, b + i, COMPARED_AT_ONCE * sizeof *a) == 0)
        i += COMPARED_AT_ONCE;
    while (i < count && a[i] == b[i])
        i++;
    return i;
}

/* Cuts the trunk to what this read, of that number, begins with too; its length. */
static size_t cut_trunk(struct set_full *set, struct rift_value list, int32_t number)
{
    const struct rift_values *values = set->check->history->values;
    const int32_t *now = rift_value_packed(values, list);
    const int32_t *before = rift_value_packed(values, set->latest);
    size_t count = rift_value_count(values, list), common = 0;
    if (now && before)
        common = common_prefix(now, before, count < set->trunk_count ? count : set->trunk_count);
    while (set->trunk_count > common)
        set->present[set->trunk[--set->trunk_count]] = number - 1;
    set->latest = list;
    return common;
}

/* Lets the trunk grow by the ids, of which it holds all before, up to one that is not settled or
 * stood in the read before. */
static void grow_trunk(struct set_full *set, const uint32_t *ids, size_t count, int32_t number)
{
    for (size_t i = 0; i < count && set->present[ids[i]] == number; i++) {
        if (set->trunk_count == set->trunk_capacity) {
            set->trunk_capacity = 2 * set->trunk_capacity + 64;
            set->trunk = rift_reallocarray(set->trunk, set->trunk_capacity, sizeof *set->trunk);
        }
        set->trunk[set->trunk_count++] = ids[i];
        set->present[ids[i]] = IN_TRUNK;
    }
}

static void take_read(struct set_full *set, uint32_t row)
{
    const struct rift_history *history = set->check->history;
    int32_t number = set->read_count++;
    set->read_rows[number] = row;
    struct rift_value list = history->ops.result[row];
    size_t count, known = cut_trunk(set, list, number);
    const uint32_t *restrict ids = elements_intern_from(set->elements, list, known, &count);
    if (elements_count(set->elements) > 0)
        state_of(set, (uint32_t)elements_count(set->elements) - 1);
    int32_t *present = set->present;
    for (size_t i = 0; i < count; i++) {
        if (present[ids[i]] == number - 1)
            present[ids[i]] = number;
        else
            take_unusual(set, ids[i], number);
    }
    grow_trunk(set, ids, count, number);
}

static double milliseconds(int64_t ns)
{
    return (double)ns / (double)RIFT_MS;
}

static void judge_element(struct set_full *set, uint32_t id)
{
    const struct rift_ops *ops = &set->check->history->ops;
    struct state *state = &set->states[id];
    int32_t present = last_present(set, id);
    if (present != set->read_count - 1)
        state->last_absent = set->read_count - 1;
    if (state->unexpected != ELEMENT_NONE)
        element_finding_add(&set->unexpected, id, state->unexpected, ELEMENT_NONE);
    if (state->duplicate != ELEMENT_NONE)
        element_finding_add(&set->duplicated, id, state->duplicate, ELEMENT_NONE);
    bool was_missed = state->last_absent != READ_NONE &&
                      ops->start[set->read_rows[state->last_absent]] > state->known_at;
    uint32_t missing = was_missed ? set->read_rows[state->last_absent] : ELEMENT_NONE;
    if (present > state->last_absent) {
        int64_t latency = was_missed ? ops->start[missing] + 1 - state->known_at : 0;
        set->latencies_ms[set->stable_count++] = milliseconds(latency);
        if (was_missed)
            element_finding_add(&set->stale, id, state->add, missing);
    } else if (was_missed) {
        element_finding_add(&set->lost, id, state->add, missing);
    } else if (present == READ_NONE && state->known_at != INT64_MAX) {
        element_finding_add(&set->never_read, id, state->add, ELEMENT_NONE);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell_latencies(const struct set_full *set, struct rift_verdict *verdict)
{
    static const struct {
        const char *name;
        double part;
    } quantiles[] = {{"0", 0}, {"0.5", 0.5}, {"0.95", 0.95}, {"0.99", 0.99}, {"1", 1}};
    if (set->stable_count == 0 || set->check->history->time_kind != RIFT_TIME_NS)
        return;
    qsort(set->latencies_ms, set->stable_count, sizeof(double), compare_doubles);
    json_t *latencies = json_object();
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        size_t at = (size_t)(quantiles[i].part * (double)(set->stable_count - 1));
        json_object_set_new(latencies, quantiles[i].name, json_real(set->latencies_ms[at]));
    }
    json_object_set_new(rift_verdict_stats(verdict), "stable_latency_ms", latencies);
}

/* Local reads are stale by design: the plan says so, or the option. */
static bool stale_is_allowed(const struct rift_check *check)
{
    const char *kind =
        json_string_value(json_object_get(json_object_get(check->plan, "workload"), "reads"));
    return !json_is_true(json_object_get(check->options, "linearizable")) ||
           (kind && strcmp(kind, "local") == 0);
}

static void tell(const struct set_full *set, uint32_t key, struct rift_verdict *verdict)
{
    size_t tried = 0;
    for (uint32_t id = 0; id < elements_count(set->elements); id++)
        tried += set->states[id].add != ELEMENT_NONE;
    element_stat_add(verdict, "tried", tried);
    element_stat_add(verdict, "reads", (size_t)set->read_count);
    element_stat_add(verdict, "stable", set->stable_count);
    element_stat_add(verdict, "lost", set->lost.count);
    element_stat_add(verdict, "never_read", set->never_read.count);
    element_stat_add(verdict, "stale", set->stale.count);
    element_stat_add(verdict, "duplicated", set->duplicated.count);
    element_stat_add(verdict, "unexpected", set->unexpected.count);
    tell_latencies(set, verdict);
    element_finding_convict(&set->lost, set->elements, key, "lost element",
                            "Known, and missing from later reads to the end", verdict);
    element_finding_convict(&set->duplicated, set->elements, key, "duplicate element",
                            "More than once in one read", verdict);
    element_finding_convict(&set->unexpected, set->elements, key, "unexpected element",
                            "Read, though nobody can have added it", verdict);
    if (!stale_is_allowed(set->check))
        element_finding_convict(&set->stale, set->elements, key, "stale read",
                                "Known, missing from a later read, and read again after it",
                                verdict);
    if (set->stable_count == 0)
        rift_verdict_doubt(verdict, "no element was ever read for certain");
}

static void judge(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                  size_t row_count, struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    struct set_full set = {.check = check, .elements = elements_create(history)};
    set.read_rows = rift_malloc((row_count + 1) * sizeof *set.read_rows);
    for (size_t i = 0; i < row_count; i++)
        if (element_op_is(history, rows[i], adds))
            take_add(&set, rows[i]);
    for (size_t i = 0; i < row_count; i++)
        if (history->ops.type[rows[i]] == RIFT_OP_OK && element_op_is(history, rows[i], reads))
            take_read(&set, rows[i]);
    set.latencies_ms = rift_malloc((elements_count(set.elements) + 1) * sizeof(double));
    for (uint32_t id = 0; id < elements_count(set.elements); id++)
        judge_element(&set, id);
    tell(&set, key, verdict);
    element_finding_finish(&set.lost);
    element_finding_finish(&set.stale);
    element_finding_finish(&set.never_read);
    element_finding_finish(&set.duplicated);
    element_finding_finish(&set.unexpected);
    elements_destroy(set.elements);
    free(set.states);
    free(set.present);
    free(set.trunk);
    free(set.read_rows);
    free(set.latencies_ms);
}

static int check_set_full(const struct rift_check *check, struct rift_verdict *verdict,
                          struct rift_error *err)
{
    (void)err;
    elements_by_key(check, judge, verdict);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "linearizable",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "true",
     .summary = "a stale read is a violation; false for reads that are local by design"},
    {.name = NULL},
};

const struct rift_checker rift_checker_set_full = {
    .name = "set-full",
    .summary = "elements of a set over time: lost, stale, never read, duplicated",
    .options = options,
    .parts = RIFT_PARTS_NONE,
    .check = check_set_full,
};
