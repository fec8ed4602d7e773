/* The part of a run that is recorded.
 *
 * The caller's thread is the scheduler. Another thread waits for the lanes of the nemesis and then
 * has every agent heal all: no operation, no client and no disk can hold up a heal. */
#include "control/run/main_phase.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/sha256.h"
#include "control/run/clock_record.h"
#include "control/run/watch.h"
#include "workloads/workload.h"

enum { MAIN_HEAL_DEADLINE_MS = 15000, MAIN_GRACE_MS = 2000 };

struct recording {
    const struct main_phase *phase;
    int64_t origin_ns; /* of run time */
    struct rift_writer *writer;
    struct run_watch *watch; /* NULL: the plan does not ask for it */
    struct interpreter *interpreter;
    struct nemesis *nemesis;
    struct clock_record *clocks;
    struct rift_arena arena; /* generators */
    struct rift_workload_phases generators;
    int64_t healed_ns; /* of the healer, read after it has ended */
};

/* The deadlines of phases are far off, but not so far that they overflow. */
static int64_t after_ms(int64_t from_ns, int64_t ms)
{
    return from_ns + ms * RIFT_MS;
}

static void *healer_run(void *context)
{
    struct recording *recording = context;
    struct cluster *cluster = recording->phase->cluster;
    nemesis_join(recording->nemesis);
    struct rift_node_set all;
    cluster_all(cluster, &all);
    struct cluster_reply *replies = rift_calloc(cluster->node_count, sizeof *replies);
    cluster_call(cluster, &all, "heal_all", NULL, MAIN_HEAL_DEADLINE_MS, replies);
    recording->healed_ns = rift_clock_now();
    for (size_t i = 0; i < cluster->node_count; i++) {
        size_t left = json_array_size(json_object_get(replies[i].ok, "healed"));
        if (!replies[i].ok)
            rift_log(RIFT_LOG_WARNING,
                     "%s does not say that it is healed, its faults end with the lease: %s",
                     cluster->names[i], replies[i].error.text);
        else if (left > 0)
            rift_log(RIFT_LOG_WARNING, "%s: %zu faults were left, and are healed now",
                     cluster->names[i], left);
    }
    cluster_replies_free(replies, cluster->node_count);
    free(replies);
    return NULL;
}

/* Something that the history itself must say, as an operation of the nemesis; takes value over. It
 * is recorded when the interpreter runs next. */
static void recording_note(struct recording *recording, const char *f, json_t *value)
{
    struct run_fault_op *op = run_fault_op_create(f, value);
    interpreter_post_fault_begun(recording->interpreter, op);
    op->end_ns = rift_clock_now();
    interpreter_post_fault_ended(recording->interpreter, op);
}

/* It is not the whole run. */
static void recording_note_stop(struct recording *recording)
{
    char reason[RUN_STOP_REASON_SIZE];
    run_stop_copy_reason(recording->phase->stop, reason);
    if (reason[0] != '\0')
        recording_note(recording, "run-stopped", json_pack("{s:s}", "what", reason));
}

/* Whose build was certified: file and SHA-256 of each artifact, as the frozen plan has them, and of
 * the version that it was upgraded to. */
static void recording_note_artifacts(struct recording *recording)
{
    const json_t *system = json_object_get(recording->phase->plan->json, "system");
    static const char *const versions[] = {"artifacts", "upgrade_to"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        json_t *artifacts = json_object_get(system, versions[i]);
        if (json_object_size(artifacts) > 0)
            recording_note(recording, versions[i], json_deep_copy(artifacts));
    }
}

/* By which plan it was run: one that is changed later, or another run's, is told from it. */
static void recording_note_plan(struct recording *recording)
{
    char sum[RIFT_SHA256_HEX_SIZE];
    CLEANUP(rift_free) char *path = rift_printf("%s/plan.yaml", recording->phase->directory);
    if (rift_sha256_file(path, sum, NULL) == 0)
        recording_note(recording, "plan", json_pack("{s:s}", "sha256", sum));
}

static bool schedule_bends_clocks(const struct rift_schedule *schedule)
{
    for (size_t i = 0; i < schedule->count; i++)
        if (strcmp(schedule->windows[i].what.fault->name, "clock") == 0)
            return true;
    return false;
}

static int recording_begin(struct recording *recording, const struct main_phase *phase,
                           struct rift_error *err)
{
    const struct rift_plan *plan = phase->plan;
    *recording = (struct recording){.phase = phase};
    CLEANUP(rift_free) char *path = rift_printf("%s/history.rift", phase->directory);
    recording->writer = rift_writer_open(path, err);
    if (!recording->writer ||
        rift_workload_start(plan, &recording->arena, &recording->generators, err) != 0)
        return -1;
    struct run_journal journal = run_journal_of_writer(recording->writer);
    if (plan->stop_on & RIFT_STOP_VIOLATION) {
        recording->watch = run_watch_create(plan, journal, phase->stop, err);
        if (!recording->watch)
            return -1;
        journal = run_watch_journal(recording->watch);
    }
    recording->origin_ns = rift_clock_now();
    struct interpreter_settings settings = {
        .client = phase->client,
        .configs = phase->configs,
        .node_count = plan->host_count,
        .thread_count = plan->concurrency,
        .op_timeout_ms = plan->op_timeout_ms,
        .origin_ns = recording->origin_ns,
        .journal = journal,
    };
    recording->interpreter = interpreter_create(&settings, err);
    if (!recording->interpreter)
        return -1;
    interpreter_open_sessions(recording->interpreter,
                              after_ms(rift_clock_now(), plan->deadlines.healthy_ms));
    run_stop_attach(phase->stop, recording->interpreter, NULL);
    recording_note_plan(recording);
    recording_note_artifacts(recording);
    recording->clocks =
        clock_record_start(phase->cluster, recording->interpreter, recording->origin_ns,
                           schedule_bends_clocks(phase->schedule), err);
    return recording->clocks ? 0 : -1;
}

static int recording_setup(struct recording *recording, struct rift_error *err)
{
    const struct main_phase *phase = recording->phase;
    if (!recording->generators.setup)
        return 0;
    live_phase(phase->live, "setup operations");
    int64_t deadline_ns = after_ms(rift_clock_now(), phase->plan->deadlines.setup_ms);
    switch (
        interpreter_run(recording->interpreter, recording->generators.setup, deadline_ns, err)) {
    case INTERPRETER_DONE:
    case INTERPRETER_STOPPED:
        return 0;
    case INTERPRETER_TIMEOUT:
        return rift_fail(err, RIFT_ERR_TIMEOUT, "the setup operations did not end in %lld s",
                         (long long)(phase->plan->deadlines.setup_ms / 1000));
    case INTERPRETER_FAILED:
        break;
    }
    return -1;
}

/* Operations and faults, side by side, then recovery. */
static int recording_main(struct recording *recording, int64_t main_ns, struct rift_error *err)
{
    const struct main_phase *phase = recording->phase;
    const struct rift_plan *plan = phase->plan;
    int64_t length_ms = plan->time_limit_ms + plan->recovery_ms;
    struct nemesis_settings settings = {
        .cluster = phase->cluster,
        .schedule = phase->schedule,
        .interpreter = recording->interpreter,
        .run_origin_ns = recording->origin_ns,
        .phase_origin_ns = main_ns,
        .on_failure = run_stop_on_fault_failure,
        .context = phase->stop,
    };
    if (phase->schedule->count > 0)
        live_phase(phase->live, "operations for %lld s, the last %lld s without faults",
                   (long long)(length_ms / 1000), (long long)(plan->recovery_ms / 1000));
    else
        live_phase(phase->live, "operations for %lld s, without faults",
                   (long long)(length_ms / 1000));
    recording->nemesis = nemesis_start(&settings, err);
    if (!recording->nemesis)
        return -1;
    pthread_t healer;
    bool has_healer = pthread_create(&healer, NULL, healer_run, recording) == 0;
    run_stop_attach(phase->stop, recording->interpreter, recording->nemesis);
    live_attach(phase->live, recording->interpreter, recording->nemesis, phase->cluster, main_ns,
                length_ms * RIFT_MS);
    enum interpreter_end end = interpreter_run(recording->interpreter, recording->generators.main,
                                               after_ms(main_ns, length_ms + MAIN_GRACE_MS), err);
    if (end == INTERPRETER_FAILED || end == INTERPRETER_STOPPED)
        nemesis_stop(recording->nemesis);
    if (has_healer)
        pthread_join(healer, NULL);
    else
        healer_run(recording);
    live_detach(phase->live);
    run_stop_attach(phase->stop, recording->interpreter, NULL);
    return end == INTERPRETER_FAILED ? -1 : 0;
}

static int recording_final(struct recording *recording, struct rift_error *err)
{
    const struct main_phase *phase = recording->phase;
    recording_note_stop(recording);
    if (recording->generators.final)
        live_phase(phase->live, "final operations");
    /* Without a generator this records what the nemesis still had to say. */
    int64_t deadline_ns = after_ms(rift_clock_now(), phase->plan->deadlines.final_ms);
    enum interpreter_end end =
        interpreter_run(recording->interpreter, recording->generators.final, deadline_ns, err);
    if (end == INTERPRETER_TIMEOUT)
        rift_log(RIFT_LOG_WARNING, "the final operations did not end in %lld s",
                 (long long)(phase->plan->deadlines.final_ms / 1000));
    return end == INTERPRETER_FAILED ? -1 : 0;
}

static int recording_end(struct recording *recording, struct main_phase_result *result,
                         struct rift_error *err)
{
    run_stop_detach(recording->phase->stop);
    clock_record_stop(recording->clocks);
    if (recording->interpreter) {
        const struct scheduler_counts *counts = interpreter_counts(recording->interpreter);
        result->invoked = counts->invoked;
        result->ok = counts->ok;
        result->fail = counts->fail;
        result->info = counts->info;
        result->abandoned = counts->abandoned;
        result->late = counts->late;
        result->length_ns = rift_clock_now() - recording->origin_ns;
        result->has_history = true;
    }
    interpreter_destroy(recording->interpreter);
    nemesis_destroy(recording->nemesis);
    run_watch_destroy(recording->watch);
    run_stop_copy_reason(recording->phase->stop, result->stopped);
    rift_arena_finish(&recording->arena);
    return rift_writer_close(recording->writer, err);
}

int main_phase_run(const struct main_phase *phase, struct main_phase_result *result,
                   struct rift_error *err)
{
    struct recording recording;
    int failed = recording_begin(&recording, phase, err);
    if (failed == 0)
        failed = recording_setup(&recording, err);
    if (failed == 0) {
        int64_t main_ns = rift_clock_now();
        failed = recording_main(&recording, main_ns, err);
        result->main_ns = main_ns - recording.origin_ns;
        result->healed_ns = recording.healed_ns - recording.origin_ns;
    }
    if (failed == 0)
        failed = recording_final(&recording, err);
    struct rift_error closing = {0};
    if (recording_end(&recording, result, &closing) != 0 && failed == 0) {
        failed = -1;
        *err = closing;
    }
    return failed;
}

json_t *main_phase_describe(const struct main_phase_result *result)
{
    json_t *described =
        json_pack("{s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I}", "duration_s",
                  (double)result->length_ns / (double)RIFT_SECOND, "main_s",
                  (double)result->main_ns / (double)RIFT_SECOND, "healed_s",
                  (double)result->healed_ns / (double)RIFT_SECOND, "invoked",
                  (json_int_t)result->invoked, "ok", (json_int_t)result->ok, "fail",
                  (json_int_t)result->fail, "info", (json_int_t)result->info, "stuck",
                  (json_int_t)result->abandoned, "late", (json_int_t)result->late);
    if (result->stopped[0])
        json_object_set_new(described, "stopped", json_string(result->stopped));
    return described;
}
