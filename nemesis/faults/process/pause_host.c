/* pause-host: every process of the host stands still, by ptrace from a holder, but for those that a
 * heal needs: Rift's own, what the agent was started by (sshd, up to pid 1), and pid 1, which is
 * the one that a kernel panics without. The kernel goes on: it answers pings and opens TCP
 * connections for whoever listens. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/process.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/held.h"
#include "nemesis/faults/tracing.h"

enum { ANCESTORS_MAX = 64 };

static bool is_ancestor(pid_t pid)
{
    pid_t ancestor = getppid();
    for (int i = 0; i < ANCESTORS_MAX && ancestor > 1;
         i++, ancestor = rift_process_parent(ancestor))
        if (ancestor == pid)
            return true;
    return false;
}

/* Agent, guardian, keepers, holders, layers and delay lines are one program. */
static bool is_to_stand_still(pid_t pid)
{
    char path[64];
    struct stat own, its;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    if (pid == 1 || stat("/proc/self/exe", &own) || stat(path, &its))
        return false; /* a thread of the kernel's has no program, nor has a process that ended */
    return (own.st_dev != its.st_dev || own.st_ino != its.st_ino) && !is_ancestor(pid);
}

static size_t host_list(const void *of, pid_t *pids, size_t max)
{
    (void)of;
    size_t count = 0;
    DIR *folder = opendir("/proc");
    for (const struct dirent *entry; folder && count < max && (entry = readdir(folder));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (isdigit((unsigned char)entry->d_name[0]) && is_to_stand_still(pid))
            pids[count++] = pid;
    }
    if (folder)
        closedir(folder);
    return count;
}

static int host_begin(const void *of, struct rift_holder_report *report)
{
    return rift_held_stop_all(host_list, of, report);
}

static int host_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)target;
    if (rift_tracing_check(injection, RIFT_TRACING_HOLDS, ledger, err))
        return -1;
    const struct rift_holder_work work = {.begin = host_begin, .tend = rift_held_tend};
    return rift_holder_plan(injection, &work, err);
}

static int host_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    (void)target;
    struct rift_holder_report report = {0};
    return rift_holder_inject(injection, &report, err) ? rift_wrap(err, "pause-host") : 0;
}

/* What a login starts meanwhile goes on: sshd does. So some may run, but most must not, and of the
 * system's none. */
static int host_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)injection;
    (void)err;
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t lists[2][2] = {{0}}; /* of the host, of the system: all, still */
    for (int of = 0; of < 2; of++) {
        size_t count = of == 0 ? host_list(NULL, pids, RIFT_CGROUP_PIDS_MAX)
                               : rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX);
        for (size_t i = 0; i < count; i++) {
            char state = rift_process_threads_state(pids[i]);
            if (state == 0 || state == 'Z' || state == 'X')
                continue;
            lists[of][0]++;
            lists[of][1] += state == 't' || state == 'T' || state == 'D';
        }
    }
    char how[160];
    snprintf(how, sizeof how, "/proc shows %zu of %zu processes stopped, %zu of %zu of the system",
             lists[0][1], lists[0][0], lists[1][1], lists[1][0]);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = lists[0][1] * 2 > lists[0][0] && lists[1][1] == lists[1][0];
    return 0;
}

static int host_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)options;
    (void)err;
    rift_held_probe(target, ability);
    return 0;
}

const struct rift_fault_driver rift_pause_host_driver = {
    .name = "pause-host",
    .probe = host_probe,
    .descriptor = rift_holder_descriptor,
    .plan = host_plan,
    .inject = host_inject,
    .renew = rift_holder_renew,
    .heal = rift_holder_heal,
    .observe = host_observe,
    .forget = rift_holder_forget,
};
