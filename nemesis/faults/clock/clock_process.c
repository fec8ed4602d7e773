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
#include "nemesis/faults/clock/vdso.h"
#include "nemesis/faults/clock/visit.h"
#include "nemesis/faults/holder.h"

enum {
    ASKED_PROCESSES_MAX = 64, /* of more the memory is looked at */
    ASKING_MS = 500,          /* in which a time that is shown wrong is waited for */
    ASKING_EACH_MS = 50,      /* and for each process of many */
    ASKED_AGAIN = 5,          /* of which a slow answer tells too little */
    ANSWER_MS = 2000,         /* for so long it counts */
    TRACED_MS = 3000,
    NEW_PROGRAM_MS = 2000,
    NEW_PROGRAM_LOOK_MS = 5,
    STEP_MS = 100 /* by which somebody sets the host's clock, other than to slew it */
};

/* An answer that took no longer is no slow one. */
#define QUICK_NS (RIFT_MS / 2)

/* The replacement rounds by less. */
#define TOLERANCE_NS (RIFT_MS / 100)

/* Rates are parts of 2^32. */
static const double rate_of_ppm = 4294967296.0 / 1e6;

/* The holder's. */
struct bending {
    struct vdso_bend bend;
    struct clock_bend planned;
    struct rift_cgroup system;
    int64_t begin_ns; /* by the monotonic clock, which nobody sets */
    bool has_begun;
};

/* The system's processes, and which of them are bent now. */
struct processes {
    pid_t pids[RIFT_CGROUP_PIDS_MAX];
    bool are_bent[RIFT_CGROUP_PIDS_MAX];
    size_t count;
};

/* What the holder saw, in memory that it shares with the agent. A question is known by when it was
 * put; 0: there is none. */
struct sight {
    _Atomic int64_t asked_ns, answered_ns;
    _Atomic int64_t told_ns; /* when; to ask many takes its time on a busy host */
    int count, bent, untold, shown_count;
    double shown_ms[ASKED_PROCESSES_MAX];
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
 * one that cannot be is left as it is. Those that are gone are left out. */
static int bend_all(struct processes *processes, const struct rift_cgroup *system,
                    const struct vdso_bend *bend, struct rift_error *err)
{
    size_t count = rift_cgroup_pids(system, processes->pids, RIFT_CGROUP_PIDS_MAX);
    int bent = 0;
    processes->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct rift_error reason = {0};
        bool is_bent = vdso_bend(processes->pids[i], bend, &reason) == 0;
        bent += is_bent;
        if (!is_bent && reason.code == RIFT_ERR_MISSING)
            continue;
        if (!is_bent && err)
            return rift_fail(err, reason.code, "%s", reason.text);
        processes->pids[processes->count] = processes->pids[i];
        processes->are_bent[processes->count++] = is_bent;
    }
    return bent;
}

static int64_t wall_of(int64_t monotonic_ns)
{
    return rift_clock_wall() + (monotonic_ns - rift_clock_now());
}

static struct bending bending;
static struct processes processes;

/* A process may begin another program just now, and have no clock to bend for a moment. */
static int bend_begin(const void *of, struct rift_holder_report *report)
{
    struct rift_error err = {0};
    bending = *(const struct bending *)of;
    int64_t until_ns = rift_clock_now() + NEW_PROGRAM_MS * RIFT_MS;
    int bent;
    while ((bent = bend_all(&processes, &bending.system, &bending.bend, &err)) < 0 &&
           err.code == RIFT_ERR_UNSUPPORTED && rift_clock_now() < until_ns)
        rift_clock_sleep_until(rift_clock_now() + NEW_PROGRAM_LOOK_MS * RIFT_MS);
    bending.has_begun = bent > 0;
    report->processes = bent;
    snprintf(report->text, sizeof report->text, "%.150s",
             bent < 0 ? err.text : "no process of the system is running");
    return bent > 0 ? 0 : -1;
}

/* Of one process. A strobe's next wrong time is waited for; who waited for a processor meanwhile is
 * asked again. */
static enum clock_sight ask(pid_t pid, int64_t until_ns, double *shown_ms, struct rift_error *err)
{
    for (int again = ASKED_AGAIN;;) {
        struct vdso_sight seen;
        if (vdso_ask(pid, &seen, err) < 0)
            return CLOCK_OTHER;
        const struct clock_look look = {.from_ns = seen.before_ns - bending.bend.base_ns,
                                        .to_ns = seen.after_ns - bending.bend.base_ns,
                                        .least_ns = seen.seen_ns - seen.after_ns - TOLERANCE_NS,
                                        .most_ns = seen.seen_ns - seen.before_ns + TOLERANCE_NS};
        enum clock_sight sight = clock_bend_judge(&bending.planned, &look);
        int64_t wrong_ns =
            rift_clock_now() +
            clock_bend_until_wrong(&bending.planned, rift_clock_wall() - bending.bend.base_ns);
        *shown_ms = (double)(seen.seen_ns - seen.before_ns) / (double)RIFT_MS;
        bool is_slow = seen.after_ns - seen.before_ns > QUICK_NS;
        if (is_slow && again-- > 0 && rift_clock_now() < until_ns)
            continue;
        if (sight != CLOCK_UNTOLD || !bending.planned.strobe_ns || wrong_ns >= until_ns)
            return sight;
        rift_clock_sleep_until(wrong_ns);
    }
}

/* Each process that was just bent, or could not be, is asked for the time that it sees. */
static void ask_all(struct sight *sight, int64_t until_ns)
{
    sight->count = sight->bent = sight->untold = sight->shown_count = 0;
    for (size_t i = 0; i < processes.count; i++) {
        struct rift_error err = {0};
        double shown_ms = 0;
        bool is_asked = i < ASKED_PROCESSES_MAX;
        enum clock_sight seen = processes.are_bent[i] ? CLOCK_BENT : CLOCK_OTHER;
        if (is_asked)
            seen = ask(processes.pids[i], until_ns, &shown_ms, &err);
        if (err.code == RIFT_ERR_MISSING)
            continue; /* it ended meanwhile */
        sight->count++;
        sight->bent += seen == CLOCK_BENT;
        sight->untold += seen == CLOCK_UNTOLD;
        if (is_asked && err.code == RIFT_ERR_NONE)
            sight->shown_ms[sight->shown_count++] = shown_ms;
    }
}

/* Where somebody set the host's clock, the fault goes on from where it was. */
static void follow_wall_clock(void)
{
    int64_t base_ns = wall_of(bending.begin_ns);
    if (llabs(base_ns - bending.bend.base_ns) > STEP_MS * RIFT_MS)
        bending.bend.base_ns = base_ns;
}

static void bend_tend(int64_t deadline_ns, void *shared)
{
    struct sight *sight = shared;
    if (!bending.has_begun)
        return;
    follow_wall_clock();
    bending.bend.expiry_ns = wall_of(deadline_ns);
    bend_all(&processes, &bending.system, &bending.bend, NULL);
    int64_t asked_ns = atomic_load(&sight->asked_ns);
    if (asked_ns == 0 || asked_ns == atomic_load(&sight->answered_ns))
        return;
    /* The lease, which this renews, must not run out meanwhile. */
    int64_t now = rift_clock_now(), half_ns = (deadline_ns - now) / 2,
            most_ns = (ASKING_MS + ASKING_EACH_MS * (int64_t)processes.count) * RIFT_MS;
    ask_all(sight, now + (half_ns < most_ns ? half_ns : most_ns));
    atomic_store(&sight->told_ns, rift_clock_now());
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
    struct bending of = {.planned = clock_bend_of(injection->options),
                         .system = *target->system,
                         .begin_ns = rift_clock_now()};
    of.bend = (struct vdso_bend){
        .magic = VDSO_BEND_MAGIC,
        .offset_ns = of.planned.offset_ns,
        .base_ns = wall_of(of.begin_ns),
        .rate = (int64_t)(of.planned.drift_ppm * rate_of_ppm),
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
    if (!is_answered || now - atomic_load(&sight->told_ns) > ANSWER_MS * RIFT_MS) {
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
    char how[200];
    int length =
        snprintf(how, sizeof how, "%d of %d processes see the time that they should: off by %.3f",
                 sight->bent, sight->count, least);
    if (most > least)
        length += snprintf(how + length, sizeof how - (size_t)length, " to %.3f", most);
    length += snprintf(how + length, sizeof how - (size_t)length, " ms");
    if (sight->untold > 0)
        snprintf(how + length, sizeof how - (size_t)length,
                 "; of %d it cannot be told from the right one now", sight->untold);
    json_object_set_new(details, "how", json_string(how));
    json_object_set_new(details, "processes", json_integer(sight->count));
    json_object_set_new(details, "shown_offset_ms", shown);
    *is_observed = sight->count > 0 && sight->bent == sight->count;
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
