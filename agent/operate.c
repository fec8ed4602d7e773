#include "agent/operate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/check.h"
#include "agent/command.h"
#include "agent/disk.h"
#include "agent/launch.h"
#include "agent/prepare.h"
#include "agent/secrets.h"
#include "agent/system_state.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/disk/layer/layer.h"

enum { POLL_MS = 20, LOG_TAIL_BYTES = 400, AFTER_KILL_MS = 5000 };

static size_t operate_count(const struct agent *agent)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    return rift_cgroup_pids(&agent->cgroup, pids, RIFT_CGROUP_PIDS_MAX);
}

/* --- start */

static int write_file(const char *path, const char *content, int mode,
                      const struct agent_user *user, struct rift_error *err)
{
    CLEANUP(rift_close_fd)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t length = strlen(content), done = 0;
    if (fd < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
    while (done < length) {
        ssize_t n = write(fd, content + done, length - done);
        if (n < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
        done += (size_t)n;
    }
    if (fchmod(fd, (mode_t)mode) || fchown(fd, user->uid, user->gid))
        return rift_fail_errno(err, RIFT_ERR_IO, "set mode and owner of '%s'", path);
    return 0;
}

static int write_files(const struct system *system, const struct agent_user *user,
                       struct rift_arena *arena, struct rift_error *err)
{
    for (size_t i = 0; i < system->recipe->file_count; i++) {
        const struct rift_recipe_file *file = &system->recipe->files[i];
        const char *path =
            rift_recipe_expand(system->recipe, system->context, file->path, arena, err);
        const char *content =
            path ? rift_recipe_expand(system->recipe, system->context, file->content, arena, err)
                 : NULL;
        if (!content)
            return -1;
        char *folder = rift_arena_strdup(arena, path);
        char *slash = strrchr(folder, '/');
        if (!slash || path[0] != '/')
            return rift_fail(err, RIFT_ERR_INVALID, "file '%s': the path must be absolute", path);
        *slash = 0;
        if ((folder[0] && agent_make_folders(folder, 0755, err)) ||
            write_file(path, content, file->mode, user, err))
            return -1;
    }
    return 0;
}

static bool is_empty(const char *folder)
{
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    bool is = stream != NULL;
    while (is && (entry = readdir(stream)))
        is = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
    if (stream)
        closedir(stream);
    return is;
}

/* A layer whose process died stands in the way of all else.
 * fresh gets the folders that were not there, or were empty. */
static int make_data_folders(const struct agent *agent, const struct agent_user *user,
                             int64_t deadline_ns, json_t *fresh, struct rift_error *err)
{
    const struct system *system = agent->system;
    for (const char *const *folder = system->data_folders; *folder; folder++) {
        rift_layer_bury(*folder);
        if ((system->disk_mb > 0 || system->has_layer) &&
            agent_disk_remember(&agent->paths, *folder, err))
            return -1;
        if (agent_make_folders(*folder, 0755, err) ||
            (system->disk_mb > 0 &&
             agent_disk_mount(*folder, system->disk_mb, system->disk_is_xfs, deadline_ns, err)) ||
            prepare_empty(&agent->paths, *folder, err))
            return -1;
        bool is_new = is_empty(*folder);
        if (chown(*folder, user->uid, user->gid) || chmod(*folder, 0700))
            return rift_fail_errno(err, RIFT_ERR_IO, "set the owner of '%s'", *folder);
        if (system->has_layer && rift_layer_mount(*folder, system->layer_as_posix, err))
            return -1;
        if (is_new)
            json_array_append_new(fresh, json_string(*folder));
    }
    return 0;
}

/* The recipe's commands for what is new, one after another, each to end with 0. */
static int run_commands(const struct agent *agent, const char *what,
                        const rift_recipe_argv *commands, size_t count,
                        const struct agent_user *user, int64_t deadline_ns,
                        struct rift_arena *arena, struct rift_error *err)
{
    const struct system *system = agent->system;
    for (size_t i = 0; i < count; i++) {
        char **argv =
            rift_recipe_expand_all(system->recipe, system->context, commands[i], arena, err);
        struct command_result result;
        if (!argv)
            return -1;
        int rc = agent_command_run_in(&agent->cgroup, argv, NULL, user, deadline_ns, &result, err);
        if (rc == 0 && result.status != 0)
            rc = rift_fail(err, RIFT_ERR_IO, "'%s' ended with %d: %.400s", argv[0], result.status,
                           result.errors.data ? result.errors.data : "");
        agent_command_finish(&result);
        if (rc)
            return rift_wrap(err, "%s", what);
    }
    return 0;
}

/* --- waiting */

static void log_tail(const struct agent *agent, const char *process, struct rift_text *text)
{
    char path[AGENT_PATH_SIZE + 80], bytes[LOG_TAIL_BYTES + 1];
    launch_log_path(agent, process, path, sizeof path);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    ssize_t n = size > 0 ? pread(fd, bytes, LOG_TAIL_BYTES,
                                 size > LOG_TAIL_BYTES ? size - LOG_TAIL_BYTES : 0)
                         : 0;
    if (n <= 0)
        return;
    bytes[n] = 0;
    rift_text_printf(text, "; its log ends: %s", bytes);
}

static int wait_for(struct agent *agent, const struct rift_recipe_process *process,
                    int64_t deadline_ns, struct rift_error *err)
{
    const struct system *system = agent->system;
    CLEANUP(rift_text_finish) struct rift_text reason = {0};
    for (;;) {
        bool holds = false;
        rift_text_clear(&reason);
        if (operate_count(agent) == 0) {
            rift_text_append(&reason, "the system is not running");
            log_tail(agent, process->name, &reason);
            return rift_fail(err, RIFT_ERR_MISSING, "%s: %s", process->name, reason.data);
        }
        if (agent_check_ask(system->recipe, system->context, &process->ready, deadline_ns, &holds,
                            &reason, err))
            return -1;
        if (holds)
            return 0;
        if (rift_clock_now() + POLL_MS * RIFT_MS >= deadline_ns)
            break;
        rift_clock_sleep_until(rift_clock_now() + POLL_MS * RIFT_MS);
    }
    log_tail(agent, process->name, &reason);
    return rift_fail(err, RIFT_ERR_TIMEOUT, "%s is not ready: %s", process->name, reason.data);
}

static bool wait_for_end(const struct agent *agent, int64_t deadline_ns)
{
    while (operate_count(agent) > 0) {
        if (rift_clock_now() >= deadline_ns)
            return false;
        rift_clock_sleep_until(rift_clock_now() + POLL_MS * RIFT_MS);
    }
    return true;
}

/* A bare cgroup, which nobody can start, is to be left where it runs. */
static int start_attached(struct agent *agent, int64_t deadline_ns, json_t *ok,
                          struct rift_error *err)
{
    json_object_set_new(ok, "pids", json_array());
    json_object_set_new(ok, "started_ns", json_integer(rift_clock_now()));
    const struct attach *attach = &agent->system->attach;
    return !attach->unit[0] && operate_count(agent) > 0 ? 0
                                                        : attach_start(attach, deadline_ns, err);
}

static bool is_founder(const struct system *system)
{
    const json_t *nodes = json_object_get(system->context, "nodes");
    const json_t *first = json_object_get(json_array_get(nodes, 0), "name");
    return json_equal(first, json_object_get(json_object_get(system->context, "node"), "name")) &&
           !json_is_true(json_object_get(system->context, "joining"));
}

/* What a cluster needs once, of the cluster itself: its first user, a table. */
static int run_founded(struct agent *agent, const struct agent_user *user, int64_t deadline_ns,
                       struct rift_arena *arena, struct rift_error *err)
{
    const struct rift_recipe *recipe = agent->system->recipe;
    for (size_t i = 0; i < recipe->process_count && recipe->founded_count > 0; i++)
        if (wait_for(agent, &recipe->processes[i], deadline_ns, err))
            return -1;
    return run_commands(agent, "founded", recipe->founded, recipe->founded_count, user, deadline_ns,
                        arena, err);
}

static int run_prepare(struct agent *agent, const struct agent_user *user, const json_t *fresh,
                       int64_t deadline_ns, struct rift_arena *arena, struct rift_error *err)
{
    const struct rift_recipe *recipe = agent->system->recipe;
    if (json_array_size(fresh) == 0 || recipe->prepare_count == 0)
        return 0;
    return prepare_begin(&agent->paths, fresh, err) ||
                   run_commands(agent, "prepare", recipe->prepare, recipe->prepare_count, user,
                                deadline_ns, arena, err)
               ? -1
               : prepare_end(&agent->paths, err);
}

/* fresh gets the data folders that are new. */
static int start_all(struct agent *agent, int64_t deadline_ns, struct rift_arena *arena, json_t *ok,
                     json_t *fresh, struct rift_error *err)
{
    const struct rift_recipe *recipe = agent->system->recipe;
    struct agent_user user;
    json_t *pids = json_array();
    json_object_set_new(ok, "pids", pids);
    if (agent_user_find(recipe->user, &user, err) ||
        agent_make_folders(agent->paths.logs, 0755, err) ||
        make_data_folders(agent, &user, deadline_ns, fresh, err) ||
        secrets_give(user.uid, user.gid, err) || write_files(agent->system, &user, arena, err) ||
        rift_cgroup_create(&agent->cgroup, err) ||
        run_prepare(agent, &user, fresh, deadline_ns, arena, err))
        return -1;
    json_object_set_new(ok, "started_ns", json_integer(rift_clock_now()));
    for (size_t i = 0; i < recipe->process_count; i++) {
        const struct rift_recipe_process *process = &recipe->processes[i];
        pid_t pid = 0;
        if (launch_process(agent, process, &user, arena, &pid, err))
            return -1;
        json_array_append_new(pids, json_integer(pid));
        int64_t ready_by = rift_clock_now() + process->ready_deadline_ms * RIFT_MS;
        if (i + 1 < recipe->process_count && process->ready.kind != RIFT_CHECK_NONE &&
            wait_for(agent, process, ready_by < deadline_ns ? ready_by : deadline_ns, err))
            return -1;
    }
    return json_array_size(fresh) > 0 && is_founder(agent->system)
               ? run_founded(agent, &user, deadline_ns, arena, err)
               : 0;
}

/* Of all nodes only the members are there for it, itself among them. In the job's own process, so
 * that the next start knows them all again. */
static void join_members(struct system *system, const json_t *members)
{
    json_t *nodes = json_array();
    size_t i, j;
    json_t *node, *name;
    json_array_foreach(json_object_get(system->context, "nodes"), i, node)
    {
        json_array_foreach((json_t *)members, j, name)
        {
            if (json_equal(name, json_object_get(node, "name")))
                json_array_append(nodes, node);
        }
    }
    json_object_set_new(system->context, "nodes", nodes);
    json_object_set_new(system->context, "joining", json_true());
}

bool operate_is_alive(const json_t *item)
{
    struct rift_process process = {.pid = (pid_t)json_integer_value(json_array_get(item, 0)),
                                   .start_ticks =
                                       (uint64_t)json_integer_value(json_array_get(item, 1))};
    return rift_process_is_alive(&process);
}

static size_t count_alive(const json_t *list)
{
    size_t alive = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        alive += operate_is_alive(json_array_get(list, i));
    return alive;
}

/* Of those that will still be there in a moment. */
static bool has_process(const struct agent *agent)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(&agent->cgroup, pids, RIFT_CGROUP_PIDS_MAX), i = 0;
    while (i < count && rift_process_is_dying(pids[i]))
        i++;
    return i < count;
}

bool operate_is_whole(const struct agent *agent)
{
    size_t i;
    json_t *item;
    json_array_foreach(agent->system->started, i, item)
    {
        if (!operate_is_alive(item) ||
            rift_process_is_dying((pid_t)json_integer_value(json_array_get(item, 0))))
            return false;
    }
    return has_process(agent);
}

/* What is told to end, and what is left of a system that lost one of its processes, makes room for
 * a whole one. Its layers and its cgroup stay. */
static int end_rest(struct agent *agent, const json_t *dying, struct rift_error *err)
{
    bool is_to_stay = operate_is_whole(agent) && count_alive(dying) == 0;
    size_t hit;
    if (operate_count(agent) == 0 || is_to_stay || agent->system->is_attached)
        return 0;
    if (rift_cgroup_signal(&agent->cgroup, SIGKILL, &hit, err))
        return -1;
    return wait_for_end(agent, rift_clock_now() + AFTER_KILL_MS * RIFT_MS)
               ? 0
               : rift_fail(err, RIFT_ERR_TIMEOUT, "%zu processes survive SIGKILL",
                           operate_count(agent));
}

int operate_start(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                  struct rift_error *err)
{
    const json_t *members = json_object_get(args, "members");
    struct rift_arena arena = {0};
    if (json_is_array(members))
        join_members(agent->system, members);
    if (end_rest(agent, NULL, err)) /* of a start that was cut short */
        return -1;
    json_t *fresh = json_array();
    int rc = agent->system->is_attached ? start_attached(agent, deadline_ns, ok, err)
                                        : start_all(agent, deadline_ns, &arena, ok, fresh, err);
    json_decref(fresh);
    rift_arena_finish(&arena);
    return rc ? rift_wrap(err, "start '%s'", agent->system->recipe->name) : 0;
}

int operate_start_again(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                        struct rift_error *err)
{
    if (!json_object_get(ok, "was")) /* the heal may have told more */
        json_object_set_new(ok, "was", json_string("on"));
    json_object_set_new(ok, "planned_ns", json_integer(rift_clock_now()));
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
    /* A signal that was handled, or a system that restarts itself: it runs. One that is no member
     * is not started but to join. */
    if (end_rest(agent, json_object_get(args, "dying"), err))
        return -1;
    if ((operate_count(agent) > 0 && !agent->system->is_attached) || agent->system->is_out)
        return 0;
    if (operate_start(agent, args, deadline_ns, ok, err))
        return -1;
    json_object_set(ok, "applied_ns", json_object_get(ok, "started_ns"));
    return 0;
}

/* What a system wrote to come into being is on disk by the time that anybody depends on it: a power
 * cut is to show what it loses of its work, not that it was young. */
static void sync_own_disks(const struct system *system)
{
    for (const char *const *folder = system->data_folders; *folder; folder++) {
        if (system->has_layer)
            json_decref(rift_layer_ask(*folder, json_pack("{s:s}", "do", "sync"), NULL));
        if (system->disk_mb == 0)
            continue;
        CLEANUP(rift_close_fd) int fd = open(*folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            syncfs(fd);
    }
}

int operate_wait_ready(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                       struct rift_error *err)
{
    (void)args;
    const struct rift_recipe *recipe = agent->system->recipe;
    for (size_t i = 0; i < recipe->process_count; i++)
        if (wait_for(agent, &recipe->processes[i], deadline_ns, err))
            return -1;
    sync_own_disks(agent->system);
    json_object_set_new(ok, "ready_ns", json_integer(rift_clock_now()));
    return 0;
}

/* --- stop, role, wipe, remove */

static int stop_attached(struct agent *agent, int64_t deadline_ns, json_t *ok,
                         struct rift_error *err)
{
    const struct attach *attach = &agent->system->attach;
    /* A unit without processes may be about to be started again, by systemd. */
    if ((attach->unit[0] || operate_count(agent) > 0) && attach_stop(attach, deadline_ns, err))
        return -1;
    if (!wait_for_end(agent, deadline_ns))
        return rift_fail(err, RIFT_ERR_TIMEOUT, "%zu processes outlive the stop",
                         operate_count(agent));
    json_object_set_new(ok, "stopped_ns", json_integer(rift_clock_now()));
    return 0;
}

static int unmount_layers(const struct agent *agent, struct rift_error *err)
{
    for (const char *const *folder = agent->system ? agent->system->data_folders : NULL;
         folder && *folder; folder++)
        if (rift_layer_unmount(*folder, err))
            return -1;
    return 0;
}

/* By SIGKILL, and with the layers and the cgroup. Again and again: a process may be about to join
 * the group, and one that was killed leaves it only once it is buried, a moment after cgroup.procs
 * no longer names it. */
static int kill_all(struct agent *agent, int64_t deadline_ns, struct rift_error *err)
{
    for (;;) {
        size_t hit, left;
        if (rift_cgroup_signal(&agent->cgroup, SIGKILL, &hit, err))
            return -1;
        left = operate_count(agent);
        if (left == 0 && unmount_layers(agent, err))
            return -1;
        if (left == 0 && rift_cgroup_remove(&agent->cgroup, NULL) == 0)
            return 0;
        if (rift_clock_now() >= deadline_ns)
            return rift_fail(err, RIFT_ERR_TIMEOUT,
                             "the system was killed, but its processes have not ended yet (%zu are "
                             "still named); try again",
                             left);
        rift_clock_sleep_until(rift_clock_now() + POLL_MS * RIFT_MS);
    }
}

int operate_stop(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                 struct rift_error *err)
{
    if (agent->system && agent->system->is_attached)
        return stop_attached(agent, deadline_ns, ok, err);
    size_t hit;
    int signal = (int)json_integer_value(json_object_get(args, "signal"));
    if (signal == 0)
        signal = agent->system ? agent->system->recipe->stop_signal : SIGTERM;
    if (signal < 1 || signal >= NSIG)
        return rift_fail(err, RIFT_ERR_INVALID, "'signal' must be from 1 to %d", NSIG - 1);
    int64_t grace_ms = agent->system ? agent->system->recipe->stop_grace_ms : 0;
    int64_t grace_end = rift_clock_now() + grace_ms * RIFT_MS;
    bool is_stopped = operate_count(agent) == 0;
    if (!is_stopped && grace_ms > 0) {
        if (rift_cgroup_signal(&agent->cgroup, signal, &hit, err))
            return -1;
        is_stopped = wait_for_end(agent, grace_end < deadline_ns ? grace_end : deadline_ns);
    }
    if (!is_stopped)
        json_object_set_new(ok, "killed", json_true());
    if (kill_all(agent, deadline_ns, err))
        return -1;
    json_object_set_new(ok, "stopped_ns", json_integer(rift_clock_now()));
    return 0;
}

int operate_role(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                 struct rift_error *err)
{
    (void)args;
    const struct system *system = agent->system;
    CLEANUP(rift_text_finish) struct rift_text reason = {0};
    bool leads;
    if (agent_check_ask(system->recipe, system->context, &system->recipe->role, deadline_ns, &leads,
                        &reason, err))
        return -1;
    json_object_set_new(ok, "leader", json_boolean(leads));
    json_t *details = json_string(reason.data ? reason.data : "");
    json_object_set_new(ok, "details", details ? details : json_string("(no text)"));
    return 0;
}

static int remove_data(const struct agent *agent, struct rift_error *err)
{
    for (const char *const *folder = agent->system->data_folders; *folder; folder++)
        if (agent_disk_remove(*folder, err) || agent_remove_tree(*folder, true, err))
            return rift_wrap(err, "wipe");
    return prepare_end(&agent->paths, err);
}

int operate_leave(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                  struct rift_error *err)
{
    (void)args;
    if (kill_all(agent, deadline_ns, err) || remove_data(agent, err))
        return -1;
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
    return 0;
}

int operate_wipe(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                 struct rift_error *err)
{
    (void)args;
    (void)deadline_ns;
    (void)ok;
    const struct system *system = agent->system;
    if (system->is_attached && operate_count(agent) > 0)
        return rift_fail(err, RIFT_ERR_CONFLICT, "wipe: '%s' runs again: does something start it?",
                         system->attach.unit);
    /* Folder, files and logs of what was there before us are its owner's: the data go, no more. */
    for (const char *const *folder = system->data_folders; system->is_attached && *folder; folder++)
        if (access(*folder, F_OK) == 0 && agent_remove_tree(*folder, false, err))
            return rift_wrap(err, "wipe");
    if (system->is_attached)
        return 0;
    if (remove_data(agent, err))
        return -1;
    struct rift_arena arena = {0};
    int rc = 0;
    for (size_t i = 0; i < system->recipe->file_count && rc == 0; i++) {
        const char *path = rift_recipe_expand(system->recipe, system->context,
                                              system->recipe->files[i].path, &arena, err);
        rc = path ? agent_remove_file(path, err) : -1;
    }
    rift_arena_finish(&arena);
    if (rc)
        return -1;
    return agent_remove_tree(agent->paths.logs, true, err);
}

int operate_remove(struct agent *agent, const json_t *args, int64_t deadline_ns, json_t *ok,
                   struct rift_error *err)
{
    const struct system *system = agent->system;
    bool is_ours = !system || !system->is_attached;
    if ((is_ours && kill_all(agent, deadline_ns, err)) || secrets_remove(err))
        return -1;
    if (system && system->keeps_data)
        return 0;
    if (agent_disks_remove(&agent->paths, err))
        return -1;
    if (is_ours && ((system && operate_wipe(agent, args, deadline_ns, ok, err)) ||
                    agent_remove_tree(agent->paths.logs, true, err) ||
                    agent_remove_tree(agent->paths.artifacts, true, err)))
        return -1;
    rmdir(AGENT_DATA_FOLDER); /* where it is empty */
    return prepare_end(&agent->paths, err) ? -1 : agent_remove_file(agent->paths.system, err);
}
