/* oom-kill: the kernel kills a process of the system for want of memory. The cgroup's limit comes
 * down to a little above its use, and a helper of ours takes the rest in the same cgroup until the
 * kernel has killed somebody; then the limit is as before and the helper gone. The keeper of the
 * limit holds it for the time of that only. What may be swapped out is no want, so none is
 * meanwhile (memory.swap.max; v1 has no such limit but by an option of the kernel's command line).
 *
 * The kernel chooses the largest process. What the helper takes is a file in memory, which counts
 * for the cgroup and for no process, so it is small itself; and where that is permitted
 * (CAP_SYS_RESOURCE) it may not be chosen at all. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/keeper_end.h"
#include "nemesis/faults/process/kill.h"
#include "nemesis/faults/process/memory_group.h"
#include "nemesis/faults/setting.h"

enum { ROOM_BYTES = 4 << 20, STEP_BYTES = 1 << 16, KILL_MS = 3000, GRACE_MS = 500, TRIES_MAX = 10 };
enum { HELPER_NO_GROUP = 2, HELPER_ENOUGH };

static const char swap_limit[] = "memory.swap.max", no_swap[] = "0";

/* A group that gets the controller only now has no such file yet, and no limit of its owner's. */
static void swap_plan(const struct rift_memory_group *group, json_t *undo)
{
    char before[RIFT_SETTING_TEXT_SIZE] = "max";
    if (!group->is_v2)
        return;
    rift_setting_now(group->folder, swap_limit, before);
    json_object_set_new(undo, "swap_in", json_string(group->folder));
    json_object_set_new(undo, "swap_before", json_string(before));
}

static bool has_swap_limit(const char *folder, char now[RIFT_SETTING_TEXT_SIZE])
{
    return folder && rift_setting_now(folder, swap_limit, now);
}

static int swap_forbid(const json_t *undo, struct rift_error *err)
{
    const char *folder = json_string_value(json_object_get(undo, "swap_in"));
    char now[RIFT_SETTING_TEXT_SIZE];
    return has_swap_limit(folder, now) ? rift_setting_write(folder, swap_limit, no_swap, err) : 0;
}

/* Where it is still forbidden: another limit is its owner's. */
static int swap_allow(const json_t *undo, struct rift_error *err)
{
    const char *folder = json_string_value(json_object_get(undo, "swap_in"));
    const char *before = json_string_value(json_object_get(undo, "swap_before"));
    char now[RIFT_SETTING_TEXT_SIZE];
    return has_swap_limit(folder, now) && strcmp(now, no_swap) == 0
               ? rift_setting_write(folder, swap_limit, before, err)
               : 0;
}

static int oom_plan(struct rift_injection *injection, const struct rift_target *target,
                    const char *ledger, struct rift_error *err)
{
    struct rift_memory_group group;
    if (rift_memory_group_find(target, RIFT_MEMORY_LIMIT, &group, err) ||
        rift_setting_plan(injection, ledger, group.folder, group.limit, err))
        return rift_wrap(err, "oom-kill");
    rift_memory_count_plan(&group, injection->undo);
    swap_plan(&group, injection->undo);
    return rift_kill_plan(injection, target, err);
}

static bool write_word(const char *path, const char *word)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, word, strlen(word)) > 0;
}

static bool has_killed(const struct rift_memory_group *group, const json_t *undo)
{
    return rift_memory_counted(group, undo).kills > 0;
}

static _Noreturn void helper_run(const struct rift_memory_group *group, const json_t *undo,
                                 long long most_bytes)
{
    static const char step[STEP_BYTES];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    write_word("/proc/self/oom_score_adj", "-1000");
    int fd = memfd_create("rift", MFD_CLOEXEC);
    if (fd < 0 || rift_cgroup_join_member(group->folder) < 0)
        _exit(HELPER_NO_GROUP);
    for (long long taken = 0; taken < most_bytes && !has_killed(group, undo); taken += STEP_BYTES)
        if (write(fd, step, sizeof step) < 0)
            break;
    _exit(has_killed(group, undo) ? 0 : HELPER_ENOUGH);
}

/* Until the kernel has killed somebody. */
static int take_memory(const struct rift_memory_group *group, const json_t *undo,
                       struct rift_error *err)
{
    int64_t deadline = rift_clock_now() + KILL_MS * RIFT_MS, grace;
    int status = 0;
    pid_t pid = fork(), ended = 0;
    if (pid == 0)
        helper_run(group, undo, rift_memory_use(group) + 2 * TRIES_MAX * ROOM_BYTES);
    if (pid < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "fork");
    while (ended == 0 && rift_clock_now() < deadline && !has_killed(group, undo)) {
        ended = waitpid(pid, &status, WNOHANG);
        if (ended == 0)
            rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    /* It ends by itself now, unless it is the one that is killed. */
    grace = rift_clock_now() + GRACE_MS * RIFT_MS;
    while (ended == 0 && has_killed(group, undo) && rift_clock_now() < grace) {
        ended = waitpid(pid, &status, WNOHANG);
        if (ended == 0)
            rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    /* By the kernel, that is: what ends with its main process systemd asks to end by SIGTERM. */
    bool is_chosen = ended == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    bool is_late = ended == 0;
    if (ended == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    if (!is_chosen && has_killed(group, undo))
        return 0;
    return rift_fail(
        err, RIFT_ERR_UNSUPPORTED, "oom-kill: the kernel killed no process of the system: %s",
        is_chosen             ? "all of them are smaller than a helper of ours"
        : is_late             ? "its memory is not used up in 3 s"
        : WIFSIGNALED(status) ? "it was stopped meanwhile, and a helper of ours with it"
        : WEXITSTATUS(status) == HELPER_NO_GROUP ? "a helper cannot join the system's cgroup"
                                                 : "there is memory elsewhere, such as swap");
}

static int oom_inject(struct rift_injection *injection, const struct rift_target *target,
                      struct rift_error *err)
{
    struct rift_memory_group group;
    char limit[32], before[RIFT_SETTING_TEXT_SIZE];
    if (rift_memory_group_find(target, RIFT_MEMORY_LIMIT, &group, err))
        return -1;
    rift_setting_hand_down(injection);
    if (!rift_setting_now(group.folder, group.limit, before))
        return rift_fail(err, RIFT_ERR_MISSING, "oom-kill: the cgroup of the system is gone");
    int rc = -1;
    for (int try = 0; rc && try < TRIES_MAX;
         try++) { /* v1 refuses one below the use, which grows */
        snprintf(limit, sizeof limit, "%lld", rift_memory_use(&group) + (1 + try) * ROOM_BYTES);
        bool is_owners_tighter = rift_setting_is_as_wide(before, limit);
        rc = rift_setting_inject(injection, is_owners_tighter ? before : limit, err);
    }
    if (rc == 0)
        rc = swap_forbid(injection->undo, err);
    if (rc == 0)
        rc = take_memory(&group, injection->undo, err);
    injection->applied_ns = rift_clock_now();
    /* The keeper knows of no other fault that may have set the limit, and would set ours again. */
    rift_keeper_rest_recorded(injection->undo);
    if (rift_setting_put_back(injection, before, rc ? NULL : err))
        rc = -1;
    if (swap_allow(injection->undo, rc ? NULL : err))
        rc = -1;
    rift_setting_forget(injection);
    return rc;
}

static int oom_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    int rc = swap_allow(undo, err);
    return rift_setting_heal(id, undo, ledger, err) ? -1 : rc;
}

/* The kernel's count, and who is gone. */
static int oom_observe(const struct rift_injection *injection, const struct rift_target *target,
                       bool *is_observed, json_t *details, struct rift_error *err)
{
    struct rift_memory_group group;
    bool are_all_gone;
    if (rift_memory_group_find(target, RIFT_MEMORY_LIMIT, &group, err) ||
        rift_kill_observe(injection, target, &are_all_gone, details, err))
        return -1;
    long long kills = rift_memory_counted(&group, injection->undo).kills;
    json_int_t hit = json_integer_value(json_object_get(details, "hit"));
    json_int_t alive = json_integer_value(json_object_get(details, "alive"));
    char how[160];
    snprintf(
        how, sizeof how,
        "the kernel counts %lld processes killed for want of memory, and /proc has %lld of %lld",
        kills, (long long)alive, (long long)hit);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = (kills > 0 || !rift_cgroup_exists(target->system)) && alive < hit;
    return 0;
}

static int oom_probe(const struct rift_target *target, const json_t *options,
                     struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)options;
    (void)err;
    rift_memory_group_probe(target, RIFT_MEMORY_LIMIT, ability);
    ability->end = "it is over at once; a process of the system stays down until its recipe starts "
                   "it again";
    return 0;
}

const struct rift_fault_driver rift_oom_kill_driver = {
    .name = "oom-kill",
    .inject_takes_time = true,
    .probe = oom_probe,
    .plan = oom_plan,
    .inject = oom_inject,
    .heal = oom_heal,
    .observe = oom_observe,
};
