/* counter: each read lies between what the counter must have been and what it may have been.
 *
 * The least: all additions that were acknowledged before the read began, and all subtractions that
 * were invoked before it ended; the most the other way round. Each read is judged alone, so the
 * bounds are necessary and not sufficient; `linearizable` with the model counter asks for an order
 * of all of them. O(n log n). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

static const char *const additions[] = {"add", "increment", "inc", NULL};
static const char *const subtractions[] = {"decrement", "dec", "subtract", NULL};
static const char *const reads[] = {"read", "get", NULL};

/* Sums beyond this are not computed. */
#define AMOUNT_MAX (INT64_C(1) << 40)

/* Amounts by a moment: the sum of those up to it. */
struct step {
    int64_t at, amount, sum;
};

struct steps {
    struct step *steps;
    size_t count;
};

/* What may have changed the counter from its invocation on, and what must have from its completion
 * on; ups and downs apart. */
struct changes {
    struct steps may_up, may_down, must_up, must_down;
};

static void steps_add(struct steps *steps, int64_t at, int64_t amount)
{
    steps->steps[steps->count++] = (struct step){at, amount, 0};
}

static int compare_steps(const void *left, const void *right)
{
    const struct step *a = left, *b = right;
    return a->at < b->at ? -1 : a->at > b->at;
}

static void steps_close(struct steps *steps)
{
    qsort(steps->steps, steps->count, sizeof *steps->steps, compare_steps);
    int64_t sum = 0;
    for (size_t i = 0; i < steps->count; i++)
        steps->steps[i].sum = sum += steps->steps[i].amount;
}

/* The sum of the amounts before the moment. */
static int64_t steps_before(const struct steps *steps, int64_t moment)
{
    size_t low = 0;
    for (size_t high = steps->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (steps->steps[middle].at < moment)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : steps->steps[low - 1].sum;
}

static void changes_init(struct changes *changes, size_t room)
{
    struct steps *all[] = {&changes->may_up, &changes->may_down, &changes->must_up,
                           &changes->must_down};
    for (size_t i = 0; i < 4; i++)
        *all[i] = (struct steps){rift_malloc((room + 1) * sizeof(struct step)), 0};
}

static void changes_finish(struct changes *changes)
{
    free(changes->may_up.steps);
    free(changes->may_down.steps);
    free(changes->must_up.steps);
    free(changes->must_down.steps);
}

static bool number_of(const struct rift_history *history, struct rift_value value, int64_t *number)
{
    if (rift_value_kind(history->values, value) != RIFT_INTEGER)
        return false;
    *number = rift_value_as_integer(history->values, value);
    return *number >= -AMOUNT_MAX && *number <= AMOUNT_MAX;
}

/* The amount of an addition or subtraction; one where none is given. */
static bool amount_of(const struct rift_history *history, uint32_t row, int64_t *amount)
{
    struct rift_value argument = history->ops.argument[row];
    *amount = 1;
    if (!rift_value_is_nil(argument) && !number_of(history, argument, amount))
        return false;
    if (element_op_is(history, row, subtractions))
        *amount = -*amount;
    return true;
}

static void take_change(const struct rift_history *history, struct changes *changes, uint32_t row,
                        int64_t amount)
{
    const struct rift_ops *ops = &history->ops;
    steps_add(amount > 0 ? &changes->may_up : &changes->may_down, ops->start[row], amount);
    if (ops->type[row] == RIFT_OP_OK)
        steps_add(amount > 0 ? &changes->must_up : &changes->must_down, ops->end[row], amount);
}

static void judge_read(const struct rift_check *check, const struct changes *changes, uint32_t key,
                       uint32_t row, struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    const struct rift_ops *ops = &history->ops;
    int64_t value;
    if (!number_of(history, ops->result[row], &value)) {
        rift_verdict_doubt(verdict, "a read answered no integer up to 2^40");
        return;
    }
    /* What is invoked at the moment at which the read ends is concurrent with it. */
    int64_t after = ops->end[row] == INT64_MAX ? INT64_MAX : ops->end[row] + 1;
    int64_t least =
        steps_before(&changes->must_up, ops->start[row]) + steps_before(&changes->may_down, after);
    int64_t most =
        steps_before(&changes->may_up, after) + steps_before(&changes->must_down, ops->start[row]);
    element_stat_add(verdict, "reads", 1);
    if (value >= least && value <= most)
        return;
    element_stat_add(verdict, "errors", 1);
    json_t *anomaly =
        rift_verdict_convict(verdict, value < least ? "count too low" : "count too high",
                             "A read answered %" PRId64 ", and the counter was at least %" PRId64
                             " and at most %" PRId64 " then",
                             value, least, most);
    json_object_set_new(anomaly, "ops", json_pack("[i]", (int)row));
    if (key != 0)
        json_object_set_new(anomaly, "key",
                            rift_value_to_json(history->values, history->keys[key]));
}

static void judge(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                  size_t row_count, struct rift_verdict *verdict)
{
    const struct rift_history *history = check->history;
    struct changes changes;
    changes_init(&changes, row_count);
    bool is_summable = true;
    for (size_t i = 0; i < row_count && is_summable; i++) {
        int64_t amount;
        if (history->ops.type[rows[i]] == RIFT_OP_FAIL ||
            (!element_op_is(history, rows[i], additions) &&
             !element_op_is(history, rows[i], subtractions)))
            continue;
        is_summable = amount_of(history, rows[i], &amount);
        if (is_summable)
            take_change(history, &changes, rows[i], amount);
    }
    steps_close(&changes.may_up);
    steps_close(&changes.may_down);
    steps_close(&changes.must_up);
    steps_close(&changes.must_down);
    if (!is_summable)
        rift_verdict_doubt(verdict, "an addition is no integer up to 2^40");
    for (size_t i = 0; i < row_count && is_summable; i++)
        if (history->ops.type[rows[i]] == RIFT_OP_OK && element_op_is(history, rows[i], reads))
            judge_read(check, &changes, key, rows[i], verdict);
    changes_finish(&changes);
}

static int check_counter(const struct rift_check *check, struct rift_verdict *verdict,
                         struct rift_error *err)
{
    (void)err;
    elements_by_key(check, judge, verdict);
    return 0;
}

const struct rift_checker rift_checker_counter = {
    .name = "counter",
    .summary = "each read of a counter lies between what it must and what it may have been",
    .check = check_counter,
};
