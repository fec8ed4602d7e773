/* Workloads as they are asked for operations by imagined clients: what they promise must hold
 * whatever became of the operations. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/text.h"
#include "control/cli/catalogue.h"
#include "plan/generators/combinators.h"
#include "plan/generators/simulate.h"
#include "plan/plan.h"
#include "workloads/workload.h"

enum { THREADS = 6, SECONDS = 20 };

/* What a simulation of one phase saw: a text for each stream, one line an operation. */
struct seen {
    struct rift_text streams[THREADS + 1]; /* [0]: any thread */
    size_t count;
    struct rift_rng outcomes;
    bool is_perfect;
    const struct rift_workload *workload;
    void (*look)(const struct rift_planned_op *op, const struct rift_values *values);
};

static bool is_listed(const char *const *list, const char *word)
{
    for (; *list; list++)
        if (strcmp(*list, word) == 0)
            return true;
    return false;
}

static bool visit(void *context, const struct rift_planned_op *op, unsigned thread, int64_t now_ns,
                  const struct rift_values *values)
{
    struct seen *seen = context;
    (void)now_ns;
    assert_true(is_listed(seen->workload->operations, op->f));
    bool is_keyed = rift_value_kind(values, op->key) == RIFT_INTEGER;
    int64_t key = is_keyed ? rift_value_as_integer(values, op->key) % RIFT_KEY_STRIDE : -1;
    CLEANUP(rift_free) char *argument = rift_value_print(values, op->argument);
    size_t stream = op->thread == RIFT_THREAD_ANY ? 0 : thread + 1;
    rift_text_printf(&seen->streams[stream], "%lld %s %lld %s\n", (long long)op->due_ns, op->f,
                     (long long)key, argument);
    if (seen->look)
        seen->look(op, values);
    return ++seen->count < 100000;
}

static enum rift_op_type outcome(void *context, const struct rift_planned_op *op, unsigned thread,
                                 int64_t *latency_ns)
{
    struct seen *seen = context;
    (void)op;
    (void)thread;
    *latency_ns = 0;
    if (seen->is_perfect)
        return RIFT_OP_OK;
    *latency_ns = rift_rng_between(&seen->outcomes, 0, 200 * RIFT_MS);
    return (enum rift_op_type)rift_rng_below(&seen->outcomes, 3);
}

static struct rift_plan *plan_of(const char *name, const char *more)
{
    CLEANUP(rift_free)
    char *yaml = rift_printf("nodes: {lab: netns, count: 3}\nclient: {name: stdio, command: [x]}\n"
                             "checkers: []\ntime_limit_s: %d\nseed: 42\n"
                             "workload: {name: %s, concurrency: %d%s}\n",
                             SECONDS, name, THREADS, more);
    struct rift_error err = {0};
    struct rift_plan *plan =
        rift_plan_parse("t.yaml", yaml, strlen(yaml), rift_catalogue_of_build(), 0, &err);
    if (!plan)
        print_message("%s\n", err.text);
    assert_non_null(plan);
    return plan;
}

enum phase { PHASE_SETUP, PHASE_MAIN, PHASE_FINAL };

static void simulate(struct seen *seen, const char *name, const char *more, enum phase phase)
{
    struct rift_plan *plan = plan_of(name, more);
    struct rift_arena arena = {0};
    struct rift_workload_phases phases;
    assert_int_equal(rift_workload_start(plan, &arena, &phases, NULL), 0);
    seen->workload = rift_workload_find(name);
    struct rift_simulation simulation = {
        .thread_count = THREADS, .outcome = outcome, .visit = visit, .context = seen};
    struct rift_generator *generator = phase == PHASE_SETUP  ? phases.setup
                                       : phase == PHASE_MAIN ? phases.main
                                                             : phases.final;
    if (generator)
        assert_true(rift_generator_simulate(generator, &simulation));
    rift_arena_finish(&arena);
    rift_plan_destroy(plan);
}

static void seen_finish(struct seen *seen)
{
    for (size_t i = 0; i <= THREADS; i++)
        rift_text_finish(&seen->streams[i]);
}

static void every_workload_asks_the_same_whatever_became_of_it(void **state)
{
    (void)state;
    for (size_t w = 0; rift_workloads[w]; w++) {
        struct seen perfect = {.is_perfect = true}, poor = {.is_perfect = false};
        rift_rng_init(&poor.outcomes, 7);
        simulate(&perfect, rift_workloads[w]->name, "", PHASE_MAIN);
        simulate(&poor, rift_workloads[w]->name, "", PHASE_MAIN);
        /* 200 a second unless told otherwise. */
        assert_in_range(perfect.count, 3600, 4400);
        assert_true(poor.count > 500);
        for (size_t i = 0; i <= THREADS; i++) {
            size_t length = poor.streams[i].length;
            if (length > 0)
                assert_memory_equal(poor.streams[i].data, perfect.streams[i].data, length);
        }
        seen_finish(&perfect);
        seen_finish(&poor);
    }
}

/* Checkers and their options are read as a configuration would be. */
static void every_workload_brings_its_checkers(void **state)
{
    (void)state;
    for (size_t w = 0; rift_workloads[w]; w++) {
        const char *name = rift_workloads[w]->name;
        CLEANUP(rift_free)
        char *yaml = rift_printf("nodes: {lab: netns}\nclient: {name: stdio, command: [x]}\n"
                                 "workload: %s\n",
                                 name);
        struct rift_error err = {0};
        struct rift_plan *plan =
            rift_plan_parse("t.yaml", yaml, strlen(yaml), rift_catalogue_of_build(), 0, &err);
        if (!plan)
            fail_msg("workload '%s': %s", name, err.text);
        rift_plan_destroy(plan);
    }
}

/* Written values of each key, to see that none comes twice: a set of "key value". */
static struct rift_text written;

static void note_write(int64_t key, int64_t value)
{
    CLEANUP(rift_free) char *line = rift_printf("\n%lld %lld\n", (long long)key, (long long)value);
    if (written.data && strstr(written.data, line))
        print_message("value %lld comes twice in key %lld\n", (long long)value, (long long)key);
    assert_true(!written.data || !strstr(written.data, line));
    rift_text_append(&written, line);
}

static void look_at_writes(const struct rift_planned_op *op, const struct rift_values *values)
{
    if (rift_value_kind(values, op->argument) == RIFT_TXN) {
        for (size_t i = 0; i < rift_value_count(values, op->argument); i += 3) {
            struct rift_value value = rift_value_item(values, op->argument, i + 2);
            struct rift_value key = rift_value_item(values, op->argument, i + 1);
            if (!rift_value_is_nil(value))
                note_write(rift_value_as_integer(values, key),
                           rift_value_as_integer(values, value));
        }
        return;
    }
    int64_t key = rift_value_is_nil(op->key) ? -1 : rift_value_as_integer(values, op->key);
    if (rift_value_kind(values, op->argument) == RIFT_INTEGER)
        note_write(key, rift_value_as_integer(values, op->argument));
}

static void written_values_are_unique_for_their_key(void **state)
{
    (void)state;
    static const char *const names[] = {
        "register", "list-append", "rw-register", "write-skew", "long-fork", "set",   "set-full",
        "queue",    "total-queue", "kafka",       "monotonic",  "sessions",  "causal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct seen seen = {.look = look_at_writes};
        rift_rng_init(&seen.outcomes, 3);
        simulate(&seen, names[i], "", PHASE_MAIN);
        assert_true(written.length > 500);
        rift_text_finish(&written);
        seen_finish(&seen);
    }
}

static int64_t deposits;

static int64_t member(const struct rift_values *values, struct rift_value map, const char *name,
                      bool *is_nil)
{
    for (size_t i = 0; i < rift_value_count(values, map); i += 2) {
        if (strcmp(rift_value_as_text(values, rift_value_item(values, map, i), NULL), name) != 0)
            continue;
        struct rift_value value = rift_value_item(values, map, i + 1);
        *is_nil = rift_value_is_nil(value);
        return *is_nil ? 0 : rift_value_as_integer(values, value);
    }
    fail_msg("no '%s' in the transfer", name);
    return 0;
}

static void look_at_deposit(const struct rift_planned_op *op, const struct rift_values *values)
{
    bool is_nil;
    assert_string_equal(op->f, "transfer");
    member(values, op->argument, "from", &is_nil);
    assert_true(is_nil);
    deposits += member(values, op->argument, "amount", &is_nil);
}

static void look_at_transfer(const struct rift_planned_op *op, const struct rift_values *values)
{
    if (strcmp(op->f, "read") == 0)
        return;
    bool is_nil;
    int64_t from = member(values, op->argument, "from", &is_nil);
    assert_false(is_nil);
    int64_t to = member(values, op->argument, "to", &is_nil);
    int64_t amount = member(values, op->argument, "amount", &is_nil);
    assert_in_range(from, 0, 6);
    assert_in_range(to, 0, 6);
    assert_int_not_equal(from, to);
    assert_in_range(amount, 1, 9);
}

static void a_bank_begins_with_all_its_money_and_never_moves_more_than_it_says(void **state)
{
    (void)state;
    static const char *const more = ", accounts: 7, total: 100, max_transfer: 9";
    struct seen seen = {.is_perfect = true, .look = look_at_deposit};
    deposits = 0;
    simulate(&seen, "bank", more, PHASE_SETUP);
    assert_int_equal(seen.count, 7);
    assert_int_equal(deposits, 100);
    seen.look = look_at_transfer;
    simulate(&seen, "bank", more, PHASE_MAIN);
    seen.look = NULL;
    seen.count = 0;
    simulate(&seen, "bank", more, PHASE_FINAL);
    assert_int_equal(seen.count, THREADS);
    seen_finish(&seen);
}

static void write_skew_comes_in_pairs_at_one_moment_and_is_read_later(void **state)
{
    (void)state;
    struct seen seen = {.is_perfect = true};
    simulate(&seen, "write-skew", "", PHASE_MAIN);
    const char *line = seen.streams[0].data;
    for (long long pair = 0; pair < 300; pair++) {
        long long due[3];
        long long before = pair > 0 ? pair - 1 : 0;
        for (int i = 0; i < 3; i++) {
            char expected[128];
            if (i < 2)
                snprintf(expected, sizeof expected,
                         "txn -1 [[:r %lld nil] [:r %lld nil] [:w %lld 1]]\n", 2 * pair,
                         2 * pair + 1, 2 * pair + i);
            else
                snprintf(expected, sizeof expected, "txn -1 [[:r %lld nil] [:r %lld nil]]\n",
                         2 * before, 2 * before + 1);
            char *rest;
            due[i] = strtoll(line, &rest, 10);
            assert_memory_equal(rest + 1, expected, strlen(expected));
            line = strchr(line, '\n') + 1;
        }
        assert_true(due[0] == due[1] && due[1] == due[2]);
    }
    seen_finish(&seen);
}

static int64_t acquired[THREADS];

static void look_at_lock(const struct rift_planned_op *op, const struct rift_values *values)
{
    (void)values;
    bool is_acquire = strcmp(op->f, "acquire") == 0;
    assert_int_equal(is_acquire, acquired[op->thread] == 0);
    acquired[op->thread] = is_acquire;
}

static void a_thread_releases_what_it_acquired_before_it_acquires_again(void **state)
{
    (void)state;
    memset(acquired, 0, sizeof acquired);
    struct seen seen = {.look = look_at_lock};
    rift_rng_init(&seen.outcomes, 5);
    simulate(&seen, "lock", "", PHASE_MAIN);
    seen_finish(&seen);
}

static void look_at_owner(const struct rift_planned_op *op, const struct rift_values *values)
{
    if (strcmp(op->f, "write") == 0)
        assert_int_equal(rift_value_as_integer(values, op->key) % THREADS, op->thread);
}

static void only_its_owner_writes_a_register_of_sessions(void **state)
{
    (void)state;
    struct seen seen = {.look = look_at_owner};
    rift_rng_init(&seen.outcomes, 5);
    simulate(&seen, "sessions", ", keys_per_thread: 3", PHASE_MAIN);
    seen_finish(&seen);
}

static size_t cas_count, read_count, op_count;

static void look_at_register(const struct rift_planned_op *op, const struct rift_values *values)
{
    op_count++;
    read_count += strcmp(op->f, "read") == 0;
    cas_count += strcmp(op->f, "cas") == 0;
    if (strcmp(op->f, "cas") == 0)
        assert_int_equal(rift_value_kind(values, op->argument), RIFT_PAIR);
}

static void parts_of_a_register_are_kept(void **state)
{
    (void)state;
    op_count = read_count = cas_count = 0;
    struct rift_workload with_cas = *rift_workload_find("register");
    static const char *const operations[] = {"read", "write", "cas", NULL};
    with_cas.operations = operations;
    struct rift_plan *plan = plan_of("register", ", read_part: 0.3, cas_part: 0.4");
    struct rift_arena arena = {0};
    struct rift_workload_phases phases;
    assert_int_equal(rift_workload_start(plan, &arena, &phases, NULL), 0);
    struct seen seen = {.is_perfect = true, .workload = &with_cas, .look = look_at_register};
    struct rift_simulation simulation = {
        .thread_count = THREADS, .outcome = outcome, .visit = visit, .context = &seen};
    assert_true(rift_generator_simulate(phases.main, &simulation));
    assert_in_range(100 * read_count / op_count, 27, 33);
    assert_in_range(100 * cas_count / op_count, 37, 43);
    rift_arena_finish(&arena);
    rift_plan_destroy(plan);
    seen_finish(&seen);
}

static int64_t registers[20];
static size_t done_count, swapped_count;

/* On a system that answers one after another. */
static void swap_in_register(const struct rift_planned_op *op, const struct rift_values *values)
{
    int64_t key = rift_value_as_integer(values, op->key);
    if (++done_count > 100)
        return;
    assert_in_range(key, 0, 19);
    int64_t *now = &registers[key];
    if (strcmp(op->f, "write") == 0)
        *now = 1 + rift_value_as_integer(values, op->argument);
    if (strcmp(op->f, "cas") != 0)
        return;
    int64_t from = 1 + rift_value_as_integer(values, rift_value_item(values, op->argument, 0));
    int64_t to = 1 + rift_value_as_integer(values, rift_value_item(values, op->argument, 1));
    swapped_count += *now == from;
    *now = *now == from ? to : *now;
}

/* Five seconds at 20 a second, on the 20 keys that are the default. */
static void of_a_hundred_operations_some_compare_and_set_successfully(void **state)
{
    (void)state;
    struct rift_workload with_cas = *rift_workload_find("register");
    static const char *const operations[] = {"read", "write", "cas", NULL};
    with_cas.operations = operations;
    struct rift_plan *plan = plan_of("register", ", cas_part: 0.2");
    for (plan->seed = 1; plan->seed <= 50; plan->seed++) {
        struct rift_arena arena = {0};
        struct rift_workload_phases phases;
        done_count = swapped_count = 0;
        memset(registers, 0, sizeof registers);
        assert_int_equal(rift_workload_start(plan, &arena, &phases, NULL), 0);
        struct seen seen = {.is_perfect = true, .workload = &with_cas, .look = swap_in_register};
        struct rift_simulation simulation = {
            .thread_count = THREADS, .outcome = outcome, .visit = visit, .context = &seen};
        rift_generator_simulate(phases.main, &simulation);
        if (swapped_count == 0)
            fail_msg("seed %llu: no cas succeeds", (unsigned long long)plan->seed);
        rift_arena_finish(&arena);
        seen_finish(&seen);
    }
    rift_plan_destroy(plan);
}

static void parts_that_exceed_the_whole_are_refused(void **state)
{
    (void)state;
    struct rift_plan *plan = plan_of("register", ", read_part: 0.7, cas_part: 0.4");
    struct rift_arena arena = {0};
    struct rift_workload_phases phases;
    struct rift_error err = {0};
    assert_int_equal(rift_workload_start(plan, &arena, &phases, &err), -1);
    assert_string_equal(err.text,
                        "workload 'register': read_part and cas_part are more than 1 together");
    rift_arena_finish(&arena);
    rift_plan_destroy(plan);
}

/* A drain ends when its thread finds nothing more, and not because the system refused to answer. */
static size_t drained;

static enum rift_op_type drain_outcome(void *context, const struct rift_planned_op *op,
                                       unsigned thread, int64_t *latency_ns)
{
    (void)context;
    (void)op;
    (void)thread;
    *latency_ns = RIFT_MS;
    return drained++ < 50 ? RIFT_OP_FAIL : RIFT_OP_OK;
}

static void a_refused_dequeue_does_not_end_the_drain(void **state)
{
    (void)state;
    drained = 0;
    struct rift_plan *plan = plan_of("total-queue", "");
    struct rift_arena arena = {0};
    struct rift_workload_phases phases;
    assert_int_equal(rift_workload_start(plan, &arena, &phases, NULL), 0);
    struct seen seen = {.workload = rift_workload_find("total-queue")};
    struct rift_simulation simulation = {
        .thread_count = THREADS, .outcome = drain_outcome, .visit = visit, .context = &seen};
    assert_true(rift_generator_simulate(phases.final, &simulation));
    assert_int_equal(seen.count, 50 + THREADS); /* an OK of the simulation is nil: empty */
    rift_arena_finish(&arena);
    rift_plan_destroy(plan);
    seen_finish(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_workload_asks_the_same_whatever_became_of_it),
        cmocka_unit_test(every_workload_brings_its_checkers),
        cmocka_unit_test(written_values_are_unique_for_their_key),
        cmocka_unit_test(a_bank_begins_with_all_its_money_and_never_moves_more_than_it_says),
        cmocka_unit_test(write_skew_comes_in_pairs_at_one_moment_and_is_read_later),
        cmocka_unit_test(a_thread_releases_what_it_acquired_before_it_acquires_again),
        cmocka_unit_test(only_its_owner_writes_a_register_of_sessions),
        cmocka_unit_test(parts_of_a_register_are_kept),
        cmocka_unit_test(of_a_hundred_operations_some_compare_and_set_successfully),
        cmocka_unit_test(parts_that_exceed_the_whole_are_refused),
        cmocka_unit_test(a_refused_dequeue_does_not_end_the_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
