/* Grudges of many seeds and sizes against what their names promise. What is checked is who hears
 * whom, found by asking for each ordered pair; nothing of how grudges are built is used. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "nemesis/grudge.h"

enum { SEEDS = 60, SIZE_MAX_TRIED = 12 };

static const char *const names[SIZE_MAX_TRIED] = {"n1", "n2", "n3", "n4",  "n5",  "n6",
                                                  "n7", "n8", "n9", "n10", "n11", "n12"};

/* hears[to] bit from. */
struct view {
    unsigned hears[SIZE_MAX_TRIED];
    size_t n;
};

static struct view look(enum rift_grudge_kind kind, size_t n, uint64_t seed, unsigned primaries,
                        bool *is_guess)
{
    struct rift_cluster cluster = {.node_count = n, .names = names};
    cluster.primaries.bits[0] = primaries;
    struct rift_rng rng;
    rift_rng_init(&rng, seed);
    struct rift_grudge grudge;
    struct rift_error err = {0};
    assert_int_equal(rift_grudge_resolve(kind, &cluster, &rng, &grudge, is_guess, &err), 0);
    struct view view = {.n = n};
    for (size_t to = 0; to < n; to++)
        for (size_t from = 0; from < n; from++)
            if (!rift_grudge_is_dropped(&grudge, from, to))
                view.hears[to] |= 1u << from;
    for (size_t to = 0; to < n; to++)
        assert_true(view.hears[to] >> to & 1); /* nobody is deaf to itself */
    return view;
}

static unsigned all_of(size_t n)
{
    return (1u << n) - 1;
}

static unsigned size_of(unsigned set)
{
    return (unsigned)__builtin_popcount(set);
}

static bool is_symmetric(const struct view *view)
{
    for (size_t a = 0; a < view->n; a++)
        for (size_t b = 0; b < view->n; b++)
            if ((view->hears[a] >> b & 1) != (view->hears[b] >> a & 1))
                return false;
    return true;
}

/* The nodes fall into groups that hear exactly their own members; returns how many. */
static size_t group_count(const struct view *view)
{
    unsigned seen = 0;
    size_t groups = 0;
    for (size_t a = 0; a < view->n; a++) {
        unsigned group = view->hears[a];
        for (size_t b = 0; b < view->n; b++)
            if (group >> b & 1)
                assert_int_equal(view->hears[b], group);
        if (!(seen & group))
            groups++;
        seen |= group;
    }
    return groups;
}

static unsigned smallest_group(const struct view *view)
{
    unsigned least = all_of(view->n);
    for (size_t a = 0; a < view->n; a++)
        if (size_of(view->hears[a]) < size_of(least))
            least = view->hears[a];
    return least;
}

static void in_a_majorities_ring_every_node_sees_a_majority_and_no_two_the_same(void **state)
{
    (void)state;
    for (size_t n = 3; n <= SIZE_MAX_TRIED; n++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            bool is_guess;
            struct view view = look(RIFT_GRUDGE_MAJORITIES_RING, n, seed, 0, &is_guess);
            assert_true(is_symmetric(&view));
            unsigned cut = 0;
            for (size_t a = 0; a < n; a++) {
                assert_true(2 * size_of(view.hears[a]) > n);
                cut += (unsigned)n - size_of(view.hears[a]);
                for (size_t b = 0; b < a; b++)
                    assert_int_not_equal(view.hears[a], view.hears[b]);
            }
            assert_true(cut > 0);
        }
    }
}

static void a_bridge_hears_both_halves_which_do_not_hear_each_other(void **state)
{
    (void)state;
    for (size_t n = 3; n <= SIZE_MAX_TRIED; n++) {
        unsigned bridges = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            bool is_guess;
            struct view view = look(RIFT_GRUDGE_BRIDGE, n, seed, 0, &is_guess);
            assert_true(is_symmetric(&view));
            unsigned bridge = 0;
            for (size_t a = 0; a < n; a++)
                if (view.hears[a] == all_of(n))
                    bridge |= 1u << a;
            assert_int_equal(size_of(bridge), 1);
            bridges |= bridge;
            unsigned sizes[2] = {0, 0};
            for (size_t a = 0; a < n; a++) {
                if (bridge >> a & 1)
                    continue;
                unsigned side = view.hears[a] & ~bridge;
                for (size_t b = 0; b < n; b++)
                    if (side >> b & 1)
                        assert_int_equal(view.hears[b] & ~bridge, side);
                sizes[sizes[0] && sizes[0] != size_of(side)] = size_of(side);
            }
            if (!sizes[1])
                sizes[1] = sizes[0];
            assert_int_equal(sizes[0] + sizes[1], n - 1);
            assert_true(sizes[0] - sizes[1] + 1 <= 2);
        }
        assert_int_equal(bridges, all_of(n)); /* any node may be the bridge */
    }
}

static void splits_have_the_sizes_that_their_names_say(void **state)
{
    (void)state;
    for (size_t n = 2; n <= SIZE_MAX_TRIED; n++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            bool is_guess;
            struct view halves = look(RIFT_GRUDGE_HALVES, n, seed, 0, &is_guess);
            assert_int_equal(group_count(&halves), 2);
            assert_int_equal(size_of(smallest_group(&halves)), n / 2);
            struct view one = look(RIFT_GRUDGE_ISOLATE_ONE, n, seed, 0, &is_guess);
            assert_int_equal(group_count(&one), 2);
            assert_int_equal(size_of(smallest_group(&one)), 1);
            struct view minority = look(RIFT_GRUDGE_MINORITY, n, seed, 0, &is_guess);
            assert_int_equal(group_count(&minority), 2);
            unsigned few = size_of(smallest_group(&minority));
            assert_true(n == 2 || (2 * few < n && 2 * (few + 1) >= n));
            struct view none = look(RIFT_GRUDGE_ISOLATE_ALL, n, seed, 0, &is_guess);
            assert_int_equal(group_count(&none), n);
        }
    }
}

static void a_one_way_cut_leaves_one_direction_of_every_cut_pair(void **state)
{
    (void)state;
    bool was_deaf = false, was_mute = false;
    for (size_t n = 2; n <= SIZE_MAX_TRIED; n++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            bool is_guess;
            struct view view = look(RIFT_GRUDGE_ONE_WAY, n, seed, 0, &is_guess);
            unsigned cut = 0, whole = 0;
            for (size_t a = 0; a < n; a++) {
                whole += view.hears[a] == all_of(n);
                for (size_t b = 0; b < n; b++) {
                    bool is_cut = !(view.hears[a] >> b & 1);
                    cut += is_cut;
                    if (is_cut)
                        assert_true(view.hears[b] >> a & 1);
                }
            }
            assert_true(cut > 0);
            was_deaf = was_deaf || (n > 4 && 2 * whole > n);
            was_mute = was_mute || (n > 4 && 2 * whole < n);
        }
    }
    assert_true(was_deaf && was_mute);
}

static void primaries_are_alone_where_they_are_known(void **state)
{
    (void)state;
    for (size_t n = 2; n <= SIZE_MAX_TRIED; n++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            bool is_guess;
            size_t primary = seed % n, second = (seed / n) % n;
            unsigned primaries = 1u << primary | 1u << second;
            struct view view = look(RIFT_GRUDGE_ISOLATE_PRIMARY, n, seed, primaries, &is_guess);
            assert_false(is_guess);
            assert_int_equal(view.hears[primary], 1u << primary);
            assert_int_equal(view.hears[second], 1u << second);
            for (size_t a = 0; a < n; a++)
                if (!(primaries >> a & 1))
                    assert_int_equal(view.hears[a], all_of(n) & ~primaries);
            view = look(RIFT_GRUDGE_PRIMARY_MINORITY, n, seed, 1u << primary, &is_guess);
            assert_int_equal(group_count(&view), 2);
            assert_true(n == 2 || 2 * size_of(view.hears[primary]) < n);
        }
    }
}

static void without_a_known_primary_another_node_stands_in_and_it_is_said(void **state)
{
    (void)state;
    unsigned alone = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        bool is_guess = false;
        struct view view = look(RIFT_GRUDGE_ISOLATE_PRIMARY, 5, seed, 0, &is_guess);
        assert_true(is_guess);
        assert_int_equal(size_of(smallest_group(&view)), 1);
        alone |= smallest_group(&view);
    }
    assert_int_equal(alone, all_of(5));
}

static void a_grudge_survives_json(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct rift_cluster cluster = {.node_count = 7, .names = names};
        struct rift_rng rng;
        rift_rng_init(&rng, seed);
        struct rift_grudge grudge, again;
        struct rift_error err = {0};
        bool is_guess;
        enum rift_grudge_kind kind = (enum rift_grudge_kind)(seed % RIFT_GRUDGE_EXPLICIT);
        assert_int_equal(rift_grudge_resolve(kind, &cluster, &rng, &grudge, &is_guess, &err), 0);
        json_t *json = rift_grudge_to_json(&grudge, names);
        assert_int_equal(rift_grudge_from_json(&again, json, names, 7, &err), 0);
        for (size_t a = 0; a < 7; a++)
            for (size_t b = 0; b < 7; b++)
                assert_int_equal(rift_grudge_is_dropped(&grudge, a, b),
                                 rift_grudge_is_dropped(&again, a, b));
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_majorities_ring_every_node_sees_a_majority_and_no_two_the_same),
        cmocka_unit_test(a_bridge_hears_both_halves_which_do_not_hear_each_other),
        cmocka_unit_test(splits_have_the_sizes_that_their_names_say),
        cmocka_unit_test(a_one_way_cut_leaves_one_direction_of_every_cut_pair),
        cmocka_unit_test(primaries_are_alone_where_they_are_known),
        cmocka_unit_test(without_a_known_primary_another_node_stands_in_and_it_is_said),
        cmocka_unit_test(a_grudge_survives_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
