/* Decides which operation goes to which thread, and records it.
 *
 * The invocation is appended before the worker gets the job, so no prefix of the history holds a
 * read of a value whose write is missing. A thread whose operation ended as INFO goes on under a
 * new process number, as the old process may still be busy with it for ever. */
#include "control/run/scheduler.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_LOST };

struct slot {
    enum slot_state state;
    int32_t process;
    bool wants_fresh_session;
    uint64_t ticket;
    int64_t id; /* in the journal */
    int64_t dispatched_ns, abandon_ns, idle_since_ns;
    struct rift_planned_op op;  /* key and argument in values */
    struct rift_values *values; /* ours: the job's pool is the worker's while it is busy */
    struct run_job *job;        /* the one to reuse; NULL while it is with the worker */
};

struct scheduler {
    struct scheduler_settings settings;
    struct scheduler_counts counts;
    struct slot *slots;
    bool *is_free;    /* as the generator sees it */
    int32_t *process; /* likewise */
    unsigned busy_count, lost_count;
    uint64_t next_ticket;
    struct rift_values *scratch; /* where the generator builds */
    struct rift_generator *generator;
    int64_t phase_origin_ns;
    bool has_ended; /* the generator, or by scheduler_stop */
};

struct run_job *run_job_create(void)
{
    struct run_job *job = rift_calloc(1, sizeof *job);
    job->values = rift_values_create();
    return job;
}

void run_job_destroy(struct run_job *job)
{
    if (!job)
        return;
    rift_values_destroy(job->values);
    free(job);
}

struct scheduler *scheduler_create(const struct scheduler_settings *settings)
{
    struct scheduler *scheduler = rift_calloc(1, sizeof *scheduler);
    unsigned count = settings->thread_count;
    assert(count > 0 && count <= RIFT_THREADS_MAX && settings->node_count > 0);
    scheduler->settings = *settings;
    scheduler->slots = rift_calloc(count, sizeof *scheduler->slots);
    scheduler->is_free = rift_calloc(count, sizeof *scheduler->is_free);
    scheduler->process = rift_calloc(count, sizeof *scheduler->process);
    scheduler->scratch = rift_values_create();
    scheduler->next_ticket = 1;
    scheduler->has_ended = true;
    for (unsigned i = 0; i < count; i++) {
        scheduler->slots[i].values = rift_values_create();
        scheduler->slots[i].process = (int32_t)i;
        scheduler->process[i] = (int32_t)i;
        scheduler->is_free[i] = true;
    }
    return scheduler;
}

void scheduler_destroy(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    for (unsigned i = 0; i < scheduler->settings.thread_count; i++) {
        rift_values_destroy(scheduler->slots[i].values);
        run_job_destroy(scheduler->slots[i].job);
    }
    rift_values_destroy(scheduler->scratch);
    free(scheduler->slots);
    free(scheduler->is_free);
    free(scheduler->process);
    free(scheduler);
}

const struct scheduler_counts *scheduler_counts(const struct scheduler *scheduler)
{
    return &scheduler->counts;
}

static int64_t run_time(const struct scheduler *scheduler, int64_t monotonic_ns)
{
    return monotonic_ns - scheduler->settings.origin_ns;
}

void scheduler_begin(struct scheduler *scheduler, struct rift_generator *generator, int64_t now_ns)
{
    assert(scheduler->busy_count == 0);
    scheduler->generator = generator;
    scheduler->phase_origin_ns = now_ns;
    scheduler->has_ended =
        generator == NULL || scheduler->lost_count == scheduler->settings.thread_count;
}

void scheduler_stop(struct scheduler *scheduler)
{
    scheduler->has_ended = true;
}

bool scheduler_is_done(const struct scheduler *scheduler)
{
    return scheduler->has_ended && scheduler->busy_count == 0;
}

static unsigned choose_thread(const struct scheduler *scheduler, int32_t wanted)
{
    if (wanted != RIFT_THREAD_ANY) {
        assert(wanted >= 0 && (unsigned)wanted < scheduler->settings.thread_count);
        assert(scheduler->is_free[wanted]);
        return (unsigned)wanted;
    }
    unsigned best = scheduler->settings.thread_count;
    for (unsigned i = 0; i < scheduler->settings.thread_count; i++) {
        if (!scheduler->is_free[i])
            continue;
        if (best == scheduler->settings.thread_count ||
            scheduler->slots[i].idle_since_ns < scheduler->slots[best].idle_since_ns)
            best = i;
    }
    assert(best < scheduler->settings.thread_count);
    return best;
}

static void dispatch(struct scheduler *scheduler, const struct rift_planned_op *op, int64_t now_ns)
{
    const struct scheduler_settings *settings = &scheduler->settings;
    unsigned thread = choose_thread(scheduler, op->thread);
    struct slot *slot = &scheduler->slots[thread];
    struct run_job *job = slot->job ? slot->job : run_job_create();
    slot->job = NULL;
    slot->op = *op;
    rift_values_reset(slot->values);
    slot->op.key = rift_value_copy(slot->values, scheduler->scratch, op->key);
    slot->op.argument = rift_value_copy(slot->values, scheduler->scratch, op->argument);
    slot->ticket = scheduler->next_ticket++;
    slot->dispatched_ns = now_ns;
    slot->abandon_ns = now_ns + settings->abandon_after_ns;

    rift_values_reset(job->values);
    job->thread = thread;
    job->ticket = slot->ticket;
    snprintf(job->f, sizeof job->f, "%s", op->f);
    job->key = rift_value_copy(job->values, slot->values, slot->op.key);
    job->argument = rift_value_copy(job->values, slot->values, slot->op.argument);
    job->timeout_ns = settings->op_timeout_ns;
    job->wants_fresh_session = slot->wants_fresh_session;
    job->answer = (struct rift_answer){.type = RIFT_OP_INFO};
    slot->wants_fresh_session = false;
    slot->state = SLOT_BUSY;
    scheduler->is_free[thread] = false;
    scheduler->busy_count++;
    atomic_fetch_add_explicit(&scheduler->counts.invoked, 1, memory_order_relaxed);

    slot->id = settings->journal.invoke(
        settings->journal.context, run_time(scheduler, now_ns), slot->process, op->f, slot->values,
        slot->op.key, slot->op.argument, settings->node_names[thread % settings->node_count]);
    settings->dispatch(settings->context, job);
}

static void count_end(struct scheduler *scheduler, enum rift_op_type type)
{
    _Atomic uint64_t *count = type == RIFT_OP_OK     ? &scheduler->counts.ok
                              : type == RIFT_OP_FAIL ? &scheduler->counts.fail
                                                     : &scheduler->counts.info;
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

/* Records how the slot's operation ended, and tells the generator. op has key and argument in
 * values, where result is too. */
static void end_operation(struct scheduler *scheduler, struct slot *slot,
                          const struct rift_planned_op *op, struct rift_values *values,
                          const struct rift_answer *answer, int64_t start_ns, int64_t end_ns,
                          int64_t now_ns)
{
    const struct scheduler_settings *settings = &scheduler->settings;
    unsigned thread = (unsigned)(slot - scheduler->slots);
    settings->journal.complete(settings->journal.context, slot->id, answer->type,
                               run_time(scheduler, start_ns), run_time(scheduler, end_ns), values,
                               answer->result, answer->extra,
                               answer->error[0] ? answer->error : NULL);
    count_end(scheduler, answer->type);
    if (answer->type == RIFT_OP_INFO) {
        slot->process += (int32_t)settings->thread_count;
        slot->wants_fresh_session = true;
        scheduler->process[thread] = slot->process;
    }
    slot->ticket = 0;
    scheduler->busy_count--;
    struct rift_generator_event event = {
        .op = op,
        .type = answer->type,
        .time_ns = now_ns - scheduler->phase_origin_ns,
        .thread = thread,
        .result = answer->result,
        .error = answer->error,
        .values = values,
    };
    rift_generator_update(scheduler->generator, &event);
}

static void set_free(struct scheduler *scheduler, struct slot *slot, int64_t now_ns)
{
    slot->state = SLOT_FREE;
    slot->idle_since_ns = now_ns;
    scheduler->is_free[slot - scheduler->slots] = true;
}

void scheduler_complete(struct scheduler *scheduler, struct run_job *job, int64_t now_ns)
{
    struct slot *slot = &scheduler->slots[job->thread];
    if (slot->state != SLOT_BUSY || slot->ticket != job->ticket) {
        atomic_fetch_add_explicit(&scheduler->counts.late, 1, memory_order_relaxed);
        run_job_destroy(job);
        return;
    }
    struct rift_planned_op op = slot->op;
    op.key = job->key;
    op.argument = job->argument;
    end_operation(scheduler, slot, &op, job->values, &job->answer, job->start_ns, job->end_ns,
                  now_ns);
    slot->job = job;
    set_free(scheduler, slot, now_ns);
}

static void abandon(struct scheduler *scheduler, struct slot *slot, int64_t now_ns)
{
    struct rift_answer answer = {.type = RIFT_OP_INFO};
    snprintf(answer.error, sizeof answer.error, "client stuck");
    end_operation(scheduler, slot, &slot->op, slot->values, &answer, slot->dispatched_ns, now_ns,
                  now_ns);
    atomic_fetch_add_explicit(&scheduler->counts.abandoned, 1, memory_order_relaxed);
    slot->wants_fresh_session = false; /* a fresh worker has none */
    unsigned thread = (unsigned)(slot - scheduler->slots);
    if (scheduler->settings.replace(scheduler->settings.context, thread)) {
        set_free(scheduler, slot, now_ns);
        return;
    }
    slot->state = SLOT_LOST;
    if (++scheduler->lost_count == scheduler->settings.thread_count)
        scheduler->has_ended = true; /* nobody is left to do anything */
}

/* Returns when the next one counts as stuck. */
static int64_t abandon_stuck(struct scheduler *scheduler, int64_t now_ns)
{
    int64_t next_ns = RIFT_TIME_NEVER;
    for (unsigned i = 0; i < scheduler->settings.thread_count && scheduler->busy_count > 0; i++) {
        struct slot *slot = &scheduler->slots[i];
        if (slot->state != SLOT_BUSY)
            continue;
        if (slot->abandon_ns <= now_ns)
            abandon(scheduler, slot, now_ns);
        else if (slot->abandon_ns < next_ns)
            next_ns = slot->abandon_ns;
    }
    return next_ns;
}

int64_t scheduler_step(struct scheduler *scheduler, int64_t now_ns)
{
    int64_t wake_ns = abandon_stuck(scheduler, now_ns);
    while (!scheduler->has_ended) {
        struct rift_generator_context context = {
            .now_ns = now_ns - scheduler->phase_origin_ns,
            .thread_count = scheduler->settings.thread_count,
            .is_free = scheduler->is_free,
            .process = scheduler->process,
            .values = scheduler->scratch,
        };
        struct rift_planned_op op = {0};
        int64_t generator_wake_ns = RIFT_TIME_NEVER;
        rift_values_reset(scheduler->scratch);
        enum rift_next next =
            rift_generator_next(scheduler->generator, &context, &op, &generator_wake_ns);
        if (next == RIFT_NEXT_DONE) {
            scheduler->has_ended = true;
        } else if (next == RIFT_NEXT_OP) {
            dispatch(scheduler, &op, now_ns);
            int64_t stuck_ns = now_ns + scheduler->settings.abandon_after_ns;
            wake_ns = stuck_ns < wake_ns ? stuck_ns : wake_ns;
        } else {
            if (generator_wake_ns != RIFT_TIME_NEVER &&
                generator_wake_ns + scheduler->phase_origin_ns < wake_ns)
                wake_ns = generator_wake_ns + scheduler->phase_origin_ns;
            break;
        }
    }
    return wake_ns;
}
