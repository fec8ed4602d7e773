/* The offset of a node's clock: the bound must hold whatever the delays were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/rng.h"
#include "control/remote/clock_offset.h"

static void no_sample_is_no_estimate(void **state)
{
    (void)state;
    struct rift_clock_offset offset = {.count = 0};
    int64_t value, error;
    assert_false(rift_clock_offset_estimate(&offset, 0, &value, &error));
    assert_true(error == INT64_MAX);
}

static void the_shortest_round_trip_wins(void **state)
{
    (void)state;
    struct rift_clock_offset offset = {.count = 0};
    int64_t value, error;
    /* The node is 1000 ahead; the answer was made at the very end of a long trip, then in the
     * middle of a short one. */
    rift_clock_offset_add(&offset, 100, 500, 500 + 1000);
    rift_clock_offset_add(&offset, 600, 610, 605 + 1000);
    assert_true(rift_clock_offset_estimate(&offset, 620, &value, &error));
    assert_int_equal(value, 1000);
    assert_int_equal(error, 5);
}

/* A simulated node whose clock drifts by up to 400 ppm, with delays of very different length in
 * both directions. */
static void the_true_offset_is_always_within_the_bound(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rift_clock_offset offset = {.count = 0};
        struct rift_rng rng;
        rift_rng_init(&rng, seed);
        int64_t base = rift_rng_between(&rng, -RIFT_SECOND * 1000000, RIFT_SECOND * 1000000);
        int64_t drift_ppm = rift_rng_between(&rng, -400, 400);
        int64_t now = 0;
        for (int i = 0; i < 100; i++) {
            int64_t sent = now + rift_rng_between(&rng, 0, 2 * RIFT_SECOND);
            int64_t asked = sent + rift_rng_between(&rng, 0, 20 * RIFT_MS);
            int64_t received = asked + rift_rng_between(&rng, 0, 20 * RIFT_MS);
            rift_clock_offset_add(&offset, sent, received,
                                  asked + base + asked / 1000000 * drift_ppm);
            now = received;
            int64_t value, error;
            assert_true(rift_clock_offset_estimate(&offset, now, &value, &error));
            int64_t truth = base + now / 1000000 * drift_ppm;
            if (llabs(truth - value) > error + 1000)
                fail_msg("seed %llu: off by %lld ns, bound %lld ns", (unsigned long long)seed,
                         (long long)(truth - value), (long long)error);
        }
    }
}

/* From some moment on a fault lets the node's clock run by up to a tenth too fast or too slow. */
static void a_clock_that_drifts_fast_widens_the_bound(void **state)
{
    (void)state;
    enum { START_S = 20, END_S = 60, TRIP_NS = 400000 };
    for (int64_t drift_ppm = -100000; drift_ppm <= 100000; drift_ppm += 25000) {
        struct rift_clock_offset offset = {.count = 0};
        int64_t value, error;
        for (int64_t second = 1; second < END_S; second++) {
            int64_t sent = second * RIFT_SECOND, received = sent + TRIP_NS;
            int64_t drifted = second > START_S ? (second - START_S) * 1000 * drift_ppm : 0;
            rift_clock_offset_add(&offset, sent, received, sent + TRIP_NS / 2 + drifted);
            /* Half a second later, and two seconds into the drift. */
            if (second < START_S + 2)
                continue;
            int64_t truth = drifted + 500 * drift_ppm;
            assert_true(
                rift_clock_offset_estimate(&offset, sent + RIFT_SECOND / 2, &value, &error));
            if (llabs(truth - value) > error)
                fail_msg("%lld ppm: off by %lld ns, bound %lld ns", (long long)drift_ppm,
                         (long long)(truth - value), (long long)error);
        }
        /* The bound is of use still. */
        assert_true(error < RIFT_SECOND / 10);
    }
}

static void a_step_of_our_own_wall_clock_widens_the_error(void **state)
{
    (void)state;
    /* The trip took 100; the node, 5000 ahead, answered in its middle. */
    struct rift_wall_sample sample = rift_wall_sample_of(1000, 1100, 70000, 70100, 75050);
    assert_int_equal(sample.at_ns, 1050);
    assert_int_equal(sample.ahead_ns, 5000);
    assert_int_equal(sample.error_ns, 50);
    /* The same, but ours was set back by 900 meanwhile. */
    sample = rift_wall_sample_of(1000, 1100, 70000, 69200, 75050);
    assert_int_equal(sample.error_ns, 950);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sample_is_no_estimate),
        cmocka_unit_test(the_shortest_round_trip_wins),
        cmocka_unit_test(the_true_offset_is_always_within_the_bound),
        cmocka_unit_test(a_clock_that_drifts_fast_widens_the_bound),
        cmocka_unit_test(a_step_of_our_own_wall_clock_widens_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
