#include "tests/property/linear_cases.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkers/models/machine.h"
#include "common/memory.h"

const char *const linear_texts[CASE_VALUES] = {"", "x", "y", "xy", "yx"};
const struct linear_move linear_moves[] = {
    {"red", "green"}, {"red", "blue"}, {"green", "red"}, {"blue", "red"},
    {NULL, "blue"},   {"green", NULL}, {"blue", NULL},
};

/* The same machine for the code under test; its steps have the numbers of linear_moves. */
static const char light[] =
    "{\"name\": \"light\", \"initial\": \"red\", \"steps\": ["
    "{\"from\": \"red\", \"operation\": \"go\", \"result\": \"green\", \"to\": \"green\"},"
    "{\"from\": \"red\", \"operation\": \"go\", \"result\": \"blue\", \"to\": \"blue\"},"
    "{\"from\": \"green\", \"operation\": \"stop\", \"to\": \"red\"},"
    "{\"from\": \"blue\", \"operation\": \"stop\", \"to\": \"red\"},"
    "{\"from\": \"*\", \"operation\": \"paint\", \"to\": \"blue\"},"
    "{\"from\": \"green\", \"operation\": \"look\", \"result\": \"green\"},"
    "{\"from\": \"blue\", \"operation\": \"look\", \"result\": \"blue\"}]}";

/* Lists begin with the id of the same call's list without its answers; list 0 is nobody's. */
static const struct linear_list version_lists[] = {
    {0, {0}}, {3, {0, 0, 0}}, {3, {1, 1, 0}}, {3, {1, 2, 0}}, {3, {0, 0, 2}}, {3, {1, 2, 2}}, {0},
};
/* [weak, (0 read or 1 write, key, value)...] */
static const struct linear_list txn_lists[] = {
    {0, {0}},
    {1, {0}},
    {4, {0, 1, 1, 1}},
    {4, {2, 1, 1, 1}},
    {7, {0, 1, 1, 2, 1, 2, 2}},
    {7, {4, 1, 1, 2, 1, 2, 2}},
    {4, {1, 0, 1, 1}},
    {7, {1, 0, 1, 2, 0, 2, 0}},
    {7, {1, 0, 1, 1, 0, 2, 2}},
    {4, {0, 1, 2, 1}},
    {7, {9, 0, 1, 0, 1, 2, 1}},
    {7, {9, 0, 1, 2, 1, 2, 1}},
    {0},
};
static const struct linear_list read_lists[] = {
    {0, {0}}, {1, {1}}, {1, {2}}, {2, {1, 2}}, {2, {2, 1}}, {0},
};
/* [weak, numbers of steps...] */
static const struct linear_list move_lists[] = {
    {0, {0}},    {3, {0, 0, 1}}, {2, {1, 0}},    {2, {1, 1}}, {3, {0, 2, 3}}, {3, {4, 2, 3}},
    {2, {0, 4}}, {2, {6, 4}},    {3, {0, 5, 6}}, {2, {8, 5}}, {2, {8, 6}},    {0},
};

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
      END},
     NULL},
    {"cas-register",
     {{RIFT_CALL_READ, 0, 0},
      {RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 2, 0},
      {RIFT_CALL_WRITE, 1, 0},
      {RIFT_CALL_WRITE, 2, 0},
      {RIFT_CALL_CAS, 1, 2},
      {RIFT_CALL_CAS, 2, 1},
      {RIFT_CALL_CAS, 0, 1},
      END},
     NULL},
    {"etcd",
     {{RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 2, 0},
      {RIFT_CALL_WRITE, 1, 0},
      {RIFT_CALL_WRITE, 2, 0},
      {RIFT_CALL_CAS, 1, 2},
      {RIFT_CALL_CAS, 2, 1},
      {RIFT_CALL_CAS_FAILED, 1, 0},
      {RIFT_CALL_CAS_FAILED, 2, 0},
      END},
     NULL},
    {"queue",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      {RIFT_CALL_PEEK, 1, 0},
      {RIFT_CALL_PEEK, 2, 0},
      END},
     NULL},
    {"stack",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      {RIFT_CALL_PEEK, 1, 0},
      {RIFT_CALL_PEEK, 2, 0},
      END},
     NULL},
    {"priority-queue",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      {RIFT_CALL_PEEK, 1, 0},
      {RIFT_CALL_PEEK, 2, 0},
      END},
     NULL},
    {"unordered-queue",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_EMPTY, 0, 0},
      END},
     NULL},
    {"deque",
     {{RIFT_CALL_INSERT, 1, 0},
      {RIFT_CALL_INSERT_FRONT, 2, 0},
      {RIFT_CALL_TAKE, 1, 0},
      {RIFT_CALL_TAKE, 2, 0},
      {RIFT_CALL_TAKE_BACK, 1, 0},
      {RIFT_CALL_TAKE_BACK, 2, 0},
      {RIFT_CALL_TAKE_BACK_EMPTY, 0, 0},
      {RIFT_CALL_PEEK_BACK, 2, 0},
      END},
     NULL},
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
      END},
     NULL},
    {"counter",
     {{RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 2, 0},
      {RIFT_CALL_READ, 3, 0},
      {RIFT_CALL_INCREMENT, 1, 0},
      {RIFT_CALL_INCREMENT, 2, 0},
      {RIFT_CALL_FETCH_ADD, 1, 1},
      {RIFT_CALL_FETCH_ADD, 1, 2},
      {RIFT_CALL_ADD_FETCH, 1, 3},
      END},
     NULL},
    {"mutex",
     {{RIFT_CALL_ACQUIRE, 1, 0},
      {RIFT_CALL_ACQUIRE, 2, 0},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 1, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END},
     NULL},
    {"reentrant-lock",
     {{RIFT_CALL_ACQUIRE, 1, 0},
      {RIFT_CALL_ACQUIRE, 2, 0},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 1, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END},
     NULL},
    {"fenced-lock",
     {{RIFT_CALL_ACQUIRE, 1, 1},
      {RIFT_CALL_ACQUIRE, 1, 2},
      {RIFT_CALL_ACQUIRE, 2, 2},
      {RIFT_CALL_ACQUIRE, 2, 3},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END},
     NULL},
    {"semaphore",
     {{RIFT_CALL_ACQUIRE, 1, 0},
      {RIFT_CALL_ACQUIRE, 2, 0},
      {RIFT_CALL_RELEASE, 1, 0},
      {RIFT_CALL_RELEASE, 2, 0},
      {RIFT_CALL_REFUSED, 1, 0},
      {RIFT_CALL_REFUSED, 2, 0},
      END},
     NULL},
    {"counting-semaphore",
     {{RIFT_CALL_RELEASE, 1, 0}, {RIFT_CALL_ACQUIRE, 1, 0}, {RIFT_CALL_REFUSED, 1, 0}, END},
     NULL},
    {"versioned-register",
     {{RIFT_CALL_READ, 0, 1},
      {RIFT_CALL_READ, 1, 2},
      {RIFT_CALL_READ, 2, 3},
      {RIFT_CALL_READ, 2, 1},
      {RIFT_CALL_WRITE, 1, 1},
      {RIFT_CALL_WRITE, 1, 2},
      {RIFT_CALL_WRITE, 2, 3},
      {RIFT_CALL_CAS, 1, 4},
      {RIFT_CALL_CAS, 1, 5},
      END},
     version_lists},
    {"multi-register",
     {{RIFT_CALL_TRANSACTION, 0, 3},
      {RIFT_CALL_TRANSACTION, 0, 5},
      {RIFT_CALL_TRANSACTION, 0, 6},
      {RIFT_CALL_TRANSACTION, 0, 7},
      {RIFT_CALL_TRANSACTION, 0, 8},
      {RIFT_CALL_TRANSACTION, 0, 10},
      {RIFT_CALL_TRANSACTION, 0, 11},
      END},
     txn_lists},
    {"kv",
     {{RIFT_CALL_READ, 0, 0},
      {RIFT_CALL_READ, 1, 0},
      {RIFT_CALL_READ, 3, 0},
      {RIFT_CALL_READ, 4, 0},
      {RIFT_CALL_WRITE, 1, 0},
      {RIFT_CALL_WRITE, 2, 0},
      {RIFT_CALL_APPEND, 1, 0},
      {RIFT_CALL_APPEND, 2, 0},
      END},
     NULL},
    {"list-append",
     {{RIFT_CALL_APPEND, 1, 0},
      {RIFT_CALL_APPEND, 2, 0},
      {RIFT_CALL_READ_ALL, 0, 0},
      {RIFT_CALL_READ_ALL, 0, 1},
      {RIFT_CALL_READ_ALL, 0, 2},
      {RIFT_CALL_READ_ALL, 0, 3},
      {RIFT_CALL_READ_ALL, 0, 4},
      END},
     read_lists},
    {"set",
     {{RIFT_CALL_ADD, 1, 0},
      {RIFT_CALL_ADD_NEW, 2, 0},
      {RIFT_CALL_REMOVE, 1, 0},
      {RIFT_CALL_REMOVE_FOUND, 2, 0},
      {RIFT_CALL_READ_ALL, 0, 0},
      {RIFT_CALL_READ_ALL, 0, 1},
      {RIFT_CALL_READ_ALL, 0, 2},
      {RIFT_CALL_READ_ALL, 0, 3},
      END},
     read_lists},
    {"light",
     {{RIFT_CALL_MOVE, 0, 2},
      {RIFT_CALL_MOVE, 0, 3},
      {RIFT_CALL_MOVE, 0, 5},
      {RIFT_CALL_MOVE, 0, 7},
      {RIFT_CALL_MOVE, 0, 9},
      {RIFT_CALL_MOVE, 0, 10},
      END},
     move_lists},
    {NULL, {END}, NULL},
};

struct linear_object {
    struct rift_history history; /* only its values: texts */
    const struct rift_model *model;
    struct rift_model *machine;
    struct rift_states *lists;
};

static struct rift_model *read_light(void)
{
    char path[] = "/tmp/rift-light-XXXXXX";
    int fd = mkstemp(path);
    assert(fd >= 0 && write(fd, light, sizeof light - 1) == sizeof light - 1);
    close(fd);
    struct rift_error err = {0};
    struct rift_model *machine = rift_machine_read(path, &err);
    unlink(path);
    if (!machine)
        fprintf(stderr, "%s\n", err.text);
    assert(machine);
    return machine;
}

struct linear_object *linear_object_create(const struct linear_alphabet *alphabet)
{
    struct linear_object *object = rift_calloc(1, sizeof *object);
    object->history.values = rift_values_create();
    object->lists = rift_states_create();
    for (uint32_t i = 0; alphabet->lists && (i == 0 || alphabet->lists[i].count); i++) {
        uint32_t id =
            rift_states_intern(object->lists, alphabet->lists[i].words, alphabet->lists[i].count);
        assert(id == i);
    }
    if (strcmp(alphabet->model, "light") == 0)
        object->machine = read_light();
    object->model = object->machine ? object->machine : rift_model_find(alphabet->model);
    assert(object->model);
    return object;
}

void linear_object_destroy(struct linear_object *object)
{
    rift_machine_destroy(object->machine);
    rift_states_destroy(object->lists);
    rift_values_destroy(object->history.values);
    free(object);
}

void linear_case_init(struct linear_case *c, struct linear_object *object)
{
    *c = (struct linear_case){0};
    bool is_text = strcmp(object->model->name, "kv") == 0;
    for (uint32_t id = 0; id < CASE_VALUES; id++) {
        c->numbers[id] = id;
        c->is_number[id] = id > 0;
        if (is_text && id > 0)
            c->values[id] =
                rift_value_text(object->history.values, linear_texts[id], strlen(linear_texts[id]));
    }
    c->problem = (struct rift_problem){
        .model = object->model,
        .history = is_text ? &object->history : NULL,
        .lists = object->lists,
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

/* Completions of both with no invocation between them: they end together. */
static bool end_together(const struct linear_case *c, size_t a, size_t b)
{
    uint32_t first = c->ops[a].complete, last = c->ops[b].complete;
    if (first == RIFT_EVENT_NEVER || last == RIFT_EVENT_NEVER)
        return first == last;
    for (size_t i = 0; i < c->problem.count; i++)
        if ((c->ops[i].invoke > first) != (c->ops[i].invoke > last))
            return false;
    return true;
}

/* Of histories that differ only by the order of invocations, or of completions, with no other kind
 * of event between them, one is enough: no verdict may depend on it, and the random histories have
 * all of them. This is the one whose completions keep the order of the invocations, and in which
 * of ops invoked together those that end first stand first, then those of the first calls. */
static bool is_canonical_order(const struct linear_case *c)
{
    for (size_t i = 0; i < c->problem.count; i++)
        for (size_t k = 0; k < c->problem.count; k++) {
            const struct rift_problem_op *a = &c->ops[i], *b = &c->ops[k];
            if (a->complete != RIFT_EVENT_NEVER && a->complete + 1 == b->complete && i > k)
                return false;
            if (a->invoke + 1 == b->invoke && a->complete > b->complete)
                return false;
        }
    return true;
}

static bool is_canonical_call(const struct linear_case *c, size_t op, size_t rank, size_t before)
{
    return op == 0 || c->ops[op - 1].invoke + 1 != c->ops[op].invoke ||
           !end_together(c, op - 1, op) || before <= rank;
}

/* Gives op the next of all calls; crashed ops get each call without its answer once. `before` is
 * the place of the call of the op before in the alphabet. */
static void every_call(struct every *every, size_t op, size_t before)
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
        struct rift_call weak = is_open ? rift_problem_weaken(&c->problem, *call) : *call;
        size_t rank = (size_t)(call - every->alphabet->calls);
        if (weak.kind == RIFT_CALL_KIND_COUNT || memcmp(&weak, &last, sizeof weak) == 0)
            continue;
        last = weak;
        if (!is_canonical_call(c, op, rank, before))
            continue;
        c->ops[op].call = weak;
        every_call(every, op + 1, rank);
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
        if (is_canonical_order(c))
            every_call(every, 0, 0);
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

void linear_cases_every(const struct linear_alphabet *alphabet, struct linear_object *object,
                        size_t op_count, void (*visit)(struct linear_case *c, void *context),
                        void *context)
{
    struct linear_case c;
    linear_case_init(&c, object);
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
                        struct linear_object *object, size_t op_max, size_t width,
                        struct rift_rng *rng)
{
    linear_case_init(c, object);
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
                call = rift_problem_weaken(&c->problem, call);
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
            op.call = rift_problem_weaken(&c->problem, op.call);
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
