/* The checker "staleness": how old was what registers answered, at least? For stores that promise
 * little.
 *
 * A write is certainly newer than another if it was invoked after that one had completed. A read is
 * stale for certain by the writes that are newer than the one it saw and had completed before it
 * was invoked: their number is how many versions it was behind, the time since the first of them
 * completed is how old it was. Both are lower bounds (Golab, Li, Shah, PODC 2011 have the exact
 * ones); 0 everywhere does not mean linearizable. A read whose value was written more than once, or
 * by nobody, is counted and left out. */
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/keys.h"
#include "checkers/linearizability/words.h"
#include "checkers/registry.h"
#include "common/memory.h"

/* Nobody needs to know whether it was ten thousand versions or more. */
enum { VERSIONS_COUNTED_MAX = 10000 };

/* One read that was certainly behind. */
struct stale {
    uint32_t op;
    uint32_t newer_op; /* the first write that it should have seen or outlived */
    uint32_t versions;
    int64_t age; /* ns, or events where the history has no times */
};

struct measuring {
    const struct rift_check *check;
    struct rift_verdict *verdict;
    int64_t versions_max, age_max_ns; /* bounds of the options; negative: none */
    size_t read_count, stale_count, unclear_count;
    uint32_t worst_versions;
    int64_t worst_age;
    int64_t first_ns, last_ns; /* completions of stale reads */
};

/* The updates of one key. */
struct writes {
    uint32_t count;
    uint32_t *by_invoke;   /* ops, ascending (as the problem has them) */
    uint32_t *first_after; /* of by_invoke[i..]: the op that completed first, or NEVER */
    uint32_t *of_value;    /* op that writes each value; NEVER: none; NEVER - 1: several */
};

/* The value that a write or a successful cas sets; false for reads. */
static bool sets(const struct rift_problem_op *op, uint32_t *value)
{
    *value = op->call.kind == RIFT_CALL_CAS ? op->call.b : op->call.a;
    return op->call.kind == RIFT_CALL_WRITE || op->call.kind == RIFT_CALL_CAS;
}

static void writes_init(struct writes *writes, const struct rift_problem *problem)
{
    *writes = (struct writes){0};
    writes->by_invoke = rift_calloc(problem->count + 1, sizeof(uint32_t));
    writes->first_after = rift_calloc(problem->count + 1, sizeof(uint32_t));
    writes->of_value = rift_calloc(problem->value_count + 1, sizeof(uint32_t));
    memset(writes->of_value, 0xff, problem->value_count * sizeof(uint32_t));
    for (uint32_t i = 0; i < problem->count; i++) {
        uint32_t value;
        if (!sets(&problem->ops[i], &value))
            continue;
        uint32_t *of = &writes->of_value[value];
        *of = *of == RIFT_EVENT_NEVER ? i : RIFT_EVENT_NEVER - 1;
        writes->by_invoke[writes->count++] = i;
    }
    writes->first_after[writes->count] = RIFT_EVENT_NEVER;
    for (uint32_t i = writes->count; i-- > 0;) {
        uint32_t op = writes->by_invoke[i], later = writes->first_after[i + 1];
        writes->first_after[i] =
            later == RIFT_EVENT_NEVER || problem->ops[op].complete < problem->ops[later].complete
                ? op
                : later;
    }
}

static void writes_finish(struct writes *writes)
{
    free(writes->by_invoke);
    free(writes->first_after);
    free(writes->of_value);
}

/* The first write, by invocation, that was invoked after the event. */
static uint32_t first_invoked_after(const struct writes *writes, const struct rift_problem *problem,
                                    uint32_t event)
{
    uint32_t low = 0, high = writes->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (problem->ops[writes->by_invoke[middle]].invoke > event)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static int64_t moment(const struct rift_problem *problem, uint32_t row, bool is_end)
{
    const struct rift_ops *ops = &problem->history->ops;
    const int64_t *times = is_end ? ops->time_end : ops->time_start;
    if (problem->history->time_kind == RIFT_TIME_LINES && times && times[row] != RIFT_TIME_NEVER)
        return times[row];
    return is_end ? ops->end[row] : ops->start[row];
}

/* False where the read is not behind for certain. */
static bool measure_read(const struct rift_problem *problem, const struct writes *writes,
                         uint32_t reader, struct stale *stale)
{
    const struct rift_problem_op *read = &problem->ops[reader];
    uint32_t source = writes->of_value[read->call.a];
    bool is_initial = source == RIFT_EVENT_NEVER;
    uint32_t after = is_initial ? 0 : problem->ops[source].complete;
    uint32_t begin = is_initial ? 0 : first_invoked_after(writes, problem, after);
    uint32_t first = writes->first_after[begin];
    if (first == RIFT_EVENT_NEVER || problem->ops[first].complete >= read->invoke)
        return false;
    *stale = (struct stale){.op = reader, .newer_op = first};
    for (uint32_t i = begin; i < writes->count && stale->versions < VERSIONS_COUNTED_MAX; i++) {
        const struct rift_problem_op *write = &problem->ops[writes->by_invoke[i]];
        if (write->invoke > read->invoke)
            break;
        stale->versions += write->complete < read->invoke;
    }
    stale->age = moment(problem, read->row, false) - moment(problem, problem->ops[first].row, true);
    return true;
}

static void report_stale(struct measuring *m, const struct rift_problem *problem,
                         const struct stale *stale)
{
    struct rift_text text = {0};
    if (problem->key) {
        CLEANUP(rift_free)
        char *key =
            rift_value_print(problem->history->values, problem->history->keys[problem->key]);
        rift_text_printf(&text, "Key %s: ", key);
    }
    rift_words_op(problem, stale->op, &text);
    rift_text_printf(&text, ", %u versions and %.6f s behind: ", stale->versions,
                     (double)stale->age / 1e9);
    rift_words_op(problem, stale->newer_op, &text);
    rift_text_append(&text, " had completed before.");
    json_t *anomaly = rift_verdict_convict(m->verdict, "stale read", "%s", text.data);
    json_object_set_new(anomaly, "ops",
                        json_pack("[i, i]", (int)problem->ops[stale->newer_op].row,
                                  (int)problem->ops[stale->op].row));
    json_object_set_new(anomaly, "time_ns",
                        json_integer(moment(problem, problem->ops[stale->op].row, true)));
    rift_text_finish(&text);
}

static void measure_key(void *context, struct rift_problem *problem)
{
    enum { REPORTED_PER_KEY = 3 };
    struct measuring *m = context;
    struct writes writes;
    size_t reported = 0;
    writes_init(&writes, problem);
    for (uint32_t i = 0; i < problem->count; i++) {
        const struct rift_call *call = &problem->ops[i].call;
        struct stale stale;
        if (call->kind != RIFT_CALL_READ)
            continue;
        m->read_count++;
        uint32_t source = writes.of_value[call->a];
        if (source == RIFT_EVENT_NEVER - 1 ||
            (source == RIFT_EVENT_NEVER && call->a != problem->initial)) {
            m->unclear_count++;
            continue;
        }
        if (!measure_read(problem, &writes, i, &stale))
            continue;
        int64_t end = moment(problem, problem->ops[i].row, true);
        m->first_ns = m->stale_count == 0 || end < m->first_ns ? end : m->first_ns;
        m->last_ns = end > m->last_ns ? end : m->last_ns;
        m->stale_count++;
        m->worst_versions = stale.versions > m->worst_versions ? stale.versions : m->worst_versions;
        m->worst_age = stale.age > m->worst_age ? stale.age : m->worst_age;
        bool is_beyond = (m->versions_max >= 0 && stale.versions > m->versions_max) ||
                         (m->age_max_ns >= 0 && stale.age > m->age_max_ns);
        if (is_beyond && reported++ < REPORTED_PER_KEY)
            report_stale(m, problem, &stale);
    }
    writes_finish(&writes);
    rift_problem_destroy(problem);
}

static int64_t bound(const json_t *options, const char *name, int64_t unit)
{
    const json_t *value = json_object_get(options, name);
    return json_is_number(value) ? (int64_t)(json_number_value(value) * (double)unit) : -1;
}

static void write_stats(const struct measuring *m)
{
    json_t *stats = rift_verdict_stats(m->verdict);
    json_object_set_new(stats, "reads", json_integer((json_int_t)m->read_count));
    json_object_set_new(stats, "stale_reads", json_integer((json_int_t)m->stale_count));
    json_object_set_new(stats, "reads_of_unclear_origin",
                        json_integer((json_int_t)m->unclear_count));
    json_object_set_new(stats, "versions_behind_max", json_integer(m->worst_versions));
    bool has_times =
        m->check->history->time_kind == RIFT_TIME_NS || m->check->history->ops.time_end;
    if (has_times) {
        json_object_set_new(stats, "age_max_ms", json_real((double)m->worst_age / 1e6));
        if (m->stale_count) {
            json_object_set_new(stats, "first_stale_s", json_real((double)m->first_ns / 1e9));
            json_object_set_new(stats, "last_stale_s", json_real((double)m->last_ns / 1e9));
        }
    }
}

static int staleness_check(const struct rift_check *check, struct rift_verdict *verdict,
                           struct rift_error *err)
{
    struct measuring m = {.check = check, .verdict = verdict};
    m.versions_max = bound(check->options, "versions_max", 1);
    m.age_max_ns = bound(check->options, "age_max_ms", 1000000);
    const struct rift_model *model = rift_model_find("cas-register");
    if (rift_keys_visit(check->history, model, measure_key, &m, err) != 0)
        return -1;
    write_stats(&m);
    if (m.unclear_count * 2 > m.read_count)
        rift_verdict_doubt(verdict,
                           "%zu of %zu reads saw a value that was not written exactly once",
                           m.unclear_count, m.read_count);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "versions_max",
     .kind = RIFT_OPTION_ANY,
     .unit = "versions",
     .fallback = "null",
     .summary = "a read further behind than this many writes is a violation; null: only measured"},
    {.name = "age_max_ms",
     .kind = RIFT_OPTION_ANY,
     .unit = "ms",
     .fallback = "null",
     .summary = "a read older than this is a violation; null: only measured"},
    {.name = NULL},
};

const struct rift_checker rift_checker_staleness = {
    .name = "staleness",
    .summary = "how far behind reads of registers were at least, in versions and in time",
    .options = options,
    .check = staleness_check,
};
