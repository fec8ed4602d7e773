#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/text.h"
#include "plan/generators/combinators.h"
#include "plan/generators/simulate.h"

enum { THREADS = 5, OPS_MAX = 20000 };

/* What a simulation saw. */
struct seen {
    size_t count, limit;
    int64_t due[OPS_MAX], now[OPS_MAX], argument[OPS_MAX], key[OPS_MAX];
    unsigned thread[OPS_MAX];
    const char *f[OPS_MAX];
    struct rift_rng outcomes;
    bool is_perfect;
    enum rift_op_type forced;
    bool has_forced;
};

static struct seen *seen;
static struct rift_arena arena;

static int set_up(void **state)
{
    (void)state;
    seen = calloc(1, sizeof *seen);
    seen->limit = OPS_MAX;
    seen->is_perfect = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(seen);
    rift_arena_finish(&arena);
    return 0;
}

static bool visit(void *context, const struct rift_planned_op *op, unsigned thread, int64_t now_ns,
                  const struct rift_values *values)
{
    struct seen *all = context;
    if (all->count == all->limit)
        return false;
    size_t i = all->count++;
    assert_true(op->due_ns <= now_ns);
    all->due[i] = op->due_ns;
    all->now[i] = now_ns;
    all->f[i] = op->f;
    all->thread[i] = thread;
    all->argument[i] = rift_value_as_integer(values, op->argument);
    all->key[i] = rift_value_is_nil(op->key) ? -1 : rift_value_as_integer(values, op->key);
    return true;
}

/* Latencies from nothing to 3 s, a third of the operations fails, a third is unknown. */
static enum rift_op_type outcome(void *context, const struct rift_planned_op *op, unsigned thread,
                                 int64_t *latency_ns)
{
    (void)op;
    (void)thread;
    struct seen *all = context;
    *latency_ns = 0;
    if (all->has_forced)
        return all->forced;
    if (all->is_perfect)
        return RIFT_OP_OK;
    *latency_ns = rift_rng_between(&all->outcomes, 0, 3 * RIFT_SECOND);
    return (enum rift_op_type)rift_rng_below(&all->outcomes, 3);
}

static bool simulate(struct rift_generator *generator)
{
    struct rift_simulation simulation = {
        .thread_count = THREADS, .outcome = outcome, .visit = visit, .context = seen};
    seen->count = 0;
    return rift_generator_simulate(generator, &simulation);
}

static void make_number(struct rift_source *source, struct rift_values *values,
                        struct rift_planned_op *op)
{
    op->f = source->shared ? source->shared : "write";
    op->argument = rift_value_integer(
        values, (int64_t)source->index + (int64_t)rift_rng_below(&source->rng, 2) * 1000000);
}

static struct rift_generator *numbers(const char *f, int64_t number)
{
    return rift_generator_source(&arena, make_number, (void *)f, 42, f, number);
}

static void a_limit_hands_out_that_many(void **state)
{
    (void)state;
    assert_true(simulate(rift_generator_limit(&arena, 7, numbers("w", 0))));
    assert_int_equal(seen->count, 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(seen->argument[i] % 1000000, i);
}

static void a_rate_is_kept_on_average_and_due_times_rise(void **state)
{
    (void)state;
    struct rift_generator *paced = rift_generator_rate(&arena, 100, 42, "rate", 0, numbers("w", 0));
    assert_true(simulate(rift_generator_time_limit(&arena, 100 * RIFT_SECOND, paced)));
    assert_in_range(seen->count, 9700, 10300);
    for (size_t i = 1; i < seen->count; i++) {
        assert_true(seen->due[i] >= seen->due[i - 1]);
        assert_true(seen->due[i] - seen->due[i - 1] <= 20 * RIFT_MS);
        assert_true(seen->now[i] == seen->due[i]);
    }
    assert_true(seen->due[seen->count - 1] < 100 * RIFT_SECOND);
}

static void a_mix_keeps_its_weights_and_goes_on_without_a_child_that_is_done(void **state)
{
    (void)state;
    struct rift_generator *children[2] = {numbers("r", 0),
                                          rift_generator_limit(&arena, 2000, numbers("w", 0))};
    double weights[2] = {1, 4};
    seen->limit = 10000;
    simulate(rift_generator_mix(&arena, 42, "mix", children, weights, 2));
    size_t writes = 0, last_write = 0;
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->f[i], "w") == 0) {
            writes++;
            last_write = i;
        }
    }
    assert_int_equal(seen->count, 10000);
    assert_int_equal(writes, 2000);
    assert_in_range(last_write, 2400, 2600); /* 2000 writes at 4 in 5 */
}

static void a_mix_whose_children_are_all_done_is_done(void **state)
{
    (void)state;
    struct rift_generator *children[2] = {rift_generator_limit(&arena, 20, numbers("r", 0)),
                                          rift_generator_limit(&arena, 30, numbers("w", 0))};
    double weights[2] = {1, 1};
    assert_true(simulate(rift_generator_mix(&arena, 42, "mix", children, weights, 2)));
    assert_int_equal(seen->count, 50);
}

static void no_group_of_threads_starves_another(void **state)
{
    (void)state;
    unsigned counts[2] = {1, 2};
    struct rift_generator *children[3] = {numbers("a", 0), numbers("b", 0), numbers("c", 0)};
    seen->limit = 300;
    simulate(rift_generator_reserve(&arena, THREADS, counts, children, 2));
    size_t of[3] = {0};
    for (size_t i = 0; i < seen->count; i++)
        of[seen->f[i][0] - 'a']++;
    for (size_t i = 0; i < 3; i++)
        assert_in_range(of[i], 50, 200);
}

static void reserved_threads_run_only_their_own(void **state)
{
    (void)state;
    unsigned counts[2] = {1, 2};
    struct rift_generator *children[3] = {rift_generator_limit(&arena, 100, numbers("a", 0)),
                                          rift_generator_limit(&arena, 100, numbers("b", 0)),
                                          rift_generator_limit(&arena, 100, numbers("c", 0))};
    seen->is_perfect = false;
    rift_rng_init(&seen->outcomes, 3);
    assert_true(simulate(rift_generator_reserve(&arena, THREADS, counts, children, 2)));
    assert_int_equal(seen->count, 300);
    unsigned used = 0;
    for (size_t i = 0; i < seen->count; i++) {
        unsigned thread = seen->thread[i];
        assert_int_equal(seen->f[i][0], thread < 1 ? 'a' : thread < 3 ? 'b' : 'c');
        used |= 1u << thread;
    }
    assert_int_equal(used, 0x1f);
}

static void each_thread_has_a_stream_of_its_own(void **state)
{
    (void)state;
    struct rift_generator *children[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        children[i] = rift_generator_limit(&arena, 10 + i, numbers("w", i));
    seen->is_perfect = false;
    rift_rng_init(&seen->outcomes, 3);
    assert_true(simulate(rift_generator_each_thread(&arena, THREADS, children)));
    int64_t next[THREADS] = {0};
    for (size_t i = 0; i < seen->count; i++)
        assert_int_equal(seen->argument[i] % 1000000, next[seen->thread[i]]++);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(next[i], 10 + i);
}

static void a_phase_waits_for_the_operations_of_the_one_before(void **state)
{
    (void)state;
    struct rift_generator *children[2] = {rift_generator_limit(&arena, 50, numbers("a", 0)),
                                          rift_generator_limit(&arena, 5, numbers("b", 0))};
    seen->is_perfect = false;
    rift_rng_init(&seen->outcomes, 9);
    assert_true(simulate(rift_generator_phases(&arena, children, 2)));
    assert_int_equal(seen->count, 55);
    /* The same latencies again, to know when the last of the first phase ended. */
    struct rift_rng again;
    rift_rng_init(&again, 9);
    int64_t last_end = 0;
    for (size_t i = 0; i < 50; i++) {
        assert_string_equal(seen->f[i], "a");
        int64_t end = seen->now[i] + rift_rng_between(&again, 0, 3 * RIFT_SECOND);
        rift_rng_below(&again, 3);
        last_end = end > last_end ? end : last_end;
    }
    assert_string_equal(seen->f[50], "b");
    assert_true(seen->now[50] == last_end);
}

static void phases_of_one_thread_wait_for_that_thread_only(void **state)
{
    (void)state;
    struct rift_generator *children[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        struct rift_generator *steps[2] = {rift_generator_limit(&arena, 3, numbers("a", i)),
                                           rift_generator_limit(&arena, 2, numbers("b", i))};
        children[i] = rift_generator_phases(&arena, steps, 2);
    }
    seen->is_perfect = false;
    rift_rng_init(&seen->outcomes, 4);
    assert_true(simulate(rift_generator_each_thread(&arena, THREADS, children)));
    size_t of[THREADS] = {0};
    bool was_mixed = false;
    for (size_t i = 0; i < seen->count; i++) {
        assert_string_equal(seen->f[i], of[seen->thread[i]]++ < 3 ? "a" : "b");
        was_mixed = was_mixed || (i > 0 && seen->f[i][0] < seen->f[i - 1][0]);
    }
    assert_int_equal(seen->count, 5 * THREADS);
    assert_true(was_mixed);
}

static void until_ok_repeats_and_stops(void **state)
{
    (void)state;
    seen->has_forced = true;
    seen->forced = RIFT_OP_FAIL;
    seen->limit = 100;
    simulate(rift_generator_until_ok(&arena, RIFT_SECOND, numbers("r", 0)));
    assert_int_equal(seen->count, 100);
    for (size_t i = 0; i < 100; i++)
        assert_true(seen->now[i] == (int64_t)i * RIFT_SECOND);
    seen->forced = RIFT_OP_OK;
    struct rift_generator *children[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        children[i] = rift_generator_until_ok(&arena, RIFT_SECOND, numbers("r", i));
    assert_true(simulate(rift_generator_each_thread(&arena, THREADS, children)));
    assert_int_equal(seen->count, THREADS);
}

/* [[:poll nil {0 [] 1 [[7 70]]}]], or with nothing in partition 1 either. */
static struct rift_value polled(struct rift_values *values, bool is_found)
{
    struct rift_value pair = rift_value_small_integer(70);
    struct rift_value empty = rift_value_box(values, RIFT_LIST, NULL, 0);
    struct rift_value found = rift_value_box(values, RIFT_LIST, &pair, 1);
    struct rift_value map[] = {rift_value_small_integer(0), empty, rift_value_small_integer(1),
                               is_found ? found : empty};
    struct rift_value items[] = {rift_value_keyword(values, "poll", 4), RIFT_VALUE_NIL,
                                 rift_value_box(values, RIFT_MAP, map, 4)};
    return rift_value_box(values, RIFT_TXN, items, 3);
}

static void until_polled_goes_on_as_long_as_something_is_found(void **state)
{
    (void)state;
    struct rift_values *values = rift_values_create();
    struct rift_generator *until =
        rift_generator_until_polled(&arena, RIFT_SECOND, numbers("p", 0));
    bool is_free[] = {true};
    int32_t process[] = {0};
    struct rift_generator_context context = {
        .thread_count = 1, .is_free = is_free, .process = process, .values = values};
    struct rift_planned_op op;
    int64_t wake_ns;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rift_generator_next(until, &context, &op, &wake_ns), RIFT_NEXT_OP);
        struct rift_generator_event event = {
            .op = &op, .type = RIFT_OP_OK, .values = values, .result = polled(values, i < 999)};
        rift_generator_update(until, &event);
    }
    assert_int_equal(rift_generator_next(until, &context, &op, &wake_ns), RIFT_NEXT_DONE);
    rift_values_destroy(values);
}

static struct rift_generator *some_keys(uint64_t infos, const char *distribution, uint64_t seed)
{
    struct rift_keys_request request = {.active_count = 4,
                                        .ops_per_key = 25,
                                        .infos_per_key = infos,
                                        .distribution = distribution,
                                        .make = make_number,
                                        .seed = seed};
    struct rift_generator *keys = rift_generator_keys(&arena, &request);
    return rift_generator_limit(&arena, 1000,
                                rift_generator_rate(&arena, 50, seed, "rate", 0, keys));
}

static void a_key_retires_after_its_operations_and_a_new_one_follows(void **state)
{
    (void)state;
    simulate(some_keys(8, "uniform", 42));
    size_t uses[100] = {0}, active_max = 0;
    for (size_t i = 0; i < seen->count; i++) {
        assert_in_range(seen->key[i], 0, 99);
        /* A stream of its own: its own numbers, from 0, without gap. */
        assert_int_equal(seen->argument[i] % 1000000, uses[seen->key[i]]++);
        size_t active = 0;
        for (size_t k = 0; k < 100; k++)
            active += uses[k] > 0 && uses[k] < 25;
        active_max = active > active_max ? active : active_max;
    }
    for (size_t k = 0; k < 36; k++)
        assert_int_equal(uses[k], 25);
    assert_int_equal(active_max, 4);
}

static void a_key_with_too_many_infos_is_replaced(void **state)
{
    (void)state;
    seen->has_forced = true;
    seen->forced = RIFT_OP_INFO;
    simulate(some_keys(8, "uniform", 42));
    size_t uses[100][4] = {{0}};
    for (size_t i = 0; i < seen->count; i++) {
        int64_t incarnation = seen->key[i] / RIFT_KEY_STRIDE, key = seen->key[i] % RIFT_KEY_STRIDE;
        assert_in_range(incarnation, 0, 3);
        uses[key][incarnation]++;
    }
    for (size_t k = 0; k < 36; k++) {
        for (size_t incarnation = 0; incarnation < 3; incarnation++)
            assert_int_equal(uses[k][incarnation], 8);
        assert_int_equal(uses[k][3], 1);
    }
}

/* The same streams whatever became of the operations: due times, f, arguments and planned keys. */
static void outcomes_never_choose_operations(void **state)
{
    (void)state;
    static const char *const words[] = {"uniform", "zipf", "exponential"};
    struct seen *first = malloc(sizeof *first);
    for (size_t w = 0; w < 3; w++) {
        seen->is_perfect = true;
        simulate(some_keys(8, words[w], 42));
        *first = *seen;
        for (uint64_t seed = 1; seed <= 5; seed++) {
            seen->is_perfect = false;
            rift_rng_init(&seen->outcomes, seed);
            simulate(some_keys(8, words[w], 42));
            assert_int_equal(seen->count, first->count);
            size_t moved = 0;
            for (size_t i = 0; i < seen->count; i++) {
                assert_true(seen->due[i] == first->due[i]);
                assert_true(seen->argument[i] == first->argument[i]);
                assert_string_equal(seen->f[i], first->f[i]);
                assert_true(seen->key[i] % RIFT_KEY_STRIDE == first->key[i]);
                moved += seen->key[i] != first->key[i];
            }
            assert_true(moved > 0); /* the outcomes were bad enough to matter */
        }
    }
    seen->is_perfect = true;
    simulate(some_keys(8, "uniform", 43));
    size_t same = 0;
    for (size_t i = 0; i < seen->count; i++)
        same += seen->due[i] == first->due[i];
    assert_true(same < 10);
    free(first);
}

static void distributions_have_their_shape(void **state)
{
    (void)state;
    struct rift_rng rng;
    rift_rng_init(&rng, 1);
    struct rift_distribution distribution;
    double counts[3][8] = {{0}};
    for (size_t kind = 0; kind < 3; kind++) {
        rift_distribution_init(&distribution, &arena, rift_distribution_words[kind], 8);
        for (size_t i = 0; i < 80000; i++)
            counts[kind][rift_distribution_draw(&distribution, &rng)]++;
    }
    for (size_t i = 0; i < 8; i++)
        assert_true(counts[0][i] > 9500 && counts[0][i] < 10500);
    assert_true(counts[1][0] / counts[1][1] > 1.9 && counts[1][0] / counts[1][1] < 2.1);
    assert_true(counts[1][0] / counts[1][3] > 3.7 && counts[1][0] / counts[1][3] < 4.3);
    assert_true(counts[2][0] / counts[2][1] > 1.9 && counts[2][0] / counts[2][1] < 2.1);
    assert_true(counts[2][1] / counts[2][2] > 1.9 && counts[2][1] / counts[2][2] < 2.1);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLAIM(a_limit_hands_out_that_many),
        CLAIM(a_rate_is_kept_on_average_and_due_times_rise),
        CLAIM(a_mix_keeps_its_weights_and_goes_on_without_a_child_that_is_done),
        CLAIM(a_mix_whose_children_are_all_done_is_done),
        CLAIM(no_group_of_threads_starves_another),
        CLAIM(reserved_threads_run_only_their_own),
        CLAIM(each_thread_has_a_stream_of_its_own),
        CLAIM(a_phase_waits_for_the_operations_of_the_one_before),
        CLAIM(phases_of_one_thread_wait_for_that_thread_only),
        CLAIM(until_ok_repeats_and_stops),
        CLAIM(until_polled_goes_on_as_long_as_something_is_found),
        CLAIM(a_key_retires_after_its_operations_and_a_new_one_follows),
        CLAIM(a_key_with_too_many_infos_is_replaced),
        CLAIM(outcomes_never_choose_operations),
        CLAIM(distributions_have_their_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
