/* The checker "sequential": is there an order that keeps what each process did in its order,
 * whatever the clock says? (Lamport 1979.) Each key by itself: unlike linearizability this does not
 * compose, so keys that are each sequential prove nothing about all of them, and the verdict says
 * so.
 *
 * A search over how far each process has come, with a memo of (how far, state). It tries the op
 * that was invoked first first, so a linearizable history is found at once. A process ends with its
 * crashed op, which may happen or not. */
#include "checkers/linearizability/sequential.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/guess.h"
#include "checkers/linearizability/memo.h"
#include "checkers/registry.h"
#include "common/clock.h"
#include "common/memory.h"

/* The ops of one process, in order. */
struct line {
    uint32_t *ops;
    uint32_t count, done;
    int32_t process;
};

struct frame {
    uint32_t line, state;
    bool is_forced;
};

struct sequential {
    const struct rift_problem *problem;
    const struct rift_limits *limits;
    struct rift_states *states;
    struct rift_memo *memo;
    struct line *lines;
    uint32_t line_count;
    uint32_t *key; /* done of each line, and the state */
    struct frame *frames;
    size_t depth, deepest;
    uint32_t left; /* completed ops not done */
};

static int compare_by_process(const void *a, const void *b)
{
    const struct rift_problem_op *const *x = a, *const *y = b;
    if ((*x)->process != (*y)->process)
        return (*x)->process < (*y)->process ? -1 : 1;
    return (*x)->invoke < (*y)->invoke ? -1 : 1;
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->ops[0] < y->ops[0] ? -1 : 1;
}

static void sequential_init(struct sequential *s, const struct rift_problem *problem,
                            const struct rift_limits *limits)
{
    *s = (struct sequential){.problem = problem, .limits = limits};
    s->states = rift_states_create();
    s->memo = rift_memo_create(limits->memory_bytes);
    const struct rift_problem_op **sorted = rift_calloc(problem->count + 1, sizeof *sorted);
    for (size_t i = 0; i < problem->count; i++) {
        sorted[i] = &problem->ops[i];
        s->left += problem->ops[i].complete != RIFT_EVENT_NEVER;
    }
    qsort(sorted, problem->count, sizeof *sorted, compare_by_process);
    s->lines = rift_calloc(problem->count + 1, sizeof *s->lines);
    for (size_t i = 0; i < problem->count; i++) {
        bool is_new = i == 0 || sorted[i]->process != sorted[i - 1]->process;
        struct line *line = &s->lines[is_new ? s->line_count++ : s->line_count - 1];
        if (is_new) {
            size_t end = i;
            while (end < problem->count && sorted[end]->process == sorted[i]->process)
                end++;
            line->ops = rift_calloc(end - i, sizeof *line->ops);
            line->process = sorted[i]->process;
        }
        line->ops[line->count++] = (uint32_t)(sorted[i] - problem->ops);
    }
    qsort(s->lines, s->line_count, sizeof *s->lines, compare_lines);
    s->key = rift_calloc(s->line_count + 2, sizeof *s->key);
    s->frames = rift_calloc(problem->count + 1, sizeof *s->frames);
    free(sorted);
}

static void sequential_finish(struct sequential *s)
{
    for (uint32_t i = 0; i < s->line_count; i++)
        free(s->lines[i].ops);
    free(s->lines);
    free(s->key);
    free(s->frames);
    rift_states_destroy(s->states);
    rift_memo_destroy(s->memo);
}

static uint64_t hash_words(const uint32_t *words, uint32_t count)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

static bool is_new(struct sequential *s, uint32_t state)
{
    for (uint32_t i = 0; i < s->line_count; i++)
        s->key[i] = s->lines[i].done;
    s->key[s->line_count] = state;
    uint32_t count = s->line_count + 1;
    return rift_memo_add(s->memo, hash_words(s->key, count), s->key, count);
}

static void advance(struct sequential *s, uint32_t line, bool is_forward)
{
    struct line *it = &s->lines[line];
    if (!is_forward)
        it->done--;
    uint32_t op = it->ops[it->done];
    if (is_forward)
        it->done++;
    if (s->problem->ops[op].complete != RIFT_EVENT_NEVER)
        s->left += is_forward ? UINT32_MAX : 1;
}

/* Takes the next op of the line, if it fits; observers that fit are never given up again. */
static bool take(struct sequential *s, uint32_t line, uint32_t *state)
{
    struct line *it = &s->lines[line];
    if (it->done == it->count)
        return false;
    const struct rift_call *call = &s->problem->ops[it->ops[it->done]].call;
    uint32_t next = s->problem->model->step(s->problem, s->states, *state, call, 0);
    if (next == RIFT_STATE_NONE)
        return false;
    bool is_forced = rift_call_is_observer(call->kind);
    advance(s, line, true);
    if (!is_forced && !is_new(s, next)) {
        advance(s, line, false);
        return false;
    }
    s->frames[s->depth++] = (struct frame){line, *state, is_forced};
    *state = next;
    return true;
}

/* The line whose next op was invoked first; after: among those invoked after that line's. */
static uint32_t next_line(const struct sequential *s, uint32_t after)
{
    uint32_t best = UINT32_MAX, least = RIFT_EVENT_NEVER, bound = 0;
    if (after != UINT32_MAX) {
        const struct line *last = &s->lines[after];
        bound = s->problem->ops[last->ops[last->done]].invoke + 1;
    }
    for (uint32_t i = 0; i < s->line_count; i++) {
        const struct line *line = &s->lines[i];
        if (line->done == line->count)
            continue;
        uint32_t invoke = s->problem->ops[line->ops[line->done]].invoke;
        if (invoke >= bound && invoke < least) {
            least = invoke;
            best = i;
        }
    }
    return best;
}

static enum rift_answer sequential_run(struct sequential *s)
{
    uint32_t state = s->problem->model->start(s->problem, s->states);
    uint32_t line = next_line(s, UINT32_MAX);
    for (uint64_t count = 1; s->left > 0; count++) {
        if (count % 1024 == 0 && (rift_limits_are_spent(s->limits) || rift_memo_is_full(s->memo)))
            return RIFT_ANSWER_NONE;
        if (s->depth > s->deepest)
            s->deepest = s->depth;
        if (line != UINT32_MAX) {
            line = take(s, line, &state) ? next_line(s, UINT32_MAX) : next_line(s, line);
            continue;
        }
        struct frame frame;
        do {
            if (s->depth == 0)
                return RIFT_ANSWER_INVALID;
            frame = s->frames[--s->depth];
            advance(s, frame.line, false);
            state = frame.state;
        } while (frame.is_forced);
        line = next_line(s, frame.line);
    }
    return RIFT_ANSWER_VALID;
}

enum rift_answer rift_judge_sequential(const struct rift_problem *problem,
                                       const struct rift_limits *limits, size_t *longest)
{
    struct sequential s;
    sequential_init(&s, problem, limits);
    enum rift_answer answer = sequential_run(&s);
    *longest = s.deepest;
    sequential_finish(&s);
    return answer;
}

static void report(const struct rift_problem *problem, enum rift_answer answer, size_t deepest,
                   struct rift_verdict *verdict)
{
    CLEANUP(rift_free)
    char *key = rift_value_print(problem->history->values, problem->history->keys[problem->key]);
    if (answer == RIFT_ANSWER_NONE) {
        rift_verdict_doubt(verdict, "key %s: time or memory was spent with %zu of %zu ops in order",
                           key, deepest, problem->count);
        return;
    }
    json_t *anomaly =
        rift_verdict_convict(verdict, "not sequential",
                             "Key %s: no order of its %zu operations keeps the order of each "
                             "process; the longest that could be begun has %zu.",
                             key, problem->count, deepest);
    json_t *ops = json_array();
    for (size_t i = 0; i < problem->count; i++)
        json_array_append_new(ops, json_integer(problem->ops[i].row));
    json_object_set_new(anomaly, "ops", ops);
}

static int sequential_check(const struct rift_check *check, struct rift_verdict *verdict,
                            struct rift_error *err)
{
    const char *name = json_string_value(json_object_get(check->options, "model"));
    const struct rift_model *model = rift_model_for(name ? name : "auto", check->history, err);
    if (!model)
        return -1;
    if (model->has_choices)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "sequential consistency of the model %s is not checked", model->name);
    struct rift_limits limits = {
        .deadline_ns =
            check->budget.time_ms ? rift_clock_now() + check->budget.time_ms * RIFT_MS : INT64_MAX,
        .memory_bytes = check->budget.memory_bytes ? check->budget.memory_bytes : UINT64_MAX,
    };
    struct rift_problem_options options = {0};
    struct rift_key_split split;
    size_t keys = 0;
    int result = 0;
    rift_key_split_init(&split, check->history);
    for (size_t key = 0; key < split.key_count && result == 0; key++) {
        size_t count = split.first[key + 1] - split.first[key], deepest;
        if (count == 0)
            continue;
        struct rift_problem *problem = rift_problem_create(
            model, check->history, split.rows + split.first[key], count, &options, err);
        keys++;
        if (!problem)
            result = -1;
        else {
            enum rift_answer answer = rift_judge_sequential(problem, &limits, &deepest);
            if (answer != RIFT_ANSWER_VALID)
                report(problem, answer, deepest, verdict);
        }
        rift_problem_destroy(problem);
    }
    rift_key_split_finish(&split);
    json_object_set_new(rift_verdict_stats(verdict), "keys", json_integer((json_int_t)keys));
    if (keys > 1)
        json_object_set_new(verdict->details, "note",
                            json_string("each key by itself; together they may still be none"));
    return result;
}

static const struct rift_option options[] = {
    {.name = "model",
     .kind = RIFT_OPTION_TEXT,
     .unit = "",
     .fallback = "auto",
     .summary = "the sequential specification; auto: from the format or the operations' names"},
    {.name = NULL},
};

const struct rift_checker rift_checker_sequential = {
    .name = "sequential",
    .summary = "each object behaves as if one operation at a time happened, in each process' order",
    .options = options,
    .check = sequential_check,
};
