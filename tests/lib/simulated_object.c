#include "tests/lib/simulated_object.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/rng.h"

enum { CLIENTS_MAX = 1000 };

struct client {
    uint32_t op; /* UINT32_MAX: idle */
    bool has_acted;
    bool holds; /* the lock */
};

struct simulation {
    const struct simulated_mix *mix;
    struct rift_rng rng;
    struct rift_problem *problem;
    struct client clients[CLIENTS_MAX];
    uint32_t next_value;
    /* The object: items[head .. tail - 1], or a heap of them; a number; a bit for each value. */
    uint32_t *items;
    size_t head, tail;
    uint32_t number;
    bool *is_member;
};

const char *simulated_model_name(enum simulated_kind kind)
{
    static const char *const names[SIMULATED_KIND_COUNT] = {
        "register",        "set",     "queue",   "stack", "priority-queue",
        "unordered-queue", "counter", "counter", "mutex",
    };
    return names[kind];
}

static uint64_t pick(struct simulation *simulation, uint64_t bound)
{
    return rift_rng_below(&simulation->rng, bound);
}

static bool is_container(enum simulated_kind kind)
{
    return kind >= SIMULATED_QUEUE && kind <= SIMULATED_UNORDERED_QUEUE;
}

static struct rift_call call_create(struct simulation *simulation, const struct client *client)
{
    const struct simulated_mix *mix = simulation->mix;
    bool looks = pick(simulation, 100) < mix->look_percent;
    bool is_even = pick(simulation, 2) == 0;
    if (is_container(mix->kind)) {
        if (looks)
            return (struct rift_call){RIFT_CALL_PEEK, 0, 0};
        /* Without looks nobody may find it empty: more is put in than is asked for. */
        if (is_even ||
            (mix->look_percent == 0 && simulation->tail - simulation->head < mix->client_count))
            return (struct rift_call){RIFT_CALL_INSERT, simulation->next_value++, 0};
        return (struct rift_call){RIFT_CALL_TAKE, 0, 0};
    }
    uint32_t known = simulation->next_value < 30 ? simulation->next_value : 30;
    uint32_t recent = simulation->next_value - 1 - (uint32_t)pick(simulation, known);
    switch (mix->kind) {
    case SIMULATED_REGISTER:
        return is_even ? (struct rift_call){RIFT_CALL_WRITE, simulation->next_value++, 0}
                       : (struct rift_call){RIFT_CALL_READ, 0, 0};
    case SIMULATED_SET:
        if (looks)
            return (struct rift_call){RIFT_CALL_CONTAINS, recent, 0};
        return is_even ? (struct rift_call){RIFT_CALL_ADD_NEW, simulation->next_value++, 0}
                       : (struct rift_call){RIFT_CALL_REMOVE_FOUND, recent, 0};
    case SIMULATED_COUNTER:
        return is_even ? (struct rift_call){RIFT_CALL_INCREMENT, 1, 0}
                       : (struct rift_call){RIFT_CALL_READ, 0, 0};
    case SIMULATED_FETCH_ADD:
        return (struct rift_call){RIFT_CALL_FETCH_ADD, 1, 0};
    default:
        return (struct rift_call){client->holds ? RIFT_CALL_RELEASE : RIFT_CALL_ACQUIRE, 1, 0};
    }
}

static int64_t number_of(const struct simulation *simulation, uint32_t value)
{
    return simulation->problem->numbers[value];
}

static void heap_insert(struct simulation *simulation, uint32_t value)
{
    size_t at = simulation->tail++;
    uint32_t *items = simulation->items;
    for (; at > 0 && number_of(simulation, items[(at - 1) / 2]) < number_of(simulation, value);
         at = (at - 1) / 2)
        items[at] = items[(at - 1) / 2];
    items[at] = value;
}

static void heap_remove_first(struct simulation *simulation)
{
    uint32_t *items = simulation->items, moved = items[--simulation->tail];
    size_t at = 0;
    for (size_t child = 1; child < simulation->tail; child = 2 * at + 1) {
        if (child + 1 < simulation->tail &&
            number_of(simulation, items[child + 1]) > number_of(simulation, items[child]))
            child++;
        if (number_of(simulation, items[child]) <= number_of(simulation, moved))
            break;
        items[at] = items[child];
        at = child;
    }
    items[at] = moved;
}

static bool container_act(struct simulation *simulation, struct rift_call *call)
{
    enum simulated_kind kind = simulation->mix->kind;
    bool is_empty = simulation->head == simulation->tail;
    if (call->kind == RIFT_CALL_INSERT) {
        if (kind == SIMULATED_PRIORITY_QUEUE)
            heap_insert(simulation, call->a);
        else
            simulation->items[simulation->tail++] = call->a;
        return true;
    }
    if (is_empty && simulation->mix->look_percent == 0)
        return false;
    if (is_empty) {
        call->kind = call->kind == RIFT_CALL_PEEK ? RIFT_CALL_PEEK_EMPTY : RIFT_CALL_TAKE_EMPTY;
        return true;
    }
    bool is_last = kind == SIMULATED_STACK || kind == SIMULATED_UNORDERED_QUEUE;
    call->a = simulation->items[is_last ? simulation->tail - 1 : simulation->head];
    if (call->kind == RIFT_CALL_PEEK)
        return true;
    if (kind == SIMULATED_PRIORITY_QUEUE)
        heap_remove_first(simulation);
    else if (is_last)
        simulation->tail--;
    else
        simulation->head++;
    return true;
}

static bool set_act(struct simulation *simulation, struct rift_call *call)
{
    bool *is_member = &simulation->is_member[call->a];
    if (call->kind == RIFT_CALL_ADD_NEW) {
        call->kind = *is_member ? RIFT_CALL_CONTAINS : RIFT_CALL_ADD_NEW;
        *is_member = true;
    } else if (call->kind == RIFT_CALL_REMOVE_FOUND) {
        call->kind = *is_member ? RIFT_CALL_REMOVE_FOUND : RIFT_CALL_LACKS;
        *is_member = false;
    } else {
        call->kind = *is_member ? RIFT_CALL_CONTAINS : RIFT_CALL_LACKS;
    }
    return true;
}

/* False: it cannot act now. */
static bool object_act(struct simulation *simulation, struct rift_call *call)
{
    if (is_container(simulation->mix->kind))
        return container_act(simulation, call);
    if (simulation->mix->kind == SIMULATED_SET)
        return set_act(simulation, call);
    switch (call->kind) {
    case RIFT_CALL_READ:
        call->a = simulation->number;
        return true;
    case RIFT_CALL_WRITE:
        simulation->number = call->a;
        return true;
    case RIFT_CALL_FETCH_ADD:
        call->b = simulation->number++;
        return true;
    case RIFT_CALL_INCREMENT:
        simulation->number++;
        return true;
    case RIFT_CALL_ACQUIRE:
    case RIFT_CALL_RELEASE:
        if (simulation->number != (call->kind == RIFT_CALL_RELEASE))
            return false;
        simulation->number ^= 1;
        return true;
    default:
        return true;
    }
}

/* The client never hears of its op. Looks are left without a trace, so they do not crash. */
static bool client_crashes(struct simulation *simulation, struct client *client)
{
    struct rift_problem_op *op = &simulation->problem->ops[client->op];
    if (pick(simulation, 1000) >= simulation->mix->crash_permille)
        return false;
    switch (op->call.kind) {
    case RIFT_CALL_TAKE:
        op->call = (struct rift_call){RIFT_CALL_TAKE_UNKNOWN, 0, 0};
        break;
    case RIFT_CALL_ADD_NEW:
        op->call.kind = RIFT_CALL_ADD;
        break;
    case RIFT_CALL_REMOVE_FOUND:
        op->call.kind = RIFT_CALL_REMOVE;
        break;
    case RIFT_CALL_FETCH_ADD:
        op->call.kind = RIFT_CALL_INCREMENT;
        break;
    case RIFT_CALL_INSERT:
    case RIFT_CALL_WRITE:
    case RIFT_CALL_INCREMENT:
        break;
    default:
        return false;
    }
    client->op = UINT32_MAX;
    return true;
}

static void client_step(struct simulation *simulation, struct client *client)
{
    struct rift_problem *problem = simulation->problem;
    if (client->op == UINT32_MAX) {
        if (problem->count == simulation->mix->op_count)
            return;
        client->op = (uint32_t)problem->count++;
        client->has_acted = false;
        problem->ops[client->op] = (struct rift_problem_op){
            .invoke = problem->event_count++,
            .complete = RIFT_EVENT_NEVER,
            .call = call_create(simulation, client),
            .row = client->op,
            .process = (int32_t)(client - simulation->clients),
        };
    } else if (!client->has_acted) {
        if (pick(simulation, 2) && client_crashes(simulation, client))
            return;
        client->has_acted = object_act(simulation, &problem->ops[client->op].call);
        if (client->has_acted)
            client->holds = problem->ops[client->op].call.kind == RIFT_CALL_ACQUIRE;
    } else {
        if (!client_crashes(simulation, client))
            problem->ops[client->op].complete = problem->event_count++;
        client->op = UINT32_MAX;
    }
}

static bool is_busy(const struct simulation *simulation)
{
    for (unsigned i = 0; i < simulation->mix->client_count; i++)
        if (simulation->clients[i].op != UINT32_MAX)
            return true;
    return false;
}

/* Events are numbered without gaps. */
static void renumber(struct rift_problem *problem)
{
    uint32_t **events = rift_calloc((size_t)problem->event_count + 1, sizeof *events);
    for (size_t i = 0; i < problem->count; i++) {
        struct rift_problem_op *op = &problem->ops[i];
        events[op->invoke] = &op->invoke;
        if (op->complete == RIFT_EVENT_NEVER)
            problem->info_count++;
        else
            events[op->complete] = &op->complete;
    }
    uint32_t count = 0;
    for (uint32_t event = 0; event < problem->event_count; event++)
        if (events[event])
            *events[event] = count++;
    problem->event_count = count;
    free(events);
}

/* What is still open has to be forgotten or weakened: its answer is not known. */
static void close_open(struct simulation *simulation)
{
    struct rift_problem *problem = simulation->problem;
    for (unsigned i = 0; i < simulation->mix->client_count; i++)
        if (simulation->clients[i].op != UINT32_MAX)
            problem->ops[simulation->clients[i].op].call =
                rift_call_weakened(problem->ops[simulation->clients[i].op].call);
    size_t kept = 0;
    for (size_t i = 0; i < problem->count; i++)
        if (problem->ops[i].call.kind != RIFT_CALL_KIND_COUNT)
            problem->ops[kept++] = problem->ops[i];
    problem->count = kept;
    renumber(problem);
}

struct rift_problem *simulated_create(const struct simulated_mix *mix)
{
    struct rift_problem *problem = rift_calloc(1, sizeof *problem);
    struct simulation *simulation = rift_calloc(1, sizeof *simulation);
    size_t room = mix->op_count + 2;
    simulation->mix = mix;
    simulation->problem = problem;
    simulation->next_value = mix->kind == SIMULATED_SET ? 2 : 1;
    simulation->items = rift_malloc(room * sizeof(uint32_t));
    simulation->is_member = rift_calloc(room, sizeof(bool));
    rift_rng_init(&simulation->rng, mix->seed);
    for (unsigned i = 0; i < mix->client_count; i++)
        simulation->clients[i].op = UINT32_MAX;
    problem->model = rift_model_find(simulated_model_name(mix->kind));
    problem->ops = rift_malloc(room * sizeof *problem->ops);
    problem->value_count = (uint32_t)room;
    problem->capacity = 1;
    problem->values = rift_calloc(room, sizeof *problem->values);
    problem->numbers = rift_malloc(room * sizeof *problem->numbers);
    problem->is_number = rift_malloc(room);
    for (size_t i = 0; i < room; i++) {
        /* Priorities jump about; everything else counts. */
        bool jumps = mix->kind == SIMULATED_PRIORITY_QUEUE;
        problem->numbers[i] = jumps ? (int64_t)(i * 2654435761u & UINT32_MAX) : (int64_t)i;
        problem->is_number[i] = true;
    }
    for (size_t step = 0; problem->count < mix->op_count || (is_busy(simulation) && step < room);) {
        client_step(simulation, &simulation->clients[pick(simulation, mix->client_count)]);
        step = problem->count < mix->op_count ? 0 : step + 1;
    }
    close_open(simulation);
    free(simulation->items);
    free(simulation->is_member);
    free(simulation);
    return problem;
}

void simulated_destroy(struct rift_problem *problem)
{
    if (problem == NULL)
        return;
    free(problem->ops);
    free(problem->values);
    free(problem->numbers);
    free(problem->is_number);
    free(problem);
}
