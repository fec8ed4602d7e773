/* queue: nothing comes out that was not put in.
 *
 * For each element, in order of completion: as many dequeues as enqueues that were invoked before.
 * A crashed enqueue may have happened; what a crashed dequeue took is not known. The order of the
 * elements is not asked for: that is `linearizable` with the model queue. */
#include <stdlib.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

static const char *const puts_in[] = {"enqueue", "enq", "offer", "insert", NULL};
static const char *const takes_out[] = {"dequeue", "deq", "poll", "take", NULL};

/* Something that happened to an element, at a moment: +1 may have been put in, -1 taken out. */
struct event {
    int64_t at;
    uint32_t element, row;
    int32_t change;
};

/* At one moment what goes in comes first: they are concurrent. */
static int compare_events(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->change != b->change)
        return b->change - a->change;
    return a->row < b->row ? -1 : a->row > b->row;
}

static size_t collect(const struct rift_check *check, struct elements *elements,
                      const uint32_t *rows, size_t row_count, struct event *events)
{
    const struct rift_ops *ops = &check->history->ops;
    size_t count = 0;
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        if (ops->type[row] == RIFT_OP_FAIL)
            continue;
        if (element_op_is(check->history, row, puts_in))
            events[count++] = (struct event){ops->start[row],
                                             elements_intern(elements, ops->argument[row]), row, 1};
        else if (ops->type[row] == RIFT_OP_OK && element_op_is(check->history, row, takes_out) &&
                 !element_is_nothing(check->history, ops->result[row]))
            events[count++] =
                (struct event){ops->end[row], elements_intern(elements, ops->result[row]), row, -1};
    }
    qsort(events, count, sizeof *events, compare_events);
    return count;
}

static void judge(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                  size_t row_count, struct rift_verdict *verdict)
{
    struct elements *elements = elements_create(check->history);
    CLEANUP(rift_free) struct event *events = rift_malloc((row_count + 1) * sizeof *events);
    size_t count = collect(check, elements, rows, row_count, events), taken = 0;
    CLEANUP(rift_free)
    int64_t *inside = rift_calloc(elements_count(elements) + 1, sizeof *inside);
    struct element_finding unexpected = {0};
    for (size_t i = 0; i < count; i++) {
        int64_t *mine = &inside[events[i].element];
        taken += events[i].change < 0;
        *mine += events[i].change;
        if (*mine >= 0)
            continue;
        element_finding_add(&unexpected, events[i].element, events[i].row, ELEMENT_NONE);
        *mine = 0;
    }
    element_stat_add(verdict, "put_in", count - taken);
    element_stat_add(verdict, "taken_out", taken);
    element_finding_convict(&unexpected, elements, key, "unexpected element",
                            "Taken out more often than it can have been put in", verdict);
    element_finding_finish(&unexpected);
    elements_destroy(elements);
}

static int check_queue(const struct rift_check *check, struct rift_verdict *verdict,
                       struct rift_error *err)
{
    (void)err;
    elements_by_key(check, judge, verdict);
    return 0;
}

const struct rift_checker rift_checker_queue = {
    .name = "queue",
    .summary = "nothing comes out of a queue that was not put in before",
    .check = check_queue,
};
