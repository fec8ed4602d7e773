/* The interpreter with real threads and a store in memory; also run under ThreadSanitizer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <dirent.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "control/run/interpreter.h"
#include "tests/lib/memory_client.h"
#include "tests/lib/memory_journal.h"

enum { THREADS = 8 };

/* Writes 0, 1, 2... as fast as threads become free. */
struct writes {
    struct rift_generator base;
    int64_t count, next;
};

static enum rift_next writes_next(struct rift_generator *base,
                                  const struct rift_generator_context *context,
                                  struct rift_planned_op *op, int64_t *wake_ns)
{
    struct writes *generator = (struct writes *)base;
    if (generator->next == generator->count)
        return RIFT_NEXT_DONE;
    *wake_ns = RIFT_TIME_NEVER;
    for (unsigned i = 0; i < context->thread_count; i++) {
        if (!context->is_free[i])
            continue;
        *op = (struct rift_planned_op){.f = "write", .thread = RIFT_THREAD_ANY};
        op->argument = rift_value_integer(context->values, generator->next++);
        return RIFT_NEXT_OP;
    }
    return RIFT_NEXT_PENDING;
}

static const struct rift_generator_kind writes_kind = {"writes", writes_next, NULL};

static struct memory_journal journal;
static struct memory_store *store; /* a new one each time: workers may outlive their run */
static int64_t origin_ns;

static size_t threads_before;

static size_t thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    size_t count = 0;
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks));)
        count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static struct interpreter *start(const struct rift_client *client, int64_t op_timeout_ms)
{
    static const char *const names[] = {"n1", "n2", "n3"};
    struct rift_client_config configs[3];
    threads_before = thread_count();
    store = rift_calloc(1, sizeof *store);
    memory_store_init(store);
    json_t *options = memory_store_options(store);
    for (size_t i = 0; i < 3; i++)
        configs[i] = (struct rift_client_config){
            .node = names[i], .run_id = "", .address = "10.0.0.1", .options = options};
    origin_ns = rift_clock_now();
    struct interpreter_settings settings = {.client = client,
                                            .configs = configs,
                                            .node_count = 3,
                                            .thread_count = THREADS,
                                            .op_timeout_ms = op_timeout_ms,
                                            .origin_ns = origin_ns,
                                            .journal = memory_journal_open(&journal)};
    struct interpreter *interpreter = interpreter_create(&settings, NULL);
    json_decref(options);
    assert_non_null(interpreter);
    return interpreter;
}

/* Lets everything that hangs go on, and waits for the last worker. */
static void finish(struct interpreter *interpreter)
{
    interpreter_destroy(interpreter);
    atomic_store(&store->is_hanging, false);
    atomic_store(&store->lets_go, true);
    for (int i = 0; i < 500 && atomic_load(&store->open_sessions) > 0; i++)
        usleep(10000);
    assert_int_equal(store->open_sessions, 0);
    /* A worker that was left behind still has to free itself. */
    for (int i = 0; i < 500 && thread_count() > threads_before; i++)
        usleep(10000);
    free(store);
}

static enum interpreter_end run_writes(struct interpreter *interpreter, int64_t count,
                                       int64_t limit_ms)
{
    struct writes writes = {.base = {&writes_kind}, .count = count};
    struct rift_error err = {0};
    return interpreter_run(interpreter, &writes.base, rift_clock_now() + limit_ms * RIFT_MS, &err);
}

static void every_write_is_recorded_before_it_is_sent(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 1000);
    store->journal_count = &journal.count;
    assert_int_equal(run_writes(interpreter, 10000, 60000), INTERPRETER_DONE);
    assert_int_equal(store->early, 0);
    assert_int_equal(interpreter_counts(interpreter)->ok, 10000);
    finish(interpreter);
    for (int64_t i = 0; i < 10000; i++) {
        const struct memory_record *record = &journal.records[i];
        assert_true(record->has_ended && record->invoked_ns <= record->start_ns);
        assert_true(record->start_ns <= record->end_ns);
    }
}

static void sessions_are_open_before_the_first_operation(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 1000);
    interpreter_open_sessions(interpreter, rift_clock_now() + 5 * RIFT_SECOND);
    assert_int_equal(store->open_sessions, THREADS);
    assert_int_equal(store->invocations, 0);
    assert_int_equal(run_writes(interpreter, 100, 60000), INTERPRETER_DONE);
    assert_int_equal(store->open_sessions, THREADS);
    assert_int_equal(interpreter_counts(interpreter)->late, 0);
    finish(interpreter);
}

static void a_stuck_client_holds_up_neither_others_nor_the_end(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 500);
    atomic_store(&store->hang_once, 1);
    assert_int_equal(run_writes(interpreter, 2000, 60000), INTERPRETER_DONE);
    const struct scheduler_counts *counts = interpreter_counts(interpreter);
    assert_int_equal(counts->ok, 1999);
    assert_int_equal(counts->info, 1);
    assert_int_equal(counts->abandoned, 1);
    assert_int_equal(counts->late, 0); /* it is stuck still */
    atomic_store(&store->lets_go, true);
    for (int i = 0; i < 1000 && counts->late == 0; i++) {
        usleep(10000);
        interpreter_run(interpreter, NULL, 0, NULL);
    }
    assert_int_equal(counts->late, 1);
    assert_int_equal(counts->ok, 1999);
    finish(interpreter);
}

static void a_worker_may_come_back_after_the_run_is_gone(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 50);
    atomic_store(&store->hang_once, THREADS);
    assert_int_equal(run_writes(interpreter, THREADS, 60000), INTERPRETER_DONE);
    finish(interpreter);
}

static void a_full_disk_ends_the_phase(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 1000);
    struct writes writes = {.base = {&writes_kind}, .count = 5000};
    struct rift_error err = {0};
    atomic_store(&journal.is_full, true);
    assert_int_equal(interpreter_run(interpreter, &writes.base, INT64_MAX, &err),
                     INTERPRETER_FAILED);
    assert_non_null(strstr(err.text, "No space left on device"));
    finish(interpreter);
}

static void *stop_when_all_are_busy(void *interpreter)
{
    while (atomic_load(&store->invocations) < THREADS)
        usleep(1000);
    interpreter_stop(interpreter);
    return NULL;
}

static void another_thread_can_stop_it(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 200);
    atomic_store(&store->is_hanging, true);
    pthread_t stopper;
    pthread_create(&stopper, NULL, stop_when_all_are_busy, interpreter);
    int64_t before_ns = rift_clock_now();
    assert_int_equal(run_writes(interpreter, 100, 60000), INTERPRETER_STOPPED);
    assert_true(rift_clock_now() - before_ns < 30 * RIFT_SECOND);
    pthread_join(stopper, NULL);
    assert_int_equal(interpreter_counts(interpreter)->invoked, THREADS);
    assert_int_equal(run_writes(interpreter, 100, 60000), INTERPRETER_STOPPED);
    assert_int_equal(interpreter_counts(interpreter)->invoked, THREADS);
    finish(interpreter);
}

static void the_deadline_of_a_phase_is_kept(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 100);
    atomic_store(&store->is_hanging, true);
    assert_int_equal(run_writes(interpreter, 100, 50), INTERPRETER_TIMEOUT);
    /* Whoever came back after 0.1 s was given nothing more. */
    assert_true(interpreter_counts(interpreter)->invoked <= THREADS);
    finish(interpreter);
}

static int64_t cut_ns, healed_ns;

static void *cut_and_heal(void *interpreter)
{
    cut_ns = rift_clock_now();
    struct run_fault_op *fault =
        run_fault_op_create("start-partition", json_pack("{s:i}", "window", 1));
    interpreter_post_fault_begun(interpreter, fault);
    usleep(50000);
    fault->result = json_pack("{s:{}}", "nodes");
    fault->end_ns = healed_ns = rift_clock_now();
    interpreter_post_fault_ended(interpreter, fault);
    return NULL;
}

static void faults_are_recorded_while_every_client_is_stuck(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_correct, 100);
    atomic_store(&store->is_hanging, true);
    pthread_t nemesis;
    pthread_create(&nemesis, NULL, cut_and_heal, interpreter);
    run_writes(interpreter, THREADS, 60000);
    pthread_join(nemesis, NULL);
    interpreter_run(interpreter, NULL, 0, NULL); /* a late thread posts after the phase */
    const struct memory_record *found = NULL;
    for (int64_t i = 0; i < journal.count; i++) {
        if (journal.records[i].process == RIFT_PROCESS_NEMESIS)
            found = &journal.records[i];
    }
    assert_non_null(found);
    assert_string_equal(found->f, "start-partition");
    assert_true(found->has_ended);
    assert_in_range(found->start_ns + origin_ns, cut_ns, healed_ns - 50 * RIFT_MS);
    assert_int_equal(found->end_ns + origin_ns, healed_ns);
    memory_journal_close(&journal);
    finish(interpreter);
}

static void what_could_not_be_opened_was_not_sent(void **state)
{
    (void)state;
    struct interpreter *interpreter = start(&memory_client_closed, 100);
    assert_int_equal(run_writes(interpreter, 20, 60000), INTERPRETER_DONE);
    assert_int_equal(interpreter_counts(interpreter)->fail, 20);
    assert_string_equal(journal.records[0].error, "no session");
    assert_int_equal(store->invocations, 0);
    finish(interpreter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_write_is_recorded_before_it_is_sent),
        cmocka_unit_test(sessions_are_open_before_the_first_operation),
        cmocka_unit_test(a_stuck_client_holds_up_neither_others_nor_the_end),
        cmocka_unit_test(a_worker_may_come_back_after_the_run_is_gone),
        cmocka_unit_test(a_full_disk_ends_the_phase),
        cmocka_unit_test(another_thread_can_stop_it),
        cmocka_unit_test(the_deadline_of_a_phase_is_kept),
        cmocka_unit_test(faults_are_recorded_while_every_client_is_stuck),
        cmocka_unit_test(what_could_not_be_opened_was_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
