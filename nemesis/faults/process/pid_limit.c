/* pid-limit: the system's processes and threads together may be no more than they are when the
 * fault begins, give or take a few: fork(2) and pthread_create(3) get EAGAIN. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nemesis/faults/drivers.h"
#include "nemesis/faults/setting.h"

enum { LEAVE_MAX = 1000000 };

static int pid_folder(const struct rift_target *target, const char **folder, struct rift_error *err)
{
    const char *v1 = rift_cgroup_v1_folder(target->system, "pids");
    *folder = v1 ? v1 : rift_setting_v2_folder(target->system, "pids");
    return *folder ? 0
                   : rift_fail(err, RIFT_ERR_UNSUPPORTED,
                               "pid-limit: no pids controller governs the system");
}

static int pid_leave(const json_t *options, long *leave, struct rift_error *err)
{
    double number = json_number_value(json_object_get(options, "leave"));
    if (!(number >= -LEAVE_MAX && number <= LEAVE_MAX))
        return rift_fail(err, RIFT_ERR_INVALID, "pid-limit: 'leave' must be from %d to %d",
                         -LEAVE_MAX, LEAVE_MAX);
    *leave = (long)number;
    return 0;
}

static bool add_refused(const char *folder, void *context)
{
    *(long long *)context += rift_setting_count(folder, "pids.events", "max");
    return true;
}

/* Kernels before 6.11, which have no pids.events.local, count a fork that was refused in the group
 * of who forks, not in that whose limit it was. */
static long long refused_count(const char *folder)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    long long count = 0;
    if (rift_setting_read(folder, "pids.events.local", text))
        return rift_setting_count(folder, "pids.events", "max");
    rift_cgroup_visit(folder, add_refused, &count);
    return count;
}

static int pid_plan(struct rift_injection *injection, const struct rift_target *target,
                    const char *ledger, struct rift_error *err)
{
    const char *folder;
    long leave;
    pid_t pid;
    if (pid_folder(target, &folder, err) || pid_leave(injection->options, &leave, err))
        return -1;
    if (rift_cgroup_pids(target->system, &pid, 1) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "pid-limit: no process of the system is running");
    if (rift_setting_plan(injection, ledger, folder, "pids.max", err))
        return -1;
    json_object_set_new(injection->undo, "refused", json_integer(refused_count(folder)));
    return 0;
}

static int pid_inject(struct rift_injection *injection, const struct rift_target *target,
                      struct rift_error *err)
{
    const char *folder;
    long leave;
    char text[RIFT_SETTING_TEXT_SIZE], value[32];
    if (pid_folder(target, &folder, err) || pid_leave(injection->options, &leave, err))
        return -1;
    rift_setting_hand_down(injection);
    if (!rift_setting_read(folder, "pids.current", text))
        return rift_fail(err, RIFT_ERR_MISSING, "pid-limit: '%s' has no pids.current", folder);
    long limit = strtol(text, NULL, 10) + leave;
    snprintf(value, sizeof value, "%ld", limit > 0 ? limit : 0);
    return rift_setting_check_tighter(injection, value, err)
               ? -1
               : rift_setting_inject(injection, value, err);
}

/* A limit that nobody reaches does nothing: only a fork that was refused counts. */
static int pid_observe(const struct rift_injection *injection, const struct rift_target *target,
                       bool *is_observed, json_t *details, struct rift_error *err)
{
    const char *folder;
    if (pid_folder(target, &folder, err))
        return -1;
    long long before = json_integer_value(json_object_get(injection->undo, "refused"));
    long long refused = refused_count(folder) - before;
    char how[96];
    snprintf(how, sizeof how, "the kernel refused %lld new processes or threads", refused);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = refused > 0;
    return 0;
}

static int pid_probe(const struct rift_target *target, const json_t *options,
                     struct rift_fault_ability *ability, struct rift_error *err)
{
    const char *folder;
    struct rift_error reason = {0};
    long leave;
    if (pid_leave(options, &leave, err))
        return -1;
    if (pid_folder(target, &folder, &reason)) {
        snprintf(ability->why, sizeof ability->why, "%.200s", reason.text);
        return 0;
    }
    ability->backend = rift_cgroup_v1_folder(target->system, "pids") ? "cgroup v1, pids.max"
                                                                     : "cgroup v2, pids.max";
    rift_setting_probe(target->system, folder, "pids.max", ability);
    return 0;
}

const struct rift_fault_driver rift_pid_limit_driver = {
    .name = "pid-limit",
    .probe = pid_probe,
    .plan = pid_plan,
    .inject = pid_inject,
    .renew = rift_setting_renew,
    .heal = rift_setting_heal,
    .observe = pid_observe,
    .forget = rift_setting_forget,
};
