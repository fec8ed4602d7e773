/* fd-limit: the system's processes can open nothing more: their soft RLIMIT_NOFILE comes down to
 * the lowest number that is free, by prlimit(2), so open(2), accept(2) and socket(2) get EMFILE.
 *
 * What is open stays open. The hard limit stays as it is: a process may raise its soft limit again,
 * which is its own affair, then and at heal. Children inherit the limit, and heal finds them: they
 * are in the system's cgroup and have a limit that is one of ours. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/keeper.h"
#include "nemesis/faults/ledger.h"

enum { LEAVE_MAX = 100000, FDS_MAX = 1 << 20, ANCESTORS_MAX = 64, ROUNDS_MAX = 20 };

static int limit_leave(const json_t *options, size_t *leave, struct rift_error *err)
{
    double number = json_number_value(json_object_get(options, "leave"));
    if (!(number >= 0 && number <= LEAVE_MAX))
        return rift_fail(err, RIFT_ERR_INVALID, "fd-limit: 'leave' must be from 0 to %d",
                         LEAVE_MAX);
    *leave = (size_t)number;
    return 0;
}

/* Real ids, proc_pid_status(5): the owner of /proc/PID is root where a process may not be dumped.
 */
static bool owner_of(pid_t pid, uid_t *user, gid_t *group)
{
    char path[64], line[256];
    bool has_user = false, has_group = false;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !(has_user && has_group) && fgets(line, sizeof line, file)) {
        has_user = has_user || sscanf(line, "Uid: %u", user) == 1;
        has_group = has_group || sscanf(line, "Gid: %u", group) == 1;
    }
    if (file)
        fclose(file);
    return has_user && has_group;
}

/* prlimit(2). Without CAP_SYS_RESOURCE, as in many a container, it asks for the real user and group
 * of the process, which are taken for the one call. */
static int limit_call(pid_t pid, const struct rlimit *new, struct rlimit *old)
{
    uid_t user = getuid(), their_user;
    gid_t group = getgid(), their_group;
    if (prlimit(pid, RLIMIT_NOFILE, new, old) == 0)
        return 0;
    if (errno != EPERM || !owner_of(pid, &their_user, &their_group)) {
        errno = errno == EPERM ? ESRCH : errno;
        return -1;
    }
    int rc = setresgid(their_group, (gid_t)-1, (gid_t)-1);
    if (rc == 0)
        rc = setresuid(their_user, (uid_t)-1, (uid_t)-1);
    if (rc == 0)
        rc = prlimit(pid, RLIMIT_NOFILE, new, old);
    int number = errno;
    if (setresuid(user, (uid_t)-1, (uid_t)-1) || setresgid(group, (gid_t)-1, (gid_t)-1))
        abort(); /* the guardian heals; nothing goes on as somebody else */
    errno = number;
    return rc;
}

static int compare(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return x < y ? -1 : x > y;
}

/* The numbers that a process has open, in order; the caller frees them. False where it is gone. */
static bool limit_open_numbers(pid_t pid, long **numbers, size_t *count)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    *numbers = NULL;
    *count = 0;
    if (!folder)
        return false;
    const struct dirent *entry;
    while (*count < FDS_MAX && (entry = readdir(folder))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        *numbers = rift_reallocarray(*numbers, *count + 1, sizeof **numbers);
        (*numbers)[(*count)++] = strtol(entry->d_name, NULL, 10);
    }
    closedir(folder);
    if (*count > 0)
        qsort(*numbers, *count, sizeof **numbers, compare);
    return true;
}

/* The limit below which so many numbers are free, and no more. */
static bool limit_for(pid_t pid, size_t leave, rlim_t *limit)
{
    long *numbers;
    size_t count, i = 0, free_count = 0;
    if (!limit_open_numbers(pid, &numbers, &count))
        return false;
    long number = 0;
    for (;; number++) {
        while (i < count && numbers[i] < number)
            i++;
        if (i < count && numbers[i] == number)
            continue;
        if (free_count++ == leave)
            break;
    }
    free(numbers);
    *limit = (rlim_t)number;
    return true;
}

static void other_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)undo;
    const char **search = context; /* own id, then what was found */
    if (strcmp(fault, "fd-limit") == 0 && strcmp(id, search[0]) != 0)
        search[1] = "another";
}

/* An entry is [pid, start, soft before, hard, soft meanwhile]. */
static int limit_plan(struct rift_injection *injection, const struct rift_target *target,
                      const char *ledger, struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t leave = 0, count = rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX);
    const char *search[2] = {injection->id, NULL};
    if (limit_leave(injection->options, &leave, err))
        return -1;
    if (ledger)
        rift_ledger_visit(ledger, other_visit, search);
    if (search[1])
        return rift_fail(err, RIFT_ERR_CONFLICT, "fd-limit: one is on already: heal it first");
    json_t *list = json_array();
    size_t near_count = 0;
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        struct rift_process process;
        struct rlimit now;
        rlim_t limit;
        if (!rift_process_identify(pids[i], &process) || !limit_for(pids[i], leave, &limit))
            continue; /* gone */
        if (limit_call(pids[i], NULL, &now)) {
            number = errno == ESRCH ? number : errno;
            continue;
        }
        if (limit >= now.rlim_cur) {
            near_count++;
            continue;
        }
        json_array_append_new(
            list, json_pack("[i, I, I, I, I]", (int)process.pid, (json_int_t)process.start_ticks,
                            (json_int_t)now.rlim_cur, (json_int_t)now.rlim_max, (json_int_t)limit));
    }
    json_object_set_new(injection->undo, "limits", list);
    json_object_set_new(injection->undo, "cgroup", json_string(rift_cgroup_folder(target->system)));
    if (json_array_size(list) > 0)
        return 0;
    if (number)
        return rift_fail(err, RIFT_ERR_DENIED, "fd-limit: the limits of the system's processes: %s",
                         strerror(number));
    if (near_count > 0)
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "fd-limit: no process of the system could open more than %zu as it is",
                         leave);
    return rift_fail(err, RIFT_ERR_MISSING, "fd-limit: no process of the system is running");
}

struct entry {
    struct rift_process process;
    struct rlimit before;
    rlim_t meanwhile;
};

static struct entry entry_at(const json_t *limits, size_t i)
{
    json_int_t numbers[5];
    for (size_t k = 0; k < 5; k++)
        numbers[k] = json_integer_value(json_array_get(json_array_get(limits, i), k));
    return (struct entry){
        .process = {.pid = (pid_t)numbers[0], .start_ticks = (uint64_t)numbers[1]},
        .before = {(rlim_t)numbers[2], (rlim_t)numbers[3]},
        .meanwhile = (rlim_t)numbers[4]};
}

/* Only from the one soft limit to the other, and never that of another process. 1: done. */
static int limit_set(pid_t pid, rlim_t from, rlim_t to, struct rift_error *err)
{
    struct rlimit limit;
    int rc = limit_call(pid, NULL, &limit);
    if (rc == 0 && limit.rlim_cur != from)
        return 0;
    limit.rlim_cur = to;
    if (rc == 0 && limit_call(pid, &limit, NULL) == 0)
        return 1;
    return errno == ESRCH ? 0
                          : rift_fail_errno(err, RIFT_ERR_DENIED,
                                            "fd-limit: set the limit of process %d", (int)pid);
}

/* Its own, or that of the nearest ancestor. */
static bool entry_of_family(const json_t *limits, pid_t pid, struct entry *found)
{
    pid_t ancestor = pid;
    for (int n = 0; n < ANCESTORS_MAX && ancestor > 1;
         n++, ancestor = rift_process_parent(ancestor))
        for (size_t i = 0; i < json_array_size(limits); i++) {
            *found = entry_at(limits, i);
            if (found->process.pid == ancestor && rift_process_is_alive(&found->process))
                return true;
        }
    return false;
}

/* Who was forked after the plan has the limit that its parent had. How many there were, or -1. */
static int limit_newborn(const json_t *limits, const struct rift_cgroup *cgroup,
                         struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(cgroup, pids, RIFT_CGROUP_PIDS_MAX);
    int hit = 0;
    for (size_t i = 0; i < count; i++) {
        struct rlimit now;
        struct entry entry;
        if (limit_call(pids[i], NULL, &now) || !entry_of_family(limits, pids[i], &entry) ||
            now.rlim_cur != entry.before.rlim_cur)
            continue;
        int rc = limit_set(pids[i], entry.before.rlim_cur, entry.meanwhile, err);
        if (rc < 0)
            return -1;
        hit += rc;
    }
    return hit;
}

static int limit_inject(struct rift_injection *injection, const struct rift_target *target,
                        struct rift_error *err)
{
    const json_t *limits = json_object_get(injection->undo, "limits");
    int hit = 0, newborn = 1;
    injection->live = rift_keeper_start(injection, NULL, err);
    if (!injection->live)
        return -1;
    for (size_t i = 0; i < json_array_size(limits); i++) {
        struct entry entry = entry_at(limits, i);
        int rc = rift_process_is_alive(&entry.process)
                     ? limit_set(entry.process.pid, entry.before.rlim_cur, entry.meanwhile, err)
                     : 0;
        if (rc < 0)
            return -1;
        hit += rc;
    }
    for (int round = 0; newborn > 0 && round < ROUNDS_MAX; round++)
        newborn = limit_newborn(limits, target->system, err);
    if (newborn < 0)
        return -1;
    injection->applied_ns = rift_clock_now();
    return hit > 0
               ? 0
               : rift_fail(err, RIFT_ERR_MISSING, "fd-limit: the processes of the system are gone");
}

static int limit_renew(struct rift_injection *injection, struct rift_error *err)
{
    return rift_keeper_renew(injection->live, injection, err);
}

static void limit_forget(struct rift_injection *injection)
{
    rift_keeper_stop(injection->live);
    injection->live = NULL;
}

/* The entry that a process has its limit from: that of its family, or of any that has the same
 * limit now. */
static bool entry_find(const json_t *limits, pid_t pid, const struct rlimit *now,
                       struct entry *found)
{
    if (entry_of_family(limits, pid, found))
        return found->meanwhile == now->rlim_cur;
    for (size_t i = 0; i < json_array_size(limits); i++) {
        *found = entry_at(limits, i);
        if (found->meanwhile == now->rlim_cur && found->before.rlim_max == now->rlim_max)
            return true;
    }
    return false;
}

/* How many limits it put back, or -1. */
static int heal_round(const json_t *limits, const struct rift_cgroup *cgroup,
                      struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(cgroup, pids, RIFT_CGROUP_PIDS_MAX);
    int healed = 0;
    for (size_t i = 0; i < count; i++) {
        struct rlimit now;
        struct entry entry;
        if (limit_call(pids[i], NULL, &now) || !entry_find(limits, pids[i], &now, &entry))
            continue;
        int rc = limit_set(pids[i], entry.meanwhile, entry.before.rlim_cur, err);
        if (rc < 0)
            return -1;
        healed += rc;
    }
    return healed;
}

static int limit_heal(const char *id, const json_t *undo, const char *ledger,
                      struct rift_error *err)
{
    (void)id;
    (void)ledger;
    const json_t *limits = json_object_get(undo, "limits");
    const char *folder = json_string_value(json_object_get(undo, "cgroup"));
    struct rift_cgroup cgroup = {0};
    if (!folder)
        return 0; /* the plan had not got so far */
    snprintf(cgroup.unified, sizeof cgroup.unified, "%s", folder);
    int healed = 1;
    /* A child that was forked meanwhile has the limit of its parent: a round that finds none has
     * them all. */
    for (int round = 0; healed > 0; round++) {
        if (round == ROUNDS_MAX)
            return rift_fail(
                err, RIFT_ERR_TIMEOUT,
                "fd-limit: new processes with the limit come faster than it is lifted");
        healed = heal_round(limits, &cgroup, err);
    }
    return healed;
}

/* As /proc tells it. */
static bool limit_shown(pid_t pid, struct rlimit *now)
{
    char path[64], line[160];
    unsigned long long soft, hard;
    snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
    FILE *file = fopen(path, "re");
    bool is_there = false;
    while (file && !is_there && fgets(line, sizeof line, file))
        is_there = sscanf(line, "Max open files %llu %llu", &soft, &hard) == 2;
    if (file)
        fclose(file);
    if (is_there)
        *now = (struct rlimit){soft, hard};
    return is_there;
}

/* A limit that nobody reaches does nothing: a process counts that has no number left below it. */
static int limit_observe(const struct rift_injection *injection, const struct rift_target *target,
                         bool *is_observed, json_t *details, struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    const json_t *limits = json_object_get(injection->undo, "limits");
    size_t count = rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX), hit = 0;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        struct rlimit now;
        struct entry entry;
        rlim_t lowest;
        hit += limit_shown(pids[i], &now) && entry_find(limits, pids[i], &now, &entry) &&
               limit_for(pids[i], 0, &lowest) && now.rlim_cur <= lowest;
    }
    char how[128];
    snprintf(how, sizeof how, "/proc shows that %zu of %zu processes can open nothing more", hit,
             count);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = hit > 0;
    return 0;
}

static int limit_probe(const struct rift_target *target, const json_t *options,
                       struct rift_fault_ability *ability, struct rift_error *err)
{
    size_t leave = 0;
    struct rlimit limit;
    if (limit_leave(options, &leave, err))
        return -1;
    ability->backend = "prlimit, RLIMIT_NOFILE";
    ability->end = "a keeper of its own lifts it when the lease is past or agent and guardian are "
                   "killed; if the keeper is killed as well, the next contact";
    ability->can = target->system && prlimit(0, RLIMIT_NOFILE, NULL, &limit) == 0 &&
                   prlimit(0, RLIMIT_NOFILE, &limit, NULL) == 0;
    if (!ability->can)
        snprintf(ability->why, sizeof ability->why, "prlimit: %s",
                 target->system ? strerror(errno) : "the system has no cgroup here");
    return 0;
}

const struct rift_fault_driver rift_fd_limit_driver = {
    .name = "fd-limit",
    .probe = limit_probe,
    .plan = limit_plan,
    .inject = limit_inject,
    .renew = limit_renew,
    .heal = limit_heal,
    .observe = limit_observe,
    .forget = limit_forget,
};
