/* Nothing ends a stop but SIGCONT, so a keeper sees to it. Processes that stood still before are
 * in the record and are let be. */
#include "nemesis/faults/process/stop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/keeper.h"
#include "nemesis/faults/tracing.h"

enum { STOP_DEADLINE_MS = 2000 };

void rift_stop_probe(const struct rift_target *target, struct rift_fault_ability *ability)
{
    ability->can = target->system != NULL;
    snprintf(ability->why, sizeof ability->why, "%s",
             ability->can ? "" : "the system has no cgroup here");
    ability->backend = "SIGSTOP to the system's cgroup";
    ability->end = "a keeper of its own lets the processes go on when the lease is past or agent "
                   "and guardian are killed; if the keeper is killed as well, the next contact";
}

static bool is_stopped(pid_t pid)
{
    return rift_process_threads_state(pid) == 'T';
}

int rift_stop_plan(struct rift_injection *injection, const struct rift_target *target,
                   const char *ledger, struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    if (rift_tracing_check(injection, RIFT_TRACING_STOPS, ledger, err))
        return -1;
    size_t count = rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX), running = 0;
    json_t *before = json_array();
    json_object_set_new(injection->undo, "stopped_before", before);
    json_object_set_new(injection->undo, "cgroup", json_string(rift_cgroup_folder(target->system)));
    for (size_t i = 0; i < count; i++) {
        struct rift_process process;
        if (!is_stopped(pids[i]))
            running++;
        else if (rift_process_identify(pids[i], &process))
            json_array_append_new(
                before, json_pack("[i, I]", (int)process.pid, (json_int_t)process.start_ticks));
    }
    if (running == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "pause: no process of the system is running");
    injection->live = rift_keeper_start(injection, NULL, err);
    return injection->live ? 0 : -1;
}

static bool was_stopped_before(const json_t *undo, const struct rift_process *process)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(undo, "stopped_before"), i, item)
    {
        if (json_integer_value(json_array_get(item, 0)) == process->pid &&
            (uint64_t)json_integer_value(json_array_get(item, 1)) == process->start_ticks)
            return true;
    }
    return false;
}

/* How many of the others do not stand still; each gets the signal, unless it is 0. */
static size_t signal_others(const struct rift_cgroup *system, const json_t *undo, int signal)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(system, pids, RIFT_CGROUP_PIDS_MAX), running = 0;
    for (size_t i = 0; i < count; i++) {
        struct rift_process process;
        if (!rift_process_identify(pids[i], &process) || was_stopped_before(undo, &process))
            continue;
        if (signal)
            rift_process_signal(&process, signal);
        running += rift_process_is_alive(&process) && !is_stopped(pids[i]);
    }
    return running;
}

/* A process may start another one before it stops: until all stand still. A thread that waits in
 * the kernel stops when it comes out of it. */
int rift_stop_inject(struct rift_injection *injection, const struct rift_target *target,
                     struct rift_error *err)
{
    (void)err;
    int64_t deadline = rift_clock_now() + STOP_DEADLINE_MS * RIFT_MS;
    while (signal_others(target->system, injection->undo, SIGSTOP) > 0 &&
           rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    injection->applied_ns = rift_clock_now();
    return 0;
}

int rift_stop_renew(struct rift_injection *injection, struct rift_error *err)
{
    return rift_keeper_renew(injection->live, injection, err);
}

/* Each gets it, whatever it shows: one that a tracer holds would stop when that lets it go. */
int rift_stop_heal(const json_t *undo)
{
    struct rift_cgroup system = {.v1_count = 0};
    const char *folder = json_string_value(json_object_get(undo, "cgroup"));
    snprintf(system.unified, sizeof system.unified, "%s", folder ? folder : "");
    if (folder)
        signal_others(&system, undo, SIGCONT);
    return 0;
}

void rift_stop_forget(struct rift_injection *injection)
{
    rift_keeper_stop(injection->live);
    injection->live = NULL;
}
