#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/rng.h"

/* From the reference implementation: splitmix64 seeded with 0 gives this first state word. */
static void seeding_follows_the_reference(void **state)
{
    (void)state;
    struct rift_rng rng;
    rift_rng_init(&rng, 0);
    assert_true(rng.state[0] == 0xe220a8397b1dcdafu);
}

static void streams_of_one_seed_differ_by_name(void **state)
{
    (void)state;
    struct rift_rng a, b, again;
    rift_rng_init_named(&a, 42, "clients");
    rift_rng_init_named(&b, 42, "faults");
    rift_rng_init_named(&again, 42, "clients");
    uint64_t first = rift_rng_next(&a);
    assert_true(first != rift_rng_next(&b));
    assert_true(first == rift_rng_next(&again));
}

static void bounds_are_reached_and_kept(void **state)
{
    (void)state;
    struct rift_rng rng;
    rift_rng_init(&rng, 7);
    unsigned seen = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t x = rift_rng_between(&rng, -2, 3);
        assert_in_range(x + 2, 0, 5);
        seen |= 1u << (x + 2);
    }
    assert_int_equal(seen, 0x3f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeding_follows_the_reference),
        cmocka_unit_test(streams_of_one_seed_differ_by_name),
        cmocka_unit_test(bounds_are_reached_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
