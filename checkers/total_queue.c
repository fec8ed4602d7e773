/* total-queue: what goes in comes out, once the queue was drained.
 *
 * Lost: acknowledged, and never taken out. A crashed dequeue may have taken any one element, so
 * only what is lost beyond their number is lost for certain; and as long as nobody found the queue
 * empty at the end, what is missing may still be in it. Unexpected: taken out before anybody tried
 * to put it in, ops that surely failed left out. Duplicated: taken out more often than put in;
 * allowed unless the option says otherwise, as many queues deliver at least once. */
#include <stdlib.h>
#include <string.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

static const char *const puts_in[] = {"enqueue", "enq", "offer", "insert", NULL};
static const char *const takes_out[] = {"dequeue", "deq", "poll", "take", NULL};
static const char *const drains[] = {"drain", NULL};

/* By element. */
struct state {
    uint32_t tried, acked, taken; /* how often */
    uint32_t put_row;             /* the first that began */
    uint32_t take_row;            /* the first that ended */
};

struct total_queue {
    const struct rift_check *check;
    struct elements *elements;
    struct state *states;
    size_t capacity;
    size_t crashed_takes;
    int64_t last_put_at;    /* completion of the last acknowledged one */
    int64_t found_empty_at; /* invocation of the last op that found the queue empty */
    struct element_finding lost, unexpected, duplicated;
};

static struct state *state_of(struct total_queue *queue, struct rift_value value)
{
    uint32_t id = elements_intern(queue->elements, value);
    if (id >= queue->capacity) {
        size_t old = queue->capacity;
        queue->capacity = 2 * (size_t)id + 64;
        queue->states = rift_reallocarray(queue->states, queue->capacity, sizeof *queue->states);
        for (size_t i = old; i < queue->capacity; i++)
            queue->states[i] = (struct state){0, 0, 0, ELEMENT_NONE, ELEMENT_NONE};
    }
    return &queue->states[id];
}

static void take_put(struct total_queue *queue, uint32_t row)
{
    const struct rift_ops *ops = &queue->check->history->ops;
    if (ops->type[row] == RIFT_OP_FAIL)
        return;
    struct state *state = state_of(queue, ops->argument[row]);
    state->tried++;
    if (state->put_row == ELEMENT_NONE)
        state->put_row = row;
    if (ops->type[row] != RIFT_OP_OK)
        return;
    state->acked++;
    if (ops->end[row] > queue->last_put_at)
        queue->last_put_at = ops->end[row];
}

static void take_element(struct total_queue *queue, uint32_t row, struct rift_value value)
{
    const struct rift_ops *ops = &queue->check->history->ops;
    struct state *state = state_of(queue, value);
    state->taken++;
    if (state->take_row == ELEMENT_NONE || ops->end[row] < ops->end[state->take_row])
        state->take_row = row;
}

/* An answer "empty" comes as nil, as the word, or as a failure with that error. */
static bool found_empty(const struct rift_history *history, uint32_t row)
{
    const struct rift_ops *ops = &history->ops;
    if (ops->type[row] == RIFT_OP_OK)
        return element_is_nothing(history, ops->result[row]);
    return ops->type[row] == RIFT_OP_FAIL &&
           strcmp(history->errors.text[ops->error[row]], "empty") == 0;
}

static void take_taken(struct total_queue *queue, uint32_t row)
{
    const struct rift_history *history = queue->check->history;
    const struct rift_ops *ops = &history->ops;
    if (ops->type[row] == RIFT_OP_INFO)
        queue->crashed_takes++;
    else if (found_empty(history, row))
        queue->found_empty_at = ops->start[row];
    else if (ops->type[row] == RIFT_OP_OK)
        take_element(queue, row, ops->result[row]);
}

/* A drain takes out until the queue is empty; one that crashed may have taken anything. */
static void take_drain(struct total_queue *queue, uint32_t row)
{
    const struct rift_history *history = queue->check->history;
    const struct rift_ops *ops = &history->ops;
    if (ops->type[row] == RIFT_OP_INFO)
        queue->crashed_takes = SIZE_MAX / 2;
    if (ops->type[row] != RIFT_OP_OK)
        return;
    size_t count = rift_value_count(history->values, ops->result[row]);
    for (size_t i = 0; i < count; i++)
        take_element(queue, row, rift_value_item(history->values, ops->result[row], i));
    queue->found_empty_at = ops->start[row];
}

static void judge_losses(struct total_queue *queue, uint32_t key, struct rift_verdict *verdict)
{
    if (queue->lost.count == 0)
        return;
    bool is_drained = queue->found_empty_at > queue->last_put_at;
    CLEANUP(rift_free) char *list = element_finding_print(&queue->lost, queue->elements);
    if (!is_drained)
        rift_verdict_doubt(verdict,
                           "%zu acknowledged elements never came out, but nobody found the queue "
                           "empty after the last was put in: %s",
                           queue->lost.count, list);
    else if (queue->lost.count <= queue->crashed_takes)
        rift_verdict_doubt(verdict,
                           "%zu acknowledged elements never came out, but crashed dequeues may "
                           "have taken as many: %s",
                           queue->lost.count, list);
    else
        element_finding_convict(&queue->lost, queue->elements, key, "lost element",
                                "Acknowledged, and never taken out", verdict);
}

/* Taken out before anybody tried to put it in. */
static bool is_unexpected(const struct total_queue *queue, const struct state *state)
{
    const struct rift_ops *ops = &queue->check->history->ops;
    return state->taken > 0 &&
           (state->tried == 0 || ops->start[state->put_row] > ops->end[state->take_row]);
}

static void tell(struct total_queue *queue, uint32_t key, struct rift_verdict *verdict)
{
    size_t tried = 0, acked = 0, taken = 0, recovered = 0;
    for (uint32_t id = 0; id < elements_count(queue->elements); id++) {
        const struct state *state = &queue->states[id];
        tried += state->tried;
        acked += state->acked;
        taken += state->taken;
        if (is_unexpected(queue, state))
            element_finding_add(&queue->unexpected, id, state->take_row, ELEMENT_NONE);
        if (state->tried > 0 && state->taken > state->tried)
            element_finding_add(&queue->duplicated, id, state->put_row, state->take_row);
        if (state->tried > 0 && state->taken > state->acked)
            recovered += (state->taken < state->tried ? state->taken : state->tried) - state->acked;
        for (uint32_t i = state->taken; i < state->acked; i++)
            element_finding_add(&queue->lost, id, state->put_row, ELEMENT_NONE);
    }
    element_stat_add(verdict, "tried", tried);
    element_stat_add(verdict, "acknowledged", acked);
    element_stat_add(verdict, "taken_out", taken);
    element_stat_add(verdict, "lost", queue->lost.count);
    element_stat_add(verdict, "unexpected", queue->unexpected.count);
    element_stat_add(verdict, "duplicated", queue->duplicated.count);
    element_stat_add(verdict, "recovered", recovered);
    element_finding_convict(&queue->unexpected, queue->elements, key, "unexpected element",
                            "Taken out, though nobody can have put it in", verdict);
    if (!json_is_true(json_object_get(queue->check->options, "duplicates")))
        element_finding_convict(&queue->duplicated, queue->elements, key, "duplicate element",
                                "Taken out more often than put in", verdict);
    judge_losses(queue, key, verdict);
}

static void judge(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                  size_t row_count, struct rift_verdict *verdict)
{
    struct total_queue queue = {.check = check,
                                .elements = elements_create(check->history),
                                .last_put_at = INT64_MIN,
                                .found_empty_at = INT64_MIN};
    for (size_t i = 0; i < row_count; i++) {
        if (element_op_is(check->history, rows[i], puts_in))
            take_put(&queue, rows[i]);
        else if (element_op_is(check->history, rows[i], takes_out))
            take_taken(&queue, rows[i]);
        else if (element_op_is(check->history, rows[i], drains))
            take_drain(&queue, rows[i]);
    }
    tell(&queue, key, verdict);
    element_finding_finish(&queue.lost);
    element_finding_finish(&queue.unexpected);
    element_finding_finish(&queue.duplicated);
    elements_destroy(queue.elements);
    free(queue.states);
}

static int check_total_queue(const struct rift_check *check, struct rift_verdict *verdict,
                             struct rift_error *err)
{
    (void)err;
    elements_by_key(check, judge, verdict);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "duplicates",
     .kind = RIFT_OPTION_BOOL,
     .unit = "",
     .fallback = "true",
     .summary = "an element may come out twice: the queue delivers at least once"},
    {.name = NULL},
};

const struct rift_checker rift_checker_total_queue = {
    .name = "total-queue",
    .summary = "what was put into a queue comes out by the end, and nothing else",
    .options = options,
    .check = check_total_queue,
};
