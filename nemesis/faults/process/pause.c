/* pause: every thread of the system is stopped by ptrace, from a process apart, the holder; or, as
 * the option `by` says, by the kernel's freezer (freeze.c), or by SIGSTOP (stop.c).
 *
 * The threads see what SIGSTOP and SIGCONT would show them: time is lost, some system calls return
 * EINTR. */
#include "nemesis/faults/drivers.h"

#include <stdio.h>
#include <string.h>

#include "common/process.h"
#include "nemesis/faults/held.h"
#include "nemesis/faults/process/freeze.h"
#include "nemesis/faults/process/stop.h"
#include "nemesis/faults/setting.h"
#include "nemesis/faults/tracing.h"

static bool pause_is_by(const json_t *options, const char *word)
{
    const char *by = json_string_value(json_object_get(options, "by"));
    return by && strcmp(by, word) == 0;
}

static bool pause_is_freeze(const json_t *options)
{
    return pause_is_by(options, "freezer");
}

static bool pause_is_stop(const json_t *options)
{
    return pause_is_by(options, "sigstop");
}

static size_t pause_list(const void *of, pid_t *pids, size_t max)
{
    return rift_cgroup_pids(of, pids, max);
}

static int pause_begin(const void *of, struct rift_holder_report *report)
{
    return rift_held_stop_all(pause_list, of, report);
}

static int pause_plan(struct rift_injection *injection, const struct rift_target *target,
                      const char *ledger, struct rift_error *err)
{
    const struct rift_holder_work work = {
        .begin = pause_begin, .tend = rift_held_tend, .of = target->system};
    bool is_freeze = pause_is_freeze(injection->options);
    if (pause_is_stop(injection->options))
        return rift_stop_plan(injection, target, ledger, err);
    if (rift_tracing_check(injection, is_freeze ? RIFT_TRACING_FREEZES : RIFT_TRACING_HOLDS, ledger,
                           err))
        return -1;
    return is_freeze ? rift_freeze_plan(injection, target, ledger, err)
                     : rift_holder_plan(injection, &work, err);
}

static int pause_descriptor(const struct rift_injection *injection)
{
    bool is_held = !pause_is_freeze(injection->options) && !pause_is_stop(injection->options);
    return is_held ? rift_holder_descriptor(injection) : -1;
}

static int pause_inject(struct rift_injection *injection, const struct rift_target *target,
                        struct rift_error *err)
{
    if (pause_is_freeze(injection->options))
        return rift_freeze_inject(injection, target, err);
    if (pause_is_stop(injection->options))
        return rift_stop_inject(injection, target, err);
    struct rift_holder_report report = {0};
    if (rift_holder_inject(injection, &report, err))
        return rift_wrap(err, "pause");
    if (report.processes == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "pause: no process of the system is running");
    return 0;
}

static int pause_renew(struct rift_injection *injection, struct rift_error *err)
{
    if (pause_is_stop(injection->options))
        return rift_stop_renew(injection, err);
    return pause_is_freeze(injection->options) ? rift_setting_renew(injection, err)
                                               : rift_holder_renew(injection, err);
}

static int pause_heal(const char *id, const json_t *undo, const char *ledger,
                      struct rift_error *err)
{
    if (json_object_get(undo, "stopped_before"))
        return rift_stop_heal(undo);
    return json_object_get(undo, "file") ? rift_setting_heal(id, undo, ledger, err)
                                         : rift_holder_heal(id, undo, ledger, err);
}

static void pause_forget(struct rift_injection *injection)
{
    if (pause_is_freeze(injection->options))
        rift_setting_forget(injection);
    else if (pause_is_stop(injection->options))
        rift_stop_forget(injection);
    else
        rift_holder_forget(injection);
}

/* /proc shows each thread stopped. A parent in vfork(2) waits, where no stop reaches it, for a
 * child that is stopped: it stands as still. */
static int pause_observe(const struct rift_injection *injection, const struct rift_target *target,
                         bool *is_observed, json_t *details, struct rift_error *err)
{
    if (pause_is_freeze(injection->options))
        return rift_freeze_observe(target, is_observed, details, err);
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX);
    size_t stopped = 0, held_still = 0, alive = 0;
    for (size_t i = 0; i < count; i++) {
        char state = rift_process_threads_state(pids[i]);
        if (state == 0 || state == 'Z' || state == 'X')
            continue;
        alive++;
        bool is_stopped = state == 't' || state == 'T';
        held_still += is_stopped;
        stopped += is_stopped || state == 'D';
    }
    json_object_set_new(details, "processes", json_integer((json_int_t)alive));
    json_object_set_new(details, "stopped", json_integer((json_int_t)stopped));
    char how[96];
    snprintf(how, sizeof how, "/proc shows %zu of %zu processes stopped", stopped, alive);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = held_still > 0 && stopped == alive;
    return 0;
}

static int pause_probe(const struct rift_target *target, const json_t *options,
                       struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)err;
    if (pause_is_freeze(options))
        return rift_freeze_probe(target, ability);
    if (pause_is_stop(options))
        rift_stop_probe(target, ability);
    else
        rift_held_probe(target, ability);
    return 0;
}

const struct rift_fault_driver rift_pause_driver = {
    .name = "pause",
    .probe = pause_probe,
    .descriptor = pause_descriptor,
    .plan = pause_plan,
    .inject = pause_inject,
    .renew = pause_renew,
    .heal = pause_heal,
    .observe = pause_observe,
    .forget = pause_forget,
};
