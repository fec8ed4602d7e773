#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "history/builder.h"

static int64_t number(const struct rift_history *history, struct rift_value value)
{
    assert_int_equal(rift_value_kind(history->values, value), RIFT_INTEGER);
    return rift_value_as_integer(history->values, value);
}

static void notation_gives_rows_in_the_order_of_invocation(void **state)
{
    (void)state;
    struct rift_history *h =
        rift_history_from_notation("p0 w1, p1 r1 ok, p0 ok, p2 c1>2 fail, p3 k7/w5 info", NULL);
    assert_non_null(h);
    const struct rift_ops *ops = &h->ops;
    assert_int_equal(ops->count, 4);
    assert_string_equal(h->names.text[ops->f[0]], "write");
    assert_int_equal(number(h, ops->argument[0]), 1);
    assert_int_equal(ops->start[0], 0);
    assert_int_equal(ops->end[0], 3);
    assert_string_equal(h->names.text[ops->f[1]], "read");
    assert_true(rift_value_is_nil(ops->argument[1]));
    assert_int_equal(number(h, ops->result[1]), 1);
    assert_int_equal(ops->start[1], 1);
    assert_int_equal(ops->end[1], 2);
    assert_int_equal(ops->type[2], RIFT_OP_FAIL);
    assert_int_equal(rift_value_kind(h->values, ops->argument[2]), RIFT_PAIR);
    assert_int_equal(number(h, rift_value_item(h->values, ops->argument[2], 1)), 2);
    assert_int_equal(ops->type[3], RIFT_OP_INFO);
    assert_int_equal(ops->key[3], 1);
    assert_int_equal(number(h, h->keys[1]), 7);
    assert_int_equal(ops->key[0], 0);
    rift_history_destroy(h);
}

static void an_operation_without_completion_is_info_and_open_for_ever(void **state)
{
    (void)state;
    struct rift_history *h = rift_history_from_notation("p0 enqueue:3, p1 dequeue::3 ok", NULL);
    assert_non_null(h);
    assert_int_equal(h->ops.type[0], RIFT_OP_INFO);
    assert_true(h->ops.end[0] == RIFT_TIME_NEVER);
    assert_int_equal(number(h, h->ops.result[1]), 3);
    assert_int_equal(rift_history_name(h, "dequeue"), h->ops.f[1]);
    assert_int_equal(rift_history_name(h, "peek"), 0);
    rift_history_destroy(h);
}

static void a_read_of_nil_is_not_a_read_of_minus_one(void **state)
{
    (void)state;
    struct rift_history *h =
        rift_history_from_notation("p0 r- ok, p0 r-1 ok, p0 read::[1 a] ok", NULL);
    assert_non_null(h);
    assert_true(rift_value_is_nil(h->ops.result[0]));
    assert_int_equal(number(h, h->ops.result[1]), -1);
    assert_int_equal(rift_value_count(h->values, h->ops.result[2]), 2);
    rift_history_destroy(h);
}

static void nemesis_operations_stand_apart(void **state)
{
    (void)state;
    struct rift_history *h =
        rift_history_from_notation("p0 w1, nemesis partition:halves, p0 ok, nemesis info", NULL);
    assert_non_null(h);
    assert_int_equal(h->ops.count, 1);
    assert_int_equal(h->nemesis.count, 1);
    assert_int_equal(h->nemesis.process[0], RIFT_PROCESS_NEMESIS);
    assert_int_equal(h->nemesis.start[0], 1);
    assert_int_equal(h->nemesis.end[0], 3);
    rift_history_destroy(h);
}

static void assert_refused(const char *notation, const char *why)
{
    struct rift_error err = {0};
    assert_null(rift_history_from_notation(notation, &err));
    assert_non_null(strstr(err.text, why));
}

static void broken_orders_of_events_are_refused(void **state)
{
    (void)state;
    assert_refused("p0 ok", "has no open operation");
    assert_refused("p0 w1, p0 w2 ok", "is still open");
    assert_refused("p0 w1 ok, p0 ok", "has no open operation");
    assert_refused("p0 w1 okay", "column");
    assert_refused("w1", "expected a process");
    assert_refused("p0", "expected an operation");
    assert_refused("p0 read::[1 ", "does not end");
}

static void whole_operations_are_sorted_by_start(void **state)
{
    (void)state;
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    static const int64_t starts[] = {30, 10, 20, 10};
    for (int i = 0; i < 4; i++) {
        struct rift_event event = {.process = i,
                                   .f = "write",
                                   .value = rift_value_integer(rift_builder_values(builder), i)};
        assert_int_equal(rift_builder_add_op(builder, &event, RIFT_OP_OK, starts[i], starts[i] + 5,
                                             RIFT_VALUE_NIL, NULL),
                         0);
    }
    struct rift_error err = {0};
    struct rift_event event = {.process = 9, .f = "write"};
    assert_int_equal(rift_builder_add_op(builder, &event, RIFT_OP_OK, 7, 6, RIFT_VALUE_NIL, &err),
                     -1);
    assert_int_equal(err.code, RIFT_ERR_INVALID);
    struct rift_history *h = rift_builder_finish(builder, NULL);
    static const int32_t order[] = {1, 3, 2, 0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(h->ops.process[i], order[i]);
        assert_int_equal(number(h, h->ops.argument[i]), order[i]);
    }
    rift_history_destroy(h);
}

static void a_split_by_key_keeps_every_row_once(void **state)
{
    (void)state;
    struct rift_history *h = rift_history_from_notation(
        "p0 k5/w1 ok, p1 k6/w2 ok, p0 k5/r1 ok, p2 w3 ok, p1 k6/r2 ok", NULL);
    assert_non_null(h);
    struct rift_key_split split;
    rift_key_split_init(&split, h);
    assert_int_equal(split.key_count, 3);
    static const size_t first[] = {0, 1, 3, 5};
    static const uint32_t rows[] = {3, 0, 2, 1, 4};
    assert_memory_equal(split.first, first, sizeof first);
    assert_memory_equal(split.rows, rows, sizeof rows);
    rift_key_split_finish(&split);
    rift_history_destroy(h);
}

static void times_and_extras_of_late_rows_leave_early_rows_blank(void **state)
{
    (void)state;
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_LINES);
    struct rift_values *values = rift_builder_values(builder);
    for (int i = 0; i < 1000; i++) {
        struct rift_event event = {.process = i, .type = RIFT_EVENT_INVOKE, .f = "read"};
        if (i >= 70) {
            struct rift_value entry[] = {rift_value_keyword(values, "i", 1),
                                         rift_value_integer(values, i)};
            event.has_time = true;
            event.time_ns = i * 10;
            event.extra = rift_value_box(values, RIFT_MAP, entry, 2);
        }
        assert_int_equal(rift_builder_add(builder, &event, NULL), 0);
    }
    struct rift_history *h = rift_builder_finish(builder, NULL);
    assert_true(h->ops.time_start[69] == RIFT_TIME_NEVER);
    assert_int_equal(h->ops.time_start[999], 9990);
    assert_true(h->ops.time_end[999] == RIFT_TIME_NEVER);
    assert_true(rift_value_is_nil(h->ops.extra_start[69]));
    struct rift_value found;
    assert_true(rift_value_map_get(values, h->ops.extra_start[500], "i", &found));
    assert_int_equal(number(h, found), 500);
    rift_history_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notation_gives_rows_in_the_order_of_invocation),
        cmocka_unit_test(an_operation_without_completion_is_info_and_open_for_ever),
        cmocka_unit_test(a_read_of_nil_is_not_a_read_of_minus_one),
        cmocka_unit_test(nemesis_operations_stand_apart),
        cmocka_unit_test(broken_orders_of_events_are_refused),
        cmocka_unit_test(whole_operations_are_sorted_by_start),
        cmocka_unit_test(a_split_by_key_keeps_every_row_once),
        cmocka_unit_test(times_and_extras_of_late_rows_leave_early_rows_blank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
