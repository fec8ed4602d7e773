/* Looks at the kernel and the file system, not at what we believe we did. */
#include "agent/leftovers.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/install.h"
#include "agent/lock.h"
#include "agent/operate.h"
#include "agent/system.h"
#include "common/cgroup.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/whole_file.h"
#include "nemesis/faults/disk/disk_probe.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/volume.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/strays.h"

enum { END_MS = 8000, HEAL_MS = 60000 };

static void ledger_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)undo;
    int *count = context;
    printf("ledger: %s (%s)\n", id, fault);
    (*count)++;
}

static void unreadable_visit(const char *path, void *context)
{
    int *count = context;
    printf("ledger: '%s' cannot be read\n", path);
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
            strcmp(name, "rift-hold") != 0 && !rift_text_starts_with(name, "rift-keeper") &&
            strcmp(name, RIFT_LAYER_PROCESS) != 0 && strcmp(name, RIFT_DISK_PROBE_PROCESS) != 0)
            continue;
        printf("process: %s %s\n", entry->d_name, name);
        count++;
    }
    if (folder)
        closedir(folder);
    return count;
}

static int count_data_folders(const struct agent_paths *paths)
{
    CLEANUP(rift_free) struct agent *agent = rift_calloc(1, sizeof *agent);
    int count = 0;
    agent->paths = *paths;
    system_load(agent, NULL);
    bool is_ours = agent->system && !agent->system->is_attached;
    for (const char *const *folder = system_data_folders(agent); is_ours && *folder; folder++) {
        if (access(*folder, F_OK) != 0)
            continue;
        printf("data: %s\n", *folder);
        count++;
    }
    system_close(agent->system);
    return count;
}

static int count_files(const struct agent_paths *paths)
{
    const char *const files[] = {paths->lock,  paths->record, paths->system,  paths->artifacts,
                                 paths->disks, paths->logs,   paths->prepare, RIFT_SECRETS_FOLDER};
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
    rift_ledger_visit_unreadable(paths->ledger, unreadable_visit, &count);
    if (rift_cgroup_open(cgroup_name, &cgroup, NULL) == 0 && rift_cgroup_exists(&cgroup)) {
        printf("cgroup: %s\n", cgroup_name);
        count++;
    }
    rift_volume_visit(volume_visit, &count);
    rift_layer_visit(layer_visit, &count);
    count += count_processes();
    count += count_files(paths);
    count += count_data_folders(paths);
    return count;
}

static void sweep_folder(const char *folder, bool has_agents)
{
    DIR *stream = opendir(folder);
    const struct dirent *file;
    while (stream && (file = readdir(stream))) {
        const char *name = file->d_name;
        /* control/remote/place.c: staged under these names, with sudo beside their place as well */
        bool is_stage = rift_text_starts_with(name, ".rift-upload-") ||
                        rift_text_starts_with(name, ".rift-fetch-");
        bool is_copy =
            has_agents && rift_text_starts_with(name, "rift-agent-") && strchr(name, '.');
        if (is_stage || is_copy)
            unlinkat(dirfd(stream), name, 0);
    }
    if (stream)
        closedir(stream);
}

void leftovers_sweep_unfinished(const struct agent_paths *paths)
{
    const char *const whole[] = {paths->system, paths->disks, paths->prepare};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        char fresh[AGENT_PATH_SIZE + 8];
        snprintf(fresh, sizeof fresh, "%s" RIFT_WHOLE_FILE_UNFINISHED, whole[i]);
        unlink(fresh);
    }
}

void leftovers_sweep(const struct agent_paths *paths)
{
    leftovers_sweep_unfinished(paths);
    sweep_folder(paths->folder, true);
    if (strcmp(paths->folder, AGENT_STATE_FOLDER) == 0) {
        sweep_folder("/tmp", false);
        sweep_folder("/dev/shm", true); /* of an errand that was cut short */
    }
}

static void discard_visit(const char *path, void *context)
{
    (void)context;
    printf("discarded '%s', which cannot be read\n", path);
    unlink(path);
}

/* What runs of it ends; what it left stays, for whoever looks. */
static int end_unknown_system(struct agent *agent, const struct rift_error *lost,
                              struct rift_error *err)
{
    json_t *ok = json_object();
    int rc = operate_stop(agent, NULL, rift_clock_now() + END_MS * RIFT_MS, ok, err);
    json_decref(ok);
    if (rc == 0)
        *err = *lost;
    return -1;
}

/* An agent that serves nobody, for what is done through one. */
static int remove_system(const struct agent_paths *paths, const char *cgroup_name, bool even_kept,
                         struct rift_error *err)
{
    CLEANUP(rift_free) struct agent *agent = rift_calloc(1, sizeof *agent);
    agent->paths = *paths;
    snprintf(agent->cgroup_name, sizeof agent->cgroup_name, "%s", cgroup_name);
    if (rift_cgroup_open(cgroup_name, &agent->cgroup, err))
        return -1;
    struct rift_error lost = {0};
    bool is_lost = system_load(agent, &lost) != 0;
    pid_t pid;
    if (!(agent->system && agent->system->is_attached) &&
        rift_cgroup_pids(&agent->cgroup, &pid, 1) > 0)
        printf("ended the system that a run left\n");
    if (is_lost && even_kept)
        discard_visit(paths->system, NULL);
    int rc = is_lost && !even_kept ? end_unknown_system(agent, &lost, err)
                                   : system_remove(agent, even_kept, err);
    system_close(agent->system);
    return rc;
}

/* All of it is done, whatever fails; the first failure is returned. */
static int heal_all(const struct agent_paths *paths, const char *cgroup_name, bool purge,
                    struct rift_error *err)
{
    json_t *healed = json_array();
    struct rift_error failures[3] = {0};
    if (purge)
        rift_ledger_visit_unreadable(paths->ledger, discard_visit, NULL);
    int rc[] = {rift_ledger_heal_all(paths->ledger, healed, &failures[0]), 0, 0};
    size_t i;
    json_t *id;
    json_array_foreach(healed, i, id)
    {
        printf("healed %s\n", json_string_value(id));
    }
    json_decref(healed);
    install_clean_up();
    rc[1] = rift_strays_remove(&failures[1]);
    rc[2] = remove_system(paths, cgroup_name, purge, &failures[2]);
    for (i = 0; i < sizeof failures / sizeof *failures; i++)
        if (rc[i] != 0) {
            *err = failures[i];
            return -1;
        }
    return 0;
}

static void describe_healer(int lock_fd)
{
    json_t *holder = agent_lock_holder("", "rift heal");
    json_object_set_new(holder, "heals", json_true());
    json_object_set_new(holder, "lease_until_ns",
                        json_integer(rift_clock_now() + HEAL_MS * RIFT_MS));
    agent_lock_describe(lock_fd, holder);
    json_decref(holder);
}

int leftovers_heal(const struct agent_paths *paths, const char *cgroup_name, bool purge)
{
    struct rift_error err = {0};
    json_t *ended = NULL;
    const char *run, *controller, *since;
    CLEANUP(rift_close_fd) int lock_fd = agent_lock_take(paths->lock, NULL, true, &ended, &err);
    if (lock_fd >= 0)
        describe_healer(lock_fd);
    if (json_unpack(ended, "{s:s, s:s, s:s}", "run", &run, "controller", &controller, "since",
                    &since) == 0)
        printf("run '%s' of the controller at %s, on since %s, was ended\n", run, controller,
               since);
    json_decref(ended);
    int rc = lock_fd < 0 ? -1 : heal_all(paths, cgroup_name, purge, &err);
    if (rc == 0) {
        leftovers_sweep(paths);
        rmdir(paths->ledger);
    }
    if (rc == 0 && purge)
        rc = agent_remove_tree(paths->folder, true, &err);
    if (rc) {
        fprintf(stderr, "rift-agent: %s\n", err.text);
        return 1;
    }
    unlink(paths->record);
    unlink(paths->lock);
    printf("this node is healed\n");
    return 0;
}
