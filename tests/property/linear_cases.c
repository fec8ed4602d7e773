#include "tests/property/linear_cases.h"

#include <stdio.h>
#include <string.h>

#define END                                                                                        \
    {                                                                                              \
        RIFT_CALL_KIND_COUNT, 0, 0                                                                 \
    }

const struct linear_alphabet linear_alphabets[] = {
    {"register",
     {{RIFT_CALL_READ, 0, 0},
      {RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 2, 0},
      {RIFT_CALL_WRITE, 1, 0},
      {RIFT_CALL_WRITE, 2, 0},
      END}},
    {"cas-register",
     {{RIFT_CALL_READ, 0, 0},
      {RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 2, 0},
      {RIFT_CALL_WRITE, 1, 0},
      {RIFT_CALL_WRITE, 2, 0},
      {RIFT_CALL_CAS, 1, 2},
      {RIFT_CALL_CAS, 2, 1},
      {RIFT_CALL_CAS, 0, 1},
      END}},
    {"etcd",
     {{RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 2, 0},
      {RIFT_CALL_WRITE, 1, 0},
      {RIFT_CALL_WRITE, 2, 0},
      {RIFT_CALL_CAS, 1, 2},
      {RIFT_CALL_CAS, 2, 1},
      {RIFT_CALL_CAS_FAILED, 1, 0},
      {RIFT_CALL_CAS_FAILED, 2, 0},
      END}},
    {"queue",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      {RIFT_CALL_PEEK, 1, 0},
      {RIFT_CALL_PEEK, 2, 0},
      END}},
    {"stack",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      {RIFT_CALL_PEEK, 1, 0},
      {RIFT_CALL_PEEK, 2, 0},
      END}},
    {"priority-queue",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      {RIFT_CALL_PEEK, 1, 0},
      {RIFT_CALL_PEEK, 2, 0},
      END}},
    {"unordered-queue",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      END}},
    {"deque",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT_FRONT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_BACK, 1, 0},
      {RIFT_CALL_TAKE_BACK, 2, 0},
      {RIFT_CALL_TAKE_BACK_EMPTY, 0, 0},
      {RIFT_CALL_PEEK_BACK, 2, 0},
      END}},
    {"set",
     {{RIFT_CALL_ADD, 1, 0},
      {RIFT_CALL_ADD_NEW, 1, 0},
      {RIFT_CALL_ADD_NEW, 2, 0},
      {RIFT_CALL_REMOVE, 1, 0},
      {RIFT_CALL_REMOVE_FOUND, 1, 0},
      {RIFT_CALL_CONTAINS, 1, 0},
      {RIFT_CALL_CONTAINS, 2, 0},
      {RIFT_CALL_LACKS, 1, 0},
      {RIFT_CALL_LACKS, 2, 0},
      END}},
    {"counter",
     {{RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 2, 0},
      {RIFT_CALL_READ, 3, 0},
      {RIFT_CALL_INCREMENT, 1, 0},
      {RIFT_CALL_INCREMENT, 2, 0},
      {RIFT_CALL_FETCH_ADD, 1, 1},
      {RIFT_CALL_FETCH_ADD, 1, 2},
      {RIFT_CALL_ADD_FETCH, 1, 3},
      END}},
    {"mutex",
     {{RIFT_CALL_ACQUIRE, 1, 0},
      {RIFT_CALL_ACQUIRE, 2, 0},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 1, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END}},
    {"reentrant-lock",
     {{RIFT_CALL_ACQUIRE, 1, 0},
      {RIFT_CALL_ACQUIRE, 2, 0},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 1, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END}},
    {"fenced-lock",
     {{RIFT_CALL_ACQUIRE, 1, 1},
      {RIFT_CALL_ACQUIRE, 1, 2},
      {RIFT_CALL_ACQUIRE, 2, 2},
      {RIFT_CALL_ACQUIRE, 2, 3},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END}},
    {"semaphore",
     {{RIFT_CALL_ACQUIRE, 1, 0},
      {RIFT_CALL_ACQUIRE, 2, 0},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 1, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END}},
    {NULL, {END}},
};

void linear_case_init(struct linear_case *c, const char *model)
{
    *c = (struct linear_case){0};
    for (uint32_t id = 0; id < CASE_VALUES; id++) {
        c->numbers[id] = id;
        c->is_number[id] = id > 0;
    }
    c->problem = (struct rift_problem){
        .model = rift_model_find(model),
        .ops = c->ops,
        .capacity = 2,
        .value_count = CASE_VALUES,
        .values = c->values,
        .numbers = c->numbers,
        .is_number = c->is_number,
    };
}

struct every {
    struct linear_case *c;
    const struct linear_alphabet *alphabet;
    size_t op_count;
    void (*visit)(struct linear_case *c, void *context);
    void *context;
};

/* Gives op the next of all calls; crashed ops get each call without its answer once. */
static void every_call(struct every *every, size_t op)
{
    struct linear_case *c = every->c;
    if (op == every->op_count) {
        c->problem.info_count = 0;
        for (size_t i = 0; i < op; i++)
            c->problem.info_count += c->ops[i].complete == RIFT_EVENT_NEVER;
        every->visit(c, every->context);
        return;
    }
    bool is_open = c->ops[op].complete == RIFT_EVENT_NEVER;
    struct rift_call last = {RIFT_CALL_KIND_COUNT, 0, 0};
    for (const struct rift_call *call = every->alphabet->calls; call->kind != RIFT_CALL_KIND_COUNT;
         call++) {
        struct rift_call weak = is_open ? rift_call_weakened(*call) : *call;
        if (weak.kind == RIFT_CALL_KIND_COUNT || memcmp(&weak, &last, sizeof weak) == 0)
            continue;
        last = weak;
        c->ops[op].call = weak;
        every_call(every, op + 1);
    }
}

/* Places event number `event`: the next invocation, or a completion of any open op. Ops that were
 * still open at the end are the crashed ones. */
static void every_event(struct every *every, uint32_t event, size_t invoked)
{
    struct linear_case *c = every->c;
    if (invoked == every->op_count) {
        c->problem.count = invoked;
        c->problem.event_count = event;
        every_call(every, 0);
    }
    if (invoked < every->op_count) {
        c->ops[invoked] = (struct rift_problem_op){.invoke = event,
                                                   .complete = RIFT_EVENT_NEVER,
                                                   .row = (uint32_t)invoked,
                                                   .process = (int32_t)invoked};
        every_event(every, event + 1, invoked + 1);
    }
    for (size_t i = 0; i < invoked; i++) {
        if (c->ops[i].complete != RIFT_EVENT_NEVER)
            continue;
        c->ops[i].complete = event;
        every_event(every, event + 1, invoked);
        c->ops[i].complete = RIFT_EVENT_NEVER;
    }
}

void linear_cases_every(const struct linear_alphabet *alphabet, size_t op_count,
                        void (*visit)(struct linear_case *c, void *context), void *context)
{
    struct linear_case c;
    linear_case_init(&c, alphabet->model);
    struct every every = {&c, alphabet, op_count, visit, context};
    every_event(&every, 0, 0);
}

/* Closes the gaps that dropped ops left among the numbers of events. */
static void renumber(struct linear_case *c, uint32_t old_count)
{
    uint32_t event = 0;
    for (uint32_t old = 0; old < old_count; old++) {
        for (size_t i = 0; i < c->problem.count; i++) {
            if (c->ops[i].invoke == old)
                c->ops[i].invoke = event++;
            else if (c->ops[i].complete == old)
                c->ops[i].complete = event++;
        }
    }
    c->problem.event_count = event;
}

void linear_case_random(struct linear_case *c, const struct linear_alphabet *alphabet,
                        size_t op_max, size_t width, struct rift_rng *rng)
{
    linear_case_init(c, alphabet->model);
    size_t calls = 0, count = 2 + rift_rng_below(rng, op_max - 1), open = 0, invoked = 0;
    while (alphabet->calls[calls].kind != RIFT_CALL_KIND_COUNT)
        calls++;
    bool has_crashes = rift_rng_below(rng, 3) > 0;
    uint32_t event = 0;
    while (invoked < count || (open > 0 && rift_rng_below(rng, 8) > 0)) {
        if (invoked < count && (open == 0 || (open < width && rift_rng_below(rng, 2)))) {
            struct rift_call call = alphabet->calls[rift_rng_below(rng, calls)];
            bool is_open = has_crashes && rift_rng_below(rng, 4) == 0;
            if (is_open)
                call = rift_call_weakened(call);
            if (call.kind == RIFT_CALL_KIND_COUNT)
                continue;
            /* One below NEVER: open so far, and meant to complete. */
            c->ops[invoked] = (struct rift_problem_op){.invoke = event++,
                                                       .complete = is_open ? RIFT_EVENT_NEVER
                                                                           : RIFT_EVENT_NEVER - 1,
                                                       .call = call,
                                                       .row = (uint32_t)invoked,
                                                       .process = (int32_t)invoked};
            invoked++;
            open += !is_open;
            continue;
        }
        size_t nth = rift_rng_below(rng, open);
        for (size_t i = 0; i < invoked; i++)
            if (c->ops[i].complete == RIFT_EVENT_NEVER - 1 && nth-- == 0)
                c->ops[i].complete = event;
        event++;
        open--;
    }
    size_t kept = 0;
    for (size_t i = 0; i < invoked; i++) {
        struct rift_problem_op op = c->ops[i];
        if (op.complete == RIFT_EVENT_NEVER - 1) {
            op.complete = RIFT_EVENT_NEVER;
            op.call = rift_call_weakened(op.call);
        }
        c->problem.info_count +=
            op.complete == RIFT_EVENT_NEVER && op.call.kind != RIFT_CALL_KIND_COUNT;
        if (op.call.kind != RIFT_CALL_KIND_COUNT)
            c->ops[kept++] = op;
    }
    c->problem.count = kept;
    renumber(c, event);
}

void linear_case_print(const struct linear_case *c)
{
    printf("model %s, capacity %d\n", c->problem.model->name, (int)c->problem.capacity);
    for (size_t i = 0; i < c->problem.count; i++)
        printf("  op %zu: kind %u a %u b %u, events %u to %d\n", i, c->ops[i].call.kind,
               c->ops[i].call.a, c->ops[i].call.b, c->ops[i].invoke,
               c->ops[i].complete == RIFT_EVENT_NEVER ? -1 : (int)c->ops[i].complete);
}
