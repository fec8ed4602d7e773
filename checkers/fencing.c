/* fencing: each acquisition of a lock answers a token larger than those of all acquisitions that
 * were over before it began. That is all that a lock can promise over a network, where a holder may
 * be late and its lease long gone: what the lock protects refuses tokens smaller than the largest
 * it has seen. Two holders at a time are no violation here; the model "mutex" asks for that.
 *
 * One pass over the starts and ends of the acquisitions in order. Exact: tokens that differ and
 * contradict no two that follow each other in real time are an order. */
#include <inttypes.h>
#include <stdlib.h>

#include "checkers/elements.h"
#include "checkers/registry.h"
#include "common/memory.h"

enum { ANOMALIES_TOLD = 16 };

static const char *const acquires[] = {"acquire", "lock", NULL};

/* An acquisition that answered a token. */
struct grant {
    uint32_t row;
    int64_t start, end, token;
};

struct grants {
    struct grant *items;
    size_t count;
};

static int compare_starts(const void *a, const void *b)
{
    const struct grant *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static int compare_ends(const void *a, const void *b)
{
    const struct grant *x = a, *y = b;
    return (x->end > y->end) - (x->end < y->end);
}

static int compare_tokens(const void *a, const void *b)
{
    const struct grant *x = a, *y = b;
    if (x->token != y->token)
        return x->token < y->token ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static void convict(const struct rift_history *history, struct rift_verdict *verdict,
                    const char *name, const struct grant *first, const struct grant *second)
{
    const struct rift_ops *ops = &history->ops;
    json_t *anomaly =
        rift_verdict_convict(verdict, name,
                             "Process %" PRId32 " was given token %" PRId64 ", %s process %" PRId32
                             " was given %" PRId64,
                             ops->process[first->row], first->token,
                             first->end < second->start ? "and after that" : "and at the same time",
                             ops->process[second->row], second->token);
    json_object_set_new(anomaly, "ops",
                        json_pack("[I, I]", (json_int_t)first->row, (json_int_t)second->row));
}

static size_t judge_repeats(const struct rift_history *history, struct grants *grants,
                            struct rift_verdict *verdict)
{
    size_t found = 0;
    qsort(grants->items, grants->count, sizeof *grants->items, compare_tokens);
    for (size_t i = 1; i < grants->count; i++)
        if (grants->items[i].token == grants->items[i - 1].token && found++ < ANOMALIES_TOLD)
            convict(history, verdict, "token given twice", &grants->items[i - 1],
                    &grants->items[i]);
    return found;
}

/* An acquisition with a smaller token than one that was over before it. */
static size_t judge_order(const struct rift_history *history, struct grants *grants,
                          struct rift_verdict *verdict)
{
    size_t found = 0, over = 0;
    const struct grant *largest = NULL;
    struct grant *ends = rift_calloc(grants->count + 1, sizeof *ends);
    qsort(grants->items, grants->count, sizeof *grants->items, compare_starts);
    for (size_t i = 0; i < grants->count; i++)
        ends[i] = grants->items[i];
    qsort(ends, grants->count, sizeof *ends, compare_ends);
    for (size_t i = 0; i < grants->count; i++) {
        const struct grant *grant = &grants->items[i];
        for (; over < grants->count && ends[over].end < grant->start; over++)
            if (!largest || ends[over].token > largest->token)
                largest = &ends[over];
        if (largest && largest->token > grant->token && found++ < ANOMALIES_TOLD)
            convict(history, verdict, "token went back", largest, grant);
    }
    free(ends);
    return found;
}

static void judge_lock(const struct rift_check *check, uint32_t key, const uint32_t *rows,
                       size_t row_count, struct rift_verdict *verdict)
{
    (void)key;
    const struct rift_history *history = check->history;
    const struct rift_ops *ops = &history->ops;
    struct grants grants = {.items = rift_calloc(row_count + 1, sizeof *grants.items)};
    size_t without = 0;
    for (size_t i = 0; i < row_count; i++) {
        uint32_t row = rows[i];
        struct rift_value token = ops->result[row];
        bool is_refused =
            rift_value_kind(history->values, token) == RIFT_BOOL && !rift_value_as_bool(token);
        if (ops->type[row] != RIFT_OP_OK || is_refused || !element_op_is(history, row, acquires))
            continue;
        if (rift_value_kind(history->values, token) != RIFT_INTEGER)
            without++;
        else
            grants.items[grants.count++] = (struct grant){
                row, ops->start[row], ops->end[row], rift_value_as_integer(history->values, token)};
    }
    if (without > 0)
        rift_verdict_doubt(verdict, "%zu acquisitions answered no token", without);
    element_stat_add(verdict, "acquisitions", grants.count + without);
    element_stat_add(verdict, "repeated", judge_repeats(history, &grants, verdict));
    element_stat_add(verdict, "went_back", judge_order(history, &grants, verdict));
    free(grants.items);
}

static int check_fencing(const struct rift_check *check, struct rift_verdict *verdict,
                         struct rift_error *err)
{
    (void)err;
    elements_by_key(check, judge_lock, verdict);
    if (json_integer_value(json_object_get(rift_verdict_stats(verdict), "acquisitions")) == 0)
        rift_verdict_doubt(verdict, "no lock was acquired");
    return 0;
}

const struct rift_checker rift_checker_fencing = {
    .name = "fencing",
    .summary = "each acquisition of a lock has a larger token than all before it",
    .check = check_fencing,
};
