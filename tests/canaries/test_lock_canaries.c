/* A lock service whose holders may be late, and its twins with a bug. Leases run out, so two
 * processes hold the lock together now and then: as a mutex it is convicted, its tokens are not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

enum bug {
    HEALTHY,          /* nobody is late */
    LATE_HOLDERS,     /* a lease may run out while its holder is at work */
    TOKENS_BY_NODE,   /* each of two nodes counts for itself */
    TOKENS_BY_PARITY, /* the same, one odd and one even numbers: none comes twice */
};

enum { CLIENTS = 4, STEPS = 2000 };

struct service {
    enum bug bug;
    struct rift_rng rng;
    struct rift_builder *builder;
    int64_t time, counters[2];
    int holder; /* -1: free */
    bool believes[CLIENTS];
};

static void record(struct service *service, int client, int type, const char *f,
                   struct rift_value value)
{
    struct rift_event event = {.process = client,
                               .f = f,
                               .value = value,
                               .has_time = true,
                               .time_ns = service->time += 1000};
    event.type = type;
    assert_int_equal(rift_builder_add(service->builder, &event, NULL), 0);
}

static void acquire(struct service *service, int client)
{
    record(service, client, RIFT_EVENT_INVOKE, "acquire", RIFT_VALUE_NIL);
    if (service->holder >= 0) {
        record(service, client, RIFT_EVENT_FAIL, "acquire", RIFT_VALUE_NIL);
        return;
    }
    int node = service->bug >= TOKENS_BY_NODE ? client % 2 : 0;
    service->holder = client;
    service->believes[client] = true;
    int64_t token = ++service->counters[node];
    if (service->bug == TOKENS_BY_PARITY)
        token = 2 * token + node;
    record(service, client, RIFT_EVENT_OK, "acquire", rift_value_small_integer(token));
}

static void release(struct service *service, int client)
{
    bool is_held = service->holder == client;
    record(service, client, RIFT_EVENT_INVOKE, "release", RIFT_VALUE_NIL);
    service->believes[client] = false;
    if (is_held)
        service->holder = -1;
    record(service, client, is_held ? RIFT_EVENT_OK : RIFT_EVENT_FAIL, "release", RIFT_VALUE_NIL);
}

static struct rift_history *simulate(enum bug bug)
{
    struct service service = {
        .bug = bug, .builder = rift_builder_create(RIFT_TIME_NS), .holder = -1};
    rift_rng_init(&service.rng, 11);
    for (int i = 0; i < STEPS; i++) {
        int client = (int)rift_rng_below(&service.rng, CLIENTS);
        if (bug == LATE_HOLDERS && rift_rng_below(&service.rng, 50) == 0)
            service.holder = -1;
        if (service.believes[client])
            release(&service, client);
        else
            acquire(&service, client);
    }
    struct rift_history *history = rift_builder_finish(service.builder, NULL);
    assert_non_null(history);
    return history;
}

static void lock_that_nobody_holds_for_long_is_a_mutex_with_tokens(void **state)
{
    (void)state;
    expect_verdict("linearizable", "{\"model\": \"mutex\"}", simulate(HEALTHY), RIFT_VALID, NULL);
    expect_verdict("fencing", NULL, simulate(HEALTHY), RIFT_VALID, NULL);
}

static void lease_that_runs_out_breaks_the_mutex_and_not_the_tokens(void **state)
{
    (void)state;
    expect_verdict("linearizable", "{\"model\": \"mutex\"}", simulate(LATE_HOLDERS), RIFT_INVALID,
                   "state that nothing explains");
    expect_verdict("fencing", NULL, simulate(LATE_HOLDERS), RIFT_VALID, NULL);
}

static void tokens_that_go_back_or_come_twice_are_convicted(void **state)
{
    (void)state;
    expect_verdict("fencing", NULL, simulate(TOKENS_BY_NODE), RIFT_INVALID, "token given twice");
    expect_verdict("fencing", NULL, simulate(TOKENS_BY_PARITY), RIFT_INVALID, "token went back");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lock_that_nobody_holds_for_long_is_a_mutex_with_tokens),
        cmocka_unit_test(lease_that_runs_out_breaks_the_mutex_and_not_the_tokens),
        cmocka_unit_test(tokens_that_go_back_or_come_twice_are_convicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
