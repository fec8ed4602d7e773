#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "checkers/monitors/cover_tree.h"
#include "checkers/monitors/slot_set.h"
#include "common/rng.h"

/* Sizes around the widths of words and layers. */
static const uint32_t sizes[] = {1,   2,   15,  16,   17,   63,   64,  65,
                                 255, 256, 257, 4095, 4096, 4097, 9000};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes, SIZE_MAX_TESTED = 9000 };

static uint32_t naive_next(const bool *members, uint32_t size, uint32_t slot)
{
    for (; slot < size; slot++)
        if (members[slot])
            return slot;
    return UINT32_MAX;
}

static uint32_t naive_previous(const bool *members, uint32_t slot)
{
    for (uint32_t i = slot + 1; i-- > 0;)
        if (members[i])
            return i;
    return UINT32_MAX;
}

static void neighbours_are_those_of_a_plain_array(void **state)
{
    (void)state;
    static bool members[SIZE_MAX_TESTED];
    struct rift_rng rng;
    rift_rng_init(&rng, 1);
    for (size_t i = 0; i < SIZE_COUNT; i++)
        for (int is_full = 0; is_full < 2; is_full++) {
            struct monitor_slot_set set;
            monitor_slot_set_init(&set, sizes[i], is_full);
            memset(members, is_full, sizeof members);
            for (int round = 0; round < 4000; round++) {
                uint32_t slot = (uint32_t)rift_rng_below(&rng, sizes[i]);
                /* Mostly what makes it emptier, so that whole words run empty. */
                bool is_insert = rift_rng_below(&rng, 5) == 0;
                uint32_t count = is_insert ? 1 : (uint32_t)rift_rng_below(&rng, 80);
                for (uint32_t at = slot; at <= slot + count && at < sizes[i]; at++) {
                    if (is_insert)
                        monitor_slot_set_insert(&set, at);
                    else
                        monitor_slot_set_erase(&set, at);
                    members[at] = is_insert;
                }
                uint32_t asked = (uint32_t)rift_rng_below(&rng, sizes[i]);
                assert_int_equal(monitor_slot_set_next(&set, asked),
                                 naive_next(members, sizes[i], asked));
                assert_int_equal(monitor_slot_set_previous(&set, asked),
                                 naive_previous(members, asked));
            }
            assert_int_equal(monitor_slot_set_next(&set, sizes[i]), UINT32_MAX);
            monitor_slot_set_finish(&set);
        }
}

static void ranges_add_up_as_in_a_plain_array(void **state)
{
    (void)state;
    static int32_t numbers[SIZE_MAX_TESTED];
    struct rift_rng rng;
    rift_rng_init(&rng, 2);
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        for (uint32_t slot = 0; slot < sizes[i]; slot++)
            numbers[slot] = (int32_t)rift_rng_below(&rng, 5);
        struct monitor_cover_tree tree;
        monitor_cover_tree_init(&tree, numbers, sizes[i]);
        for (int round = 0; round < 2000; round++) {
            uint32_t low = (uint32_t)rift_rng_below(&rng, sizes[i]);
            uint32_t high = (uint32_t)rift_rng_between(&rng, low, sizes[i] - 1);
            int32_t number = (int32_t)rift_rng_between(&rng, -2, 2);
            monitor_cover_tree_add(&tree, low, high, number);
            for (uint32_t slot = low; slot <= high; slot++)
                numbers[slot] += number;
            low = (uint32_t)rift_rng_below(&rng, sizes[i]);
            high = (uint32_t)rift_rng_between(&rng, low, sizes[i] - 1);
            int32_t bound = (int32_t)rift_rng_between(&rng, -40, 10);
            uint32_t expected = UINT32_MAX;
            for (uint32_t slot = low; slot <= high && expected == UINT32_MAX; slot++)
                if (numbers[slot] <= bound)
                    expected = slot;
            assert_int_equal(monitor_cover_tree_find(&tree, low, high, bound), expected);
        }
        monitor_cover_tree_finish(&tree);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_those_of_a_plain_array),
        cmocka_unit_test(ranges_add_up_as_in_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
