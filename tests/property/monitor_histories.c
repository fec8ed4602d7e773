#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/property/monitor_oracle.h"

#include <string.h>

void oracle_history_init(struct oracle_history *history, enum oracle_object object)
{
    static const struct rift_model fenced = {.name = "fenced-lock"};
    static const struct rift_model reentrant = {.name = "reentrant-lock"};
    memset(history, 0, sizeof *history);
    if (object == ORACLE_FENCED_LOCK)
        history->problem.model = &fenced;
    if (object == ORACLE_REENTRANT_LOCK)
        history->problem.model = &reentrant;
    if (object == ORACLE_COUNTER || object == ORACLE_FETCH_ADD)
        history->problem.initial = ORACLE_ZERO;
    history->problem.ops = history->ops;
    history->problem.value_count = ORACLE_IDS;
    history->problem.numbers = history->numbers;
    history->problem.is_number = history->is_number;
    history->problem.capacity = 1;
    for (int id = 0; id < ORACLE_IDS; id++) {
        history->numbers[id] = id - ORACLE_ZERO;
        history->is_number[id] = true;
    }
}

void oracle_history_add(struct oracle_history *history, uint32_t invoke, uint32_t complete,
                        struct rift_call call)
{
    struct rift_problem *problem = &history->problem;
    assert_true(problem->count < ORACLE_OPS);
    history->ops[problem->count] = (struct rift_problem_op){
        .invoke = invoke, .complete = complete, .call = call, .row = (uint32_t)problem->count};
    problem->count++;
}

void oracle_history_close(struct oracle_history *history)
{
    struct rift_problem *problem = &history->problem;
    uint32_t *events[2 * ORACLE_OPS];
    size_t event_count = 0;
    problem->info_count = 0;
    for (size_t i = 1; i < problem->count; i++)
        for (size_t at = i; at > 0 && history->ops[at].invoke < history->ops[at - 1].invoke; at--) {
            struct rift_problem_op moved = history->ops[at];
            history->ops[at] = history->ops[at - 1];
            history->ops[at - 1] = moved;
        }
    for (size_t i = 0; i < problem->count; i++) {
        events[event_count++] = &history->ops[i].invoke;
        if (history->ops[i].complete == RIFT_EVENT_NEVER)
            problem->info_count++;
        else
            events[event_count++] = &history->ops[i].complete;
    }
    for (size_t i = 1; i < event_count; i++)
        for (size_t at = i; at > 0 && *events[at] < *events[at - 1]; at--) {
            uint32_t *moved = events[at];
            events[at] = events[at - 1];
            events[at - 1] = moved;
        }
    for (size_t i = 0; i < event_count; i++)
        *events[i] = (uint32_t)i;
    problem->event_count = (uint32_t)event_count;
}

static bool object_has_owner(enum oracle_object object)
{
    return object == ORACLE_FENCED_LOCK || object == ORACLE_REENTRANT_LOCK;
}

static bool object_is_counter(enum oracle_object object)
{
    return object == ORACLE_COUNTER || object == ORACLE_FETCH_ADD;
}

struct client {
    int op; /* -1: idle */
    bool is_done;
    bool is_crashed;
};

static bool chance(struct rift_rng *rng, unsigned percent)
{
    return rift_rng_below(rng, 100) < percent;
}

static uint32_t fresh_value(const struct oracle_mix *mix, uint32_t *next, struct rift_rng *rng)
{
    if ((mix->repeats_values && *next > 1 && chance(rng, 10)) || *next == ORACLE_VALUES)
        return (uint32_t)rift_rng_between(rng, 1, (int64_t)*next - 1);
    return (*next)++;
}

/* What a client asks, before it is known what it sees. */
static struct rift_call call_random(const struct oracle_mix *mix, uint32_t *next_value,
                                    struct rift_rng *rng)
{
    uint64_t pick = rift_rng_below(rng, mix->observes ? 4 : 2);
    uint32_t owner = (uint32_t)rift_rng_below(rng, mix->client_count);
    switch (mix->object) {
    case ORACLE_REGISTER:
        if (pick == 0)
            return (struct rift_call){RIFT_CALL_WRITE, fresh_value(mix, next_value, rng), 0};
        if (pick == 1 && mix->observes)
            return (struct rift_call){RIFT_CALL_CAS, 0, fresh_value(mix, next_value, rng)};
        return (struct rift_call){RIFT_CALL_READ, 0, 0};
    case ORACLE_SET: {
        static const uint32_t kinds[] = {RIFT_CALL_ADD_NEW, RIFT_CALL_REMOVE_FOUND,
                                         RIFT_CALL_CONTAINS, RIFT_CALL_ADD};
        static const uint32_t blind_kinds[] = {RIFT_CALL_ADD, RIFT_CALL_REMOVE, RIFT_CALL_CONTAINS,
                                               RIFT_CALL_CONTAINS};
        uint32_t kind = mix->repeats_values ? blind_kinds[pick] : kinds[pick];
        return (struct rift_call){kind, (uint32_t)rift_rng_between(rng, 1, 2), 0};
    }
    case ORACLE_COUNTER:
    case ORACLE_FETCH_ADD:
        if (pick & 1)
            return (struct rift_call){RIFT_CALL_READ, 0, 0};
        return (struct rift_call){mix->object == ORACLE_COUNTER ? RIFT_CALL_INCREMENT
                                  : pick == 0                   ? RIFT_CALL_FETCH_ADD
                                                                : RIFT_CALL_ADD_FETCH,
                                  ORACLE_ZERO + 1, 0};
    case ORACLE_MUTEX:
    case ORACLE_FENCED_LOCK:
    case ORACLE_REENTRANT_LOCK:
        return (struct rift_call){pick & 1 ? RIFT_CALL_ACQUIRE : RIFT_CALL_RELEASE, owner, 0};
    default:
        if (pick == 0)
            return (struct rift_call){RIFT_CALL_INSERT, fresh_value(mix, next_value, rng), 0};
        return (struct rift_call){pick == 3 ? RIFT_CALL_PEEK : RIFT_CALL_TAKE, 0, 0};
    }
}

/* The object answers: a call whose answer the state decides becomes what the client sees. False
 * where the call must wait or be given up. */
static bool call_answer(const struct oracle_mix *mix, uint64_t *state, struct rift_call *call)
{
    bool is_member = mix->object == ORACLE_SET && (*state >> call->a & 1);
    switch (call->kind) {
    case RIFT_CALL_READ:
        call->a =
            object_is_counter(mix->object) ? (uint32_t)(*state + ORACLE_ZERO) : (uint32_t)*state;
        break;
    case RIFT_CALL_CAS:
        call->a = (uint32_t)*state;
        break;
    case RIFT_CALL_TAKE:
    case RIFT_CALL_PEEK: {
        uint32_t front = oracle_front(mix->object, *state);
        if (front == 0 && !mix->observes)
            return false;
        call->a = front;
        if (front == 0)
            call->kind = call->kind == RIFT_CALL_TAKE ? RIFT_CALL_TAKE_EMPTY : RIFT_CALL_PEEK_EMPTY;
        break;
    }
    case RIFT_CALL_ADD_NEW:
        if (is_member)
            call->kind = RIFT_CALL_CONTAINS;
        break;
    case RIFT_CALL_REMOVE_FOUND:
        if (!is_member)
            call->kind = RIFT_CALL_LACKS;
        break;
    case RIFT_CALL_CONTAINS:
        if (!is_member)
            call->kind = RIFT_CALL_LACKS;
        break;
    case RIFT_CALL_FETCH_ADD:
    case RIFT_CALL_ADD_FETCH:
        call->b = (uint32_t)(*state + ORACLE_ZERO + (call->kind == RIFT_CALL_ADD_FETCH));
        break;
    case RIFT_CALL_ACQUIRE:
        if (mix->object == ORACLE_FENCED_LOCK && mix->observes)
            call->b = (uint32_t)(*state >> 16) + 1 + ORACLE_ZERO;
        break;
    default:
        break;
    }
    return oracle_step(mix->object, state, call, 0);
}

/* What is left of a call when its client never hears of it. */
bool oracle_call_crash(const struct rift_call *asked, struct rift_call *left)
{
    *left = *asked;
    switch (asked->kind) {
    case RIFT_CALL_TAKE:
        *left = (struct rift_call){RIFT_CALL_TAKE_UNKNOWN, 0, 0};
        return true;
    case RIFT_CALL_ADD_NEW:
        left->kind = RIFT_CALL_ADD;
        return true;
    case RIFT_CALL_REMOVE_FOUND:
        left->kind = RIFT_CALL_REMOVE;
        return true;
    case RIFT_CALL_FETCH_ADD:
    case RIFT_CALL_ADD_FETCH:
        *left = (struct rift_call){RIFT_CALL_INCREMENT, asked->a, 0};
        return true;
    case RIFT_CALL_ACQUIRE:
        left->b = 0;
        return true;
    case RIFT_CALL_WRITE:
    case RIFT_CALL_CAS:
    case RIFT_CALL_INSERT:
    case RIFT_CALL_ADD:
    case RIFT_CALL_REMOVE:
    case RIFT_CALL_INCREMENT:
    case RIFT_CALL_RELEASE:
        return true;
    default:
        return false;
    }
}

/* Changes one answer, so that about half of the histories are wrong. */
static void history_mutate(struct oracle_history *history, const struct oracle_mix *mix,
                           uint32_t next_value, struct rift_rng *rng)
{
    if (history->problem.count == 0)
        return;
    struct rift_problem_op *op = &history->ops[rift_rng_below(rng, history->problem.count)];
    struct rift_call *call = &op->call;
    uint32_t value = (uint32_t)rift_rng_between(rng, 1, (int64_t)next_value);
    if (value >= ORACLE_VALUES)
        value = 1;
    if (op->complete == RIFT_EVENT_NEVER)
        return;
    switch (call->kind) {
    case RIFT_CALL_READ:
    case RIFT_CALL_CAS:
        call->a =
            object_is_counter(mix->object) ? call->a + (chance(rng, 50) ? 1 : -1u) : value - 1;
        break;
    case RIFT_CALL_FETCH_ADD:
    case RIFT_CALL_ADD_FETCH:
        call->b = call->b + (chance(rng, 50) ? 1 : -1u);
        break;
    case RIFT_CALL_TAKE:
    case RIFT_CALL_PEEK:
        call->a = value;
        if (mix->observes && chance(rng, 30))
            *call = (struct rift_call){
                call->kind == RIFT_CALL_TAKE ? RIFT_CALL_TAKE_EMPTY : RIFT_CALL_PEEK_EMPTY, 0, 0};
        break;
    case RIFT_CALL_TAKE_EMPTY:
        *call = (struct rift_call){RIFT_CALL_TAKE, value, 0};
        break;
    case RIFT_CALL_PEEK_EMPTY:
        *call = (struct rift_call){RIFT_CALL_PEEK, value, 0};
        break;
    case RIFT_CALL_CONTAINS:
        call->kind = chance(rng, 50) ? RIFT_CALL_LACKS : RIFT_CALL_ADD_NEW;
        break;
    case RIFT_CALL_LACKS:
        call->kind = chance(rng, 50) ? RIFT_CALL_CONTAINS : RIFT_CALL_REMOVE_FOUND;
        break;
    case RIFT_CALL_ACQUIRE:
    case RIFT_CALL_RELEASE:
        if (call->b > 1 && chance(rng, 50))
            call->b--;
        else if (chance(rng, 50))
            *call =
                (struct rift_call){RIFT_CALL_ACQUIRE + RIFT_CALL_RELEASE - call->kind, call->a, 0};
        else
            op->complete = op->invoke; /* shortens it: closed again to the narrowest interval */
        break;
    default:
        break;
    }
}

/* Owners are sequential: an owner's release is asked only while it holds or waits. Simplest is to
 * let every client be its own owner. */
void oracle_history_random(struct oracle_history *history, const struct oracle_mix *mix,
                           struct rift_rng *rng)
{
    struct client clients[8];
    struct rift_call asked[ORACLE_OPS], seen[ORACLE_OPS];
    oracle_history_init(history, mix->object);
    for (unsigned i = 0; i < mix->client_count; i++)
        clients[i] = (struct client){-1, false, false};
    uint64_t state = oracle_start(mix->object, &history->problem);
    uint32_t next_value = 1, event = 0;
    unsigned started = 0;
    for (unsigned step = 0; step < 12 * mix->op_count; step++) {
        unsigned id = (unsigned)rift_rng_below(rng, mix->client_count);
        struct client *client = &clients[id];
        if (client->op < 0) {
            if (started == mix->op_count)
                continue;
            client->op = (int)started++;
            client->is_done = false;
            client->is_crashed = chance(rng, mix->crash_percent);
            asked[client->op] = call_random(mix, &next_value, rng);
            if (object_has_owner(mix->object))
                asked[client->op].a = id + 1;
            oracle_history_add(history, 4 * event++, RIFT_EVENT_NEVER, asked[client->op]);
            history->ops[client->op].process = (int32_t)id;
        } else if (!client->is_done) {
            seen[client->op] = asked[client->op];
            client->is_done = call_answer(mix, &state, &seen[client->op]);
        } else if (!client->is_crashed || chance(rng, 30)) {
            if (!client->is_crashed) {
                history->ops[client->op].complete = 4 * event++;
                history->ops[client->op].call = seen[client->op];
                client->op = -1;
            }
        }
    }
    if (chance(rng, 50))
        history_mutate(history, mix, next_value, rng);
    size_t kept = 0;
    for (size_t i = 0; i < history->problem.count; i++) {
        struct rift_problem_op op = history->ops[i];
        if (op.complete == op.invoke)
            op.complete = op.invoke + 1;
        if (op.complete == RIFT_EVENT_NEVER && !oracle_call_crash(&asked[i], &op.call))
            continue;
        history->ops[kept++] = op;
    }
    history->problem.count = kept;
    oracle_history_close(history);
}

struct enumeration {
    enum oracle_object object;
    unsigned op_count;
    const struct oracle_alphabet *alphabet;
    oracle_visit *visit;
    void *data;
    uint32_t invoke[ORACLE_OPS], complete[ORACLE_OPS];
};

static void enumerate_calls(struct enumeration *all, struct oracle_history *history, unsigned op)
{
    if (op == all->op_count) {
        struct oracle_history closed = *history;
        closed.problem.ops = closed.ops;
        closed.problem.numbers = closed.numbers;
        closed.problem.is_number = closed.is_number;
        oracle_history_close(&closed);
        all->visit(&closed, all->data);
        return;
    }
    for (size_t i = 0; i < all->alphabet->completed_count; i++) {
        oracle_history_add(history, all->invoke[op], all->complete[op],
                           all->alphabet->completed[i]);
        enumerate_calls(all, history, op + 1);
        history->problem.count--;
    }
    for (size_t i = 0; i < all->alphabet->crashed_count; i++) {
        oracle_history_add(history, all->invoke[op], RIFT_EVENT_NEVER, all->alphabet->crashed[i]);
        enumerate_calls(all, history, op + 1);
        history->problem.count--;
    }
}

/* Every way in which op_count intervals can follow each other: the next event is an invocation, or
 * the completion of any open op. */
static void enumerate_events(struct enumeration *all, unsigned started, uint32_t open,
                             uint32_t event)
{
    if (started == all->op_count && open == 0) {
        struct oracle_history history;
        oracle_history_init(&history, all->object);
        enumerate_calls(all, &history, 0);
        return;
    }
    if (started < all->op_count) {
        all->invoke[started] = event;
        enumerate_events(all, started + 1, open | 1u << started, event + 1);
    }
    for (unsigned op = 0; op < started; op++)
        if (open >> op & 1) {
            all->complete[op] = event;
            enumerate_events(all, started, open & ~(1u << op), event + 1);
        }
}

void oracle_histories_all(enum oracle_object object, unsigned op_count,
                          const struct oracle_alphabet *alphabet, oracle_visit *visit, void *data)
{
    struct enumeration all = {
        .object = object, .op_count = op_count, .alphabet = alphabet, .visit = visit, .data = data};
    enumerate_events(&all, 0, 0, 0);
}
