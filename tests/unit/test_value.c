#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/memory.h"
#include "history/value.h"

static int make_pool(void **state)
{
    *state = rift_values_create();
    return 0;
}

static int drop_pool(void **state)
{
    rift_values_destroy(*state);
    return 0;
}

static struct rift_value list(struct rift_values *v, const int64_t *numbers, size_t count)
{
    struct rift_value items[64];
    for (size_t i = 0; i < count; i++)
        items[i] = rift_value_integer(v, numbers[i]);
    return rift_value_box(v, RIFT_LIST, items, count);
}

static void integers_keep_all_64_bits(void **state)
{
    static const int64_t numbers[] = {0,         1,         -1,           INT32_MAX,
                                      INT32_MIN, 1LL << 59, -(1LL << 59), (1LL << 59) - 1,
                                      INT64_MAX, INT64_MIN};
    struct rift_values *v = *state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct rift_value value = rift_value_integer(v, numbers[i]);
        assert_int_equal(rift_value_kind(v, value), RIFT_INTEGER);
        assert_true(rift_value_as_integer(v, value) == numbers[i]);
        assert_true(rift_value_equal(v, value, rift_value_integer(v, numbers[i])));
    }
}

static void lists_read_back_whether_packed_or_not(void **state)
{
    static const int64_t narrow[] = {1, -2, INT32_MAX, INT32_MIN, 0};
    static const int64_t wide[] = {1, -2, INT64_C(1) << 31, INT64_MIN, 0};
    struct rift_values *v = *state;
    struct rift_value a = list(v, narrow, 5), b = list(v, wide, 5), none = list(v, NULL, 0);
    assert_non_null(rift_value_packed(v, a));
    assert_null(rift_value_packed(v, b));
    assert_int_equal(rift_value_kind(v, a), RIFT_LIST);
    assert_int_equal(rift_value_kind(v, none), RIFT_LIST);
    assert_int_equal(rift_value_count(v, none), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_true(rift_value_as_integer(v, rift_value_item(v, a, i)) == narrow[i]);
        assert_true(rift_value_as_integer(v, rift_value_item(v, b, i)) == wide[i]);
    }
    assert_false(rift_value_equal(v, a, b));
    assert_true(rift_value_equal(v, b, list(v, wide, 5)));
}

static void pairs_keep_signs_and_equal_lists_of_two(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, (1 << 29) - 1, -(1 << 29), 1 << 29, INT64_MAX};
    struct rift_values *v = *state;
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 7; j++) {
            struct rift_value sides[2] = {rift_value_integer(v, numbers[i]),
                                          rift_value_integer(v, numbers[j])};
            struct rift_value pair = rift_value_box(v, RIFT_PAIR, sides, 2);
            struct rift_value both = rift_value_box(v, RIFT_LIST, sides, 2);
            assert_int_equal(rift_value_kind(v, pair), RIFT_PAIR);
            assert_int_equal(rift_value_count(v, pair), 2);
            for (size_t k = 0; k < 2; k++)
                assert_true(rift_value_as_integer(v, rift_value_item(v, pair, k)) ==
                            numbers[k ? j : i]);
            assert_true(rift_value_equal(v, pair, both));
            assert_true(rift_value_hash(v, pair) == rift_value_hash(v, both));
        }
    }
}

static void equal_texts_are_equal_words(void **state)
{
    struct rift_values *v = *state;
    struct rift_value first = rift_value_text(v, "x", 1);
    const char *chars = rift_value_as_text(v, first, NULL);
    for (int i = 0; i < 10000; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "%d", i);
        rift_value_text(v, text, (size_t)n);
    }
    assert_true(first.bits == rift_value_text(v, "x", 1).bits);
    assert_true(first.bits != rift_value_keyword(v, "x", 1).bits);
    assert_ptr_equal(chars, rift_value_as_text(v, first, NULL));
    size_t length = 0;
    struct rift_value nul = rift_value_text(v, "a\0b", 3);
    assert_memory_equal(rift_value_as_text(v, nul, &length), "a\0b", 4);
    assert_int_equal(length, 3);
    assert_true(rift_value_text(v, NULL, 0).bits == rift_value_text(v, "", 0).bits);
}

static void sets_and_maps_ignore_order_but_not_count(void **state)
{
    struct rift_values *v = *state;
    struct rift_value a = rift_value_text(v, "a", 1), b = rift_value_text(v, "b", 1);
    struct rift_value one = rift_value_integer(v, 1);
    struct rift_value ab[] = {a, b}, ba[] = {b, a}, aa[] = {a, a};
    struct rift_value x = rift_value_box(v, RIFT_SET, ab, 2),
                      y = rift_value_box(v, RIFT_SET, ba, 2);
    assert_true(rift_value_equal(v, x, y));
    assert_true(rift_value_hash(v, x) == rift_value_hash(v, y));
    assert_false(rift_value_equal(v, x, rift_value_box(v, RIFT_SET, aa, 2)));
    assert_false(rift_value_equal(v, rift_value_box(v, RIFT_LIST, ab, 2),
                                  rift_value_box(v, RIFT_LIST, ba, 2)));
    struct rift_value m1[] = {a, one, b, a}, m2[] = {b, a, a, one}, m3[] = {b, one, a, a};
    struct rift_value p = rift_value_box(v, RIFT_MAP, m1, 4),
                      q = rift_value_box(v, RIFT_MAP, m2, 4);
    assert_true(rift_value_equal(v, p, q));
    assert_true(rift_value_hash(v, p) == rift_value_hash(v, q));
    assert_false(rift_value_equal(v, p, rift_value_box(v, RIFT_MAP, m3, 4)));
    struct rift_value found;
    assert_true(rift_value_map_get(v, p, "a", &found));
    assert_true(found.bits == one.bits);
    assert_false(rift_value_map_get(v, p, "c", &found));
}

static struct rift_value make_txn(struct rift_values *v)
{
    static const int64_t read[] = {1, 2};
    struct rift_value mops[] = {
        rift_value_keyword(v, "append", 6), rift_value_integer(v, 5),   rift_value_integer(v, 1),
        rift_value_keyword(v, "r", 1),      rift_value_integer(v, 5),   list(v, read, 2),
        rift_value_keyword(v, "r", 1),      rift_value_text(v, "k", 1), RIFT_VALUE_NIL,
    };
    return rift_value_box(v, RIFT_TXN, mops, 9);
}

static void values_print_as_edn(void **state)
{
    struct rift_values *v = *state;
    struct rift_value items[] = {RIFT_VALUE_NIL,
                                 rift_value_bool(true),
                                 rift_value_integer(v, INT64_MIN),
                                 rift_value_text(v, "a\"b\n\x01", 5),
                                 rift_value_keyword(v, "k", 1),
                                 rift_value_double(v, 0.1),
                                 rift_value_double(v, 3),
                                 rift_value_double(v, NAN)};
    char *text CLEANUP(rift_free) = rift_value_print(v, rift_value_box(v, RIFT_LIST, items, 8));
    assert_string_equal(text,
                        "[nil true -9223372036854775808 \"a\\\"b\\n\\u0001\" :k 0.1 3.0 ##NaN]");
    char *txn CLEANUP(rift_free) = rift_value_print(v, make_txn(v));
    assert_string_equal(txn, "[[:append 5 1] [:r 5 [1 2]] [:r \"k\" nil]]");
    struct rift_value entry[] = {items[4], items[1], items[1], items[4]};
    char *map CLEANUP(rift_free) = rift_value_print(v, rift_value_box(v, RIFT_MAP, entry, 4));
    assert_string_equal(map, "{:k true, true :k}");
}

static void copies_in_another_pool_print_and_hash_alike(void **state)
{
    struct rift_values *v = *state;
    struct rift_values *other = rift_values_create();
    rift_value_text(other, "shifts the numbers of texts", 27);
    struct rift_value items[] = {make_txn(v), rift_value_double(v, -2.5),
                                 rift_value_integer(v, INT64_MAX), rift_value_text(v, "z", 1)};
    struct rift_value value = rift_value_box(v, RIFT_SET, items, 4);
    struct rift_value copy = rift_value_copy(other, v, value);
    char *a CLEANUP(rift_free) = rift_value_print(v, value);
    char *b CLEANUP(rift_free) = rift_value_print(other, copy);
    assert_string_equal(a, b);
    assert_true(rift_value_hash(v, value) == rift_value_hash(other, copy));
    rift_values_destroy(other);
}

static void a_reset_pool_starts_anew(void **state)
{
    struct rift_values *v = *state;
    make_txn(v);
    rift_values_reset(v);
    struct rift_value txn = make_txn(v);
    char *text CLEANUP(rift_free) = rift_value_print(v, txn);
    assert_string_equal(text, "[[:append 5 1] [:r 5 [1 2]] [:r \"k\" nil]]");
}

static void json_keeps_what_it_can_say(void **state)
{
    struct rift_values *v = *state;
    const char *source = "{\"a\": [1, null, true, 2.5, \"x\"], \"b\": {}}";
    json_t *json = json_loads(source, 0, NULL);
    struct rift_value value;
    assert_int_equal(rift_value_from_json(v, json, &value, NULL), 0);
    json_t *back = rift_value_to_json(v, value);
    assert_true(json_equal(json, back));
    json_decref(back);
    json_decref(json);

    json_t *txn = rift_value_to_json(v, make_txn(v));
    char *text CLEANUP(rift_free) = json_dumps(txn, JSON_COMPACT);
    assert_string_equal(text, "[[\"append\",5,1],[\"r\",5,[1,2]],[\"r\",\"k\",null]]");
    json_decref(txn);

    struct rift_value entry[] = {rift_value_integer(v, 1), rift_value_integer(v, 2)};
    json_t *map = rift_value_to_json(v, rift_value_box(v, RIFT_MAP, entry, 2));
    char *pairs CLEANUP(rift_free) = json_dumps(map, JSON_COMPACT);
    assert_string_equal(pairs, "[[1,2]]");
    json_decref(map);
}

static void json_that_nests_too_deep_is_refused(void **state)
{
    struct rift_values *v = *state;
    json_t *json = json_array();
    for (int i = 0; i < 100; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, json);
        json = outer;
    }
    struct rift_value value;
    struct rift_error err = {0};
    assert_int_equal(rift_value_from_json(v, json, &value, &err), -1);
    assert_int_equal(err.code, RIFT_ERR_LIMIT);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integers_keep_all_64_bits, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(lists_read_back_whether_packed_or_not, make_pool,
                                        drop_pool),
        cmocka_unit_test_setup_teardown(pairs_keep_signs_and_equal_lists_of_two, make_pool,
                                        drop_pool),
        cmocka_unit_test_setup_teardown(equal_texts_are_equal_words, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(sets_and_maps_ignore_order_but_not_count, make_pool,
                                        drop_pool),
        cmocka_unit_test_setup_teardown(values_print_as_edn, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(copies_in_another_pool_print_and_hash_alike, make_pool,
                                        drop_pool),
        cmocka_unit_test_setup_teardown(a_reset_pool_starts_anew, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(json_keeps_what_it_can_say, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(json_that_nests_too_deep_is_refused, make_pool, drop_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
