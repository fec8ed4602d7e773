/* Which crashed operations may be left out: only those whose effect nobody can ever see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checkers/linearizability/useless.h"
#include "history/builder.h"

enum { OPS_MAX = 8 };

/* How many ops of the history are marked. */
static uint32_t marked(const char *model, const char *notation)
{
    struct rift_error err = {0};
    struct rift_history *history = rift_history_from_notation(notation, &err);
    if (!history)
        fail_msg("%s: %s", notation, err.text);
    uint32_t rows[OPS_MAX];
    bool is_useless[OPS_MAX] = {false};
    for (uint32_t i = 0; i < history->ops.count; i++)
        rows[i] = i;
    struct rift_problem_options options = {0};
    struct rift_problem *problem = rift_problem_create(rift_model_find(model), history, rows,
                                                       history->ops.count, &options, &err);
    if (!problem)
        fail_msg("%s: %s", notation, err.text);
    uint32_t count = rift_useless_mark(problem, is_useless);
    rift_problem_destroy(problem);
    rift_history_destroy(history);
    return count;
}

static void crashed_write_that_nobody_reads_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(marked("register", "p0 w1 info, p1 r- ok"), 1);
    assert_int_equal(marked("register", "p0 w1 info, p1 r1 ok"), 0);
    assert_int_equal(marked("register", "p1 w1 ok, p1 r1 ok, p0 w1 info, p1 r- ok"), 1);
}

static void crashed_cas_makes_what_it_expects_matter(void **state)
{
    (void)state;
    assert_int_equal(marked("cas-register", "p0 w1 info, p1 c1>2 info, p2 r2 ok"), 0);
    assert_int_equal(marked("cas-register", "p0 w1 info, p1 c1>2 info, p2 r- ok"), 2);
    assert_int_equal(marked("cas-register", "p1 c2>2 info, p2 r2 ok"), 1);
}

static void told_what_the_value_is_not_everything_matters(void **state)
{
    (void)state;
    assert_int_equal(marked("etcd", "p0 w1 info, p1 c5>6 fail, p2 r- ok"), 0);
}

static void effects_without_a_name_are_never_left_out(void **state)
{
    (void)state;
    assert_int_equal(marked("kv", "p0 put:a info, p1 append:b ok, p2 get::ab ok"), 0);
    assert_int_equal(marked("versioned-register", "p0 write:[- 7] info, p2 read::[2 8] ok"), 0);
    assert_int_equal(marked("counter", "p0 add:1 info, p1 read::5 ok"), 0);
    assert_int_equal(marked("mutex", "p0 acquire info, p1 release ok"), 0);
    assert_int_equal(marked("queue", "p0 dequeue info, p1 dequeue ok"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crashed_write_that_nobody_reads_is_left_out),
        cmocka_unit_test(crashed_cas_makes_what_it_expects_matter),
        cmocka_unit_test(told_what_the_value_is_not_everything_matters),
        cmocka_unit_test(effects_without_a_name_are_never_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
