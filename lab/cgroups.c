/* The control groups of a lab: /rift-lab/LAB/HOST in every hierarchy of the machine. */
#include "lab/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

#define LAB_CGROUP_ROOT "rift-lab"

enum { REMOVE_RETRY_MS = 5 };
/* A busy host gets as much of the processors as so many busy processes outside; but all labs
 * together no more than so many for each processor. Outside are the kernel's own threads too, each
 * of which counts as one process, and nothing that a host asks of the kernel is done before they
 * ran: with 40 hosts of which a few were busy, a qdisc took 9 s to go. Linux 6.18 gives a group
 * even more than its weight, the more the greater that is: 95 % of a processor at 8, with 18
 * processes outside. */
enum { HOST_WEIGHT = 4, LABS_WEIGHT_MOST = 2 };
/* The default weight of a group, which is that of one process, and the most (cgroups(7): cpu.shares
 * of v1, cpu.weight of v2). */
enum { SHARES_OF_ONE = 1024, SHARES_MOST = 262144, WEIGHT_OF_ONE = 100, WEIGHT_MOST = 10000 };

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* The part of a v1 hierarchy's super block options that names it to mount(2). */
static void hierarchy_set_options(struct lab_hierarchy *hierarchy, char *super_options)
{
    static const char *const not_names[] = {"rw",       "ro",          "xattr", "clone_children",
                                            "noprefix", "favordynmods"};
    char *rest = super_options;
    size_t used = 0;
    for (char *word; (word = strsep(&rest, ","));) {
        bool is_name = strncmp(word, "release_agent=", 14) != 0;
        for (size_t i = 0; i < sizeof not_names / sizeof *not_names; i++)
            is_name = is_name && strcmp(word, not_names[i]) != 0;
        if (!is_name)
            continue;
        bool needs_none = strncmp(word, "name=", 5) == 0 && used == 0;
        int written = snprintf(hierarchy->options + used, sizeof hierarchy->options - used,
                               "%s%s%s", used ? "," : "", needs_none ? "none," : "", word);
        used += (size_t)written;
        if (used >= sizeof hierarchy->options)
            return;
    }
}

int lab_cgroups_find(struct lab_cgroups *cgroups, struct rift_error *err)
{
    CLEANUP(close_file) FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (!mounts)
        return rift_fail_errno(err, RIFT_ERR_IO, "open /proc/self/mountinfo");
    memset(cgroups, 0, sizeof *cgroups);
    char line[4096], point[128], type[32], options[512];
    while (fgets(line, sizeof line, mounts) && cgroups->count < LAB_HIERARCHIES_MAX) {
        const char *tail = strstr(line, " - ");
        if (!tail || sscanf(line, "%*s %*s %*s %*s %127s", point) != 1 ||
            sscanf(tail, " - %31s %*s %511s", type, options) != 2)
            continue;
        bool is_v2 = strcmp(type, "cgroup2") == 0;
        if (!is_v2 && strcmp(type, "cgroup") != 0)
            continue;
        struct lab_hierarchy *hierarchy = &cgroups->hierarchies[cgroups->count];
        bool is_known = false;
        for (size_t i = 0; i < cgroups->count; i++)
            is_known = is_known || strcmp(cgroups->hierarchies[i].mount_point, point) == 0;
        if (is_known)
            continue;
        memset(hierarchy, 0, sizeof *hierarchy);
        snprintf(hierarchy->mount_point, sizeof hierarchy->mount_point, "%s", point);
        hierarchy->is_v2 = is_v2;
        if (!is_v2)
            hierarchy_set_options(hierarchy, options);
        cgroups->count++;
    }
    if (cgroups->count == 0)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "no cgroup file system is mounted here");
    return 0;
}

static void group_path(const struct lab_hierarchy *hierarchy, const char *lab, const char *member,
                       char path[LAB_CGROUP_PATH_SIZE])
{
    snprintf(path, LAB_CGROUP_PATH_SIZE, "%s/" LAB_CGROUP_ROOT "%s%s%s%s", hierarchy->mount_point,
             lab ? "/" : "", lab ? lab : "", member ? "/" : "", member ? member : "");
}

static int write_file(const char *folder, const char *file, const char *text)
{
    char path[LAB_CGROUP_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -1;
}

static bool read_file(const char *folder, const char *file, char *text, size_t size)
{
    char path[LAB_CGROUP_PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, size - 1) : -1;
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* A v1 cpuset group takes no process before it has processors and memory nodes. */
static void inherit_cpuset(const char *parent, const char *path)
{
    char text[256];
    if (read_file(parent, "cpuset.cpus", text, sizeof text))
        write_file(path, "cpuset.cpus", text);
    if (read_file(parent, "cpuset.mems", text, sizeof text))
        write_file(path, "cpuset.mems", text);
}

/* Hands every controller down to the groups below; what cannot be handed down is left out. */
static void enable_controllers(const char *path)
{
    char text[512], word[80];
    if (!read_file(path, "cgroup.controllers", text, sizeof text))
        return;
    char *rest = text;
    for (char *name; (name = strsep(&rest, " \n"));) {
        snprintf(word, sizeof word, "+%s", name);
        if (name[0])
            write_file(path, "cgroup.subtree_control", word);
    }
}

static size_t count_groups(const char *path)
{
    size_t count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_type == DT_DIR && entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static void set_weight(const struct lab_hierarchy *hierarchy, const char *path, size_t weight)
{
    char text[32];
    size_t wanted = weight * (hierarchy->is_v2 ? WEIGHT_OF_ONE : SHARES_OF_ONE);
    size_t most = hierarchy->is_v2 ? WEIGHT_MOST : SHARES_MOST;
    snprintf(text, sizeof text, "%zu", wanted < most ? wanted : most);
    write_file(path, hierarchy->is_v2 ? "cpu.weight" : "cpu.shares", text);
}

/* Without it all hosts of all labs together would count as one process. */
static void weigh_hosts(const struct lab_hierarchy *hierarchy, const char *lab)
{
    char root[LAB_CGROUP_PATH_SIZE], path[LAB_CGROUP_PATH_SIZE];
    size_t count = 0;
    group_path(hierarchy, lab, NULL, path);
    set_weight(hierarchy, path, HOST_WEIGHT * count_groups(path));
    group_path(hierarchy, NULL, NULL, root);
    DIR *labs = opendir(root);
    for (struct dirent *entry; labs && (entry = readdir(labs));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        group_path(hierarchy, entry->d_name, NULL, path);
        count += count_groups(path);
    }
    if (labs)
        closedir(labs);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = HOST_WEIGHT * count;
    size_t most = LABS_WEIGHT_MOST * (size_t)(processors > 0 ? processors : 1);
    set_weight(hierarchy, root, wanted < most ? wanted : most);
}

int lab_cgroups_make(const struct lab_cgroups *cgroups, const char *lab, const char *member,
                     struct rift_error *err)
{
    for (size_t i = 0; i < cgroups->count; i++) {
        const struct lab_hierarchy *hierarchy = &cgroups->hierarchies[i];
        char parent[LAB_CGROUP_PATH_SIZE], path[LAB_CGROUP_PATH_SIZE];
        snprintf(parent, sizeof parent, "%s", hierarchy->mount_point);
        const char *const steps[][2] = {{NULL, NULL}, {lab, NULL}, {lab, member}};
        for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
            group_path(hierarchy, steps[step][0], steps[step][1], path);
            if (hierarchy->is_v2)
                enable_controllers(parent);
            if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return rift_fail_errno(err, RIFT_ERR_IO, "make the control group %s", path);
            if (strstr(hierarchy->options, "cpuset"))
                inherit_cpuset(parent, path);
            memcpy(parent, path, sizeof parent);
        }
        weigh_hosts(hierarchy, lab);
    }
    return 0;
}

static int join(const struct lab_cgroups *cgroups, bool only_v2, const char *lab,
                const char *member, struct rift_error *err)
{
    for (size_t i = 0; i < cgroups->count; i++) {
        char path[LAB_CGROUP_PATH_SIZE];
        if (only_v2 && !cgroups->hierarchies[i].is_v2)
            continue;
        group_path(&cgroups->hierarchies[i], lab, member, path);
        if (write_file(path, "cgroup.procs", "0") < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "join the control group %s", path);
    }
    return 0;
}

int lab_cgroups_join(const struct lab_cgroups *cgroups, const char *lab, const char *member,
                     struct rift_error *err)
{
    return join(cgroups, false, lab, member, err);
}

int lab_cgroups_join_v2(const struct lab_cgroups *cgroups, const char *lab, const char *member,
                        struct rift_error *err)
{
    return join(cgroups, true, lab, member, err);
}

/* The pid may be another's by the time it is signalled, so the process is held by a descriptor and
 * asked once more for its group. */
static void kill_member(pid_t pid, const char *lab)
{
    CLEANUP(rift_close_fd) int fd = pidfd_open(pid, 0);
    char folder[32], text[4096], needle[128];
    snprintf(folder, sizeof folder, "/proc/%d", (int)pid);
    snprintf(needle, sizeof needle, ":/" LAB_CGROUP_ROOT "/%s/", lab);
    if (fd < 0 || !read_file(folder, "cgroup", text, sizeof text))
        return;
    if (strstr(text, needle))
        pidfd_send_signal(fd, SIGKILL, NULL, 0);
}

/* Kills what is in the group and the groups below it, then removes them. Returns how many groups
 * are left. */
static size_t sweep_group(const char *path, const char *lab)
{
    char child[LAB_CGROUP_PATH_SIZE], file[LAB_CGROUP_PATH_SIZE + 16];
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    /* A process that a v1 freezer holds dies only once it is thawed. */
    write_file(path, "freezer.state", "THAWED");
    write_file(path, "cgroup.kill", "1");
    snprintf(file, sizeof file, "%s/cgroup.procs", path);
    FILE *members = fopen(file, "re");
    for (int pid; members && fscanf(members, "%d", &pid) == 1;)
        kill_member((pid_t)pid, lab);
    close_file(&members);
    size_t left = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        int length = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if ((size_t)length < sizeof child)
            left += sweep_group(child, lab);
    }
    closedir(folder);
    return rmdir(path) < 0 && errno != ENOENT ? left + 1 : left;
}

int lab_cgroups_remove(const struct lab_cgroups *cgroups, const char *lab, int64_t deadline_ns,
                       struct rift_error *err)
{
    char path[LAB_CGROUP_PATH_SIZE];
    for (;;) {
        size_t left = 0;
        for (size_t i = 0; i < cgroups->count; i++) {
            group_path(&cgroups->hierarchies[i], lab, NULL, path);
            left += sweep_group(path, lab);
        }
        if (left == 0)
            break;
        int64_t now = rift_clock_now();
        if (now >= deadline_ns)
            return rift_fail(err, RIFT_ERR_TIMEOUT,
                             "%zu control groups of the lab still hold processes, see %s", left,
                             path);
        rift_clock_sleep_until(now + REMOVE_RETRY_MS * RIFT_MS);
    }
    /* The last lab takes the common group with it; with other labs in it this fails. */
    for (size_t i = 0; i < cgroups->count; i++) {
        group_path(&cgroups->hierarchies[i], NULL, NULL, path);
        rmdir(path);
    }
    return 0;
}
