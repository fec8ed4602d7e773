/* A search over how far each process has come, with a memo of (how far, states). It tries the op
 * that was invoked first first, so a linearizable history is found at once. A crashed op may happen
 * at any time after the ops of its process before it, or never: where its process goes on after it
 * it is a line of its own. */
#include "checkers/linearizability/sequential.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/memo.h"
#include "common/memory.h"

/* One op of one of the objects. */
struct step {
    uint32_t object, op;
    uint32_t row;
    int32_t process;
    bool is_optional;
};

/* Ops in order: those of a process, or one crashed op that waits for the first `after` of its
 * process' line. */
struct line {
    struct step *steps;
    uint32_t count, done;
    uint32_t parent, after;
};

struct frame {
    uint32_t line, state; /* of the step's object, before it */
    bool is_forced;
};

struct sequential {
    const struct rift_problem *const *objects;
    uint32_t object_count;
    const struct rift_limits *limits;
    struct rift_states **states; /* of each object */
    uint32_t *state;
    struct rift_memo *memo;
    struct step *steps;
    struct line *lines;
    uint32_t line_count;
    uint32_t *key; /* done of each line, and the states */
    struct frame *frames;
    size_t depth, deepest, step_count;
    size_t left; /* completed ops not done */
};

static int compare_by_process(const void *a, const void *b)
{
    const struct step *x = a, *y = b;
    if (x->process != y->process)
        return x->process < y->process ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static void collect_steps(struct sequential *s)
{
    for (uint32_t k = 0; k < s->object_count; k++)
        s->step_count += s->objects[k]->count;
    s->steps = rift_calloc(2 * s->step_count + 1, sizeof *s->steps);
    size_t count = 0;
    for (uint32_t k = 0; k < s->object_count; k++)
        for (uint32_t i = 0; i < s->objects[k]->count; i++) {
            const struct rift_problem_op *op = &s->objects[k]->ops[i];
            bool is_optional = op->complete == RIFT_EVENT_NEVER;
            s->steps[count++] = (struct step){k, i, op->row, op->process, is_optional};
            s->left += !is_optional;
        }
    qsort(s->steps, count, sizeof *s->steps, compare_by_process);
}

/* The steps of a process: its completed ops and the crashed one at its end in one line, each
 * crashed one before in its own, which lies behind all steps. */
static void lines_of_process(struct sequential *s, size_t begin, size_t end, size_t *apart)
{
    uint32_t parent = s->line_count++;
    struct line *line = &s->lines[parent];
    *line = (struct line){.steps = &s->steps[begin], .parent = parent};
    for (size_t i = begin; i < end; i++) {
        if (!s->steps[i].is_optional || i + 1 == end) {
            line->steps[line->count++] = s->steps[i];
            continue;
        }
        struct step *own = &s->steps[(*apart)++];
        *own = s->steps[i];
        s->lines[s->line_count++] =
            (struct line){.steps = own, .count = 1, .parent = parent, .after = line->count};
    }
}

static void sequential_init(struct sequential *s, const struct rift_problem *const *objects,
                            size_t object_count, const struct rift_limits *limits)
{
    *s = (struct sequential){
        .objects = objects, .object_count = (uint32_t)object_count, .limits = limits};
    s->memo = rift_memo_create(limits->memory_bytes);
    s->states = rift_calloc(object_count + 1, sizeof(struct rift_states *));
    s->state = rift_calloc(object_count + 1, sizeof *s->state);
    for (uint32_t k = 0; k < object_count; k++) {
        s->states[k] = rift_states_create();
        s->state[k] = objects[k]->model->start(objects[k], s->states[k]);
    }
    collect_steps(s);
    s->lines = rift_calloc(s->step_count + 1, sizeof *s->lines);
    size_t apart = s->step_count;
    for (size_t begin = 0, end; begin < s->step_count; begin = end) {
        for (end = begin + 1;
             end < s->step_count && s->steps[end].process == s->steps[begin].process;)
            end++;
        lines_of_process(s, begin, end, &apart);
    }
    s->key = rift_calloc(s->line_count + object_count + 1, sizeof *s->key);
    s->frames = rift_calloc(s->step_count + 1, sizeof *s->frames);
}

static void sequential_finish(struct sequential *s)
{
    for (uint32_t k = 0; k < s->object_count; k++)
        rift_states_destroy(s->states[k]);
    free(s->states);
    free(s->state);
    free(s->steps);
    free(s->lines);
    free(s->key);
    free(s->frames);
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

static bool is_new(struct sequential *s)
{
    for (uint32_t i = 0; i < s->line_count; i++)
        s->key[i] = s->lines[i].done;
    memcpy(s->key + s->line_count, s->state, s->object_count * sizeof *s->key);
    uint32_t count = s->line_count + s->object_count;
    return rift_memo_add(s->memo, hash_words(s->key, count), s->key, count);
}

/* Takes the next op of the line, if it fits; observers that fit are never given up again. */
static bool take(struct sequential *s, uint32_t line)
{
    struct line *it = &s->lines[line];
    const struct step *step = &it->steps[it->done];
    const struct rift_problem *problem = s->objects[step->object];
    const struct rift_call *call = &problem->ops[step->op].call;
    uint32_t before = s->state[step->object];
    uint32_t next = problem->model->step(problem, s->states[step->object], before, call, 0);
    if (next == RIFT_STATE_NONE)
        return false;
    bool is_forced = rift_call_is_observer(call->kind);
    it->done++;
    s->state[step->object] = next;
    if (!is_forced && !is_new(s)) {
        it->done--;
        s->state[step->object] = before;
        return false;
    }
    s->left -= !step->is_optional;
    s->frames[s->depth++] = (struct frame){line, before, is_forced};
    return true;
}

static struct frame give_back(struct sequential *s)
{
    struct frame frame = s->frames[--s->depth];
    struct line *line = &s->lines[frame.line];
    const struct step *step = &line->steps[--line->done];
    s->state[step->object] = frame.state;
    s->left += !step->is_optional;
    return frame;
}

/* The line whose next op was invoked first; after: among those invoked after that line's. */
static uint32_t next_line(const struct sequential *s, uint32_t after)
{
    uint32_t best = UINT32_MAX, least = UINT32_MAX, bound = 0;
    if (after != UINT32_MAX)
        bound = s->lines[after].steps[s->lines[after].done].row + 1;
    for (uint32_t i = 0; i < s->line_count; i++) {
        const struct line *line = &s->lines[i];
        if (line->done == line->count || s->lines[line->parent].done < line->after)
            continue;
        uint32_t row = line->steps[line->done].row;
        if (row >= bound && row < least) {
            least = row;
            best = i;
        }
    }
    return best;
}

static enum rift_answer sequential_run(struct sequential *s)
{
    uint32_t line = next_line(s, UINT32_MAX);
    for (uint64_t count = 1; s->left > 0; count++) {
        if (count % 1024 == 0 && (rift_limits_are_spent(s->limits) || rift_memo_is_full(s->memo)))
            return RIFT_ANSWER_NONE;
        if (s->depth > s->deepest)
            s->deepest = s->depth;
        if (line != UINT32_MAX) {
            line = take(s, line) ? next_line(s, UINT32_MAX) : next_line(s, line);
            continue;
        }
        struct frame frame;
        do {
            if (s->depth == 0)
                return RIFT_ANSWER_INVALID;
            frame = give_back(s);
        } while (frame.is_forced);
        line = next_line(s, frame.line);
    }
    return RIFT_ANSWER_VALID;
}

enum rift_answer rift_judge_sequential(const struct rift_problem *const *objects,
                                       size_t object_count, const struct rift_limits *limits,
                                       size_t *longest)
{
    struct sequential s;
    sequential_init(&s, objects, object_count, limits);
    enum rift_answer answer = sequential_run(&s);
    *longest = s.deepest;
    sequential_finish(&s);
    return answer;
}
