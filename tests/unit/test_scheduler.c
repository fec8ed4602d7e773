/* The scheduler, stepped by hand: the test is the clock, the workers and the disk. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "control/run/scheduler.h"
#include "tests/lib/memory_journal.h"

enum { THREADS = 3, TIMEOUT_NS = 100, ABANDON_NS = 250, ORIGIN_NS = 1000000 };

/* Writes of 0, 1, 2...: one each gap_ns, count of them, the first at once. */
struct counting_generator {
    struct rift_generator base;
    int64_t count, gap_ns, next;
    int32_t thread;
    size_t updates;
    enum rift_op_type last_type;
};

static enum rift_next counting_next(struct rift_generator *base,
                                    const struct rift_generator_context *context,
                                    struct rift_planned_op *op, int64_t *wake_ns)
{
    struct counting_generator *generator = (struct counting_generator *)base;
    if (generator->next == generator->count)
        return RIFT_NEXT_DONE;
    bool has_free = false;
    for (unsigned i = 0; i < context->thread_count; i++)
        has_free |= context->is_free[i];
    *wake_ns = has_free ? generator->next * generator->gap_ns : RIFT_TIME_NEVER;
    if (!has_free || *wake_ns > context->now_ns)
        return RIFT_NEXT_PENDING;
    *op = (struct rift_planned_op){.f = "write", .thread = generator->thread};
    op->argument = rift_value_integer(context->values, generator->next++);
    return RIFT_NEXT_OP;
}

static void counting_update(struct rift_generator *base, const struct rift_generator_event *event)
{
    struct counting_generator *generator = (struct counting_generator *)base;
    generator->updates++;
    generator->last_type = event->type;
    assert_string_equal(event->op->f, "write");
    assert_in_range(rift_value_as_integer(event->values, event->op->argument), 0, generator->next);
}

static const struct rift_generator_kind counting_kind = {"counting", counting_next,
                                                         counting_update};

struct world {
    struct memory_journal *journal;
    struct scheduler *scheduler;
    struct counting_generator generator;
    struct run_job *jobs[THREADS]; /* with the worker of that thread */
    int64_t dispatched;
    int replaceable; /* workers that may still be replaced */
};

static void world_dispatch(void *context, struct run_job *job)
{
    struct world *world = context;
    assert_null(world->jobs[job->thread]);
    world->jobs[job->thread] = job;
    world->dispatched++;
    assert_int_equal(world->journal->count, world->dispatched);
}

static bool world_replace(void *context, unsigned thread)
{
    struct world *world = context;
    world->jobs[thread] = NULL; /* the test has kept the old one */
    return world->replaceable-- > 0;
}

static const char *const node_names[] = {"n1", "n2"};

static struct world *world_begin(int64_t count, int64_t gap_ns)
{
    struct world *world = calloc(1, sizeof *world);
    world->journal = calloc(1, sizeof *world->journal);
    world->replaceable = 100;
    world->generator = (struct counting_generator){
        .base = {&counting_kind}, .count = count, .gap_ns = gap_ns, .thread = RIFT_THREAD_ANY};
    struct scheduler_settings settings = {
        .thread_count = THREADS,
        .node_count = 2,
        .node_names = node_names,
        .op_timeout_ns = TIMEOUT_NS,
        .abandon_after_ns = ABANDON_NS,
        .origin_ns = ORIGIN_NS,
        .journal = memory_journal_open(world->journal),
        .context = world,
        .dispatch = world_dispatch,
        .replace = world_replace,
    };
    world->scheduler = scheduler_create(&settings);
    scheduler_begin(world->scheduler, &world->generator.base, ORIGIN_NS);
    return world;
}

static int64_t step(struct world *world, int64_t at_ns)
{
    return scheduler_step(world->scheduler, ORIGIN_NS + at_ns);
}

static void come_back(struct world *world, struct run_job *job, enum rift_op_type type,
                      int64_t start_ns, int64_t end_ns)
{
    if (world->jobs[job->thread] == job)
        world->jobs[job->thread] = NULL;
    job->answer = (struct rift_answer){.type = type, .result = job->argument};
    job->start_ns = ORIGIN_NS + start_ns;
    job->end_ns = ORIGIN_NS + end_ns;
    scheduler_complete(world->scheduler, job, job->end_ns);
}

static void world_end(struct world *world)
{
    for (unsigned i = 0; i < THREADS; i++)
        run_job_destroy(world->jobs[i]);
    scheduler_destroy(world->scheduler);
    free(world->journal);
    free(world);
}

static void an_operation_is_recorded_before_its_worker_may_send(void **state)
{
    (void)state;
    struct world *world = world_begin(5, 0); /* world_dispatch looks at the journal */
    step(world, 0);
    assert_int_equal(world->dispatched, THREADS);
    assert_int_equal(world->journal->records[0].has_ended, false);
    world_end(world);
}

static void the_interval_is_the_workers_and_lies_after_dispatch(void **state)
{
    (void)state;
    struct world *world = world_begin(1, 0);
    step(world, 7);
    come_back(world, world->jobs[0], RIFT_OP_OK, 11, 13);
    const struct memory_record *record = &world->journal->records[0];
    assert_int_equal(record->invoked_ns, 7);
    assert_int_equal(record->start_ns, 11);
    assert_int_equal(record->end_ns, 13);
    assert_int_equal(record->result, 0);
    assert_string_equal(record->node, "n1");
    step(world, 14);
    assert_true(scheduler_is_done(world->scheduler));
    world_end(world);
}

static void nothing_is_sent_before_it_is_due(void **state)
{
    (void)state;
    struct world *world = world_begin(3, 1000);
    assert_int_equal(step(world, 0), ORIGIN_NS + ABANDON_NS);
    assert_int_equal(world->dispatched, 1);
    come_back(world, world->jobs[0], RIFT_OP_OK, 1, 2);
    assert_int_equal(step(world, 999), ORIGIN_NS + 1000);
    assert_int_equal(world->dispatched, 1);
    step(world, 1000);
    assert_int_equal(world->dispatched, 2);
    world_end(world);
}

static void info_retires_the_process_and_only_info_does(void **state)
{
    (void)state;
    struct world *world = world_begin(10, 0);
    world->generator.thread = 0;
    world->generator.count = 1;
    step(world, 0);
    struct run_job *job = world->jobs[0];
    assert_false(job->wants_fresh_session);
    come_back(world, job, RIFT_OP_FAIL, 0, 1);
    world->generator.count = 2;
    scheduler_begin(world->scheduler, &world->generator.base, ORIGIN_NS);
    step(world, 2);
    assert_int_equal(world->journal->records[1].process, 0);
    come_back(world, world->jobs[0], RIFT_OP_INFO, 2, 3);
    world->generator.count = 3;
    scheduler_begin(world->scheduler, &world->generator.base, ORIGIN_NS);
    step(world, 4);
    assert_int_equal(world->journal->records[2].process, THREADS);
    assert_true(world->jobs[0]->wants_fresh_session);
    assert_int_equal(world->generator.last_type, RIFT_OP_INFO);
    assert_int_equal(world->generator.updates, 2);
    world_end(world);
}

static void the_thread_that_was_idle_longest_is_next(void **state)
{
    (void)state;
    struct world *world = world_begin(10, 0);
    step(world, 0);
    come_back(world, world->jobs[1], RIFT_OP_OK, 1, 2);
    come_back(world, world->jobs[2], RIFT_OP_OK, 1, 4);
    come_back(world, world->jobs[0], RIFT_OP_OK, 1, 3);
    world->generator.count = 4;
    step(world, 5);
    assert_non_null(world->jobs[1]);
    world->generator.count = 5;
    scheduler_stop(world->scheduler);
    world_end(world);
}

static void a_stuck_operation_ends_as_info_and_its_late_answer_is_dropped(void **state)
{
    (void)state;
    struct world *world = world_begin(THREADS + 1, 0);
    assert_int_equal(step(world, 0), ORIGIN_NS + ABANDON_NS);
    struct run_job *stuck = world->jobs[0];
    come_back(world, world->jobs[1], RIFT_OP_OK, 1, 2);
    come_back(world, world->jobs[2], RIFT_OP_OK, 1, 2);
    step(world, ABANDON_NS - 1);
    assert_int_equal(world->journal->records[0].has_ended, false);
    step(world, ABANDON_NS);
    const struct memory_record *record = &world->journal->records[0];
    assert_true(record->has_ended);
    assert_int_equal(record->type, RIFT_OP_INFO);
    assert_string_equal(record->error, "client stuck");
    assert_int_equal(record->start_ns, 0);
    assert_int_equal(scheduler_counts(world->scheduler)->abandoned, 1);
    come_back(world, stuck, RIFT_OP_OK, 1, ABANDON_NS + 5);
    assert_int_equal(record->type, RIFT_OP_INFO);
    assert_int_equal(scheduler_counts(world->scheduler)->late, 1);
    assert_int_equal(scheduler_counts(world->scheduler)->ok, 2);
    world_end(world);
}

static void a_late_answer_never_passes_for_that_of_the_next_operation(void **state)
{
    (void)state;
    struct world *world = world_begin(2, 0);
    world->generator.thread = 0;
    world->generator.count = 1;
    step(world, 0);
    struct run_job *stuck = world->jobs[0];
    step(world, ABANDON_NS);
    world->generator.count = 2;
    scheduler_begin(world->scheduler, &world->generator.base, ORIGIN_NS);
    step(world, ABANDON_NS + 1);
    struct run_job *fresh = world->jobs[0];
    assert_ptr_not_equal(stuck, fresh);
    come_back(world, stuck, RIFT_OP_OK, 1, ABANDON_NS + 2);
    assert_false(world->journal->records[1].has_ended);
    world->jobs[0] = NULL;
    come_back(world, fresh, RIFT_OP_OK, ABANDON_NS + 1, ABANDON_NS + 3);
    assert_true(world->journal->records[1].has_ended);
    assert_int_equal(world->journal->records[1].process, THREADS);
    world_end(world);
}

static void stopping_waits_for_what_is_under_way_and_sends_no_more(void **state)
{
    (void)state;
    struct world *world = world_begin(100, 10);
    step(world, 0);
    scheduler_stop(world->scheduler);
    step(world, 500 - ABANDON_NS - 1);
    assert_int_equal(world->dispatched, 1);
    assert_false(scheduler_is_done(world->scheduler));
    come_back(world, world->jobs[0], RIFT_OP_OK, 1, 200);
    assert_true(scheduler_is_done(world->scheduler));
    world_end(world);
}

static void a_phase_ends_when_no_worker_is_left(void **state)
{
    (void)state;
    struct world *world = world_begin(100, 0);
    world->replaceable = 0;
    step(world, 0);
    struct run_job *stuck[THREADS];
    memcpy(stuck, world->jobs, sizeof stuck);
    step(world, ABANDON_NS);
    assert_true(scheduler_is_done(world->scheduler));
    for (unsigned i = 0; i < THREADS; i++)
        run_job_destroy(stuck[i]);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_is_recorded_before_its_worker_may_send),
        cmocka_unit_test(the_interval_is_the_workers_and_lies_after_dispatch),
        cmocka_unit_test(nothing_is_sent_before_it_is_due),
        cmocka_unit_test(info_retires_the_process_and_only_info_does),
        cmocka_unit_test(the_thread_that_was_idle_longest_is_next),
        cmocka_unit_test(a_stuck_operation_ends_as_info_and_its_late_answer_is_dropped),
        cmocka_unit_test(a_late_answer_never_passes_for_that_of_the_next_operation),
        cmocka_unit_test(stopping_waits_for_what_is_under_way_and_sends_no_more),
        cmocka_unit_test(a_phase_ends_when_no_worker_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
