/* What other tools got wrong, and the histories they ship. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkers/linearizability/replay.h"
#include "checkers/monitors/registry.h"
#include "common/memory.h"
#include "history/reader.h"
#include "tests/property/monitor_oracle.h"

struct row {
    uint32_t invoke, complete;
    uint32_t kind, value;
};

#define NEVER  RIFT_EVENT_NEVER
#define INSERT RIFT_CALL_INSERT
#define TAKE   RIFT_CALL_TAKE
#define PEEK   RIFT_CALL_PEEK
#define EMPTY  RIFT_CALL_TAKE_EMPTY

static void check(const struct rift_monitor *monitor, enum oracle_object object,
                  const struct row *rows, size_t count, bool is_valid)
{
    struct oracle_history history;
    struct oracle_tally tally = {0};
    oracle_history_init(&history, object);
    for (size_t i = 0; i < count; i++)
        oracle_history_add(&history, rows[i].invoke, rows[i].complete,
                           (struct rift_call){rows[i].kind, rows[i].value, 0});
    oracle_history_close(&history);
    oracle_check(monitor, object, &history, &tally);
    assert_int_equal(tally.valid, is_valid);
    assert_int_equal(tally.invalid, !is_valid);
}

#define CHECK(monitor, object, is_valid, ...)                                                      \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check(&rift_monitor_##monitor, object, rows, sizeof rows / sizeof *rows, is_valid);        \
    } while (0)

/* fastlin and PolyLin take the end of time for the last op that is not an answer "empty". */
static void value_that_stays_is_inside_at_a_later_empty(void **state)
{
    (void)state;
    CHECK(queue, ORACLE_QUEUE, false, {1, 2, INSERT, 1}, {3, 4, EMPTY, 0});
    CHECK(stack, ORACLE_STACK, false, {1, 2, INSERT, 1}, {3, 4, EMPTY, 0});
    CHECK(priority_queue, ORACLE_PRIORITY_QUEUE, false, {1, 2, INSERT, 1}, {3, 4, EMPTY, 0});
    CHECK(unordered_queue, ORACLE_UNORDERED_QUEUE, false, {1, 2, INSERT, 1}, {3, 4, EMPTY, 0});
    CHECK(set, ORACLE_SET, false, {1, 2, RIFT_CALL_ADD_NEW, 1}, {3, 4, RIFT_CALL_LACKS, 1});
}

/* fastlin widens an insert again that a peek had narrowed. */
static void value_that_was_seen_stays_inside(void **state)
{
    (void)state;
    CHECK(stack, ORACLE_STACK, false, {1, 2, INSERT, 1}, {5, 7, PEEK, 2}, {6, 10, INSERT, 2},
          {8, 11, PEEK, 2}, {9, 12, TAKE, 1});
}

/* fastlin refuses it. */
static void peek_at_a_value_that_stays_is_linearizable(void **state)
{
    (void)state;
    CHECK(queue, ORACLE_QUEUE, true, {1, 3, INSERT, 1}, {2, 4, TAKE, 1}, {5, 6, INSERT, 2},
          {7, 8, PEEK, 2}, {9, 10, INSERT, 3});
}

/* fastlin refuses the set and crashes on the priority queue. */
static void object_that_is_only_looked_at_is_linearizable(void **state)
{
    (void)state;
    CHECK(set, ORACLE_SET, true, {1, 2, RIFT_CALL_LACKS, 1});
    CHECK(priority_queue, ORACLE_PRIORITY_QUEUE, true, {1, 2, EMPTY, 0}, {3, 4, EMPTY, 0});
    CHECK(stack, ORACLE_STACK, true, {1, 2, EMPTY, 0});
    CHECK(queue, ORACLE_QUEUE, true, {1, 2, EMPTY, 0});
}

/* LiMo ignores values that are never dequeued. */
static void value_that_nobody_took_cannot_be_overtaken(void **state)
{
    (void)state;
    CHECK(queue, ORACLE_QUEUE, false, {1, 2, INSERT, 2}, {3, 4, INSERT, 1}, {5, 6, TAKE, 1});
}

/* LiMo calls it a violation: it drops crashed pops. */
static void crashed_take_may_have_emptied_it(void **state)
{
    (void)state;
    CHECK(stack, ORACLE_STACK, true, {1, 2, INSERT, 1}, {3, NEVER, RIFT_CALL_TAKE_UNKNOWN, 0},
          {4, 5, EMPTY, 0});
    CHECK(queue, ORACLE_QUEUE, true, {1, 2, INSERT, 1}, {3, NEVER, RIFT_CALL_TAKE_UNKNOWN, 0},
          {4, 5, EMPTY, 0});
    CHECK(queue, ORACLE_QUEUE, false, {1, 2, INSERT, 1}, {4, 5, EMPTY, 0},
          {6, NEVER, RIFT_CALL_TAKE_UNKNOWN, 0});
}

/* PolyLin accepts it. */
static void lower_value_cannot_come_out_first(void **state)
{
    (void)state;
    CHECK(stack, ORACLE_STACK, false, {1, 2, INSERT, 1}, {7, 8, TAKE, 1}, {4, 6, INSERT, 2},
          {3, 9, INSERT, 3}, {5, 10, TAKE, 3});
}

/* fptlin refuses it. */
static void inserts_alone_are_linearizable(void **state)
{
    (void)state;
    CHECK(queue, ORACLE_QUEUE, true, {1, 2, INSERT, 1}, {3, 4, INSERT, 2});
}

/* Three increments, and reads that each could be explained alone. */
static void increment_counts_only_once(void **state)
{
    (void)state;
    enum { ZERO = ORACLE_ZERO };
    CHECK(counter, ORACLE_COUNTER, false, {1, 9, RIFT_CALL_INCREMENT, ZERO + 1},
          {2, 4, RIFT_CALL_INCREMENT, ZERO + 1}, {3, 6, RIFT_CALL_READ, ZERO + 2},
          {7, 8, RIFT_CALL_READ, ZERO + 1});
}

/* fastlin calls a history with a repeated value not linearizable. */
static void repeated_value_is_left_to_the_search(void **state)
{
    (void)state;
    struct oracle_history history;
    struct rift_certificate certificate = {0};
    oracle_history_init(&history, ORACLE_QUEUE);
    for (uint32_t i = 0; i < 2; i++) {
        oracle_history_add(&history, 10 * i + 1, 10 * i + 2, (struct rift_call){INSERT, 1, 0});
        oracle_history_add(&history, 10 * i + 3, 10 * i + 4, (struct rift_call){TAKE, 1, 0});
    }
    oracle_history_close(&history);
    assert_int_equal(rift_monitor_queue.judge(&history.problem, NULL, &certificate),
                     RIFT_MONITOR_NOT_APPLICABLE);
}

static enum rift_monitor_answer judge_file(const char *path, const char *model_name)
{
    struct rift_read_options options = {0};
    struct rift_error err;
    struct rift_history *history = rift_history_read(path, &options, &err);
    if (history == NULL)
        fail_msg("%s", err.text);
    CLEANUP(rift_free)
    uint32_t *rows = rift_malloc((history->ops.count + 1) * sizeof *rows);
    for (uint32_t i = 0; i < history->ops.count; i++)
        rows[i] = i;
    struct rift_problem_options problem_options = {0};
    const struct rift_model *model = rift_model_find(model_name);
    struct rift_problem *problem =
        rift_problem_create(model, history, rows, history->ops.count, &problem_options, &err);
    if (problem == NULL)
        fail_msg("%s: %s", path, err.text);
    enum rift_monitor_answer answer = RIFT_MONITOR_NOT_APPLICABLE;
    for (size_t i = 0; rift_monitors[i] && answer == RIFT_MONITOR_NOT_APPLICABLE; i++)
        for (const char *const *name = rift_monitors[i]->models; *name; name++) {
            struct rift_certificate certificate = {0};
            if (strcmp(*name, model->name) != 0)
                continue;
            answer = rift_monitors[i]->judge(problem, NULL, &certificate);
            if (answer == RIFT_MONITOR_VALID &&
                rift_replay_order(problem, certificate.order, certificate.order_count, &err))
                fail_msg("%s: %s", path, err.text);
            rift_certificate_finish(&certificate);
        }
    rift_problem_destroy(problem);
    rift_history_destroy(history);
    return answer;
}

/* Tab-separated: file, format, model, ops, expected, source. */
static void shipped_histories_agree(void **state)
{
    (void)state;
    const char *folder = getenv("RIFT_PEER_HISTORIES");
    folder = folder ? folder : "../shared/data";
    char path[4096], line[4096];
    snprintf(path, sizeof path, "%s/INDEX.tsv", folder);
    FILE *index = fopen(path, "r");
    if (index == NULL) {
        print_message("no INDEX.tsv in '%s': set RIFT_PEER_HISTORIES\n", folder);
        skip();
    }
    unsigned judged = 0, silent = 0;
    while (fgets(line, sizeof line, index)) {
        char file[1024], format[64], model[64], count[64], expected[64];
        if (sscanf(line, "%1023[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t]", file, format, model,
                   count, expected) != 5 ||
            strncmp(file, "monitors/", 9) != 0 || rift_model_find(model) == NULL ||
            strcmp(model, "deque") == 0 || strcmp(model, "semaphore") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, file);
        enum rift_monitor_answer answer = judge_file(path, model);
        if (answer == RIFT_MONITOR_NOT_APPLICABLE)
            silent++;
        else if ((answer == RIFT_MONITOR_VALID) != (strcmp(expected, "valid") == 0))
            fail_msg("%s: expected %s", file, expected);
        judged++;
    }
    fclose(index);
    print_message("%u files, %u of them without an answer\n", judged, silent);
    assert_true(judged > 50 && silent <= judged / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_that_stays_is_inside_at_a_later_empty),
        cmocka_unit_test(value_that_was_seen_stays_inside),
        cmocka_unit_test(peek_at_a_value_that_stays_is_linearizable),
        cmocka_unit_test(object_that_is_only_looked_at_is_linearizable),
        cmocka_unit_test(value_that_nobody_took_cannot_be_overtaken),
        cmocka_unit_test(crashed_take_may_have_emptied_it),
        cmocka_unit_test(lower_value_cannot_come_out_first),
        cmocka_unit_test(inserts_alone_are_linearizable),
        cmocka_unit_test(increment_counts_only_once),
        cmocka_unit_test(repeated_value_is_left_to_the_search),
        cmocka_unit_test(shipped_histories_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
