/* A spent budget is unknown: a checker that looks at its time says what it would have said with all
 * the time in the world, or that it does not know; never anything else. The clock ticks a
 * millisecond with each look at it, so that each look in turn is the first one that is late. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "history/builder.h"
#include "tests/lib/judging.h"
#include "tests/lib/simulated_store.h"

enum { PROCESSES = 20, REGISTERS = 8, OPS = 1000, BUDGET_MAX_MS = 25, SEEDS = 15 };

/* As if the machine grew slower: what was in time at first is late when it is done again. */
static _Atomic int64_t now_ns, step_ns;

/* Instead of rift_clock_now, by the linker. */
int64_t __wrap_rift_clock_now(void);

int64_t __wrap_rift_clock_now(void)
{
    return now_ns += step_ns += RIFT_MS / 4;
}

/* One register store in memory, read by any process at any time: causal, and linearizable too.
 * is_late: each process reads a copy that lags; what it wrote itself it may miss. */
static struct rift_history *registers(bool is_late)
{
    struct rift_builder *builder = rift_builder_create(RIFT_TIME_NS);
    struct rift_values *values = rift_builder_values(builder);
    struct rift_rng rng;
    int64_t store[REGISTERS] = {0}, older[REGISTERS] = {0};
    rift_rng_init(&rng, 1);
    for (int i = 0; i < OPS; i++) {
        uint64_t key = rift_rng_below(&rng, REGISTERS);
        bool is_write = rift_rng_below(&rng, 2);
        struct rift_event event = {.process = (int32_t)rift_rng_below(&rng, PROCESSES),
                                   .f = is_write ? "write" : "read",
                                   .has_key = true};
        event.key = rift_value_integer(values, (int64_t)key);
        if (is_write) {
            older[key] = store[key];
            store[key] = i + 1;
        }
        int64_t value = is_late && !is_write ? older[key] : store[key];
        struct rift_value told = value ? rift_value_integer(values, value) : RIFT_VALUE_NIL;
        event.value = is_write ? told : RIFT_VALUE_NIL;
        assert_int_equal(
            rift_builder_add_op(builder, &event, RIFT_OP_OK, 10 * i, 10 * i + 5, told, NULL), 0);
    }
    return rift_builder_finish(builder, NULL);
}

static struct rift_verdict judge_within(const char *name, const char *options,
                                        const struct rift_history *history, int64_t time_ms)
{
    step_ns = RIFT_MS;
    struct rift_check check = {.history = history,
                               .budget = {.time_ms = time_ms, .thread_count = 1}};
    return judge_check(name, options, check);
}

/* How many of the budgets were too small. */
static int compare(const char *name, const char *option, const struct rift_history *history)
{
    int spent = 0;
    struct rift_verdict whole = judge_within(name, option, history, 0);
    for (int64_t time_ms = 1; time_ms <= BUDGET_MAX_MS; time_ms++) {
        struct rift_verdict part = judge_within(name, option, history, time_ms);
        if (part.validity != RIFT_UNKNOWN && part.validity != whole.validity)
            fail_msg("%s %s: %s in %lld ms, %s without a limit", name, option ? option : "",
                     rift_validity_name(part.validity), (long long)time_ms,
                     rift_validity_name(whole.validity));
        if (part.validity == RIFT_UNKNOWN && whole.validity != RIFT_UNKNOWN) {
            assert_non_null(part.reason);
            spent++;
        }
        rift_verdict_finish(&part);
    }
    rift_verdict_finish(&whole);
    return spent;
}

static void registers_are_judged_in_time_or_not_at_all(void **state)
{
    static const char *const names[][2] = {{"sessions", NULL},
                                           {"causal", NULL},
                                           {"linearizable", NULL},
                                           {"sequential", NULL},
                                           {"k-atomic", "{\"k\": 1}"}};
    (void)state;
    int spent = 0;
    for (int is_late = 0; is_late < 2; is_late++) {
        struct rift_history *history = registers(is_late);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            /* Whether copies that lag are sequential takes for ever. */
            if (is_late && strcmp(names[i][0], "sequential") == 0)
                continue;
            spent += compare(names[i][0], names[i][1], history);
        }
        rift_history_destroy(history);
    }
    assert_true(spent > 0);
}

/* Few reads, so that the order of most writes has to be searched for. */
static void transactions_are_judged_in_time_or_not_at_all(void **state)
{
    static const enum store_level levels[] = {STORE_SERIAL, STORE_SNAPSHOT, STORE_READ_COMMITTED};
    static const char *const asked[] = {
        "{\"level\": \"prefix\"}", "{\"level\": \"snapshot-isolation\"}",
        "{\"level\": \"serializable\"}", "{\"level\": \"strict-serializable\"}"};
    int spent[2] = {0};
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (int is_list = 0; is_list < 2; is_list++) {
            struct store_options options = {.level = levels[seed % 3],
                                            .is_list = is_list,
                                            .process_count = 6,
                                            .transaction_count = 60,
                                            .key_count = 4,
                                            .mops_max = 4,
                                            .read_percent = 35,
                                            .unknown_percent = 2,
                                            .writes_per_key = 100,
                                            .seed = seed};
            struct rift_history *history = store_run(&options);
            for (size_t level = 0; level < sizeof asked / sizeof *asked; level++)
                spent[is_list] +=
                    compare(is_list ? "list-append" : "rw-register", asked[level], history);
            rift_history_destroy(history);
        }
    print_message("too small: %d budgets of registers, %d of lists\n", spent[0], spent[1]);
    assert_true(spent[0] > 0 && spent[1] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_are_judged_in_time_or_not_at_all),
        cmocka_unit_test(transactions_are_judged_in_time_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
