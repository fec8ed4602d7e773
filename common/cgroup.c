/* Groups stand directly below the root of each hierarchy: a group of systemd's would have to be
 * delegated, and v2 forbids processes in a group that has both processes and controllers below. */
#include "common/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH_MAX = 16 };

static void cgroup_add_v1(struct rift_cgroup *cgroup, const struct mntent *mount, const char *name)
{
    static const char *const known[] = {"cpu", "cpuacct", "memory", "freezer", "blkio", "pids"};
    char controllers[64] = "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!hasmntopt(mount, known[i]))
            continue;
        size_t used = strlen(controllers);
        snprintf(controllers + used, sizeof controllers - used, "%s%s", used ? "," : "", known[i]);
    }
    if (!controllers[0] || cgroup->v1_count == RIFT_CGROUP_V1_MAX)
        return;
    size_t i = cgroup->v1_count;
    snprintf(cgroup->v1[i].controllers, sizeof cgroup->v1[i].controllers, "%s", controllers);
    int n =
        snprintf(cgroup->v1[i].folder, sizeof cgroup->v1[i].folder, "%s/%s", mount->mnt_dir, name);
    if (n > 0 && (size_t)n < sizeof cgroup->v1[i].folder)
        cgroup->v1_count++;
}

int rift_cgroup_open(const char *name, struct rift_cgroup *cgroup, struct rift_error *err)
{
    memset(cgroup, 0, sizeof *cgroup);
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    if (!mounts)
        return rift_fail_errno(err, RIFT_ERR_IO, "/proc/self/mounts");
    struct mntent entry, *mount;
    char buffer[4096];
    while ((mount = getmntent_r(mounts, &entry, buffer, sizeof buffer))) {
        if (strcmp(mount->mnt_type, "cgroup2") == 0 && !cgroup->unified[0]) {
            int n =
                snprintf(cgroup->unified, sizeof cgroup->unified, "%s/%s", mount->mnt_dir, name);
            if (n < 0 || (size_t)n >= sizeof cgroup->unified)
                cgroup->unified[0] = 0;
        } else if (strcmp(mount->mnt_type, "cgroup") == 0 && hasmntopt(mount, "name=systemd")) {
            int n = snprintf(cgroup->named, sizeof cgroup->named, "%s/%s", mount->mnt_dir, name);
            if (n < 0 || (size_t)n >= sizeof cgroup->named)
                cgroup->named[0] = 0;
        } else if (strcmp(mount->mnt_type, "cgroup") == 0) {
            cgroup_add_v1(cgroup, mount, name);
        }
    }
    endmntent(mounts);
    if (!cgroup->unified[0] && cgroup->v1_count == 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "no cgroup hierarchy is mounted here");
    return 0;
}

int rift_cgroup_create(const struct rift_cgroup *cgroup, struct rift_error *err)
{
    if (cgroup->is_foreign)
        return 0;
    if (cgroup->unified[0] && mkdir(cgroup->unified, 0755) && errno != EEXIST)
        return rift_fail_errno(err, RIFT_ERR_IO, "make cgroup '%s'", cgroup->unified);
    for (size_t i = 0; i < cgroup->v1_count; i++)
        if (mkdir(cgroup->v1[i].folder, 0755) && errno != EEXIST)
            return rift_fail_errno(err, RIFT_ERR_IO, "make cgroup '%s'", cgroup->v1[i].folder);
    return 0;
}

bool rift_cgroup_exists(const struct rift_cgroup *cgroup)
{
    if (cgroup->unified[0] && access(cgroup->unified, F_OK) == 0)
        return true;
    for (size_t i = 0; i < cgroup->v1_count; i++)
        if (access(cgroup->v1[i].folder, F_OK) == 0)
            return true;
    return false;
}

/* Async-signal-safe. */
static int cgroup_write(const char *folder, const char *file, const char *text)
{
    char path[RIFT_CGROUP_PATH_SIZE + 32];
    size_t a = strlen(folder), b = strlen(file);
    if (a + b + 2 > sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, folder, a);
    path[a] = '/';
    memcpy(path + a + 1, file, b + 1);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, strlen(text));
    int number = errno;
    close(fd);
    errno = number;
    return n < 0 ? -1 : 0;
}

int rift_cgroup_join(const struct rift_cgroup *cgroup)
{
    if (cgroup->unified[0] && cgroup_write(cgroup->unified, "cgroup.procs", "0"))
        return -1;
    for (size_t i = 0; i < cgroup->v1_count; i++)
        if (cgroup_write(cgroup->v1[i].folder, "cgroup.procs", "0"))
            return -1;
    return 0;
}

const char *rift_cgroup_v1_folder(const struct rift_cgroup *cgroup, const char *controller)
{
    size_t length = strlen(controller);
    for (size_t i = 0; i < cgroup->v1_count; i++) {
        const char *at = cgroup->v1[i].controllers;
        while (*at) {
            size_t word = strcspn(at, ",");
            if (word == length && strncmp(at, controller, length) == 0)
                return cgroup->v1[i].folder;
            at += word + (at[word] == ',');
        }
    }
    return NULL;
}

const char *rift_cgroup_folder(const struct rift_cgroup *cgroup)
{
    if (cgroup->unified[0] && access(cgroup->unified, F_OK) == 0)
        return cgroup->unified;
    if (cgroup->named[0] && access(cgroup->named, F_OK) == 0)
        return cgroup->named;
    for (size_t i = 0; i < cgroup->v1_count; i++)
        if (access(cgroup->v1[i].folder, F_OK) == 0)
            return cgroup->v1[i].folder;
    return cgroup->unified[0] ? cgroup->unified : cgroup->v1[0].folder;
}

/* The kernel tells by the links of a folder of cgroupfs how many groups are below: as a rule none,
 * and it is not read then. */
static bool visit_groups(const char *folder, size_t depth, rift_cgroup_work *work, void *context)
{
    struct stat facts;
    if (stat(folder, &facts) == 0 && facts.st_nlink > 2 && depth < DEPTH_MAX) {
        char below[PATH_MAX];
        bool goes_on = true;
        const struct dirent *entry;
        DIR *stream = opendir(folder);
        while (stream && goes_on && (entry = readdir(stream))) {
            int n = snprintf(below, sizeof below, "%s/%s", folder, entry->d_name);
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && n > 0 &&
                (size_t)n < sizeof below)
                goes_on = visit_groups(below, depth + 1, work, context);
        }
        if (stream)
            closedir(stream);
        if (!goes_on)
            return false;
    }
    return work(folder, context);
}

bool rift_cgroup_visit(const char *folder, rift_cgroup_work *work, void *context)
{
    return visit_groups(folder, 0, work, context);
}

struct pid_list {
    pid_t *pids;
    size_t count, max;
};

static bool add_pids(const char *folder, void *context)
{
    struct pid_list *list = context;
    char path[PATH_MAX + 16], line[32];
    snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    FILE *file = fopen(path, "re");
    while (file && list->count < list->max && fgets(line, sizeof line, file)) {
        long pid = strtol(line, NULL, 10);
        if (pid > 0) /* 0: a process outside of our pid namespace */
            list->pids[list->count++] = (pid_t)pid;
    }
    if (file)
        fclose(file);
    return list->count < list->max;
}

size_t rift_cgroup_pids(const struct rift_cgroup *cgroup, pid_t *pids, size_t max)
{
    struct pid_list list = {.pids = pids, .max = max};
    rift_cgroup_visit(rift_cgroup_folder(cgroup), add_pids, &list);
    return list.count;
}

static bool join_where_one_is(const char *folder, void *context)
{
    pid_t pid;
    struct pid_list one = {.pids = &pid, .max = 1};
    bool *is_joined = context;
    add_pids(folder, &one);
    *is_joined = one.count > 0 && cgroup_write(folder, "cgroup.procs", "0") == 0;
    return !*is_joined;
}

int rift_cgroup_join_member(const char *folder)
{
    bool is_joined = false;
    rift_cgroup_visit(folder, join_where_one_is, &is_joined);
    return is_joined ? 0 : -1;
}

int rift_cgroup_signal(const struct rift_cgroup *cgroup, int signal, size_t *count,
                       struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX], hit[RIFT_CGROUP_PIDS_MAX];
    size_t hits = rift_cgroup_pids(cgroup, hit, RIFT_CGROUP_PIDS_MAX);
    *count = hits;
    if (signal == SIGKILL && cgroup->unified[0] &&
        cgroup_write(cgroup->unified, "cgroup.kill", "1") == 0)
        return 0;
    for (size_t i = 0; i < hits; i++)
        if (kill(hit[i], signal) && errno != ESRCH)
            return rift_fail_errno(err, RIFT_ERR_IO, "send signal %d to process %d", signal,
                                   (int)hit[i]);
    /* Children that were forked meanwhile: a few rounds catch them all where the signal kills. */
    for (int round = 0; round < 10; round++) {
        size_t now = rift_cgroup_pids(cgroup, pids, RIFT_CGROUP_PIDS_MAX);
        size_t fresh = 0;
        for (size_t i = 0; i < now; i++) {
            size_t j = 0;
            while (j < hits && hit[j] != pids[i])
                j++;
            if (j < hits)
                continue;
            fresh++;
            kill(pids[i], signal);
            if (hits < RIFT_CGROUP_PIDS_MAX)
                hit[hits++] = pids[i];
        }
        if (fresh == 0)
            break;
    }
    *count = hits;
    return 0;
}

static bool remove_group(const char *folder, void *context)
{
    (void)context;
    return rmdir(folder) == 0 || errno == ENOENT;
}

int rift_cgroup_remove(const struct rift_cgroup *cgroup, struct rift_error *err)
{
    pid_t pid;
    if (cgroup->is_foreign)
        return 0;
    /* While the system runs the groups that it made are its own, the empty ones too. */
    if (rift_cgroup_pids(cgroup, &pid, 1) > 0)
        return rift_fail(err, RIFT_ERR_CONFLICT, "remove cgroup '%s': process %d is in it",
                         rift_cgroup_folder(cgroup), (int)pid);
    for (size_t i = 0; i < cgroup->v1_count; i++)
        if (!rift_cgroup_visit(cgroup->v1[i].folder, remove_group, NULL))
            return rift_fail_errno(err, RIFT_ERR_CONFLICT, "remove cgroup '%s'",
                                   cgroup->v1[i].folder);
    if (cgroup->unified[0] && !rift_cgroup_visit(cgroup->unified, remove_group, NULL))
        return rift_fail_errno(err, RIFT_ERR_CONFLICT, "remove cgroup '%s'", cgroup->unified);
    return 0;
}
