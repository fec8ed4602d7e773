/* Checkers of sets, queues, counters and identifiers on small histories. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "history/reader.h"
#include "tests/lib/judging.h"

static void expect(const char *checker, const char *edn, const char *options,
                   enum rift_validity validity, const char *anomaly)
{
    expect_verdict(checker, options, judging_history(edn), validity, anomaly);
}

/* One completed op of a process, and one that never hears back. Times are the lines. */
#define OP(process, f, argument, type, result)                                                     \
    "{:process " #process " :type :invoke :f :" f " :value " argument "}\n"                        \
    "{:process " #process " :type :" type " :f :" f " :value " result "}\n"
#define ADD(process, element)   OP(process, "add", #element, "ok", #element)
#define READ(process, elements) OP(process, "read", "nil", "ok", elements)

static void acknowledged_element_must_be_in_the_last_read(void **state)
{
    (void)state;
    expect("set", ADD(0, 1) ADD(1, 2) READ(0, "[1 2]"), NULL, RIFT_VALID, NULL);
    expect("set", ADD(0, 1) ADD(1, 2) READ(0, "[1]"), NULL, RIFT_INVALID, "lost element");
    expect("set", ADD(0, 1) ADD(1, 2), NULL, RIFT_UNKNOWN, NULL);
}

static void element_of_a_crashed_add_may_be_read_or_not(void **state)
{
    (void)state;
    expect("set", OP(0, "add", "1", "info", "1") READ(1, "[1]"), NULL, RIFT_VALID, NULL);
    expect("set", OP(0, "add", "1", "info", "1") READ(1, "[]"), NULL, RIFT_VALID, NULL);
}

static void element_that_nobody_added_is_unexpected(void **state)
{
    (void)state;
    expect("set", ADD(0, 1) READ(0, "[1 2]"), NULL, RIFT_INVALID, "unexpected element");
    expect("set", OP(0, "add", "1", "fail", "1") READ(0, "[1]"), NULL, RIFT_INVALID,
           "unexpected element");
    expect("set-full", ADD(0, 1) READ(0, "[1 2]"), NULL, RIFT_INVALID, "unexpected element");
}

static void element_read_before_its_add_is_unexpected(void **state)
{
    (void)state;
    expect("set", READ(0, "[1]") ADD(0, 1) READ(0, "[1]"), NULL, RIFT_INVALID,
           "unexpected element");
    expect("set-full", READ(0, "[1]") ADD(0, 1) READ(0, "[1]"), NULL, RIFT_INVALID,
           "unexpected element");
}

static void add_that_overlaps_the_last_read_is_not_lost(void **state)
{
    (void)state;
    expect("set",
           "{:process 0 :type :invoke :f :read :value nil}\n" ADD(
               1, 1) "{:process 0 :type :ok :f :read :value []}\n",
           NULL, RIFT_VALID, NULL);
}

static void element_that_vanishes_is_lost(void **state)
{
    (void)state;
    expect("set-full", ADD(0, 1) ADD(0, 2) READ(1, "[1 2]") READ(1, "[1]"), NULL, RIFT_INVALID,
           "lost element");
    /* Known by a read alone. */
    expect("set-full", ADD(0, 2) OP(0, "add", "1", "info", "1") READ(1, "[1 2]") READ(1, "[2]"),
           NULL, RIFT_INVALID, "lost element");
    expect("set-full", ADD(0, 1) READ(1, "[]"), NULL, RIFT_INVALID, "lost element");
}

static void element_that_comes_back_was_a_stale_read(void **state)
{
    (void)state;
    expect("set-full", ADD(0, 1) READ(1, "[]") READ(1, "[1]"), NULL, RIFT_INVALID, "stale read");
    expect("set-full", ADD(0, 1) READ(1, "[]") READ(1, "[1]"), "{\"linearizable\": false}",
           RIFT_VALID, NULL);
}

static void local_reads_of_the_plan_may_be_stale(void **state)
{
    (void)state;
    struct rift_history *history = judging_history(ADD(0, 1) READ(1, "[]") READ(1, "[1]"));
    json_t *plan = json_pack("{s:{s:s}}", "workload", "reads", "local");
    struct rift_check check = {.history = history, .plan = plan};
    struct rift_verdict verdict = judge_check("set-full", NULL, check);
    assert_int_equal(verdict.validity, RIFT_VALID);
    rift_verdict_finish(&verdict);
    json_decref(plan);
    rift_history_destroy(history);
}

static void element_twice_in_one_read_is_a_duplicate(void **state)
{
    (void)state;
    expect("set-full", ADD(0, 1) READ(1, "[1 1]"), NULL, RIFT_INVALID, "duplicate element");
}

static void set_that_was_never_read_is_unknown(void **state)
{
    (void)state;
    expect("set-full", ADD(0, 1), NULL, RIFT_UNKNOWN, NULL);
}

#define ENQ(process, element) OP(process, "enqueue", #element, "ok", #element)
#define DEQ(process, element) OP(process, "dequeue", "nil", "ok", element)

static void element_must_go_in_before_it_comes_out(void **state)
{
    (void)state;
    expect("queue", ENQ(0, 1) DEQ(1, "1"), NULL, RIFT_VALID, NULL);
    expect("queue", DEQ(1, "1") ENQ(0, 1), NULL, RIFT_INVALID, "unexpected element");
    expect("queue", ENQ(0, 1) DEQ(1, "1") DEQ(1, "1"), NULL, RIFT_INVALID, "unexpected element");
    expect("queue", OP(0, "enqueue", "1", "info", "1") DEQ(1, "1"), NULL, RIFT_VALID, NULL);
}

static void what_went_in_must_come_out_of_a_drained_queue(void **state)
{
    (void)state;
    expect("total-queue", ENQ(0, 1) DEQ(1, "1") DEQ(1, "nil"), NULL, RIFT_VALID, NULL);
    expect("total-queue", ENQ(0, 1) DEQ(1, "nil"), NULL, RIFT_INVALID, "lost element");
    expect("total-queue",
           ENQ(0, 1) "{:process 1 :type :invoke :f :dequeue :value nil}\n"
                     "{:process 1 :type :fail :f :dequeue :value nil :error :empty}\n",
           NULL, RIFT_INVALID, "lost element");
    expect("total-queue", ENQ(0, 1) ENQ(0, 2) OP(1, "drain", "nil", "ok", "[1 2]"), NULL,
           RIFT_VALID, NULL);
    expect("total-queue", ENQ(0, 1) ENQ(0, 2) OP(1, "drain", "nil", "ok", "[2]"), NULL,
           RIFT_INVALID, "lost element");
}

static void crashed_dequeue_may_have_taken_what_is_missing(void **state)
{
    (void)state;
    expect("total-queue", ENQ(0, 1) OP(2, "dequeue", "nil", "info", "nil") DEQ(1, "nil"), NULL,
           RIFT_UNKNOWN, NULL);
    expect("total-queue", ENQ(0, 1) ENQ(0, 2) OP(2, "dequeue", "nil", "info", "nil") DEQ(1, "nil"),
           NULL, RIFT_INVALID, "lost element");
}

static void queue_that_was_not_drained_has_lost_nothing_for_certain(void **state)
{
    (void)state;
    expect("total-queue", ENQ(0, 1) ENQ(0, 2) DEQ(1, "1"), NULL, RIFT_UNKNOWN, NULL);
}

static void second_delivery_is_allowed_unless_forbidden(void **state)
{
    (void)state;
    const char *twice = ENQ(0, 1) DEQ(1, "1") DEQ(1, "1") DEQ(1, "nil");
    expect("total-queue", twice, NULL, RIFT_VALID, NULL);
    expect("total-queue", twice, "{\"duplicates\": false}", RIFT_INVALID, "duplicate element");
    expect("total-queue", ENQ(0, 1) DEQ(1, "2") DEQ(1, "1") DEQ(1, "nil"), NULL, RIFT_INVALID,
           "unexpected element");
    expect("total-queue", DEQ(1, "1") ENQ(0, 1) DEQ(1, "nil"), NULL, RIFT_INVALID,
           "unexpected element");
}

static void identifier_given_twice_is_a_duplicate(void **state)
{
    (void)state;
    expect("unique-ids", OP(0, "generate", "nil", "ok", "1") OP(1, "generate", "nil", "ok", "2"),
           NULL, RIFT_VALID, NULL);
    expect("unique-ids",
           OP(0, "generate", "nil", "ok", "\"a\"") OP(1, "generate", "nil", "ok", "\"a\""), NULL,
           RIFT_INVALID, "duplicate identifier");
}

static void count_lies_between_what_must_and_what_may_be(void **state)
{
    (void)state;
    expect("counter", ADD(0, 2) READ(0, "2"), NULL, RIFT_VALID, NULL);
    expect("counter", ADD(0, 2) READ(0, "1"), NULL, RIFT_INVALID, "count too low");
    expect("counter", ADD(0, 2) READ(0, "3"), NULL, RIFT_INVALID, "count too high");
    expect("counter", OP(0, "add", "2", "info", "2") READ(1, "0") READ(1, "2"), NULL, RIFT_VALID,
           NULL);
    expect("counter", OP(0, "add", "2", "fail", "2") READ(1, "2"), NULL, RIFT_INVALID,
           "count too high");
    expect("counter", ADD(0, 2) ADD(0, -3) READ(0, "-1"), NULL, RIFT_VALID, NULL);
    expect("counter", ADD(0, 2) OP(1, "decrement", "5", "info", "5") READ(0, "-3") READ(0, "2"),
           NULL, RIFT_VALID, NULL);
    expect("counter", ADD(0, 2) OP(1, "decrement", "5", "info", "5") READ(0, "-4"), NULL,
           RIFT_INVALID, "count too low");
}

/* Where the peers' own verdicts differ from what their rules say: none known. */
static void shipped_histories_agree(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"SetFull", "set-full"}, {"set-full", "set-full"},    {"Queue", "queue"},
        {"Set", "set"},          {"UniqueIds", "unique-ids"}, {"Counter", "counter"},
        {"counter", "counter"},
    };
    const char *folder = getenv("RIFT_PEER_HISTORIES");
    folder = folder ? folder : "../shared/data";
    char path[4096], line[4096];
    snprintf(path, sizeof path, "%s/INDEX.tsv", folder);
    FILE *index = fopen(path, "r");
    if (index == NULL) {
        print_message("no INDEX.tsv in '%s': set RIFT_PEER_HISTORIES\n", folder);
        skip();
    }
    unsigned judged = 0;
    while (fgets(line, sizeof line, index)) {
        char file[1024], format[64], model[64], count[64], expected[256];
        const char *checker = NULL;
        /* Without a count its column is blank, and what follows is read in its place. */
        if (sscanf(line, "%1023[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t]\t%255[^\t]", file, format, model,
                   count, expected) != 5)
            continue;
        if (count[0] < '0' || count[0] > '9')
            snprintf(expected, sizeof expected, "%s", count);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(model, names[i][0]) == 0 && strncmp(file, "txn/", 4) == 0)
                checker = names[i][1];
        if (checker == NULL)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, file);
        struct rift_error err = {0};
        struct rift_history *history = rift_history_read(path, NULL, &err);
        if (history == NULL)
            fail_msg("%s", err.text);
        struct rift_verdict verdict = judge(checker, NULL, history);
        bool is_valid = strstr(expected, "valid=true") || strcmp(expected, "valid") == 0;
        bool is_invalid = strstr(expected, "valid=false") || strcmp(expected, "invalid") == 0;
        enum rift_validity wanted = is_valid     ? RIFT_VALID
                                    : is_invalid ? RIFT_INVALID
                                                 : RIFT_UNKNOWN;
        if (verdict.validity != wanted)
            fail_msg("%s: %s, expected %s: %s", file, rift_validity_name(verdict.validity),
                     expected, verdict.reason ? verdict.reason : "");
        judged++;
        rift_verdict_finish(&verdict);
        rift_history_destroy(history);
    }
    fclose(index);
    print_message("%u files\n", judged);
    assert_true(judged >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_element_must_be_in_the_last_read),
        cmocka_unit_test(element_of_a_crashed_add_may_be_read_or_not),
        cmocka_unit_test(element_that_nobody_added_is_unexpected),
        cmocka_unit_test(element_read_before_its_add_is_unexpected),
        cmocka_unit_test(add_that_overlaps_the_last_read_is_not_lost),
        cmocka_unit_test(element_that_vanishes_is_lost),
        cmocka_unit_test(element_that_comes_back_was_a_stale_read),
        cmocka_unit_test(local_reads_of_the_plan_may_be_stale),
        cmocka_unit_test(element_twice_in_one_read_is_a_duplicate),
        cmocka_unit_test(set_that_was_never_read_is_unknown),
        cmocka_unit_test(element_must_go_in_before_it_comes_out),
        cmocka_unit_test(what_went_in_must_come_out_of_a_drained_queue),
        cmocka_unit_test(crashed_dequeue_may_have_taken_what_is_missing),
        cmocka_unit_test(queue_that_was_not_drained_has_lost_nothing_for_certain),
        cmocka_unit_test(second_delivery_is_allowed_unless_forbidden),
        cmocka_unit_test(identifier_given_twice_is_a_duplicate),
        cmocka_unit_test(count_lies_between_what_must_and_what_may_be),
        cmocka_unit_test(shipped_histories_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
