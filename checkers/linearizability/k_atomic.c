/* The checker "k-atomic". The judge decides whether k is 1, two_atomic.c whether it is 2: both are
 * near-linear and exact where each value is written once. Beyond 2 no such algorithm is known; the
 * general search decides each k up to an upper bound that one order gives, so k is exact for keys
 * that the search can exhaust, and a pair of bounds for others. */
#include "checkers/linearizability/k_atomic.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/judge.h"
#include "checkers/linearizability/keys.h"
#include "checkers/linearizability/search.h"
#include "checkers/linearizability/two_atomic.h"
#include "checkers/models/registry.h"
#include "checkers/registry.h"
#include "common/memory.h"

enum { K_SEARCHED_MAX = 256, REPORTED_MAX = 3 };

/* The state: the latest values, the oldest first; until there are `capacity` of them the initial
 * one is the first. */
static uint32_t start(const struct rift_problem *problem, struct rift_states *states)
{
    return rift_states_intern(states, &problem->initial, 1);
}

static uint32_t step(const struct rift_problem *problem, struct rift_states *states, uint32_t state,
                     const struct rift_call *call, uint32_t choice)
{
    (void)choice;
    size_t count;
    const uint32_t *latest = rift_states_words(states, state, &count);
    if (call->kind == RIFT_CALL_READ) {
        for (size_t i = 0; i < count; i++)
            if (latest[i] == call->a)
                return state;
        return RIFT_STATE_NONE;
    }
    uint32_t next[K_SEARCHED_MAX + 1];
    if (call->kind != RIFT_CALL_WRITE || count > K_SEARCHED_MAX)
        return RIFT_STATE_NONE;
    memcpy(next, latest, count * sizeof *next);
    next[count++] = call->a;
    size_t dropped = count > (size_t)problem->capacity;
    return rift_states_intern(states, next + dropped, count - dropped);
}

const struct rift_model rift_model_k_register = {
    .name = "k-register",
    .summary = "a register whose reads may answer any of the k latest values",
    .operations = "write v; read -> v",
    .start = start,
    .step = step,
};

/* One order: each write where it completes, or where its value is first seen if that is earlier. */
struct sweep {
    const struct rift_problem *problem;
    uint32_t *latest;    /* of each value: the place of its last write so far; 0: none */
    uint32_t *open;      /* of each value: an open write not yet placed, op + 1 */
    uint32_t *next_open; /* the next one of the same value */
    bool *is_placed;
    uint32_t placed; /* the initial value has place 1 */
    uint32_t *seen;  /* of each op: placed when it was invoked */
};

static void place(struct sweep *sweep, uint32_t op)
{
    sweep->is_placed[op] = true;
    sweep->latest[sweep->problem->ops[op].call.a] = ++sweep->placed;
}

/* How many of the latest values the read needs; NEVER where nobody can have written its value. */
static uint32_t read_needs(struct sweep *sweep, uint32_t op)
{
    uint32_t value = sweep->problem->ops[op].call.a;
    while (sweep->latest[value] == 0) {
        uint32_t write = sweep->open[value];
        if (write == 0)
            return RIFT_K_NEVER;
        sweep->open[value] = sweep->next_open[write - 1];
        if (!sweep->is_placed[write - 1])
            place(sweep, write - 1);
    }
    uint32_t at = sweep->latest[value], earliest = sweep->seen[op];
    return earliest > at ? earliest - at + 1 : 1;
}

static uint32_t upper_bound(const struct rift_problem *problem)
{
    struct sweep sweep = {.problem = problem, .placed = 1};
    CLEANUP(rift_free)
    uint32_t *event_op = rift_calloc((size_t)problem->event_count + 1, sizeof *event_op);
    sweep.latest = rift_calloc((size_t)problem->value_count + 1, sizeof(uint32_t));
    sweep.open = rift_calloc((size_t)problem->value_count + 1, sizeof(uint32_t));
    sweep.next_open = rift_calloc(problem->count + 1, sizeof(uint32_t));
    sweep.seen = rift_calloc(problem->count + 1, sizeof(uint32_t));
    sweep.is_placed = rift_calloc(problem->count + 1, 1);
    sweep.latest[problem->initial] = 1;
    for (uint32_t i = 0; i < problem->count; i++) {
        event_op[problem->ops[i].invoke] = i;
        if (problem->ops[i].complete != RIFT_EVENT_NEVER)
            event_op[problem->ops[i].complete] = i;
    }
    uint32_t most = 1;
    for (uint32_t event = 0; event < problem->event_count && most != RIFT_K_NEVER; event++) {
        uint32_t i = event_op[event], value = problem->ops[i].call.a;
        bool is_read = problem->ops[i].call.kind == RIFT_CALL_READ;
        if (problem->ops[i].invoke == event) {
            sweep.seen[i] = sweep.placed;
            if (!is_read) {
                sweep.next_open[i] = sweep.open[value];
                sweep.open[value] = i + 1;
            }
        } else if (is_read) {
            uint32_t needed = read_needs(&sweep, i);
            most = needed > most ? needed : most;
        } else if (!sweep.is_placed[i]) {
            place(&sweep, i);
        }
    }
    free(sweep.latest);
    free(sweep.open);
    free(sweep.next_open);
    free(sweep.seen);
    free(sweep.is_placed);
    return most;
}

static enum rift_answer judge(const struct rift_problem *problem, const struct rift_limits *limits,
                              uint32_t k)
{
    if (k == 1) {
        struct rift_judgement judgement;
        rift_judge_problem(problem, limits, 1, &judgement);
        enum rift_answer answer = judgement.answer;
        rift_judgement_finish(&judgement);
        return answer;
    }
    enum rift_answer answer = k == 2 ? rift_judge_two_atomic(problem, limits) : RIFT_ANSWER_NONE;
    if (answer != RIFT_ANSWER_NONE)
        return answer;
    struct rift_problem wide = *problem;
    struct rift_certificate certificate = {0};
    wide.model = &rift_model_k_register;
    wide.capacity = k;
    answer = rift_search(&wide, limits, &certificate, NULL);
    rift_certificate_finish(&certificate);
    return answer;
}

struct rift_k_bounds rift_k_atomicity(const struct rift_problem *problem,
                                      const struct rift_limits *limits)
{
    struct rift_k_bounds bounds = {1, upper_bound(problem)};
    if (bounds.high == RIFT_K_NEVER)
        bounds.low = RIFT_K_NEVER;
    while (bounds.low < bounds.high && bounds.low <= K_SEARCHED_MAX) {
        enum rift_answer answer = judge(problem, limits, bounds.low);
        if (answer == RIFT_ANSWER_NONE)
            break;
        if (answer == RIFT_ANSWER_VALID)
            bounds.high = bounds.low;
        else
            bounds.low++;
    }
    return bounds;
}

struct measuring {
    const struct rift_check *check;
    struct rift_verdict *verdict;
    struct rift_limits limits;
    struct rift_k_bounds worst;
    int64_t k_max; /* 0: only measured */
    size_t key_count, exact_count, reported;
};

static void report_key(struct measuring *m, const struct rift_problem *problem,
                       struct rift_k_bounds bounds)
{
    CLEANUP(rift_free)
    char *key = rift_value_print(problem->history->values, problem->history->keys[problem->key]);
    if (m->k_max == 0 && bounds.low != RIFT_K_NEVER)
        return;
    if (bounds.low == RIFT_K_NEVER)
        rift_verdict_convict(m->verdict, "not k-atomic",
                             "Key %s: a read answered a value that nobody had written by then.",
                             key);
    else if (bounds.low > m->k_max)
        rift_verdict_convict(m->verdict, "not k-atomic",
                             "Key %s: no order in real time lets each read answer one of the %lld "
                             "latest values; %u are needed%s.",
                             key, (long long)m->k_max, bounds.low,
                             bounds.low == bounds.high ? "" : " at least");
    else if (bounds.high > m->k_max && m->reported++ < REPORTED_MAX)
        rift_verdict_doubt(m->verdict, "key %s: the time or memory was spent; k is from %u to %u",
                           key, bounds.low, bounds.high);
}

static void measure_key(void *context, struct rift_problem *problem)
{
    struct measuring *m = context;
    struct rift_k_bounds bounds = rift_k_atomicity(problem, &m->limits);
    m->key_count++;
    m->exact_count += bounds.low == bounds.high;
    m->worst.low = bounds.low > m->worst.low ? bounds.low : m->worst.low;
    m->worst.high = bounds.high > m->worst.high ? bounds.high : m->worst.high;
    report_key(m, problem, bounds);
    rift_problem_destroy(problem);
}

static void write_stats(const struct measuring *m)
{
    json_t *stats = rift_verdict_stats(m->verdict);
    json_object_set_new(stats, "keys", json_integer((json_int_t)m->key_count));
    json_object_set_new(stats, "keys_exact", json_integer((json_int_t)m->exact_count));
    if (m->worst.low == RIFT_K_NEVER)
        return;
    json_object_set_new(stats, "k_min", json_integer(m->worst.low));
    json_object_set_new(stats, "k_max", json_integer(m->worst.high));
    if (m->k_max == 0)
        json_object_set_new(m->verdict->details, "note",
                            m->worst.low == m->worst.high
                                ? json_sprintf("k is %u", m->worst.low)
                                : json_sprintf("k is from %u to %u", m->worst.low, m->worst.high));
}

static int k_atomic_check(const struct rift_check *check, struct rift_verdict *verdict,
                          struct rift_error *err)
{
    struct measuring m = {
        .check = check,
        .verdict = verdict,
        .limits = rift_limits_of_budget(&check->budget, 1),
        .worst = {1, 1},
        .k_max = json_integer_value(json_object_get(check->options, "k")),
    };
    if (rift_keys_visit(check->history, &rift_model_register, measure_key, &m, err) != 0)
        return -1;
    write_stats(&m);
    return 0;
}

static const struct rift_option options[] = {
    {.name = "k",
     .kind = RIFT_OPTION_INTEGER,
     .unit = "values",
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e6,
     .summary = "more than this is a violation; 0: only measured"},
    {.name = NULL},
};

const struct rift_checker rift_checker_k_atomic = {
    .name = "k-atomic",
    .summary = "how many of the latest values of a register reads must be allowed to answer",
    .options = options,
    .check = k_atomic_check,
};
