/* Looks at the kernel and the file system, not at what we believe we did. */
#include "agent/leftovers.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/disk.h"
#include "agent/install.h"
#include "agent/lock.h"
#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/disk_probe.h"
#include "nemesis/faults/layer/layer.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/strays.h"
#include "nemesis/faults/volume.h"

enum { END_MS = 5000 };

static void ledger_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)undo;
    int *count = context;
    printf("ledger: %s (%s)\n", id, fault);
    (*count)++;
}

/* By the name that each of our processes gives itself; we are one of them. */
static int count_processes(void)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    int count = 0;
    while (folder && (entry = readdir(folder))) {
        char path[300], name[32] = "";
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            strtol(entry->d_name, NULL, 10) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        if (fgets(name, sizeof name, file))
            name[strcspn(name, "\n")] = 0;
        fclose(file);
        if (strcmp(name, "rift-agent") != 0 && strcmp(name, "rift-guardian") != 0 &&
            strcmp(name, "rift-hold") != 0 && strcmp(name, "rift-keeper") != 0 &&
            strcmp(name, RIFT_LAYER_PROCESS) != 0 && strcmp(name, RIFT_DISK_PROBE_PROCESS) != 0)
            continue;
        printf("process: %s %s\n", entry->d_name, name);
        count++;
    }
    if (folder)
        closedir(folder);
    return count;
}

static int count_files(const struct agent_paths *paths)
{
    const char *const files[] = {paths->lock, paths->record, paths->system, paths->artifacts,
                                 paths->logs};
    int count = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (access(files[i], F_OK) != 0)
            continue;
        printf("file: %s\n", files[i]);
        count++;
    }
    return count;
}

static void volume_visit(const char *folder, void *context)
{
    int *count = context;
    printf("disk: %s\n", folder);
    (*count)++;
}

static void layer_visit(const char *folder, void *context)
{
    int *count = context;
    printf("layer: %s\n", folder);
    (*count)++;
}

int leftovers_print(const struct agent_paths *paths, const char *cgroup_name)
{
    struct rift_cgroup cgroup;
    CLEANUP(rift_text_finish) struct rift_text lines = {0};
    int count = rift_strays_list(&lines);
    fputs(lines.data ? lines.data : "", stdout);
    rift_ledger_visit(paths->ledger, ledger_visit, &count);
    if (rift_cgroup_open(cgroup_name, &cgroup, NULL) == 0 && rift_cgroup_exists(&cgroup)) {
        printf("cgroup: %s\n", cgroup_name);
        count++;
    }
    rift_volume_visit(volume_visit, &count);
    rift_layer_visit(layer_visit, &count);
    count += count_processes();
    count += count_files(paths);
    return count;
}

static void volume_collect(const char *folder, void *context)
{
    json_array_append_new(context, json_string(folder));
}

static int purge_disks(struct rift_error *err)
{
    json_t *folders = json_array();
    size_t i;
    json_t *folder;
    int rc = 0;
    rift_layer_visit(volume_collect, folders);
    rift_volume_visit(volume_collect, folders);
    json_array_foreach(folders, i, folder)
    {
        if (agent_disk_remove(json_string_value(folder), err))
            rc = -1;
    }
    json_decref(folders);
    return rc;
}

static int purge_system(const char *cgroup_name, struct rift_error *err)
{
    struct rift_cgroup cgroup;
    size_t hit;
    pid_t pid;
    if (rift_cgroup_open(cgroup_name, &cgroup, err) ||
        rift_cgroup_signal(&cgroup, SIGKILL, &hit, err))
        return -1;
    int64_t deadline = rift_clock_now() + END_MS * RIFT_MS;
    while (rift_cgroup_pids(&cgroup, &pid, 1) > 0 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    if (hit > 0)
        printf("killed %zu processes of the system\n", hit);
    return rift_cgroup_remove_by(&cgroup, deadline, err);
}

int leftovers_heal(const struct agent_paths *paths, const char *cgroup_name, bool purge)
{
    struct rift_error err = {0};
    json_t *healed = json_array();
    CLEANUP(rift_close_fd) int lock_fd = agent_lock_take(paths->lock, NULL, true, &err);
    int rc = lock_fd < 0 ? -1 : rift_ledger_heal_all(paths->ledger, healed, &err);
    size_t i;
    json_t *id;
    json_array_foreach(healed, i, id)
    {
        printf("healed %s\n", json_string_value(id));
    }
    json_decref(healed);
    install_clean_up();
    if (rc == 0)
        rc = rift_strays_remove(&err);
    if (rc == 0)
        rmdir(paths->ledger);
    if (rc == 0 && purge)
        rc = purge_system(cgroup_name, &err) || purge_disks(&err) ||
                     agent_remove_tree(paths->folder, true, &err)
                 ? -1
                 : 0;
    if (rc) {
        fprintf(stderr, "rift-agent: %s\n", err.text);
        return 1;
    }
    unlink(paths->record);
    unlink(paths->lock);
    printf("this node is healed\n");
    return 0;
}
