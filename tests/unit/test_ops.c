#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/rng.h"
#include "history/ops.h"

enum { ROWS_MAX = 5000 };

static struct rift_ops make_ops(size_t count)
{
    struct rift_ops ops = {.count = count};
    rift_ops_resize(&ops, count);
    rift_ops_add_times(&ops, count);
    for (size_t i = 0; i < count; i++) {
        ops.process[i] = (int32_t)i;
        ops.time_start[i] = (int64_t)i * 3;
        ops.type[i] = (uint8_t)(i % 3);
        ops.f[i] = (uint16_t)i;
        ops.argument[i].bits = i * 16 + RIFT_INTEGER;
    }
    return ops;
}

/* Sorted, rows whole, and rows of equal start in their old order. */
static void assert_sorted(const struct rift_ops *ops, const int64_t *before)
{
    for (size_t i = 0; i < ops->count; i++) {
        size_t row = (size_t)ops->process[i];
        assert_true(ops->start[i] == before[row]);
        assert_true(ops->time_start[i] == (int64_t)row * 3);
        assert_int_equal(ops->type[i], row % 3);
        assert_int_equal(ops->f[i], (uint16_t)row);
        assert_true(ops->argument[i].bits == row * 16 + RIFT_INTEGER);
        if (i > 0)
            assert_true(
                ops->start[i - 1] < ops->start[i] ||
                (ops->start[i - 1] == ops->start[i] && ops->process[i - 1] < ops->process[i]));
    }
}

static void rows_are_sorted_however_far_from_order(void **state)
{
    (void)state;
    static const uint64_t jitters[] = {1, 2, 30, 400, 100000};
    static int64_t before[ROWS_MAX];
    struct rift_rng rng;
    rift_rng_init(&rng, 5);
    for (size_t k = 0; k < sizeof jitters / sizeof *jitters; k++) {
        for (size_t count = 0; count <= ROWS_MAX; count = count * 3 + 1) {
            struct rift_ops ops = make_ops(count);
            for (size_t i = 0; i < count; i++)
                before[i] = ops.start[i] = (int64_t)(i * 2 + rift_rng_below(&rng, jitters[k]));
            rift_ops_sort(&ops);
            assert_sorted(&ops, before);
            rift_ops_finish(&ops);
        }
    }
}

/* Each late row would make a stretch of all the rows before it. */
static void rows_that_come_late_again_and_again_are_sorted(void **state)
{
    (void)state;
    static int64_t before[ROWS_MAX];
    struct rift_ops ops = make_ops(ROWS_MAX);
    for (size_t i = 0; i < ROWS_MAX; i++)
        before[i] = ops.start[i] = i % 100 == 99 ? -(int64_t)i : (int64_t)i;
    rift_ops_sort(&ops);
    assert_sorted(&ops, before);
    for (size_t i = 0; i < ROWS_MAX; i++) {
        ops.process[i] = (int32_t)i;
        ops.time_start[i] = (int64_t)i * 3;
        ops.type[i] = (uint8_t)(i % 3);
        ops.f[i] = (uint16_t)i;
        ops.argument[i].bits = i * 16 + RIFT_INTEGER;
        before[i] = ops.start[i] = -(int64_t)i;
    }
    rift_ops_sort(&ops);
    assert_sorted(&ops, before);
    rift_ops_finish(&ops);
}

static void faults_move_to_a_table_of_their_own(void **state)
{
    (void)state;
    /* Where the faults stand: none, at both ends, side by side, everywhere. */
    for (unsigned faults = 0; faults < 1 << 6; faults++) {
        struct rift_ops ops = make_ops(6), nemesis = {0};
        for (size_t i = 0; i < 6; i++) {
            ops.start[i] = (int64_t)i;
            ops.process[i] = faults >> i & 1 ? RIFT_PROCESS_NEMESIS : (int32_t)i;
        }
        rift_ops_move_nemesis(&ops, &nemesis);
        size_t kept = 0, moved = 0;
        for (size_t i = 0; i < 6; i++) {
            bool is_fault = faults >> i & 1;
            const struct rift_ops *table = is_fault ? &nemesis : &ops;
            size_t row = is_fault ? moved++ : kept++;
            assert_true(row < table->count);
            assert_int_equal(table->start[row], i);
            assert_int_equal(table->f[row], i);
            assert_int_equal(table->type[row], i % 3);
            assert_int_equal(table->time_start[row], i * 3);
            assert_true(table->argument[row].bits == i * 16 + RIFT_INTEGER);
        }
        assert_int_equal(ops.count, kept);
        assert_int_equal(nemesis.count, moved);
        rift_ops_finish(&ops);
        rift_ops_finish(&nemesis);
    }
}

static void no_process_has_two_operations_at_once(void **state)
{
    (void)state;
    struct rift_ops ops = make_ops(6);
    static const int64_t starts[] = {0, 1, 2, 5, 6, 7}, ends[] = {4, 3, RIFT_TIME_NEVER, 9, 6, 8};
    static const int32_t processes[] = {0, 1, 2, 1, 0, 0};
    for (size_t i = 0; i < 6; i++) {
        ops.start[i] = starts[i];
        ops.end[i] = ends[i];
    }
    rift_ops_name_processes(&ops);
    assert_memory_equal(ops.process, processes, sizeof processes);
    rift_ops_finish(&ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_however_far_from_order),
        cmocka_unit_test(rows_that_come_late_again_and_again_are_sorted),
        cmocka_unit_test(faults_move_to_a_table_of_their_own),
        cmocka_unit_test(no_process_has_two_operations_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
