#include "tests/property/monitor_oracle.h"

/* Sequences keep their items in nibbles, the oldest lowest; ids start at 1. */
static unsigned sequence_length(uint64_t items)
{
    unsigned length = 0;
    for (; items; items >>= 4)
        length++;
    return length;
}

uint32_t oracle_front(enum oracle_object object, uint64_t state)
{
    if (object == ORACLE_QUEUE)
        return (uint32_t)(state & 15);
    if (object == ORACLE_STACK)
        return state ? (uint32_t)(state >> (4 * (sequence_length(state) - 1))) : 0;
    uint32_t largest = 0, smallest = 0;
    for (uint32_t id = 1; id < 16; id++)
        if (state >> (4 * id) & 15) {
            largest = id;
            smallest = smallest ? smallest : id;
        }
    bool takes_smallest =
        object == ORACLE_UNORDERED_QUEUE && largest > 0 && (state >> (4 * largest - 4) & 15);
    return takes_smallest ? smallest : largest;
}

static uint64_t container_pop(enum oracle_object object, uint64_t state)
{
    if (object == ORACLE_QUEUE)
        return state >> 4;
    if (object == ORACLE_STACK)
        return state & ~((uint64_t)15 << (4 * (sequence_length(state) - 1)));
    return state - ((uint64_t)1 << (4 * oracle_front(object, state)));
}

/* A bag counts its values in nibbles, by id. */
static bool bag_step(uint64_t *state, const struct rift_call *call, unsigned choice)
{
    uint32_t taken = call->a;
    switch (call->kind) {
    case RIFT_CALL_INSERT:
        *state += (uint64_t)1 << (4 * call->a);
        return true;
    case RIFT_CALL_PEEK:
        return *state >> (4 * call->a) & 15;
    case RIFT_CALL_TAKE_EMPTY:
    case RIFT_CALL_PEEK_EMPTY:
        return *state == 0;
    case RIFT_CALL_TAKE_UNKNOWN:
        for (taken = 1; taken < 16; taken++)
            if ((*state >> (4 * taken) & 15) && choice-- == 0)
                break;
        break;
    case RIFT_CALL_TAKE:
        break;
    default:
        return false;
    }
    if (taken >= 16 || !(*state >> (4 * taken) & 15))
        return false;
    *state -= (uint64_t)1 << (4 * taken);
    return true;
}

static bool container_step(enum oracle_object object, uint64_t *state, const struct rift_call *call)
{
    uint32_t front = oracle_front(object, *state);
    switch (call->kind) {
    case RIFT_CALL_INSERT:
        if (object == ORACLE_PRIORITY_QUEUE)
            *state += (uint64_t)1 << (4 * call->a);
        else
            *state |= (uint64_t)call->a << (4 * sequence_length(*state));
        return true;
    case RIFT_CALL_TAKE:
        if (front == 0 || front != call->a)
            return false;
        *state = container_pop(object, *state);
        return true;
    case RIFT_CALL_TAKE_UNKNOWN:
        if (front != 0)
            *state = container_pop(object, *state);
        return true;
    case RIFT_CALL_PEEK:
        return front != 0 && front == call->a;
    case RIFT_CALL_TAKE_EMPTY:
    case RIFT_CALL_PEEK_EMPTY:
        return front == 0;
    default:
        return false;
    }
}

static bool register_step(uint64_t *state, const struct rift_call *call)
{
    switch (call->kind) {
    case RIFT_CALL_READ:
        return *state == call->a;
    case RIFT_CALL_WRITE:
        *state = call->a;
        return true;
    case RIFT_CALL_CAS:
    case RIFT_CALL_EXCHANGE:
        if (*state != call->a)
            return false;
        *state = call->b;
        return true;
    case RIFT_CALL_CAS_FAILED:
        return *state != call->a;
    default:
        return false;
    }
}

static bool set_step(uint64_t *state, const struct rift_call *call)
{
    uint64_t bit = (uint64_t)1 << call->a;
    bool is_member = (*state & bit) != 0;
    switch (call->kind) {
    case RIFT_CALL_ADD_NEW:
    case RIFT_CALL_ADD:
        *state |= bit;
        return call->kind == RIFT_CALL_ADD || !is_member;
    case RIFT_CALL_REMOVE_FOUND:
    case RIFT_CALL_REMOVE:
        *state &= ~bit;
        return call->kind == RIFT_CALL_REMOVE || is_member;
    case RIFT_CALL_CONTAINS:
        return is_member;
    case RIFT_CALL_LACKS:
        return !is_member;
    default:
        return false;
    }
}

static bool counter_step(uint64_t *state, const struct rift_call *call)
{
    int64_t count = (int64_t)*state;
    int64_t a = (int64_t)call->a - ORACLE_ZERO, b = (int64_t)call->b - ORACLE_ZERO;
    switch (call->kind) {
    case RIFT_CALL_READ:
        return count == a;
    case RIFT_CALL_INCREMENT:
        *state = (uint64_t)(count + a);
        return true;
    case RIFT_CALL_FETCH_ADD:
        *state = (uint64_t)(count + a);
        return count == b;
    case RIFT_CALL_ADD_FETCH:
        *state = (uint64_t)(count + a);
        return count + a == b;
    default:
        return false;
    }
}

/* Owner in the low byte, holds in the next, the last fence above. Fences count from the id after
 * ORACLE_ZERO. */
static bool lock_step(enum oracle_object object, uint64_t *state, const struct rift_call *call)
{
    uint64_t owner = *state & 255, holds = *state >> 8 & 255, fence = *state >> 16;
    bool is_free = holds == 0 || (object == ORACLE_REENTRANT_LOCK && owner == call->a);
    switch (call->kind) {
    case RIFT_CALL_ACQUIRE:
        if (!is_free)
            return false;
        if (object == ORACLE_FENCED_LOCK) {
            if (call->b != 0 && call->b - (uint64_t)ORACLE_ZERO <= fence)
                return false;
            fence = call->b != 0 ? call->b - (uint64_t)ORACLE_ZERO : fence + 1;
        }
        owner = object == ORACLE_MUTEX ? 0 : call->a;
        holds++;
        break;
    case RIFT_CALL_RELEASE:
        if (holds == 0 || (object != ORACLE_MUTEX && owner != call->a))
            return false;
        if (--holds == 0)
            owner = 0;
        break;
    case RIFT_CALL_REFUSED:
        return !is_free;
    default:
        return false;
    }
    *state = owner | holds << 8 | fence << 16;
    return true;
}

bool oracle_step(enum oracle_object object, uint64_t *state, const struct rift_call *call,
                 unsigned choice)
{
    if (object == ORACLE_UNORDERED_QUEUE)
        return bag_step(state, call, choice);
    if (choice > 0)
        return false;
    switch (object) {
    case ORACLE_REGISTER:
        return register_step(state, call);
    case ORACLE_SET:
        return set_step(state, call);
    case ORACLE_COUNTER:
    case ORACLE_FETCH_ADD:
        return counter_step(state, call);
    case ORACLE_MUTEX:
    case ORACLE_FENCED_LOCK:
    case ORACLE_REENTRANT_LOCK:
        return lock_step(object, state, call);
    default:
        return container_step(object, state, call);
    }
}

uint64_t oracle_start(enum oracle_object object, const struct rift_problem *problem)
{
    return object == ORACLE_REGISTER ? problem->initial : 0;
}

/* Dead ends seen so far in one search: (done ops, state). */
enum { DEAD_SIZE = 1 << 12 };
struct dead_end {
    uint64_t state;
    uint32_t done;
    uint32_t search;
};
static struct dead_end dead_ends[DEAD_SIZE];
static uint32_t search_number;

static struct dead_end *dead_end_slot(uint32_t done, uint64_t state)
{
    uint64_t hash = (state ^ ((uint64_t)done << 40) ^ done) * 0x9e3779b97f4a7c15u;
    return &dead_ends[hash >> 52];
}

static bool search_from(enum oracle_object object, const struct rift_problem *problem,
                        uint32_t done, uint64_t state)
{
    uint32_t first_completion = RIFT_EVENT_NEVER;
    for (size_t i = 0; i < problem->count; i++)
        if (!(done >> i & 1) && problem->ops[i].complete < first_completion)
            first_completion = problem->ops[i].complete;
    if (first_completion == RIFT_EVENT_NEVER)
        return true;
    struct dead_end *dead = dead_end_slot(done, state);
    if (dead->search == search_number && dead->done == done && dead->state == state)
        return false;
    for (size_t i = 0; i < problem->count; i++) {
        if (done >> i & 1 || problem->ops[i].invoke > first_completion)
            continue;
        for (unsigned choice = 0;; choice++) {
            uint64_t next = state;
            if (!oracle_step(object, &next, &problem->ops[i].call, choice))
                break;
            if (search_from(object, problem, done | 1u << i, next))
                return true;
            if (problem->ops[i].call.kind != RIFT_CALL_TAKE_UNKNOWN)
                break;
        }
    }
    *dead = (struct dead_end){state, done, search_number};
    return false;
}

bool oracle_is_linearizable(enum oracle_object object, const struct rift_problem *problem)
{
    search_number++;
    return search_from(object, problem, 0, oracle_start(object, problem));
}

/* What the rest of the order does from here; a crashed take of a bag may take anything. */
static bool replay_from(enum oracle_object object, const struct rift_problem *problem,
                        const uint32_t *order, size_t count, uint64_t state)
{
    if (count == 0)
        return true;
    const struct rift_call *call = &problem->ops[order[0]].call;
    for (unsigned choice = 0;; choice++) {
        uint64_t next = state;
        if (!oracle_step(object, &next, call, choice))
            return false;
        if (replay_from(object, problem, order + 1, count - 1, next))
            return true;
        if (call->kind != RIFT_CALL_TAKE_UNKNOWN)
            return false;
    }
}

bool oracle_order_is_right(enum oracle_object object, const struct rift_problem *problem,
                           const uint32_t *order, size_t count)
{
    uint32_t done = 0, latest_invocation = 0;
    for (size_t i = 0; i < count; i++) {
        if (order[i] >= problem->count || done >> order[i] & 1)
            return false;
        const struct rift_problem_op *op = &problem->ops[order[i]];
        if (op->complete < latest_invocation)
            return false;
        if (op->invoke > latest_invocation)
            latest_invocation = op->invoke;
        done |= 1u << order[i];
    }
    for (size_t i = 0; i < problem->count; i++)
        if (!(done >> i & 1) && problem->ops[i].complete != RIFT_EVENT_NEVER)
            return false;
    return replay_from(object, problem, order, count, oracle_start(object, problem));
}
