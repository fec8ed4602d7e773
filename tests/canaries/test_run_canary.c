/* A store with stale reads, and its healthy twin, through the whole path of a run but the hosts:
 * workload, interpreter with real threads, history file, checker. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/run/interpreter.h"
#include "history/reader.h"
#include "plan/generators/combinators.h"
#include "tests/lib/judging.h"
#include "tests/lib/memory_client.h"
#include "workloads/workload.h"

enum { THREADS = 6, LENGTH_OPS = 3000, RATE_HZ = 3000 };

static void record(const struct rift_client *client, const char *path)
{
    static const char *const names[] = {"n1", "n2", "n3"};
    struct memory_store *store = rift_calloc(1, sizeof *store);
    memory_store_init(store);
    json_t *client_options = memory_store_options(store);
    struct rift_client_config configs[3];
    for (size_t i = 0; i < 3; i++)
        configs[i] = (struct rift_client_config){
            .node = names[i], .run_id = "", .address = "10.0.0.1", .options = client_options};
    struct rift_arena arena = {0};
    json_t *options = json_pack("{s:i, s:i, s:i, s:s, s:f, s:f, s:i}", "keys", 5, "ops_per_key",
                                LENGTH_OPS / 5, "infos_per_key", 8, "key_distribution", "uniform",
                                "read_part", 0.5, "cas_part", 0.0, "cas_values", 5);
    struct rift_workload_request request = {.options = options,
                                            .thread_count = THREADS,
                                            .node_count = 3,
                                            .rate_hz = RATE_HZ,
                                            .seed = 42,
                                            .arena = &arena};
    struct rift_workload_phases phases = {0};
    assert_int_equal(rift_workload_find("register")->build(&request, &phases, NULL), 0);
    struct rift_writer *writer = rift_writer_open(path, NULL);
    assert_non_null(writer);
    struct interpreter_settings settings = {.client = client,
                                            .configs = configs,
                                            .node_count = 3,
                                            .thread_count = THREADS,
                                            .op_timeout_ms = 1000,
                                            .origin_ns = rift_clock_now(),
                                            .journal = run_journal_of_writer(writer)};
    struct interpreter *interpreter = interpreter_create(&settings, NULL);
    /* So many operations, however slow the machine is. */
    struct rift_generator *main = rift_generator_limit(&arena, LENGTH_OPS, phases.main);
    interpreter_run(interpreter, main, rift_clock_now() + 60 * RIFT_SECOND, NULL);
    interpreter_destroy(interpreter);
    assert_int_equal(rift_writer_close(writer, NULL), 0);
    rift_arena_finish(&arena);
    json_decref(options);
    json_decref(client_options);
    free(store);
}

static enum rift_validity judged(const struct rift_client *client, size_t *ok_count)
{
    char path[] = "/tmp/rift-canary-XXXXXX";
    close(mkstemp(path));
    unlink(path);
    record(client, path);
    struct rift_history *history = rift_history_read(path, NULL, NULL);
    assert_non_null(history);
    *ok_count = 0;
    for (size_t i = 0; i < history->ops.count; i++)
        *ok_count += history->ops.type[i] == RIFT_OP_OK;
    struct rift_check check = {.history = history, .budget = {.time_ms = 30000, .thread_count = 2}};
    struct rift_verdict verdict = judge_check("linearizable", NULL, check);
    enum rift_validity validity = verdict.validity;
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
    unlink(path);
    return validity;
}

static void a_store_that_answers_at_once_is_linearizable(void **state)
{
    (void)state;
    size_t ok_count = 0;
    assert_int_equal(judged(&memory_client_correct, &ok_count), RIFT_VALID);
    assert_true(ok_count > 500);
}

static void reads_from_replicas_that_lag_are_convicted(void **state)
{
    (void)state;
    size_t ok_count = 0;
    assert_int_equal(judged(&memory_client_stale, &ok_count), RIFT_INVALID);
    assert_true(ok_count > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_answers_at_once_is_linearizable),
        cmocka_unit_test(reads_from_replicas_that_lag_are_convicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
