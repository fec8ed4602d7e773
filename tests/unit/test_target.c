#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "nemesis/target.h"

static const char *const names[] = {"n1", "n2", "n3", "n4", "n5"};

static struct rift_node_set pick(enum rift_target_kind kind, size_t n, uint64_t seed,
                                 uint64_t primaries, bool *is_guess)
{
    struct rift_cluster cluster = {.node_count = n, .names = names, .primaries = {{primaries}}};
    struct rift_target_choice choice = {.kind = kind, .named = {{0x5}}};
    struct rift_rng rng;
    rift_rng_init(&rng, seed);
    struct rift_node_set nodes;
    assert_int_equal(rift_target_resolve(&choice, &cluster, &rng, &nodes, is_guess, NULL), 0);
    assert_true(nodes.bits[0] < UINT64_C(1) << n);
    return nodes;
}

static size_t size(enum rift_target_kind kind, size_t n, uint64_t seed)
{
    bool is_guess;
    struct rift_node_set nodes = pick(kind, n, seed, 0, &is_guess);
    return rift_node_set_count(&nodes);
}

static void sizes_are_those_of_the_field(void **state)
{
    (void)state;
    /*                        one minority majority third all, by hand */
    static const size_t expected[][6] = {
        {3, 1, 1, 2, 1, 3}, {4, 1, 1, 3, 1, 4}, {5, 1, 2, 3, 1, 5}};
    for (size_t row = 0; row < 3; row++)
        for (uint64_t seed = 1; seed < 20; seed++)
            for (int kind = 0; kind < 5; kind++)
                assert_int_equal(size((enum rift_target_kind)kind, expected[row][0], seed),
                                 expected[row][1 + kind]);
}

static void a_minority_of_one_node_is_nobody(void **state)
{
    (void)state;
    assert_int_equal(size(RIFT_TARGET_MINORITY, 1, 3), 0);
}

static void every_node_is_hit_sooner_or_later(void **state)
{
    (void)state;
    uint64_t hit = 0;
    bool is_guess;
    for (uint64_t seed = 1; seed < 60; seed++)
        hit |= pick(RIFT_TARGET_ONE, 5, seed, 0, &is_guess).bits[0];
    assert_int_equal(hit, 0x1f);
}

static void roles_are_followed_and_guesses_said(void **state)
{
    (void)state;
    bool is_guess = true;
    assert_int_equal(pick(RIFT_TARGET_PRIMARIES, 5, 1, 0x4, &is_guess).bits[0], 0x4);
    assert_false(is_guess);
    assert_int_equal(pick(RIFT_TARGET_FOLLOWERS, 5, 1, 0x4, &is_guess).bits[0], 0x1b);
    struct rift_node_set nodes = pick(RIFT_TARGET_PRIMARIES, 5, 1, 0, &is_guess);
    assert_true(is_guess);
    assert_int_equal(rift_node_set_count(&nodes), 1);
}

static void subsets_are_never_empty(void **state)
{
    (void)state;
    size_t sizes_seen = 0;
    for (uint64_t seed = 1; seed < 100; seed++)
        sizes_seen |= (size_t)1 << size(RIFT_TARGET_SUBSET, 5, seed);
    assert_int_equal(sizes_seen, 0x3e);
}

static void targets_print_as_the_schedule_shows_them(void **state)
{
    (void)state;
    static const struct {
        struct rift_target_choice choice;
        const char *text;
    } rows[] = {{{.kind = RIFT_TARGET_MINORITY}, "minority 2"},
                {{.kind = RIFT_TARGET_ONE}, "one"},
                {{.kind = RIFT_TARGET_PRIMARIES}, "primaries"},
                {{.kind = RIFT_TARGET_NAMED, .named = {{0x14}}}, "n3, n5"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rift_text text = {0};
        rift_target_print(&rows[i].choice, 5, names, &text);
        assert_string_equal(text.data, rows[i].text);
        rift_text_finish(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_those_of_the_field),
        cmocka_unit_test(a_minority_of_one_node_is_nobody),
        cmocka_unit_test(every_node_is_hit_sooner_or_later),
        cmocka_unit_test(roles_are_followed_and_guesses_said),
        cmocka_unit_test(subsets_are_never_empty),
        cmocka_unit_test(targets_print_as_the_schedule_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
