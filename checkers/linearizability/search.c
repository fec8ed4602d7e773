/* Walks the list of events: any op whose invocation stands before the first completion may come
 * next; it is lifted out of the list with its completion, and put back on the way back. Every
 * configuration (ops done, state) is entered once. Beyond the classic:
 *   - an observer whose answer fits is taken at once and never given up: it changes nothing;
 *   - of ops that ask and answer the same, the one that completes first goes first; of crashed ones
 * the first invoked, so a configuration needs a count for them and not a bit for each;
 *   - the memo's key holds only the window from the first op not done to the last one done. */
#include "checkers/linearizability/search.h"

#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/classes.h"
#include "checkers/linearizability/memo.h"
#include "common/memory.h"

struct frame {
    uint32_t op;
    uint32_t state; /* before it */
    uint32_t choice;
    uint32_t base, top; /* of the window before it */
    bool is_forced;     /* an observer: no other way from here */
};

struct search {
    const struct rift_problem *problem;
    struct rift_states *states;
    struct rift_memo *memo;
    struct rift_classes classes;
    uint32_t *next, *prev; /* of events; event_count is the head */
    uint32_t *event_op;
    uint32_t *rank; /* of each completed op among the completed, by invocation */
    uint32_t *bits; /* completed ops done, by rank */
    uint32_t *used; /* crashed ops done, of each class */
    uint32_t *used_classes;
    uint32_t used_class_count;
    bool *is_done;
    uint32_t completed_count, completed_done;
    uint32_t base, top; /* first rank not done; last rank done + 1 */
    uint64_t hash;
    uint32_t *key;
    size_t key_capacity;
    struct frame *frames;
    size_t depth;
    uint32_t reached;
};

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void search_init(struct search *s, const struct rift_problem *problem,
                        const struct rift_limits *limits)
{
    size_t n = problem->count, events = problem->event_count;
    *s = (struct search){.problem = problem};
    s->states = rift_states_create();
    s->memo = rift_memo_create(limits->memory_bytes);
    rift_classes_init(&s->classes, problem);
    s->next = rift_calloc(events + 1, sizeof *s->next);
    s->prev = rift_calloc(events + 1, sizeof *s->prev);
    s->event_op = rift_calloc(events + 1, sizeof *s->event_op);
    s->rank = rift_calloc(n + 1, sizeof *s->rank);
    s->bits = rift_calloc(n / 32 + 2, sizeof *s->bits);
    s->used = rift_calloc(s->classes.count + 1, sizeof *s->used);
    s->used_classes = rift_calloc(s->classes.count + 1, sizeof *s->used_classes);
    s->is_done = rift_calloc(n + 1, sizeof *s->is_done);
    s->frames = rift_calloc(n + 1, sizeof *s->frames);
    for (uint32_t e = 0; e <= events; e++) {
        s->next[e] = e == events ? 0 : e + 1;
        s->prev[e] = e == 0 ? (uint32_t)events : e - 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        s->event_op[op->invoke] = i;
        if (op->complete == RIFT_EVENT_NEVER)
            continue;
        s->event_op[op->complete] = i;
        s->rank[i] = s->completed_count++;
    }
}

static void search_finish(struct search *s)
{
    rift_states_destroy(s->states);
    rift_memo_destroy(s->memo);
    rift_classes_finish(&s->classes);
    free(s->next);
    free(s->prev);
    free(s->event_op);
    free(s->rank);
    free(s->bits);
    free(s->used);
    free(s->used_classes);
    free(s->is_done);
    free(s->key);
    free(s->frames);
}

static void use_class(struct search *s, uint32_t class, bool is_more)
{
    s->hash ^= s->used[class] ? mix(((uint64_t) class << 32 | s->used[class]) * 4 + 1) : 0;
    s->used[class] += is_more ? 1 : UINT32_MAX;
    s->hash ^= s->used[class] ? mix(((uint64_t) class << 32 | s->used[class]) * 4 + 1) : 0;
    if (is_more && s->used[class] == 1) {
        uint32_t at = s->used_class_count++;
        for (; at > 0 && s->used_classes[at - 1] > class; at--)
            s->used_classes[at] = s->used_classes[at - 1];
        s->used_classes[at] = class;
    } else if (!is_more && s->used[class] == 0) {
        uint32_t at = 0;
        while (s->used_classes[at] != class)
            at++;
        s->used_class_count--;
        for (; at < s->used_class_count; at++)
            s->used_classes[at] = s->used_classes[at + 1];
    }
}

static void unlink_event(struct search *s, uint32_t event)
{
    s->next[s->prev[event]] = s->next[event];
    s->prev[s->next[event]] = s->prev[event];
}

static void relink_event(struct search *s, uint32_t event)
{
    s->next[s->prev[event]] = event;
    s->prev[s->next[event]] = event;
}

static void lift(struct search *s, uint32_t op)
{
    const struct rift_problem_op *it = &s->problem->ops[op];
    s->is_done[op] = true;
    unlink_event(s, it->invoke);
    if (it->complete == RIFT_EVENT_NEVER) {
        use_class(s, s->classes.of_op[op], true);
        return;
    }
    unlink_event(s, it->complete);
    uint32_t rank = s->rank[op];
    s->completed_done++;
    s->bits[rank / 32] |= 1u << rank % 32;
    s->hash ^= mix((uint64_t)rank * 4);
    if (rank >= s->top)
        s->top = rank + 1;
    while (s->base < s->completed_count && s->bits[s->base / 32] >> s->base % 32 & 1)
        s->base++;
}

static void unlift(struct search *s, const struct frame *frame)
{
    const struct rift_problem_op *it = &s->problem->ops[frame->op];
    s->is_done[frame->op] = false;
    if (it->complete == RIFT_EVENT_NEVER) {
        use_class(s, s->classes.of_op[frame->op], false);
    } else {
        relink_event(s, it->complete);
        uint32_t rank = s->rank[frame->op];
        s->completed_done--;
        s->bits[rank / 32] &= ~(1u << rank % 32);
        s->hash ^= mix((uint64_t)rank * 4);
    }
    relink_event(s, it->invoke);
    s->base = frame->base;
    s->top = frame->top;
}

/* True where the configuration (ops done, state) is met for the first time. */
static bool remember(struct search *s, uint32_t state)
{
    uint32_t first = s->base / 32, last = s->top > s->base ? (s->top - 1) / 32 + 1 : first;
    size_t need = 3 + (last - first) + 2 * (size_t)s->used_class_count;
    if (need > s->key_capacity) {
        s->key_capacity = need * 2;
        s->key = rift_reallocarray(s->key, s->key_capacity, sizeof *s->key);
    }
    uint32_t length = 0;
    s->key[length++] = state;
    s->key[length++] = s->base;
    s->key[length++] = last - first;
    for (uint32_t word = first; word < last; word++)
        s->key[length++] = s->bits[word];
    for (uint32_t i = 0; i < s->used_class_count; i++) {
        s->key[length++] = s->used_classes[i];
        s->key[length++] = s->used[s->used_classes[i]];
    }
    return rift_memo_add(s->memo, s->hash ^ mix((uint64_t)state * 4 + 2), s->key, length);
}

/* Another op that asks and answers the same must go first. */
static bool is_out_of_turn(const struct search *s, uint32_t op)
{
    uint32_t before = s->classes.previous[op];
    return before != RIFT_EVENT_NEVER && !s->is_done[before] &&
           s->problem->ops[before].complete <= s->problem->ops[op].complete;
}

/* Tries the op from this choice on; true where it was taken and *state moved. */
static bool take(struct search *s, uint32_t op, uint32_t choice, uint32_t *state)
{
    const struct rift_problem *problem = s->problem;
    struct frame frame = {
        .op = op,
        .state = *state,
        .base = s->base,
        .top = s->top,
        .is_forced = rift_call_is_observer(problem->ops[op].call.kind),
    };
    for (;; choice++) {
        uint32_t next =
            problem->model->step(problem, s->states, *state, &problem->ops[op].call, choice);
        if (next == RIFT_STATE_NONE)
            return false;
        if (next == *state && problem->ops[op].complete == RIFT_EVENT_NEVER) {
            if (!problem->model->has_choices)
                return false;
            continue; /* a crashed op that changes nothing might as well never happen */
        }
        frame.choice = choice;
        lift(s, op);
        if (frame.is_forced || remember(s, next)) {
            s->frames[s->depth++] = frame;
            *state = next;
            return true;
        }
        unlift(s, &frame);
        if (!problem->model->has_choices)
            return false;
    }
}

/* Goes back to the last op that left another way; *event is where to go on. False: none left. */
static bool back_up(struct search *s, uint32_t *state, uint32_t *event)
{
    while (s->depth > 0) {
        struct frame frame = s->frames[--s->depth];
        unlift(s, &frame);
        *state = frame.state;
        if (frame.is_forced)
            continue;
        if (s->problem->model->has_choices && take(s, frame.op, frame.choice + 1, state)) {
            *event = s->next[s->problem->event_count];
            return true;
        }
        *event = s->next[s->problem->ops[frame.op].invoke];
        return true;
    }
    return false;
}

static enum rift_answer search_run(struct search *s, const struct rift_limits *limits)
{
    const struct rift_problem *problem = s->problem;
    uint32_t head = problem->event_count;
    uint32_t state = problem->model->start(problem, s->states);
    uint32_t event = s->next[head];
    for (uint64_t count = 1; s->completed_done < s->completed_count; count++) {
        if (count % 1024 == 0 && (rift_limits_are_spent(limits) ||
                                  rift_states_size_bytes(s->states) > limits->memory_bytes))
            return RIFT_ANSWER_NONE;
        uint32_t op = s->event_op[event];
        if (problem->ops[op].invoke == event) {
            if (!is_out_of_turn(s, op) && take(s, op, 0, &state))
                event = s->next[head];
            else
                event = s->next[event];
            continue;
        }
        if (event > s->reached)
            s->reached = event;
        if (!back_up(s, &state, &event))
            return RIFT_ANSWER_INVALID;
    }
    return RIFT_ANSWER_VALID;
}

enum rift_answer rift_search(const struct rift_problem *problem, const struct rift_limits *limits,
                             struct rift_certificate *certificate, uint32_t *reached)
{
    struct search s;
    search_init(&s, problem, limits);
    enum rift_answer answer = search_run(&s, limits);
    if (answer == RIFT_ANSWER_VALID) {
        certificate->order_count = s.depth;
        certificate->order = rift_calloc(s.depth + 1, sizeof *certificate->order);
        for (size_t i = 0; i < s.depth; i++)
            certificate->order[i] = s.frames[i].op;
    }
    certificate->moment = answer == RIFT_ANSWER_INVALID ? s.reached : RIFT_EVENT_NEVER;
    certificate->is_moment_first = answer == RIFT_ANSWER_INVALID;
    certificate->first = RIFT_EVENT_NEVER;
    if (reached)
        *reached = s.reached;
    search_finish(&s);
    return answer;
}
