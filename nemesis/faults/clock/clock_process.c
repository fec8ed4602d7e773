/* clock, process by process: the vDSO of every process in the system's cgroup is bent, that of
 * restarted ones as well, soon after their start. The lease is kept by the bent code
 * itself: once it is past the process sees the right time, whatever became of us.
 *
 * A holder does it, and asks the processes for their time: who looks at another's memory waits for
 * as long as that one holds it, for seconds where its memory is short. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/clock/clock.h"
#include "nemesis/faults/holder.h"
#include "nemesis/faults/clock/vdso.h"
#include "nemesis/faults/clock/visit.h"

enum {
    OBSERVE_TOLERANCE_MS = 100,
    OBSERVED_PROCESSES_MAX = 64,
    ANSWER_MS = 2000,
    TRACED_MS = 3000
};

/* Rates are parts of 2^32. */
static const double rate_of_ppm = 4294967296.0 / 1e6;

/* The holder's. */
struct bending {
    struct vdso_bend bend;
    struct clock_bend planned;
    struct rift_cgroup system;
    bool has_begun;
};

/* What the holder saw, in memory that it shares with the agent. A question is known by when it was
 * put; 0: there is none. */
struct sight {
    _Atomic int64_t asked_ns, answered_ns;
    int count, right, shown_count;
    double shown_ms[OBSERVED_PROCESSES_MAX];
};

static int process_probe(const struct rift_target *target, const json_t *options,
                         struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)options;
    (void)err;
    ability->backend = "vDSO of the system's processes";
    ability->end = "the bent code keeps the lease itself and shows the right time after it";
    ability->can = target->system != NULL;
    if (!ability->can)
        snprintf(ability->why, sizeof ability->why, "the system has no cgroup here");
    struct rift_error reason = {0};
    if (ability->can && vdso_can_bend(&reason) < 0) {
        ability->can = false;
        snprintf(ability->why, sizeof ability->why, "%.250s", reason.text);
    }
    return 0;
}

/* --- the holder */

/* Every process of the system that is not bent as it should be. How many are, or -1; without err
 * one that cannot be is left as it is. */
static int bend_all(const struct rift_cgroup *system, const struct vdso_bend *bend,
                    struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(system, pids, RIFT_CGROUP_PIDS_MAX);
    int bent = 0;
    for (size_t i = 0; i < count; i++) {
        struct rift_error reason = {0};
        if (vdso_bend(pids[i], bend, &reason) == 0)
            bent++;
        else if (reason.code != RIFT_ERR_MISSING && err)
            return rift_fail(err, reason.code, "%s", reason.text);
    }
    return bent;
}

static int64_t wall_of(int64_t monotonic_ns)
{
    return rift_clock_wall() + (monotonic_ns - rift_clock_now());
}

static struct bending bending;

static int bend_begin(const void *of, struct rift_holder_report *report)
{
    struct rift_error err = {0};
    bending = *(const struct bending *)of;
    int bent = bend_all(&bending.system, &bending.bend, &err);
    bending.has_begun = bent > 0;
    report->processes = bent;
    snprintf(report->text, sizeof report->text, "%.150s",
             bent < 0 ? err.text : "no process of the system is running");
    return bent > 0 ? 0 : -1;
}

/* Each process is asked for the time that it sees. */
static void ask_all(struct sight *sight)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(&bending.system, pids, RIFT_CGROUP_PIDS_MAX);
    count = count > OBSERVED_PROCESSES_MAX ? OBSERVED_PROCESSES_MAX : count;
    sight->count = (int)count;
    sight->right = sight->shown_count = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t seen = 0, before = rift_clock_wall();
        if (vdso_ask(pids[i], &seen, NULL) < 0)
            continue;
        int64_t offset = seen - before;
        int64_t late = rift_clock_wall() - before + OBSERVE_TOLERANCE_MS * RIFT_MS;
        int64_t planned = clock_bend_at(&bending.planned, before - bending.bend.base_ns);
        sight->right +=
            offset >= planned - OBSERVE_TOLERANCE_MS * RIFT_MS && offset <= planned + late;
        sight->shown_ms[sight->shown_count++] = (double)offset / (double)RIFT_MS;
    }
}

static void bend_tend(int64_t deadline_ns, void *shared)
{
    struct sight *sight = shared;
    if (!bending.has_begun)
        return;
    bending.bend.expiry_ns = wall_of(deadline_ns);
    bend_all(&bending.system, &bending.bend, NULL);
    int64_t asked_ns = atomic_load(&sight->asked_ns);
    if (asked_ns == 0 || asked_ns == atomic_load(&sight->answered_ns))
        return;
    ask_all(sight);
    atomic_store(&sight->answered_ns, asked_ns);
}

/* --- the agent's side */

static int process_plan(struct rift_injection *injection, const struct rift_target *target,
                        const char *ledger, struct rift_error *err)
{
    (void)ledger;
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    if (rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "clock: no process of the system is running");
    const char *folder = rift_cgroup_folder(target->system);
    json_object_set_new(injection->undo, "cgroup", json_string(folder));
    struct bending of = {.planned = clock_bend_of(injection->options), .system = *target->system};
    of.bend = (struct vdso_bend){
        .magic = VDSO_BEND_MAGIC,
        .offset_ns = of.planned.offset_ns,
        .base_ns = rift_clock_wall(),
        .rate = (int64_t)((double)of.planned.drift_ppm * rate_of_ppm),
        .period_ns = of.planned.strobe_ns,
        .expiry_ns = wall_of(injection->lease_end_ns),
    };
    const struct rift_holder_work work = {
        .begin = bend_begin, .tend = bend_tend, .of = &of, .shared_size = sizeof(struct sight)};
    return rift_holder_plan(injection, &work, err);
}

static int process_inject(struct rift_injection *injection, const struct rift_target *target,
                          struct rift_error *err)
{
    (void)target;
    struct rift_holder_report report = {0};
    return rift_holder_inject(injection, &report, err) ? rift_wrap(err, "clock") : 0;
}

/* A thread has one tracer, and another one, that is about to let go of it, may have it now. */
static int straighten(pid_t pid, struct rift_error *err)
{
    int64_t deadline = rift_clock_now() + TRACED_MS * RIFT_MS;
    struct rift_error reason = {0};
    int rc;
    while ((rc = vdso_straighten(pid, &reason)) < 0 && reason.code == RIFT_ERR_DENIED &&
           rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 20 * RIFT_MS);
    return rc < 0 ? rift_fail(err, reason.code, "%s", reason.text) : 0;
}

static int process_heal(const char *id, const json_t *undo, const char *ledger,
                        struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    if (rift_holder_heal(id, undo, ledger, err) ||
        rift_visit_await_end(
            (pid_t)json_integer_value(json_array_get(json_object_get(undo, "holder"), 0)), err))
        return rift_wrap(err, "clock");
    struct rift_cgroup system = {.v1_count = 0};
    const char *folder = json_string_value(json_object_get(undo, "cgroup"));
    snprintf(system.unified, sizeof system.unified, "%s", folder ? folder : "");
    size_t count = folder ? rift_cgroup_pids(&system, pids, RIFT_CGROUP_PIDS_MAX) : 0;
    int result = 0;
    for (size_t i = 0; i < count; i++)
        if (straighten(pids[i], err) < 0)
            result = rift_wrap(err, "clock");
    return result;
}

/* By the answer to a question that was just put, or puts one. */
static int process_observe(const struct rift_injection *injection, const struct rift_target *target,
                           bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    struct sight *sight = rift_holder_shared(injection);
    int64_t asked_ns = atomic_load(&sight->asked_ns), now = rift_clock_now();
    bool is_answered = asked_ns > 0 && asked_ns == atomic_load(&sight->answered_ns);
    if (!is_answered || now - asked_ns > ANSWER_MS * RIFT_MS) {
        json_object_set_new(details, "how", json_string("the processes have not told yet"));
        if (asked_ns > 0 && !is_answered)
            return 0;
        atomic_store(&sight->asked_ns, now);
        struct rift_error gone = {0};
        if (rift_holder_renew((struct rift_injection *)injection, &gone)) /* which wakes it */
            json_object_set_new(details, "how", json_string(gone.text));
        return 0;
    }
    json_t *shown = json_array();
    double least = sight->shown_count > 0 ? sight->shown_ms[0] : 0, most = least;
    for (int i = 0; i < sight->shown_count; i++) {
        json_array_append_new(shown, json_real(sight->shown_ms[i]));
        least = sight->shown_ms[i] < least ? sight->shown_ms[i] : least;
        most = sight->shown_ms[i] > most ? sight->shown_ms[i] : most;
    }
    char how[160];
    int length =
        snprintf(how, sizeof how, "%d of %d processes see the time that they should: off by %.3f",
                 (int)sight->right, (int)sight->count, least);
    if (most > least)
        length += snprintf(how + length, sizeof how - (size_t)length, " to %.3f", most);
    snprintf(how + length, sizeof how - (size_t)length, " ms");
    json_object_set_new(details, "how", json_string(how));
    json_object_set_new(details, "processes", json_integer(sight->count));
    json_object_set_new(details, "shown_offset_ms", shown);
    *is_observed = sight->count > 0 && sight->right == sight->count;
    atomic_store(&sight->asked_ns, 0);
    return 0;
}

const struct rift_fault_driver rift_clock_process_driver = {
    .name = "process",
    .probe = process_probe,
    .descriptor = rift_holder_descriptor,
    .plan = process_plan,
    .inject = process_inject,
    .renew = rift_holder_renew,
    .heal = process_heal,
    .observe = process_observe,
    .forget = rift_holder_forget,
};
