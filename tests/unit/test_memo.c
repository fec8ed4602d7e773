/* The memo of the general search: what it says was met before was met before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "checkers/linearizability/memo.h"

static void keys_with_the_same_hash_are_told_apart(void **state)
{
    (void)state;
    struct rift_memo *memo = rift_memo_create(UINT64_MAX);
    uint32_t keys[3][2] = {{1, 2}, {1, 3}, {0, 2}};
    for (int i = 0; i < 3; i++)
        assert_true(rift_memo_add(memo, 42, keys[i], 2));
    assert_true(rift_memo_add(memo, 42, keys[0], 1));
    for (int i = 0; i < 3; i++)
        assert_false(rift_memo_add(memo, 42, keys[i], 2));
    rift_memo_destroy(memo);
}

static void many_keys_are_all_remembered(void **state)
{
    (void)state;
    struct rift_memo *memo = rift_memo_create(UINT64_MAX);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 100000; i++) {
            uint32_t key[3] = {i, i / 7, 5};
            assert_int_equal(rift_memo_add(memo, i * UINT64_C(0x9e3779b97f4a7c15), key, 1 + i % 3),
                             round == 0);
        }
    rift_memo_destroy(memo);
}

static void full_memo_calls_everything_new_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct rift_memo *memo = rift_memo_create(20000);
    uint32_t first = 0;
    rift_memo_add(memo, 1, &first, 1);
    for (uint32_t i = 1; i < 10000; i++)
        rift_memo_add(memo, (uint64_t)i << 33, &i, 1);
    assert_true(rift_memo_is_full(memo));
    uint32_t fresh = 123456;
    assert_true(rift_memo_add(memo, 7, &fresh, 1));
    assert_true(rift_memo_add(memo, 7, &fresh, 1));
    assert_false(rift_memo_add(memo, 1, &first, 1));
    rift_memo_destroy(memo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_with_the_same_hash_are_told_apart),
        cmocka_unit_test(many_keys_are_all_remembered),
        cmocka_unit_test(full_memo_calls_everything_new_and_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
