/* Checkers of whole runs: what the logs tell, whether copies agree in the end, and another checker
 * on what was under way inside or outside of fault windows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkers/checker.h"
#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"

/* A log of these lines. anomaly NULL: it must be clean. */
static void expect_log(const char *lines, const char *options, const char *anomaly, int line)
{
    char path[] = "/tmp/rift-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
    close(fd);
    struct rift_history *history = rift_history_from_notation("p0 w1 ok", NULL);
    struct rift_log_file log = {"n2", "nodes/n2/db.log", path};
    struct rift_check check = {.history = history, .logs = &log, .log_count = 1};
    struct rift_verdict verdict = judge_check("log-patterns", options, check);
    unlink(path);
    const json_t *found = first_anomaly(&verdict);
    const char *name = json_string_value(json_object_get(found, "name"));
    if (!name != !anomaly || (name && strcmp(name, anomaly) != 0))
        fail_msg("%s: %s", lines, name ? name : "clean");
    assert_int_equal(verdict.validity, anomaly ? RIFT_INVALID : RIFT_VALID);
    if (anomaly) {
        assert_int_equal(json_integer_value(json_object_get(found, "line")), line);
        assert_string_equal(json_string_value(json_object_get(found, "file")), "nodes/n2/db.log");
        assert_string_equal(json_string_value(json_object_get(found, "node")), "n2");
    }
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

static void log_of_a_healthy_node_is_clean(void **state)
{
    (void)state;
    expect_log("", NULL, NULL, 0);
    expect_log("started\nno newline at the end", NULL, NULL, 0);
    /* What etcd 3.4 and PostgreSQL 15 write when they start. */
    expect_log("{\"level\":\"info\",\"msg\":\"starting\",\"initial-corrupt-check\":false,"
               "\"corrupt-check-time-interval\":\"0s\"}\n",
               NULL, NULL, 0);
    expect_log("LOG:  database system was interrupted; last known up at 2026-01-01\n"
               "LOG:  database system was not properly shut down; automatic recovery in progress\n",
               NULL, NULL, 0);
}

static void log_with_a_panic_and_its_like_is_convicted_at_its_line(void **state)
{
    (void)state;
    expect_log("ok\npanic: runtime error: index out of range\n", NULL, "log: panic", 2);
    expect_log("{\"level\":\"panic\",\"msg\":\"tocommit(9) is out of range\"}\n", NULL,
               "log: panic", 1);
    expect_log("PANIC:  could not locate a valid checkpoint record\n", NULL, "log: panic", 1);
    expect_log("thread 'main' panicked at src/main.rs:4:5\n", NULL, "log: panic", 1);
    expect_log("a\nb\ndb: x.c:7: f: Assertion `n > 0' failed.\n", NULL, "log: assertion", 3);
    expect_log("TRAP: FailedAssertion(\"x\", File: \"y.c\", Line: 3)\n", NULL, "log: assertion", 1);
    expect_log("ERROR:  invalid page: data is corrupted\n", NULL, "log: corrupt", 1);
    expect_log("ERROR:  out of memory\n", NULL, "log: out of memory", 1);
    expect_log("LOG:  server process (PID 7) was terminated by signal 11: Segmentation fault\n",
               NULL, "log: crash", 1);
}

static void patterns_are_added_and_lines_passed_over_as_told(void **state)
{
    (void)state;
    expect_log("weird thing 7\n", NULL, NULL, 0);
    expect_log("weird thing 7\n", "{\"patterns\": [\"weird thing [0-9]+\"]}",
               "log: weird thing [0-9]+", 1);
    expect_log("panic: as planned\n", "{\"ignore\": \"as planned\"}", NULL, 0);
    expect_log("panic: at will\n", "{\"defaults\": false}", NULL, 0);
}

static void run_without_logs_is_unknown(void **state)
{
    (void)state;
    struct rift_history *history = rift_history_from_notation("p0 w1 ok", NULL);
    struct rift_verdict verdict = judge("log-patterns", NULL, history);
    assert_int_equal(verdict.validity, RIFT_UNKNOWN);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

/* An event at the next moment. node 0: none; process -1: the nemesis. */
struct tape {
    struct rift_builder *builder;
    int64_t time_ns;
};

static void add(struct tape *tape, int32_t process, int type, const char *f, int node,
                struct rift_value value)
{
    static const char *const nodes[] = {NULL, "n1", "n2", "n3"};
    struct rift_event event = {.process = process,
                               .f = f,
                               .value = value,
                               .node = nodes[node],
                               .has_time = true,
                               .time_ns = tape->time_ns += 1000000};
    event.type = type;
    struct rift_error err = {0};
    if (rift_builder_add(tape->builder, &event, &err) != 0)
        fail_msg("%s", err.text);
}

static struct tape tape_create(void)
{
    return (struct tape){.builder = rift_builder_create(RIFT_TIME_NS)};
}

static struct rift_history *tape_finish(struct tape *tape)
{
    struct rift_history *history = rift_builder_finish(tape->builder, NULL);
    assert_non_null(history);
    return history;
}

static void whole(struct tape *tape, int32_t process, const char *f, int node, int type, int64_t n)
{
    struct rift_value value = rift_value_small_integer(n);
    bool is_read = strcmp(f, "read") == 0;
    add(tape, process, RIFT_EVENT_INVOKE, f, node, is_read ? RIFT_VALUE_NIL : value);
    add(tape, process, type, f, node, value);
}

static void expect_end(struct tape *tape, enum rift_validity validity)
{
    struct rift_history *history = tape_finish(tape);
    struct rift_verdict verdict = judge("convergence", NULL, history);
    const char *name = json_string_value(json_object_get(first_anomaly(&verdict), "name"));
    if (verdict.validity != validity)
        fail_msg("%s: %s", rift_validity_name(verdict.validity),
                 verdict.reason ? verdict.reason : "");
    assert_int_equal(validity == RIFT_INVALID, name && strcmp(name, "diverged") == 0);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

static void copies_that_agree_in_the_end_have_converged(void **state)
{
    (void)state;
    struct tape tape = tape_create();
    whole(&tape, 0, "write", 1, RIFT_EVENT_OK, 1);
    whole(&tape, 0, "read", 2, RIFT_EVENT_OK, 0); /* late, but not at the end */
    whole(&tape, 0, "read", 1, RIFT_EVENT_OK, 1);
    whole(&tape, 0, "read", 2, RIFT_EVENT_OK, 1);
    expect_end(&tape, RIFT_VALID);
}

static void copy_that_missed_a_write_for_ever_has_diverged(void **state)
{
    (void)state;
    struct tape tape = tape_create();
    whole(&tape, 0, "write", 1, RIFT_EVENT_OK, 1);
    whole(&tape, 0, "read", 1, RIFT_EVENT_OK, 1);
    whole(&tape, 0, "read", 2, RIFT_EVENT_OK, 0);
    expect_end(&tape, RIFT_INVALID);
}

static void write_that_may_land_late_excuses_one_change(void **state)
{
    (void)state;
    struct tape tape = tape_create();
    whole(&tape, 0, "write", 1, RIFT_EVENT_INFO, 1);
    whole(&tape, 1, "read", 1, RIFT_EVENT_OK, 0);
    whole(&tape, 1, "read", 2, RIFT_EVENT_OK, 1);
    expect_end(&tape, RIFT_UNKNOWN);
    tape = tape_create();
    whole(&tape, 0, "write", 1, RIFT_EVENT_INFO, 1);
    whole(&tape, 1, "read", 1, RIFT_EVENT_OK, 0);
    whole(&tape, 1, "read", 2, RIFT_EVENT_OK, 1);
    whole(&tape, 1, "read", 1, RIFT_EVENT_OK, 0);
    expect_end(&tape, RIFT_INVALID);
}

static void one_node_alone_says_nothing(void **state)
{
    (void)state;
    struct tape tape = tape_create();
    whole(&tape, 0, "write", 1, RIFT_EVENT_OK, 1);
    whole(&tape, 0, "read", 1, RIFT_EVENT_OK, 1);
    expect_end(&tape, RIFT_UNKNOWN);
}

static void fault(struct tape *tape, const char *f)
{
    struct rift_value window[] = {
        rift_value_keyword(rift_builder_values(tape->builder), "window", strlen("window")),
        rift_value_small_integer(1)};
    struct rift_value value =
        rift_value_box(rift_builder_values(tape->builder), RIFT_MAP, window, 2);
    add(tape, RIFT_PROCESS_NEMESIS, RIFT_EVENT_INVOKE, f, 0, value);
    add(tape, RIFT_PROCESS_NEMESIS, RIFT_EVENT_INFO, f, 0, value);
}

/* A stale read, inside of a fault window or after it. */
static struct rift_history *stale_read(bool is_in_fault)
{
    struct tape tape = tape_create();
    whole(&tape, 0, "write", 1, RIFT_EVENT_OK, 1);
    whole(&tape, 0, "write", 1, RIFT_EVENT_OK, 2);
    fault(&tape, "start-partition");
    whole(&tape, 1, "read", 1, RIFT_EVENT_OK, is_in_fault ? 1 : 2);
    fault(&tape, "stop-partition");
    whole(&tape, 1, "read", 1, RIFT_EVENT_OK, is_in_fault ? 2 : 1);
    return tape_finish(&tape);
}

static void expect_phase(bool is_in_fault, const char *phase, enum rift_validity validity)
{
    struct rift_history *history = stale_read(is_in_fault);
    CLEANUP(rift_free)
    char *options = rift_printf("{\"checker\": \"linearizable\", \"phases\": [\"%s\"]}", phase);
    struct rift_verdict verdict = judge("by-phase", options, history);
    if (verdict.validity != validity)
        fail_msg("%s: %s, %s", phase, rift_validity_name(verdict.validity),
                 verdict.reason ? verdict.reason : "");
    /* Rows are those of the whole history: the read is the one that is stale there. */
    size_t i;
    json_t *row;
    bool has_read = validity == RIFT_VALID;
    json_array_foreach(json_object_get(first_anomaly(&verdict), "ops"), i, row) has_read |=
        json_integer_value(row) == (is_in_fault ? 2 : 3);
    assert_true(has_read);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

static void violation_is_found_in_the_phase_of_its_read(void **state)
{
    (void)state;
    expect_phase(true, "faults", RIFT_INVALID);
    expect_phase(true, "calm", RIFT_VALID);
    expect_phase(false, "faults", RIFT_VALID);
    expect_phase(false, "calm", RIFT_INVALID);
}

/* A read that lacks an element is excused by a later one: no part of the history will do. */
static void checker_that_needs_later_reads_is_refused(void **state)
{
    (void)state;
    const struct rift_checker *checker = rift_checker_find("by-phase");
    struct rift_history *history = stale_read(true);
    json_t *given = json_pack("{s:s}", "checker", "set-full");
    json_t *options = rift_checker_options(checker, given, NULL);
    struct rift_check check = {.history = history, .options = options};
    struct rift_verdict verdict = {0};
    struct rift_error err = {0};
    assert_int_equal(checker->check(&check, &verdict, &err), -1);
    assert_non_null(strstr(err.text, "set-full"));
    rift_verdict_finish(&verdict);
    json_decref(given);
    json_decref(options);
    rift_history_destroy(history);
}

static void operations_are_counted_by_phase(void **state)
{
    (void)state;
    struct rift_history *history = stale_read(true);
    struct rift_verdict verdict = judge("by-phase", "{\"checker\": \"stats\"}", history);
    const json_t *phases = json_object_get(verdict.details, "checkers");
    const json_t *faults = json_object_get(json_object_get(phases, "faults"), "stats");
    const json_t *calm = json_object_get(json_object_get(phases, "calm"), "stats");
    assert_int_equal(json_integer_value(json_object_get(faults, "operations")), 1);
    assert_int_equal(json_integer_value(json_object_get(calm, "operations")), 3);
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

/* The stale read is one of a session too; each of several is told by its name, with its options. */
static void several_are_asked_in_each_phase(void **state)
{
    (void)state;
    struct rift_history *history = stale_read(true);
    struct rift_verdict verdict =
        judge("by-phase",
              "{\"checker\": [\"stats\", \"linearizable\", \"sessions\"], "
              "\"options\": {\"sessions\": {\"guarantees\": [\"read your writes\"]}}}",
              history);
    const json_t *all = json_object_get(verdict.details, "checkers");
    assert_int_equal(json_object_size(all), 6);
    const json_t *faults = json_object_get(all, "faults, linearizable");
    assert_true(json_is_false(json_object_get(faults, "valid")));
    assert_true(json_is_true(json_object_get(json_object_get(all, "calm, linearizable"), "valid")));
    assert_true(json_is_true(json_object_get(json_object_get(all, "faults, sessions"), "valid")));
    assert_non_null(json_object_get(all, "calm, stats"));
    assert_int_equal(verdict.validity, RIFT_INVALID);
    assert_non_null(strstr(verdict.reason, "faults, linearizable"));
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

/* What is convicted in a phase is a violation of the whole history. */
static void what_a_phase_convicts_the_whole_convicts(void **state)
{
    static const char *const checkers[] = {"linearizable", "monotonic", "sessions", "causal"};
    int convicted = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct rift_rng rng;
        struct tape tape = tape_create();
        rift_rng_init(&rng, seed);
        for (int i = 0; i < 10; i++) {
            if (i == 3 || i == 7)
                fault(&tape, i == 3 ? "start-partition" : "stop-partition");
            int written = (int)rift_rng_below(&rng, 2) ? i + 1 : 0;
            int read = 1 + (int)rift_rng_below(&rng, (uint64_t)i + 1);
            whole(&tape, (int32_t)rift_rng_below(&rng, 2), written ? "write" : "read", 1,
                  RIFT_EVENT_OK, written ? written : read);
        }
        struct rift_history *history = tape_finish(&tape);
        for (size_t i = 0; i < sizeof checkers / sizeof *checkers; i++) {
            CLEANUP(rift_free) char *options = rift_printf("{\"checker\": \"%s\"}", checkers[i]);
            struct rift_verdict part = judge("by-phase", options, history);
            struct rift_verdict all = judge(checkers[i], NULL, history);
            convicted += part.validity == RIFT_INVALID;
            assert_true(part.validity != RIFT_INVALID || all.validity == RIFT_INVALID);
            rift_verdict_finish(&part);
            rift_verdict_finish(&all);
        }
        rift_history_destroy(history);
    }
    assert_true(convicted > 100);
}

/* Served at 2 and 6 ms, a partition in between, one write lost, served again 8 ms after the heal.
 */
static void expect_service(const char *options, enum rift_validity validity, const char *anomaly)
{
    struct tape tape = tape_create();
    whole(&tape, 0, "write", 1, RIFT_EVENT_OK, 1);
    fault(&tape, "start-partition");
    whole(&tape, 0, "write", 1, RIFT_EVENT_FAIL, 2);
    fault(&tape, "stop-partition");
    tape.time_ns += 6000000;
    whole(&tape, 0, "write", 1, RIFT_EVENT_OK, 3);
    struct rift_history *history = tape_finish(&tape);
    struct rift_verdict verdict = judge("availability", options, history);
    const char *name = json_string_value(json_object_get(first_anomaly(&verdict), "name"));
    if (verdict.validity != validity || !name != !anomaly || (name && strcmp(name, anomaly) != 0))
        fail_msg("%s: %s", options ? options : "", verdict.reason ? verdict.reason : "valid");
    rift_verdict_finish(&verdict);
    rift_history_destroy(history);
}

static void service_is_judged_by_the_bounds_it_has(void **state)
{
    (void)state;
    expect_service(NULL, RIFT_VALID, NULL);
    expect_service("{\"budget_percent\": 34, \"gap_s\": 0.02, \"recovery_s\": 0.01}", RIFT_VALID,
                   NULL);
    expect_service("{\"budget_percent\": 33}", RIFT_INVALID, "error budget spent");
    expect_service("{\"gap_s\": 0.008}", RIFT_INVALID, "outage too long");
    expect_service("{\"recovery_s\": 0.005}", RIFT_INVALID, "recovery too slow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_of_a_healthy_node_is_clean),
        cmocka_unit_test(log_with_a_panic_and_its_like_is_convicted_at_its_line),
        cmocka_unit_test(patterns_are_added_and_lines_passed_over_as_told),
        cmocka_unit_test(run_without_logs_is_unknown),
        cmocka_unit_test(copies_that_agree_in_the_end_have_converged),
        cmocka_unit_test(copy_that_missed_a_write_for_ever_has_diverged),
        cmocka_unit_test(write_that_may_land_late_excuses_one_change),
        cmocka_unit_test(one_node_alone_says_nothing),
        cmocka_unit_test(violation_is_found_in_the_phase_of_its_read),
        cmocka_unit_test(checker_that_needs_later_reads_is_refused),
        cmocka_unit_test(operations_are_counted_by_phase),
        cmocka_unit_test(several_are_asked_in_each_phase),
        cmocka_unit_test(what_a_phase_convicts_the_whole_convicts),
        cmocka_unit_test(service_is_judged_by_the_bounds_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
