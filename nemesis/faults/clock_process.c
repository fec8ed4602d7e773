/* clock, process by process: the vDSO of every process in the system's cgroup is bent, that of
 * restarted ones as well, soon after their start. The lease is kept by the bent code
 * itself: once it is past the process sees the right time, whatever became of us. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/clock.h"
#include "nemesis/faults/vdso.h"

enum { OBSERVE_TOLERANCE_MS = 100, OBSERVED_PROCESSES_MAX = 64 };

/* Rates are parts of 2^32. */
static const double rate_of_ppm = 4294967296.0 / 1e6;

struct live {
    struct vdso_bend bend;
    struct rift_cgroup system;
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

static int process_plan(struct rift_injection *injection, const struct rift_target *target,
                        const char *ledger, struct rift_error *err)
{
    (void)ledger;
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    if (rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "clock: no process of the system is running");
    const char *folder = rift_cgroup_folder(target->system);
    json_object_set_new(injection->undo, "cgroup", json_string(folder));
    return 0;
}

/* Every process of the system that is not bent as it should be. How many are, or -1. */
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
        else if (reason.code != RIFT_ERR_MISSING)
            return rift_fail(err, reason.code, "clock: %s", reason.text);
    }
    return bent;
}

static int64_t wall_of(int64_t monotonic_ns)
{
    return rift_clock_wall() + (monotonic_ns - rift_clock_now());
}

static int process_inject(struct rift_injection *injection, const struct rift_target *target,
                          struct rift_error *err)
{
    struct clock_bend bend = clock_bend_of(injection->options);
    struct live *live = rift_calloc(1, sizeof *live);
    injection->live = live;
    live->system = *target->system;
    live->bend = (struct vdso_bend){
        .magic = VDSO_BEND_MAGIC,
        .offset_ns = bend.offset_ns,
        .base_ns = rift_clock_wall(),
        .rate = (int64_t)((double)bend.drift_ppm * rate_of_ppm),
        .period_ns = bend.strobe_ns,
        .expiry_ns = wall_of(injection->lease_end_ns),
    };
    int bent = bend_all(&live->system, &live->bend, err);
    if (bent < 0)
        return -1;
    if (bent == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "clock: no process of the system is running");
    injection->applied_ns = rift_clock_now();
    return 0;
}

static int process_renew(struct rift_injection *injection, struct rift_error *err)
{
    struct live *live = injection->live;
    live->bend.expiry_ns = wall_of(injection->lease_end_ns);
    return bend_all(&live->system, &live->bend, err) < 0 ? -1 : 0;
}

static int process_heal(const char *id, const json_t *undo, const char *ledger,
                        struct rift_error *err)
{
    (void)id;
    (void)ledger;
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    struct rift_cgroup system = {.v1_count = 0};
    const char *folder = json_string_value(json_object_get(undo, "cgroup"));
    snprintf(system.unified, sizeof system.unified, "%s", folder ? folder : "");
    size_t count = folder ? rift_cgroup_pids(&system, pids, RIFT_CGROUP_PIDS_MAX) : 0;
    int result = 0;
    for (size_t i = 0; i < count; i++)
        if (vdso_straighten(pids[i], err) < 0)
            result = rift_wrap(err, "clock");
    return result;
}

/* Each process is asked for the time that it sees. */
static int process_observe(const struct rift_injection *injection, const struct rift_target *target,
                           bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)err;
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    const struct live *live = injection->live;
    const struct clock_bend bend = clock_bend_of(injection->options);
    size_t count = rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX), right = 0;
    json_t *shown = json_array();
    count = count > OBSERVED_PROCESSES_MAX ? OBSERVED_PROCESSES_MAX : count;
    for (size_t i = 0; live && i < count; i++) {
        int64_t seen = 0, before = rift_clock_wall();
        if (vdso_ask(pids[i], &seen, NULL) < 0)
            continue;
        int64_t offset = seen - before;
        int64_t late = rift_clock_wall() - before + OBSERVE_TOLERANCE_MS * RIFT_MS;
        int64_t planned = clock_bend_at(&bend, before - live->bend.base_ns);
        right += offset >= planned - OBSERVE_TOLERANCE_MS * RIFT_MS && offset <= planned + late;
        json_array_append_new(shown, json_real((double)offset / (double)RIFT_MS));
    }
    json_object_set_new(details, "processes", json_integer((json_int_t)count));
    json_object_set_new(details, "shown_offset_ms", shown);
    *is_observed = count > 0 && right == count;
    return 0;
}

static void process_forget(struct rift_injection *injection)
{
    free(injection->live);
    injection->live = NULL;
}

const struct rift_fault_driver rift_clock_process_driver = {
    .name = "process",
    .probe = process_probe,
    .plan = process_plan,
    .inject = process_inject,
    .renew = process_renew,
    .heal = process_heal,
    .observe = process_observe,
    .forget = process_forget,
};
