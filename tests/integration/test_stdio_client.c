/* The client that is any program, with the Python example and with programs that misbehave. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "clients/client.h"
#include "common/clock.h"
#include "common/memory.h"

struct caller {
    void *session;
    struct rift_values *values;
    json_t *options;
};

static int open_program(struct caller *caller, json_t *command, struct rift_error *err)
{
    *caller = (struct caller){.values = rift_values_create()};
    caller->options = json_pack("{s:o, s:{}}", "command", command, "settings");
    const char *const addresses[] = {"10.0.0.1", "10.0.0.2", NULL};
    struct rift_client_config config = {.node = "n1",
                                        .run_id = "r1",
                                        .address = "10.0.0.1",
                                        .all_addresses = addresses,
                                        .options = caller->options,
                                        .open_deadline_ns = rift_clock_now() + 10 * RIFT_SECOND};
    return rift_client_find("stdio")->open(&config, &caller->session, err);
}

static void close_program(struct caller *caller)
{
    rift_client_find("stdio")->close(caller->session);
    rift_values_destroy(caller->values);
    json_decref(caller->options);
}

static struct rift_answer call(struct caller *caller, const char *f, const char *argument,
                               int64_t timeout_ms)
{
    json_t *json = json_loads(argument, JSON_DECODE_ANY, NULL);
    struct rift_request request = {.f = f,
                                   .key = rift_value_integer(caller->values, 3),
                                   .values = caller->values,
                                   .deadline_ns = rift_clock_now() + timeout_ms * RIFT_MS};
    assert_int_equal(rift_value_from_json(caller->values, json, &request.argument, NULL), 0);
    json_decref(json);
    struct rift_answer answer = {.type = RIFT_OP_INFO};
    rift_client_find("stdio")->invoke(caller->session, &request, &answer);
    return answer;
}

/* A program in sh that answers "open", then does body for the next line. */
static json_t *shell_program(const char *body)
{
    CLEANUP(rift_free)
    char *script = rift_printf("read l; echo '{\"id\":0,\"type\":\"ok\"}'; read l; %s", body);
    return json_pack("[s, s, s]", "sh", "-c", script);
}

static struct rift_answer ask_shell(const char *body, int64_t timeout_ms)
{
    struct caller caller;
    assert_int_equal(open_program(&caller, shell_program(body), NULL), 0);
    struct rift_answer answer = call(&caller, "read", "null", timeout_ms);
    int64_t before_ns = rift_clock_now();
    close_program(&caller);
    assert_true(rift_clock_now() - before_ns < 30 * RIFT_SECOND); /* one sleeps for 60 s */
    return answer;
}

static void the_python_example_is_a_register(void **state)
{
    (void)state;
    char folder[] = "/tmp/rift-stdio-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct caller caller, other;
    struct rift_error err = {0};
    const char *const example = "clients/stdio/example_register.py";
    if (open_program(&caller, json_pack("[s, s, s]", "python3", example, folder), &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(open_program(&other, json_pack("[s, s, s]", "python3", example, folder), NULL),
                     0);
    struct rift_answer answer = call(&caller, "read", "null", 2000);
    assert_int_equal(answer.type, RIFT_OP_OK);
    assert_true(rift_value_is_nil(answer.result));
    assert_int_equal(call(&caller, "write", "4", 2000).type, RIFT_OP_OK);
    answer = call(&other, "read", "null", 2000);
    assert_int_equal(rift_value_as_integer(other.values, answer.result), 4);
    answer = call(&other, "cas", "[5, 6]", 2000);
    assert_int_equal(answer.type, RIFT_OP_FAIL);
    assert_string_equal(answer.error, "compare failed");
    assert_int_equal(call(&other, "cas", "[4, 6]", 2000).type, RIFT_OP_OK);
    close_program(&caller);
    close_program(&other);
    char *file = rift_printf("%s/r1/key-3", folder);
    assert_int_equal(unlink(file), 0);
    free(file);
    char *made = rift_printf("%s/r1", folder);
    assert_int_equal(rmdir(made), 0);
    free(made);
    rmdir(folder);
}

static void a_program_that_dies_leaves_its_operation_open(void **state)
{
    (void)state;
    struct rift_answer answer = ask_shell("exit 1", 5000);
    assert_int_equal(answer.type, RIFT_OP_INFO);
    assert_string_equal(answer.error, "program ended");
    assert_true(answer.is_session_broken);
}

static void a_late_program_is_info_by_the_deadline(void **state)
{
    (void)state;
    struct rift_answer answer = ask_shell("sleep 60", 200);
    assert_int_equal(answer.type, RIFT_OP_INFO);
    assert_string_equal(answer.error, "timeout");
    assert_true(answer.is_session_broken);
}

static void nonsense_is_never_taken_for_an_answer(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "echo hello",
        "echo '{\"id\":7,\"type\":\"ok\"}'",
        "echo '{\"id\":1,\"type\":\"fine\"}'",
        "echo '[1, \"ok\"]'",
        "yes | tr -d '\\n' | head -c 2000000",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct rift_answer answer = ask_shell(bodies[i], 5000);
        assert_int_equal(answer.type, RIFT_OP_INFO);
        assert_string_equal(answer.error, "broken answer");
    }
}

static void a_noisy_program_does_not_block_on_its_stderr(void **state)
{
    (void)state;
    struct rift_answer answer =
        ask_shell("yes noise | head -c 300000 >&2; echo '{\"id\":1,\"type\":\"fail\"}'", 10000);
    assert_int_equal(answer.type, RIFT_OP_FAIL);
}

static void what_a_program_tells_besides_is_kept(void **state)
{
    (void)state;
    struct caller caller;
    struct rift_error err = {0};
    struct rift_value commit;
    json_t *program =
        shell_program("echo '{\"id\":1,\"type\":\"ok\",\"value\":1,\"extra\":{\"commit-ts\":7}}'");
    assert_int_equal(open_program(&caller, program, &err), 0);
    struct rift_answer answer = call(&caller, "read", "null", 5000);
    assert_int_equal(answer.type, RIFT_OP_OK);
    assert_true(rift_value_map_get(caller.values, answer.extra, "commit-ts", &commit));
    assert_int_equal(rift_value_as_integer(caller.values, commit), 7);
    close_program(&caller);
}

static void a_missing_program_is_named(void **state)
{
    (void)state;
    struct caller caller;
    struct rift_error err = {0};
    assert_int_equal(open_program(&caller, json_string("no-such-program"), &err), -1);
    assert_non_null(strstr(err.text, "no-such-program"));
    close_program(&caller);
    assert_int_equal(open_program(&caller, json_pack("[s, s]", "sh", "-c"), &err), -1);
    assert_non_null(strstr(err.text, "rift.log")); /* where its own last words are */
    close_program(&caller);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_python_example_is_a_register),
        cmocka_unit_test(a_program_that_dies_leaves_its_operation_open),
        cmocka_unit_test(a_late_program_is_info_by_the_deadline),
        cmocka_unit_test(nonsense_is_never_taken_for_an_answer),
        cmocka_unit_test(a_noisy_program_does_not_block_on_its_stderr),
        cmocka_unit_test(what_a_program_tells_besides_is_kept),
        cmocka_unit_test(a_missing_program_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
