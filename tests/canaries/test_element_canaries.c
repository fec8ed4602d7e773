/* Stores of elements with one known bug, and their healthy twins: four clients, a crash now and
 * then, reads and dequeues in between and at the end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

enum bug {
    HEALTHY,
    LOSES_ACKNOWLEDGED, /* now and then an acknowledged element is not kept */
    READS_OLD,          /* a read now and then misses what was added last */
    RETURNS_TWICE,      /* an element comes twice */
    MAKES_UP,           /* an element that nobody put in */
    ADDS_WITHOUT_LOCK,  /* two additions at a time, and one is gone */
    NUMBERS_BY_NODE,    /* each node counts its identifiers alone */
};

enum { CLIENTS = 4, OPS = 1500, ELEMENTS_MAX = 2 * OPS };

enum kind { SET, QUEUE, COUNTER, IDENTIFIERS };

struct client {
    int32_t process;
    const char *f; /* NULL: idle */
    int64_t argument;
    bool has_acted, is_refused;
    struct rift_value result;
    int64_t seen; /* of a counter without lock: what was there when it looked */
};

struct store {
    enum kind kind;
    enum bug bug;
    struct rift_rng rng;
    struct rift_builder *builder;
    struct rift_values *values;
    struct client clients[CLIENTS];
    int64_t elements[ELEMENTS_MAX];
    size_t first, count; /* elements[first .. count - 1] */
    int64_t number, next_element, time;
    int64_t of_node[CLIENTS];
    bool is_over; /* only final reads and dequeues from now on */
};

static bool often(struct store *store, unsigned one_in)
{
    return rift_rng_below(&store->rng, one_in) == 0;
}

static void record(struct store *store, struct client *client, int type, struct rift_value value,
                   const char *error)
{
    struct rift_event event = {.process = client->process,
                               .f = client->f,
                               .value = value,
                               .error = error,
                               .has_time = true,
                               .time_ns = store->time += 1000};
    event.type = type;
    assert_int_equal(rift_builder_add(store->builder, &event, NULL), 0);
}

static void ask(struct store *store, struct client *client)
{
    static const char *const changes[] = {"add", "enqueue", "add", "generate"};
    static const char *const looks[] = {"read", "dequeue", "read", "generate"};
    bool is_change = !store->is_over && often(store, 2);
    client->f = is_change ? changes[store->kind] : looks[store->kind];
    client->has_acted = client->is_refused = false;
    client->argument = store->kind == COUNTER ? 1 : store->next_element;
    client->result = RIFT_VALUE_NIL;
    client->seen = store->number;
    bool has_argument = is_change && store->kind != IDENTIFIERS;
    store->next_element += has_argument;
    record(store, client, RIFT_EVENT_INVOKE,
           has_argument ? rift_value_integer(store->values, client->argument) : RIFT_VALUE_NIL,
           NULL);
}

static void read_set(struct store *store, struct client *client)
{
    struct rift_value items[ELEMENTS_MAX + 2];
    size_t count = store->count;
    if (store->bug == READS_OLD && count > 3 && often(store, 10))
        count -= 3;
    for (size_t i = 0; i < count; i++)
        items[i] = rift_value_integer(store->values, store->elements[i]);
    if (store->bug == RETURNS_TWICE && count > 0 && often(store, 10))
        items[count++] = items[0];
    if (store->bug == MAKES_UP && often(store, 10))
        items[count++] = rift_value_integer(store->values, 1000000);
    client->result = rift_value_box(store->values, RIFT_LIST, items, count);
}

static void take(struct store *store, struct client *client)
{
    client->is_refused = store->first == store->count;
    if (client->is_refused)
        return;
    int64_t element = store->elements[store->first++];
    if (store->bug == MAKES_UP && often(store, 50))
        element += 1000000;
    client->result = rift_value_integer(store->values, element);
    if (store->bug == RETURNS_TWICE && often(store, 50))
        store->first--;
}

/* The moment at which the store acts. */
static void act(struct store *store, struct client *client)
{
    size_t node = (size_t)(client - store->clients);
    client->has_acted = true;
    if (strcmp(client->f, "dequeue") == 0) {
        take(store, client);
    } else if (strcmp(client->f, "read") == 0) {
        if (store->kind == SET)
            read_set(store, client);
        else
            client->result = rift_value_integer(store->values, store->number);
    } else if (store->kind == COUNTER) {
        store->number = store->bug == ADDS_WITHOUT_LOCK ? client->seen + 1 : store->number + 1;
    } else if (store->kind == IDENTIFIERS) {
        int64_t *counter = store->bug == NUMBERS_BY_NODE ? &store->of_node[node] : &store->number;
        client->result = rift_value_integer(store->values, ++*counter);
    } else if (store->bug != LOSES_ACKNOWLEDGED || !often(store, 50)) {
        store->elements[store->count++] = client->argument;
    }
}

static void answer(struct store *store, struct client *client)
{
    bool is_change = store->kind != IDENTIFIERS && strcmp(client->f, "read") != 0 &&
                     strcmp(client->f, "dequeue") != 0;
    struct rift_value value =
        is_change ? rift_value_integer(store->values, client->argument) : client->result;
    if (is_change && often(store, 40)) {
        record(store, client, RIFT_EVENT_INFO, value, "timeout");
        client->process += CLIENTS;
    } else if (client->is_refused) {
        record(store, client, RIFT_EVENT_FAIL, RIFT_VALUE_NIL, "empty");
    } else {
        record(store, client, RIFT_EVENT_OK, value, NULL);
    }
    client->f = NULL;
}

static void step(struct store *store)
{
    struct client *client = &store->clients[rift_rng_below(&store->rng, CLIENTS)];
    if (client->f == NULL)
        ask(store, client);
    else if (!client->has_acted)
        act(store, client);
    else
        answer(store, client);
}

static struct rift_history *simulate(enum kind kind, enum bug bug)
{
    static struct store store;
    store = (struct store){.kind = kind, .bug = bug, .builder = rift_builder_create(RIFT_TIME_NS)};
    store.values = rift_builder_values(store.builder);
    rift_rng_init(&store.rng, 3);
    for (int32_t i = 0; i < CLIENTS; i++)
        store.clients[i].process = i;
    for (int i = 0; i < 2 * OPS; i++)
        step(&store);
    for (int i = 0; i < CLIENTS; i++)
        while (store.clients[i].f != NULL) {
            if (!store.clients[i].has_acted)
                act(&store, &store.clients[i]);
            answer(&store, &store.clients[i]);
        }
    store.is_over = true;
    for (size_t i = 0; i < (kind == QUEUE ? 3 * store.count : 20); i++)
        step(&store);
    return rift_builder_finish(store.builder, NULL);
}

static void expect(const char *checker, enum kind kind, enum bug bug, const char *anomaly)
{
    expect_verdict(checker, NULL, simulate(kind, bug), anomaly ? RIFT_INVALID : RIFT_VALID,
                   anomaly);
}

static void set_that_loses_is_convicted(void **state)
{
    (void)state;
    expect("set", SET, HEALTHY, NULL);
    expect("set", SET, LOSES_ACKNOWLEDGED, "lost element");
    expect("set", SET, MAKES_UP, "unexpected element");
}

static void set_read_all_the_time_tells_more(void **state)
{
    (void)state;
    expect("set-full", SET, HEALTHY, NULL);
    expect("set-full", SET, LOSES_ACKNOWLEDGED, "lost element");
    expect("set-full", SET, READS_OLD, "stale read");
    expect("set-full", SET, RETURNS_TWICE, "duplicate element");
    expect("set-full", SET, MAKES_UP, "unexpected element");
}

static void queue_that_makes_up_elements_is_convicted(void **state)
{
    (void)state;
    expect("queue", QUEUE, HEALTHY, NULL);
    expect("queue", QUEUE, MAKES_UP, "unexpected element");
    expect("queue", QUEUE, RETURNS_TWICE, "unexpected element");
}

static void queue_that_loses_is_convicted_once_drained(void **state)
{
    (void)state;
    expect("total-queue", QUEUE, HEALTHY, NULL);
    expect("total-queue", QUEUE, RETURNS_TWICE, NULL);
    expect("total-queue", QUEUE, LOSES_ACKNOWLEDGED, "lost element");
    expect("total-queue", QUEUE, MAKES_UP, "unexpected element");
}

static void counter_that_loses_additions_is_convicted(void **state)
{
    (void)state;
    expect("counter", COUNTER, HEALTHY, NULL);
    expect("counter", COUNTER, ADDS_WITHOUT_LOCK, "count too low");
}

static void identifiers_counted_by_node_are_convicted(void **state)
{
    (void)state;
    expect("unique-ids", IDENTIFIERS, HEALTHY, NULL);
    expect("unique-ids", IDENTIFIERS, NUMBERS_BY_NODE, "duplicate identifier");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_that_loses_is_convicted),
        cmocka_unit_test(set_read_all_the_time_tells_more),
        cmocka_unit_test(queue_that_makes_up_elements_is_convicted),
        cmocka_unit_test(queue_that_loses_is_convicted_once_drained),
        cmocka_unit_test(counter_that_loses_additions_is_convicted),
        cmocka_unit_test(identifiers_counted_by_node_are_convicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
