#include "tests/property/linear_oracle.h"

#include <assert.h>
#include <string.h>

#include "tests/property/linear_cases.h"

enum { ITEMS_MAX = 40 };

/* Every object as a list of small numbers: a register has one item, a counter its number, a lock
 * its owner and its holds. */
struct object {
    int count;
    int64_t items[ITEMS_MAX];
};

struct oracle {
    const struct rift_problem *problem;
    const char *model;
    bool keeps_processes_only; /* sequential consistency */
};

static bool is_model(const struct oracle *oracle, const char *name)
{
    return strcmp(oracle->model, name) == 0;
}

static int64_t number(const struct oracle *oracle, uint32_t id)
{
    return oracle->problem->numbers[id];
}

static int find(const struct object *object, int64_t item)
{
    for (int i = 0; i < object->count; i++)
        if (object->items[i] == item)
            return i;
    return -1;
}

static void cut_out(struct object *object, int at)
{
    for (int i = at; i + 1 < object->count; i++)
        object->items[i] = object->items[i + 1];
    object->count--;
}

static void put_in(struct object *object, int at, int64_t item)
{
    assert(object->count < ITEMS_MAX);
    for (int i = object->count; i > at; i--)
        object->items[i] = object->items[i - 1];
    object->items[at] = item;
    object->count++;
}

/* Where a take from the front looks: first in for queues, last in for stacks, the largest for
 * priority queues; -1: empty. */
static int front(const struct oracle *oracle, const struct object *object)
{
    if (object->count == 0)
        return -1;
    if (is_model(oracle, "stack"))
        return object->count - 1;
    int best = 0;
    for (int i = 1; is_model(oracle, "priority-queue") && i < object->count; i++)
        if (number(oracle, (uint32_t)object->items[i]) >
            number(oracle, (uint32_t)object->items[best]))
            best = i;
    return best;
}

static bool take_value(const struct oracle *oracle, struct object *object, int64_t value)
{
    int at = is_model(oracle, "unordered-queue") ? find(object, value) : front(oracle, object);
    if (at < 0 || object->items[at] != value)
        return false;
    cut_out(object, at);
    return true;
}

static bool apply_container(const struct oracle *oracle, struct object *object,
                            const struct rift_call *call)
{
    int at = front(oracle, object);
    switch (call->kind) {
    case RIFT_CALL_INSERT:
        put_in(object, object->count, call->a);
        return true;
    case RIFT_CALL_INSERT_FRONT:
        put_in(object, 0, call->a);
        return true;
    case RIFT_CALL_TAKE:
        return take_value(oracle, object, call->a);
    case RIFT_CALL_TAKE_BACK:
        if (object->count == 0 || object->items[object->count - 1] != call->a)
            return false;
        object->count--;
        return true;
    case RIFT_CALL_TAKE_EMPTY:
    case RIFT_CALL_PEEK_EMPTY:
    case RIFT_CALL_TAKE_BACK_EMPTY:
    case RIFT_CALL_PEEK_BACK_EMPTY:
        return object->count == 0;
    case RIFT_CALL_PEEK:
        return at >= 0 && object->items[at] == call->a;
    case RIFT_CALL_PEEK_BACK:
        return object->count > 0 && object->items[object->count - 1] == call->a;
    default:
        return false;
    }
}

static bool apply_set(struct object *object, const struct rift_call *call)
{
    int at = find(object, call->a);
    switch (call->kind) {
    case RIFT_CALL_ADD:
    case RIFT_CALL_ADD_NEW:
        if (at >= 0)
            return call->kind == RIFT_CALL_ADD;
        put_in(object, object->count, call->a);
        return true;
    case RIFT_CALL_REMOVE:
    case RIFT_CALL_REMOVE_FOUND:
        if (at < 0)
            return call->kind == RIFT_CALL_REMOVE;
        cut_out(object, at);
        return true;
    case RIFT_CALL_CONTAINS:
        return at >= 0;
    case RIFT_CALL_LACKS:
        return at < 0;
    default:
        return false;
    }
}

static bool apply_register(struct object *object, const struct rift_call *call)
{
    int64_t *value = &object->items[0];
    switch (call->kind) {
    case RIFT_CALL_READ:
        return *value == call->a;
    case RIFT_CALL_WRITE:
        *value = call->a;
        return true;
    case RIFT_CALL_CAS:
    case RIFT_CALL_EXCHANGE:
        if (*value != call->a)
            return false;
        *value = call->b;
        return true;
    case RIFT_CALL_CAS_FAILED:
        return *value != call->a;
    default:
        return false;
    }
}

static bool apply_counter(const struct oracle *oracle, struct object *object,
                          const struct rift_call *call)
{
    int64_t *value = &object->items[0], by = number(oracle, call->a);
    switch (call->kind) {
    case RIFT_CALL_READ:
        return *value == by;
    case RIFT_CALL_INCREMENT:
        *value += by;
        return true;
    case RIFT_CALL_FETCH_ADD:
        *value += by;
        return *value - by == number(oracle, call->b);
    case RIFT_CALL_ADD_FETCH:
        *value += by;
        return *value == number(oracle, call->b);
    default:
        return false;
    }
}

/* items[0]: the owner, 0 for nobody; items[1]: how often it holds; items[2]: the last fence. */
static bool apply_lock(const struct oracle *oracle, struct object *object,
                       const struct rift_call *call)
{
    bool is_again = is_model(oracle, "reentrant-lock") && object->items[0] == call->a;
    switch (call->kind) {
    case RIFT_CALL_ACQUIRE:
        if (object->items[1] > 0 && !is_again)
            return false;
        if (is_model(oracle, "fenced-lock")) {
            int64_t fence = call->b ? number(oracle, call->b) : object->items[2] + 1;
            if (fence <= object->items[2])
                return false;
            object->items[2] = fence;
        }
        object->items[0] = call->a;
        object->items[1]++;
        return true;
    case RIFT_CALL_RELEASE:
        if (object->items[1] == 0 || (!is_model(oracle, "mutex") && object->items[0] != call->a))
            return false;
        object->items[1]--;
        return true;
    case RIFT_CALL_REFUSED:
        return object->items[1] > 0 && !is_again;
    default:
        return false;
    }
}

static bool apply_semaphore(const struct oracle *oracle, struct object *object,
                            const struct rift_call *call)
{
    int64_t *held = &object->items[0], permits = number(oracle, call->a);
    switch (call->kind) {
    case RIFT_CALL_ACQUIRE:
        if (*held + permits > oracle->problem->capacity)
            return false;
        *held += permits;
        return true;
    case RIFT_CALL_RELEASE:
        if (*held < permits)
            return false;
        *held -= permits;
        return true;
    case RIFT_CALL_REFUSED:
        return *held + permits > oracle->problem->capacity;
    default:
        return false;
    }
}

/* One item: the number. */
static bool apply_counting(struct object *object, const struct rift_call *call)
{
    int64_t *value = &object->items[0];
    switch (call->kind) {
    case RIFT_CALL_RELEASE:
        ++*value;
        return true;
    case RIFT_CALL_ACQUIRE:
        return --*value >= 0;
    case RIFT_CALL_REFUSED:
        return *value == 0;
    default:
        return false;
    }
}

/* The words of the list that a call names. */
static const uint32_t *list(const struct oracle *oracle, const struct rift_call *call,
                            size_t *count)
{
    return rift_states_words(oracle->problem->lists, call->b, count);
}

/* items[0]: the value; items[1]: how many updates there were. */
static bool apply_versioned(const struct oracle *oracle, struct object *object,
                            const struct rift_call *call)
{
    size_t count;
    const uint32_t *words = list(oracle, call, &count);
    if (call->kind != RIFT_CALL_WRITE && object->items[0] != call->a)
        return false;
    if (call->kind != RIFT_CALL_READ)
        object->items[1]++;
    if (call->kind != RIFT_CALL_READ)
        object->items[0] = call->kind == RIFT_CALL_CAS ? words[2] : call->a;
    return !words[0] || object->items[1] == number(oracle, words[1]);
}

/* items[k]: the register of key k. */
static bool apply_txn(const struct oracle *oracle, struct object *object,
                      const struct rift_call *call)
{
    size_t count;
    const uint32_t *words = list(oracle, call, &count);
    for (size_t i = 1; i + 2 < count; i += 3) {
        if (words[i] == 1)
            object->items[words[i + 1]] = words[i + 2];
        else if (object->items[words[i + 1]] != words[i + 2])
            return false;
    }
    return true;
}

/* The items are all values so far, the initial one first. */
static bool apply_k_register(const struct oracle *oracle, struct object *object,
                             const struct rift_call *call)
{
    if (call->kind == RIFT_CALL_WRITE) {
        put_in(object, object->count, call->a);
        return true;
    }
    for (int i = object->count; i-- > 0 && i >= object->count - oracle->problem->capacity;)
        if (object->items[i] == call->a)
            return true;
    return false;
}

/* The items are the characters. */
static bool apply_kv(struct object *object, const struct rift_call *call)
{
    const char *text = linear_texts[call->a];
    if (call->kind == RIFT_CALL_WRITE)
        object->count = 0;
    if (call->kind != RIFT_CALL_READ) {
        for (; *text; text++)
            put_in(object, object->count, *text);
        return true;
    }
    for (int i = 0; i < object->count; i++)
        if (object->items[i] != text[i])
            return false;
    return text[object->count] == 0;
}

static bool holds_exactly(const struct oracle *oracle, const struct object *object,
                          const struct rift_call *call)
{
    size_t count;
    const uint32_t *words = list(oracle, call, &count);
    bool is_ordered = is_model(oracle, "list-append");
    for (size_t i = 0; i < count; i++)
        if (is_ordered ? i < (size_t)object->count && object->items[i] != words[i]
                       : find(object, words[i]) < 0)
            return false;
    return count == (size_t)object->count;
}

static bool apply_list(const struct oracle *oracle, struct object *object,
                       const struct rift_call *call)
{
    if (call->kind == RIFT_CALL_READ_ALL)
        return holds_exactly(oracle, object, call);
    put_in(object, object->count, call->a);
    return true;
}

static bool apply(const struct oracle *oracle, struct object *object, const struct rift_call *call)
{
    if (is_model(oracle, "counting-semaphore"))
        return apply_counting(object, call);
    if (is_model(oracle, "versioned-register"))
        return apply_versioned(oracle, object, call);
    if (is_model(oracle, "multi-register"))
        return apply_txn(oracle, object, call);
    if (is_model(oracle, "k-register"))
        return apply_k_register(oracle, object, call);
    if (is_model(oracle, "kv"))
        return apply_kv(object, call);
    if (is_model(oracle, "list-append"))
        return apply_list(oracle, object, call);
    if (is_model(oracle, "register") || is_model(oracle, "cas-register") ||
        is_model(oracle, "etcd"))
        return apply_register(object, call);
    if (is_model(oracle, "set"))
        return call->kind == RIFT_CALL_READ_ALL ? holds_exactly(oracle, object, call)
                                                : apply_set(object, call);
    if (is_model(oracle, "counter"))
        return apply_counter(oracle, object, call);
    if (is_model(oracle, "semaphore"))
        return apply_semaphore(oracle, object, call);
    if (strstr(oracle->model, "lock") || is_model(oracle, "mutex"))
        return apply_lock(oracle, object, call);
    return apply_container(oracle, object, call);
}

static bool go_on(const struct oracle *oracle, uint32_t done, const struct object *object);

/* A crashed take may take whatever the object can give up. */
static bool go_on_unknown(const struct oracle *oracle, uint32_t done, const struct object *object,
                          const struct rift_call *call)
{
    bool is_back = call->kind == RIFT_CALL_TAKE_BACK_UNKNOWN;
    for (int i = 0; i < object->count; i++) {
        int at = is_back ? object->count - 1 : front(oracle, object);
        if (!is_model(oracle, "unordered-queue") && i != at)
            continue;
        struct object next = *object;
        cut_out(&next, i);
        if (go_on(oracle, done, &next))
            return true;
    }
    return false;
}

/* Any of the steps that the call may have been; items[0] is the state's number among all names. */
static bool go_on_machine(const struct oracle *oracle, uint32_t done, const struct object *object,
                          const struct rift_call *call)
{
    static const char *const states[] = {"red", "green", "blue"};
    size_t count;
    const uint32_t *words = list(oracle, call, &count);
    for (size_t i = 1; i < count; i++) {
        const struct linear_move *move = &linear_moves[words[i]];
        if (move->from && strcmp(move->from, states[object->items[0]]) != 0)
            continue;
        struct object next = *object;
        for (int s = 0; move->to && s < 3; s++)
            if (strcmp(move->to, states[s]) == 0)
                next.items[0] = s;
        if (go_on(oracle, done, &next))
            return true;
    }
    return false;
}

/* Op i cannot be the next one: something that comes before it is not done. */
static bool must_wait(const struct oracle *oracle, uint32_t done, size_t i,
                      uint32_t first_completion)
{
    const struct rift_problem_op *ops = oracle->problem->ops;
    if (!oracle->keeps_processes_only)
        return ops[i].invoke > first_completion;
    for (size_t k = 0; k < i; k++)
        if (!(done >> k & 1) && ops[k].process == ops[i].process &&
            ops[k].complete != RIFT_EVENT_NEVER)
            return true;
    return false;
}

static bool go_on(const struct oracle *oracle, uint32_t done, const struct object *object)
{
    const struct rift_problem *problem = oracle->problem;
    uint32_t first_completion = RIFT_EVENT_NEVER;
    for (size_t i = 0; i < problem->count; i++)
        if (!(done >> i & 1) && problem->ops[i].complete < first_completion)
            first_completion = problem->ops[i].complete;
    if (first_completion == RIFT_EVENT_NEVER)
        return true;
    for (size_t i = 0; i < problem->count; i++) {
        const struct rift_problem_op *op = &problem->ops[i];
        if (done >> i & 1 || must_wait(oracle, done, i, first_completion))
            continue;
        if (op->call.kind == RIFT_CALL_TAKE_UNKNOWN ||
            op->call.kind == RIFT_CALL_TAKE_BACK_UNKNOWN) {
            if (go_on_unknown(oracle, done | 1u << i, object, &op->call))
                return true;
            continue;
        }
        if (op->call.kind == RIFT_CALL_MOVE) {
            if (go_on_machine(oracle, done | 1u << i, object, &op->call))
                return true;
            continue;
        }
        struct object next = *object;
        if (apply(oracle, &next, &op->call) && go_on(oracle, done | 1u << i, &next))
            return true;
    }
    return false;
}

static bool has_order(const struct rift_problem *problem, bool keeps_processes_only)
{
    assert(problem->count <= 16);
    struct oracle oracle = {problem, problem->model->name, keeps_processes_only};
    struct object object = {0};
    bool is_register = is_model(&oracle, "register") || is_model(&oracle, "cas-register") ||
                       is_model(&oracle, "etcd") || is_model(&oracle, "k-register");
    object.count = is_model(&oracle, "k-register");
    object.items[0] = is_register                    ? problem->initial
                      : is_model(&oracle, "counter") ? number(&oracle, problem->initial)
                                                     : 0;
    return go_on(&oracle, 0, &object);
}

bool oracle_is_linearizable(const struct rift_problem *problem)
{
    return has_order(problem, false);
}

bool oracle_is_sequential(const struct rift_problem *problem)
{
    return has_order(problem, true);
}
