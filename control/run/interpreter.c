/* Runs the operations of a test. The loop takes what came back, lets the scheduler dispatch what is
 * due, and sleeps until one or the other happens; nothing in it waits for a worker or a node. */
#include "control/run/interpreter.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "control/run/worker.h"

/* More stuck workers than this hold too much memory; further threads are then lost. */
enum { INTERPRETER_STUCK_MAX = 1024 };

/* A client must return by its deadline; so much more does a loaded machine get. */
#define INTERPRETER_STUCK_GRACE_NS (500 * RIFT_MS)
/* For closing all sessions at the end. */
#define INTERPRETER_CLOSE_NS (2 * RIFT_SECOND)

struct interpreter {
    struct scheduler *scheduler;
    struct run_mailbox *mailbox;
    struct worker_crew *crew;
    struct worker **workers;
    unsigned worker_count;
    unsigned stuck_count;
    struct run_journal journal;
    int64_t origin_ns;
    struct rift_values *values; /* for what the nemesis did */
    atomic_bool is_stopped;
    struct rift_arena arena; /* names of nodes */
};

static void interpreter_dispatch(void *context, struct run_job *job)
{
    struct interpreter *interpreter = context;
    worker_give(interpreter->workers[job->thread], job);
}

static bool interpreter_replace(void *context, unsigned thread)
{
    struct interpreter *interpreter = context;
    struct worker *fresh = NULL;
    if (++interpreter->stuck_count <= INTERPRETER_STUCK_MAX)
        fresh = worker_start(interpreter->crew, thread);
    rift_log(RIFT_LOG_INFO, "the client of thread %u is stuck, %s takes its place", thread,
             fresh ? "another" : "none");
    worker_abandon(interpreter->workers[thread]);
    interpreter->workers[thread] = fresh;
    return fresh != NULL;
}

static struct scheduler *interpreter_create_scheduler(struct interpreter *interpreter,
                                                      const struct interpreter_settings *settings)
{
    const char **names =
        rift_arena_calloc(&interpreter->arena, settings->node_count, sizeof *names);
    for (size_t i = 0; i < settings->node_count; i++)
        names[i] = rift_arena_strdup(&interpreter->arena, settings->configs[i].node);
    struct scheduler_settings wanted = {
        .thread_count = settings->thread_count,
        .node_count = settings->node_count,
        .node_names = names,
        .op_timeout_ns = settings->op_timeout_ms * RIFT_MS,
        /* Opening a session and the operation itself may each take the timeout. */
        .abandon_after_ns = 2 * settings->op_timeout_ms * RIFT_MS + INTERPRETER_STUCK_GRACE_NS,
        .origin_ns = settings->origin_ns,
        .journal = settings->journal,
        .context = interpreter,
        .dispatch = interpreter_dispatch,
        .replace = interpreter_replace,
    };
    return scheduler_create(&wanted);
}

struct interpreter *interpreter_create(const struct interpreter_settings *settings,
                                       struct rift_error *err)
{
    struct interpreter *interpreter = rift_calloc(1, sizeof *interpreter);
    interpreter->mailbox = run_mailbox_create();
    interpreter->crew = worker_crew_create(settings->client, settings->configs,
                                           settings->node_count, interpreter->mailbox);
    interpreter->values = rift_values_create();
    interpreter->journal = settings->journal;
    interpreter->origin_ns = settings->origin_ns;
    interpreter->workers = rift_calloc(settings->thread_count, sizeof *interpreter->workers);
    interpreter->scheduler = interpreter_create_scheduler(interpreter, settings);
    for (; interpreter->worker_count < settings->thread_count; interpreter->worker_count++) {
        unsigned i = interpreter->worker_count;
        interpreter->workers[i] = worker_start(interpreter->crew, i);
        if (interpreter->workers[i])
            continue;
        rift_fail(err, RIFT_ERR_LIMIT, "cannot start client thread %u of %u; lower concurrency",
                  i + 1, settings->thread_count);
        interpreter_destroy(interpreter);
        return NULL;
    }
    return interpreter;
}

void interpreter_open_sessions(struct interpreter *interpreter, int64_t deadline_ns)
{
    unsigned open_count = interpreter->worker_count;
    for (unsigned i = 0; i < interpreter->worker_count; i++) {
        struct run_job *job = run_job_create();
        job->thread = i;
        job->only_opens = true;
        job->timeout_ns = deadline_ns - rift_clock_now();
        worker_give(interpreter->workers[i], job);
    }
    while (open_count > 0 && rift_clock_now() < deadline_ns) {
        const struct run_letter *letters = NULL;
        size_t count = run_mailbox_take(interpreter->mailbox, deadline_ns, &letters);
        for (size_t i = 0; i < count; i++) {
            run_job_destroy(letters[i].job);
            open_count--;
        }
    }
    if (open_count > 0)
        rift_log(RIFT_LOG_WARNING, "%u of %u clients are not open yet", open_count,
                 interpreter->worker_count);
}

static struct rift_value value_of_json(struct rift_values *values, const json_t *json)
{
    struct rift_value value = RIFT_VALUE_NIL;
    if (json && rift_value_from_json(values, json, &value, NULL) != 0)
        return RIFT_VALUE_NIL;
    return value;
}

static void record_fault(struct interpreter *interpreter, const struct run_letter *letter)
{
    struct run_fault_op *fault = letter->fault;
    const struct run_journal *journal = &interpreter->journal;
    int64_t start_ns = fault->start_ns - interpreter->origin_ns;
    rift_values_reset(interpreter->values);
    if (letter->kind == LETTER_FAULT_BEGUN) {
        fault->id = journal->invoke(journal->context, start_ns, RIFT_PROCESS_NEMESIS, fault->f,
                                    interpreter->values, RIFT_VALUE_NIL,
                                    value_of_json(interpreter->values, fault->planned), NULL);
        return;
    }
    journal->complete(journal->context, fault->id, fault->error ? RIFT_OP_INFO : RIFT_OP_OK,
                      start_ns, fault->end_ns - interpreter->origin_ns, interpreter->values,
                      value_of_json(interpreter->values, fault->result), RIFT_VALUE_NIL,
                      fault->error);
    run_fault_op_destroy(fault);
}

static void interpreter_take(struct interpreter *interpreter, int64_t deadline_ns)
{
    const struct run_letter *letters = NULL;
    size_t count = run_mailbox_take(interpreter->mailbox, deadline_ns, &letters);
    int64_t now_ns = rift_clock_now();
    for (size_t i = 0; i < count; i++) {
        if (letters[i].kind == LETTER_JOB)
            scheduler_complete(interpreter->scheduler, letters[i].job, now_ns);
        else
            record_fault(interpreter, &letters[i]);
    }
}

enum interpreter_end interpreter_run(struct interpreter *interpreter,
                                     struct rift_generator *generator, int64_t deadline_ns,
                                     struct rift_error *err)
{
    enum interpreter_end end = INTERPRETER_DONE;
    interpreter_take(interpreter, 0);
    scheduler_begin(interpreter->scheduler, generator, rift_clock_now());
    for (;;) {
        int64_t now_ns = rift_clock_now();
        enum interpreter_end reason = INTERPRETER_DONE;
        if (interpreter->journal.status(interpreter->journal.context, err) != 0)
            reason = INTERPRETER_FAILED;
        else if (atomic_load(&interpreter->is_stopped))
            reason = INTERPRETER_STOPPED;
        else if (now_ns >= deadline_ns)
            reason = INTERPRETER_TIMEOUT;
        if (reason != INTERPRETER_DONE && end == INTERPRETER_DONE) {
            end = reason;
            scheduler_stop(interpreter->scheduler);
        }
        int64_t wake_ns = scheduler_step(interpreter->scheduler, now_ns);
        if (scheduler_is_done(interpreter->scheduler))
            return end;
        if (end == INTERPRETER_DONE && deadline_ns < wake_ns)
            wake_ns = deadline_ns;
        interpreter_take(interpreter, wake_ns);
    }
}

void interpreter_stop(struct interpreter *interpreter)
{
    atomic_store(&interpreter->is_stopped, true);
    run_mailbox_wake(interpreter->mailbox);
}

void interpreter_post_fault_begun(struct interpreter *interpreter, struct run_fault_op *fault)
{
    run_mailbox_post(interpreter->mailbox,
                     (struct run_letter){.kind = LETTER_FAULT_BEGUN, .fault = fault});
}

void interpreter_post_fault_ended(struct interpreter *interpreter, struct run_fault_op *fault)
{
    run_mailbox_post(interpreter->mailbox,
                     (struct run_letter){.kind = LETTER_FAULT_ENDED, .fault = fault});
}

const struct scheduler_counts *interpreter_counts(const struct interpreter *interpreter)
{
    return scheduler_counts(interpreter->scheduler);
}

void interpreter_destroy(struct interpreter *interpreter)
{
    if (!interpreter)
        return;
    /* After a run every worker that is still in its place is idle. */
    int64_t deadline_ns = rift_clock_now() + INTERPRETER_CLOSE_NS;
    for (unsigned i = 0; i < interpreter->worker_count; i++) {
        if (interpreter->workers[i])
            worker_dismiss(interpreter->workers[i]);
    }
    for (unsigned i = 0; i < interpreter->worker_count; i++)
        worker_join(interpreter->workers[i], deadline_ns);
    free(interpreter->workers);
    scheduler_destroy(interpreter->scheduler);
    rift_values_destroy(interpreter->values);
    worker_crew_release(interpreter->crew);
    run_mailbox_release(interpreter->mailbox);
    rift_arena_finish(&interpreter->arena);
    free(interpreter);
}
