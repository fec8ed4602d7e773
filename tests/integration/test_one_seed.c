/* One seed, one sequence: what real threads with a client that is slow, refuses and loses answers
 * are given to send is, in order, what the dry run of the same plan prints. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/rng.h"
#include "common/text.h"
#include "control/cli/catalogue.h"
#include "control/run/interpreter.h"
#include "plan/plan.h"
#include "workloads/workload.h"

/* A client whose every answer is drawn: a third is not ok, and some take longer than they may. */
static atomic_uint_fast64_t sessions_opened;

static int poor_open(const struct rift_client_config *config, void **session,
                     struct rift_error *err)
{
    (void)config;
    (void)err;
    struct rift_rng *rng = rift_malloc(sizeof *rng);
    rift_rng_init(rng, atomic_fetch_add(&sessions_opened, 1));
    *session = rng;
    return 0;
}

static void poor_invoke(void *session, const struct rift_request *request,
                        struct rift_answer *answer)
{
    struct rift_rng *rng = session;
    (void)request;
    rift_clock_sleep_until(rift_clock_now() + rift_rng_between(rng, 0, 20 * RIFT_MS));
    static const enum rift_op_type types[] = {RIFT_OP_OK, RIFT_OP_OK,   RIFT_OP_OK,
                                              RIFT_OP_OK, RIFT_OP_FAIL, RIFT_OP_INFO};
    answer->type = types[rift_rng_below(rng, 6)];
    answer->is_session_broken = rift_rng_below(rng, 10) == 0;
}

static const struct rift_client poor_client = {
    .name = "poor", .open = poor_open, .invoke = poor_invoke, .close = free};

/* What was recorded, one line an invocation. */
static struct rift_text recorded;
static size_t incarnations;
static int64_t recorded_count;

static int64_t record(void *context, int64_t time_ns, int32_t process, const char *f,
                      const struct rift_values *values, struct rift_value key,
                      struct rift_value argument, const char *node)
{
    (void)context;
    (void)time_ns;
    (void)process;
    (void)node;
    int64_t number = rift_value_as_integer(values, key);
    incarnations += number >= RIFT_KEY_STRIDE;
    CLEANUP(rift_free) char *text = rift_value_print(values, argument);
    rift_text_printf(&recorded, "%s key %lld %s\n", f, (long long)(number % RIFT_KEY_STRIDE), text);
    return recorded_count++;
}

static void forget(void *context, int64_t id, enum rift_op_type type, int64_t start_ns,
                   int64_t end_ns, const struct rift_values *values, struct rift_value result,
                   struct rift_value extra, const char *error)
{
    (void)context, (void)id, (void)type, (void)start_ns, (void)end_ns, (void)values, (void)result;
    (void)error, (void)extra;
}

static int is_fine(void *context, struct rift_error *err)
{
    (void)context;
    (void)err;
    return 0;
}

static const char CONFIG[] =
    "nodes: {lab: netns, count: 3}\nclient: {name: stdio, command: [x]}\nseed: 42\n"
    "time_limit_s: 4\n"
    "workload: {name: register, concurrency: 12, rate_hz: 400, keys: 5, infos_per_key: 4, "
    "cas_part: 0.2, key_distribution: zipf}\n";

/* The lines of the dry run without phase and due time. */
static char *print_dry_run(const struct rift_plan *plan)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(rift_workload_print_schedule(plan, out, NULL), 0);
    fclose(out);
    struct rift_text lines = {0};
    for (char *save, *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        const char *op = strstr(line, " op ");
        if (op)
            rift_text_printf(&lines, "%s\n", op + strlen(" op "));
    }
    free(text);
    return rift_text_take(&lines);
}

static void real_threads_send_what_the_dry_run_prints(void **state)
{
    (void)state;
    struct rift_error err = {0};
    struct rift_plan *plan =
        rift_plan_parse("t.yaml", CONFIG, strlen(CONFIG), rift_catalogue_of_build(), 0, &err);
    assert_non_null(plan);
    CLEANUP(rift_free) char *printed = print_dry_run(plan);
    struct rift_arena arena = {0};
    struct rift_workload_phases phases;
    assert_int_equal(rift_workload_start(plan, &arena, &phases, &err), 0);
    struct rift_client_config configs[3];
    for (size_t i = 0; i < 3; i++)
        configs[i] = (struct rift_client_config){
            .node = plan->host_names[i], .run_id = "", .address = "10.0.0.1"};
    struct interpreter_settings settings = {
        .client = &poor_client,
        .configs = configs,
        .node_count = 3,
        .thread_count = plan->concurrency,
        .op_timeout_ms = plan->op_timeout_ms,
        .origin_ns = rift_clock_now(),
        .journal = {.invoke = record, .complete = forget, .status = is_fine},
    };
    struct interpreter *interpreter = interpreter_create(&settings, &err);
    assert_non_null(interpreter);
    assert_int_equal(
        interpreter_run(interpreter, phases.main, rift_clock_now() + 30 * RIFT_SECOND, &err),
        INTERPRETER_DONE);
    interpreter_destroy(interpreter);
    /* 400 a second for 4 s, but for what a loaded machine had no time for. */
    assert_in_range(recorded_count, 400, 1800);
    assert_true(incarnations > 50);
    assert_memory_equal(recorded.data, printed, recorded.length);
    rift_text_finish(&recorded);
    rift_arena_finish(&arena);
    rift_plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_threads_send_what_the_dry_run_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
