#include "tests/lib/etcd_caller.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

bool etcd_caller_seen[ETCD_CALLER_ROWS_MAX];

const struct rift_client *etcd_caller_client(void)
{
    const struct rift_client *found = rift_client_find("etcd");
    assert_non_null(found);
    return found;
}

struct etcd_caller etcd_caller_open(json_t *options)
{
    struct etcd_caller caller = {.values = rift_values_create(), .options = options};
    struct rift_client_config config = {.node = "n1",
                                        .run_id = "r1",
                                        .address = "127.0.0.1",
                                        .options = options,
                                        .open_deadline_ns = rift_clock_now() + RIFT_SECOND};
    assert_int_equal(etcd_caller_client()->open(&config, &caller.session, NULL), 0);
    return caller;
}

void etcd_caller_close(struct etcd_caller *caller)
{
    etcd_caller_client()->close(caller->session);
    rift_values_destroy(caller->values);
    json_decref(caller->options);
}

struct rift_answer etcd_caller_call(struct etcd_caller *caller, const char *f,
                                    struct rift_value argument, int64_t timeout_ms)
{
    const struct rift_client *client = etcd_caller_client();
    struct rift_request request = {.f = f,
                                   .key = rift_value_integer(caller->values, 1),
                                   .argument = argument,
                                   .values = caller->values,
                                   .deadline_ns = rift_clock_now() + timeout_ms * RIFT_MS};
    struct rift_answer answer = {.type = RIFT_OP_INFO};
    client->invoke(caller->session, &request, &answer);
    assert_true(rift_clock_now() < request.deadline_ns + 500 * RIFT_MS);
    for (size_t i = 0; client->errors[i].code; i++) {
        if (strcmp(client->errors[i].code, answer.error) == 0)
            etcd_caller_seen[i] = true;
    }
    return answer;
}

struct rift_answer etcd_caller_integer(struct etcd_caller *caller, const char *f, int64_t argument,
                                       int64_t timeout_ms)
{
    return etcd_caller_call(caller, f, rift_value_integer(caller->values, argument), timeout_ms);
}

void etcd_caller_wait_until_it_serves(struct etcd_caller *caller)
{
    int64_t deadline_ns = rift_clock_now() + 20 * RIFT_SECOND;
    while (etcd_caller_integer(caller, "write", 0, 1000).type != RIFT_OP_OK) {
        assert_true(rift_clock_now() < deadline_ns);
        usleep(50000);
    }
}

void assert_answer(struct rift_answer answer, enum rift_op_type type, const char *error)
{
    assert_string_equal(answer.error, error);
    assert_int_equal(answer.type, type);
}
