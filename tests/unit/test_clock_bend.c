/* What a look at a clock tells: bent as planned, right, or neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "nemesis/faults/clock/clock.h"

/* At a moment of which 0.1 ms are open, the clock was ahead by ahead_us, of which 100 us are. */
static enum clock_sight look(const struct clock_bend *bend, int64_t at_us, int64_t ahead_us)
{
    const struct clock_look at = {.from_ns = at_us * 1000,
                                  .to_ns = at_us * 1000 + 100000,
                                  .least_ns = ahead_us * 1000 - 50000,
                                  .most_ns = ahead_us * 1000 + 50000};
    return clock_bend_judge(bend, &at);
}

static void only_the_planned_offset_is_bent(void **state)
{
    (void)state;
    const struct clock_bend back = {.offset_ns = -50 * RIFT_MS};
    assert_int_equal(look(&back, 1000, -50000), CLOCK_BENT);
    assert_int_equal(look(&back, 1000, -49960), CLOCK_BENT);
    assert_int_equal(look(&back, 1000, -49900), CLOCK_OTHER);
    assert_int_equal(look(&back, 1000, -25000), CLOCK_OTHER);
    assert_int_equal(look(&back, 1000, 50000), CLOCK_OTHER);
    assert_int_equal(look(&back, 1000, 0), CLOCK_OTHER);
}

static void what_a_right_clock_may_show_too_tells_nothing(void **state)
{
    (void)state;
    const struct clock_bend slow = {.drift_ppm = -20};
    assert_int_equal(look(&slow, 1000000, -20), CLOCK_UNTOLD); /* 20 us after a second */
    assert_int_equal(look(&slow, 1000000, 0), CLOCK_UNTOLD);
    assert_int_equal(look(&slow, 1000000, 90), CLOCK_OTHER);
    assert_int_equal(look(&slow, 10000000, -200), CLOCK_BENT);
    assert_int_equal(look(&slow, 10000000, 0), CLOCK_OTHER);
    const struct clock_bend half = {.drift_ppm = 0.5};
    assert_int_equal(look(&half, 1000000000, 500), CLOCK_BENT);
}

static void a_wide_look_tells_less(void **state)
{
    (void)state;
    const struct clock_bend ahead = {.offset_ns = 5 * RIFT_MS};
    struct clock_look wide = {.to_ns = 8 * RIFT_MS, .least_ns = -RIFT_MS, .most_ns = 7 * RIFT_MS};
    assert_int_equal(clock_bend_judge(&ahead, &wide), CLOCK_UNTOLD);
    wide.most_ns = 4 * RIFT_MS;
    assert_int_equal(clock_bend_judge(&ahead, &wide), CLOCK_OTHER);
}

static void a_strobe_is_bent_in_its_wrong_times(void **state)
{
    (void)state;
    const struct clock_bend strobe = {.offset_ns = 50 * RIFT_MS, .strobe_ns = 10 * RIFT_MS};
    assert_int_equal(look(&strobe, 5000, 50000), CLOCK_BENT);
    assert_int_equal(look(&strobe, 25000, 50000), CLOCK_BENT);
    assert_int_equal(look(&strobe, 5000, 0), CLOCK_OTHER);
    assert_int_equal(look(&strobe, 15000, 0), CLOCK_UNTOLD);
    assert_int_equal(look(&strobe, 15000, 50000), CLOCK_OTHER);
    /* The edge lies within the look. */
    assert_int_equal(look(&strobe, 9950, 50000), CLOCK_BENT);
    assert_int_equal(look(&strobe, 9950, 0), CLOCK_UNTOLD);
    assert_int_equal(look(&strobe, 19950, 50000), CLOCK_BENT);
    assert_int_equal(look(&strobe, 19950, 0), CLOCK_UNTOLD);
    assert_int_equal(look(&strobe, 19950, 25000), CLOCK_OTHER);
    assert_int_equal(look(&strobe, -1000, 50000), CLOCK_OTHER); /* before it begins */
}

static void a_strobe_comes_back_to_its_wrong_time(void **state)
{
    (void)state;
    const struct clock_bend strobe = {.offset_ns = 50, .strobe_ns = 1000};
    assert_int_equal(clock_bend_until_wrong(&strobe, 999), 0);
    assert_int_equal(clock_bend_until_wrong(&strobe, 1000), 1000);
    assert_int_equal(clock_bend_until_wrong(&strobe, 1999), 1);
    assert_int_equal(clock_bend_until_wrong(&strobe, 2000), 0);
    assert_int_equal(clock_bend_until_wrong(&strobe, -5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_planned_offset_is_bent),
        cmocka_unit_test(what_a_right_clock_may_show_too_tells_nothing),
        cmocka_unit_test(a_wide_look_tells_less),
        cmocka_unit_test(a_strobe_is_bent_in_its_wrong_times),
        cmocka_unit_test(a_strobe_comes_back_to_its_wrong_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
