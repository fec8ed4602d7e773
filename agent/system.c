/* What the agent remembers of the system, and the verbs that only look. The work itself is done in
 * jobs: agent/install.c and agent/operate.c. */
#include "agent/system.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/install.h"
#include "agent/job.h"
#include "agent/launch.h"
#include "agent/membership.h"
#include "agent/operate.h"
#include "agent/programs.h"
#include "agent/secrets.h"
#include "agent/system_file.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"

enum {
    INSTALL_MS = 600000,
    START_MS = 120000,
    READY_MS = 60000,
    STOP_MS = 60000,
    ROLE_MS = 5000,
    PROGRAMS_MS = 5000,
    MEMBERSHIP_MS = 5000
};
enum { REMOVE_MS = 8000 }; /* less than a controller waits for the reply to hello */

static const char *const no_folders[] = {NULL};

void system_close(struct system *system)
{
    if (!system)
        return;
    rift_recipe_finish(system->recipe);
    json_decref(system->context);
    json_decref(system->versions);
    json_decref(system->started);
    rift_arena_finish(&system->arena);
    free(system);
}

static int system_set(struct agent *agent, const json_t *args, const char *session,
                      struct rift_error *err)
{
    struct system *system = rift_calloc(1, sizeof *system);
    struct rift_cgroup cgroup;
    if (system_file_read(system, args, err) ||
        rift_cgroup_open(system->is_attached ? system->attach.cgroup : agent->cgroup_name, &cgroup,
                         err)) {
        system_close(system);
        return -1;
    }
    snprintf(system->session, sizeof system->session, "%s", session ? session : "");
    cgroup.is_foreign = system->is_attached;
    agent->cgroup = cgroup;
    system_close(agent->system);
    agent->system = system;
    return 0;
}

int system_load(struct agent *agent, struct rift_error *err)
{
    json_t *json = json_load_file(agent->paths.system, 0, NULL);
    bool is_read = json_is_object(json_object_get(json, "recipe"));
    if (is_read)
        system_set(agent, json, json_string_value(json_object_get(json, "session")), NULL);
    json_decref(json);
    if (is_read || access(agent->paths.system, F_OK) != 0)
        return 0;
    return rift_fail(err, RIFT_ERR_INVALID,
                     "'%s' cannot be read, so nobody knows where the data of the system lie that a "
                     "run left: look at the node, then remove the file, or say 'rift heal --purge'",
                     agent->paths.system);
}

bool system_is_stale(const struct agent *agent)
{
    if (agent->system)
        return strcmp(agent->system->session, agent->session) != 0;
    return rift_cgroup_exists(&agent->cgroup) || access(agent->paths.system, F_OK) == 0 ||
           access(RIFT_SECRETS_FOLDER, F_OK) == 0;
}

/* Once it is removed; what is kept may be asked about still. */
static void system_forget(struct agent *agent)
{
    if (agent->system && agent->system->keeps_data)
        return;
    system_close(agent->system);
    agent->system = NULL;
    rift_cgroup_open(agent->cgroup_name, &agent->cgroup, NULL);
}

int system_remove(struct agent *agent, bool even_kept, struct rift_error *err)
{
    json_t *ok = json_object();
    if (agent->system && even_kept)
        agent->system->keeps_data = false;
    int rc = operate_remove(agent, NULL, rift_clock_now() + REMOVE_MS * RIFT_MS, ok, err);
    json_decref(ok);
    if (rc)
        return rift_wrap(err, "remove what an earlier run left");
    system_forget(agent);
    return 0;
}

bool system_is_configured(const struct agent *agent)
{
    return agent->system != NULL;
}

const char *const *system_data_folders(const struct agent *agent)
{
    return agent->system ? agent->system->data_folders : no_folders;
}

const char *system_unit(const struct agent *agent)
{
    bool is_unit = agent->system && agent->system->is_attached && agent->system->attach.unit[0];
    return is_unit ? agent->system->attach.unit : NULL;
}

bool system_can_start(const struct agent *agent)
{
    return !agent->system || !agent->system->is_attached || agent->system->attach.unit[0];
}

bool system_owns(const struct agent *agent, pid_t pid)
{
    char path[64], line[512], end[AGENT_WORD_SIZE + 1];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    snprintf(end, sizeof end, "/%s", agent->cgroup_name);
    FILE *file = fopen(path, "re");
    bool is_owned = false;
    while (file && !is_owned && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        is_owned = rift_text_ends_with(line, end);
    }
    if (file)
        fclose(file);
    return is_owned;
}

void system_take_exit(struct agent *agent, pid_t pid, int status)
{
    if (!agent->system)
        return;
    agent->system->exits[agent->system->exit_count++ % SYSTEM_EXITS_MAX] =
        (struct system_exit){.pid = pid, .status = status, .at_ns = rift_clock_now()};
}

/* Where both are the same there is no upgrade. */
static const char *system_version(const struct system *system)
{
    const json_t *versions = system ? system->versions : NULL;
    const json_t *used = system ? json_object_get(system->context, "artifacts") : NULL;
    bool is_upgrade = versions && json_equal(used, json_object_get(versions, "upgrade")) &&
                      !json_equal(used, json_object_get(versions, "first"));
    return is_upgrade ? "upgrade" : "first";
}

json_t *system_describe(struct agent *agent)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(&agent->cgroup, pids, RIFT_CGROUP_PIDS_MAX);
    json_t *list = json_array(), *exits = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(pids[i]));
    const struct system *system = agent->system;
    size_t total = system ? system->exit_count : 0;
    for (size_t i = total > SYSTEM_EXITS_MAX ? total - SYSTEM_EXITS_MAX : 0; i < total; i++) {
        const struct system_exit *entry = &system->exits[i % SYSTEM_EXITS_MAX];
        bool is_signal = WIFSIGNALED(entry->status);
        json_array_append_new(
            exits,
            json_pack("{s:i, s:i, s:I}", "pid", (int)entry->pid, is_signal ? "signal" : "code",
                      is_signal ? WTERMSIG(entry->status) : WEXITSTATUS(entry->status), "at_ns",
                      (json_int_t)entry->at_ns));
    }
    json_int_t stop_ms = system && system->is_attached ? system->attach.stop_ms : 0;
    return json_pack("{s:b, s:b, s:s, s:o, s:o, s:I}", "configured", system != NULL, "running",
                     (int)(count > 0), "version", system_version(system), "pids", list, "exits",
                     exits, "stop_ms", stop_ms);
}

static int system_require(const struct agent *agent, struct rift_error *err)
{
    return agent->system
               ? 0
               : rift_fail(err, RIFT_ERR_MISSING, "no system was set up or found on this host");
}

int system_verb_configure(struct agent *agent, const struct request *request, json_t *ok,
                          struct rift_error *err)
{
    (void)ok;
    /* What was kept from an earlier run makes room for this one. */
    if ((agent->system && system_is_stale(agent) && system_remove(agent, true, err)) ||
        system_set(agent, request->args, agent->session, err))
        return -1;
    /* Saved first: whoever comes next removes them by what is saved. */
    return system_file_write(agent, err) ||
                   secrets_put(json_object_get(request->args, "secrets"), err)
               ? -1
               : 0;
}

/* What the job put where goes into the context, for templates and for the next agent. */
static void system_installed(struct agent *agent, const json_t *ok)
{
    struct system *system = agent->system;
    const json_t *artifacts = json_object_get(ok, "artifacts");
    const json_t *upgrade = json_object_get(ok, "upgrade");
    if (!system || (json_object_size(artifacts) == 0 && json_object_size(upgrade) == 0))
        return;
    if (json_object_size(artifacts) > 0)
        json_object_set(system->context, "artifacts", (json_t *)artifacts);
    const json_t *first = json_object_get(system->context, "artifacts");
    json_t *second = json_copy((json_t *)first);
    json_object_update(second, (json_t *)upgrade);
    json_decref(system->versions);
    system->versions = json_pack("{s:O, s:o}", "first", first, "upgrade", second);
    system_file_write(agent, NULL);
}

int system_verb_use(struct agent *agent, const struct request *request, json_t *ok,
                    struct rift_error *err)
{
    (void)ok;
    if (system_require(agent, err))
        return -1;
    const char *version = json_string_value(json_object_get(request->args, "version"));
    json_t *artifacts = version ? json_object_get(agent->system->versions, version) : NULL;
    if (!artifacts)
        return rift_fail(err, RIFT_ERR_MISSING, "version '%s' of the system is not installed here",
                         version ? version : "");
    pid_t pid;
    if (rift_cgroup_pids(&agent->cgroup, &pid, 1) > 0)
        return rift_fail(err, RIFT_ERR_CONFLICT, "the system runs (process %d): stop it first",
                         (int)pid);
    json_object_set(agent->system->context, "artifacts", artifacts);
    return system_file_write(agent, err);
}

int system_verb_programs(struct agent *agent, const struct request *request, json_t *ok,
                         struct rift_error *err)
{
    (void)ok;
    return job_start(agent, request, programs_work, NULL, PROGRAMS_MS, err);
}

int system_verb_install(struct agent *agent, const struct request *request, json_t *ok,
                        struct rift_error *err)
{
    (void)ok;
    if (system_require(agent, err))
        return -1;
    return job_start(agent, request, install_work, system_installed, INSTALL_MS, err);
}

/* Takes started. */
static void system_expect(struct system *system, json_t *started, bool is_settled)
{
    json_decref(system->started);
    system->started = started;
    system->is_settled = is_settled;
}

void system_note_started(struct agent *agent, const json_t *ok)
{
    const json_t *pids = json_object_get(ok, "pids");
    size_t i;
    json_t *pid, *started = json_array();
    json_array_foreach(pids, i, pid)
    {
        struct rift_process process;
        if (rift_process_identify((pid_t)json_integer_value(pid), &process))
            json_array_append_new(
                started, json_pack("[i, I]", (int)process.pid, (json_int_t)process.start_ticks));
    }
    if (!agent->system || !pids) {
        json_decref(started);
        return;
    }
    system_expect(agent->system, started, false);
    system_file_write(agent, NULL);
}

static void system_joined(struct agent *agent, const json_t *ok)
{
    if (!agent->system)
        return;
    agent->system->is_out = false;
    system_note_started(agent, ok);
}

/* What runs until a start has ended, or after a stop that failed, is no whole system: one process
 * that never lives is of it. */
static void system_expect_nothing(struct agent *agent)
{
    if (agent->system)
        system_expect(agent->system, json_pack("[[i, i]]", 0, 0), true);
}

void system_note_running(struct agent *agent)
{
    struct system *system = agent->system;
    if (!system || system->is_settled)
        return;
    json_t *alive = json_array(), *item;
    size_t i;
    json_array_foreach(system->started, i, item)
    {
        if (operate_is_alive(item))
            json_array_append(alive, item);
    }
    system_expect(system, alive, true);
    system_file_write(agent, NULL);
}

int system_verb_start(struct agent *agent, const struct request *request, json_t *ok,
                      struct rift_error *err)
{
    (void)ok;
    if (system_require(agent, err))
        return -1;
    pid_t pid;
    if (!agent->system->is_attached && operate_is_whole(agent) &&
        rift_cgroup_pids(&agent->cgroup, &pid, 1) > 0)
        return rift_fail(err, RIFT_ERR_CONFLICT, "the system runs already (process %d)", (int)pid);
    bool joins = json_is_array(json_object_get(request->args, "members"));
    if (agent->system->is_out && !joins)
        return rift_fail(err, RIFT_ERR_DENIED,
                         "this node was removed from the cluster: it starts again when it joins");
    system_expect_nothing(agent);
    if (system_file_write(agent, err)) /* for the next agent */
        return -1;
    return job_start(agent, request, operate_start, joins ? system_joined : system_note_started,
                     START_MS, err);
}

int system_verb_membership(struct agent *agent, const struct request *request, json_t *ok,
                           struct rift_error *err)
{
    (void)ok;
    if (system_require(agent, err))
        return -1;
    if (agent->system->recipe->membership.list.kind == RIFT_CHECK_NONE)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "the recipe of '%s' has no membership",
                         agent->system->recipe->name);
    return job_start(agent, request, membership_work, NULL, MEMBERSHIP_MS, err);
}

/* It is out before the first byte is gone: whatever dies then, nothing starts it without its data
 * as the member that it was. */
int system_verb_leave(struct agent *agent, const struct request *request, json_t *ok,
                      struct rift_error *err)
{
    (void)ok;
    if (system_require(agent, err))
        return -1;
    if (agent->system->is_attached)
        return rift_fail(err, RIFT_ERR_DENIED, "the data of a system that was here is not wiped");
    agent->system->is_out = true;
    if (system_file_write(agent, err))
        return -1;
    return job_start(agent, request, operate_leave, NULL, STOP_MS, err);
}

int system_start_again(struct agent *agent, const struct request *request, struct rift_error *err)
{
    return job_start(agent, request, operate_start_again, system_note_started, START_MS, err);
}

int system_start_now(struct agent *agent, int64_t *job, struct rift_error *err)
{
    json_t *args = json_object();
    int rc =
        job_start_own(agent, args, operate_start_again, system_note_started, START_MS, job, err);
    json_decref(args);
    return rc;
}

int system_verb_wait_ready(struct agent *agent, const struct request *request, json_t *ok,
                           struct rift_error *err)
{
    (void)ok;
    if (system_require(agent, err))
        return -1;
    return job_start(agent, request, operate_wait_ready, NULL, READY_MS, err);
}

int system_verb_stop(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)ok;
    system_expect_nothing(agent);
    return job_start(agent, request, operate_stop, NULL, STOP_MS, err);
}

int system_verb_kill(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    const json_t *given = json_object_get(request->args, "signal");
    json_int_t signal = json_is_integer(given) ? json_integer_value(given) : SIGKILL;
    if (signal < 1 || signal > 31)
        return rift_fail(err, RIFT_ERR_INVALID, "'signal' must be from 1 to 31");
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(&agent->cgroup, pids, RIFT_CGROUP_PIDS_MAX), hit;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(pids[i]));
    json_object_set_new(ok, "pids", list);
    json_object_set_new(ok, "applied_ns", json_integer(rift_clock_now()));
    system_expect_nothing(agent);
    return rift_cgroup_signal(&agent->cgroup, (int)signal, &hit, err);
}

int system_verb_role(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)ok;
    if (system_require(agent, err))
        return -1;
    if (agent->system->recipe->role.kind == RIFT_CHECK_NONE)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "the recipe of '%s' has no role probe",
                         agent->system->recipe->name);
    return job_start(agent, request, operate_role, NULL, ROLE_MS, err);
}

int system_verb_status(struct agent *agent, const struct request *request, json_t *ok,
                       struct rift_error *err)
{
    (void)request;
    (void)err;
    json_t *status = system_describe(agent);
    json_object_update(ok, status);
    json_decref(status);
    return 0;
}

static void logs_add(json_t *files, const char *path)
{
    struct stat stat_buffer;
    if (stat(path, &stat_buffer) == 0 && S_ISREG(stat_buffer.st_mode))
        json_array_append_new(files, json_pack("{s:s, s:I}", "path", path, "size_bytes",
                                               (json_int_t)stat_buffer.st_size));
}

int system_verb_logs(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)request;
    if (system_require(agent, err))
        return -1;
    const struct system *system = agent->system;
    json_t *files = json_array();
    json_object_set_new(ok, "files", files);
    for (size_t i = 0; !system->is_attached && i < system->recipe->process_count; i++) {
        char path[AGENT_PATH_SIZE + 80];
        launch_log_path(agent, system->recipe->processes[i].name, path, sizeof path);
        logs_add(files, path);
    }
    struct rift_arena arena = {0};
    char **logs =
        rift_recipe_expand_all(system->recipe, system->context, system->recipe->logs, &arena, err);
    for (size_t i = 0; logs && logs[i]; i++)
        logs_add(files, logs[i]);
    rift_arena_finish(&arena);
    return logs ? 0 : -1;
}

int system_verb_wipe(struct agent *agent, const struct request *request, json_t *ok,
                     struct rift_error *err)
{
    (void)ok;
    if (!agent->system)
        return 0;
    pid_t pid;
    if (rift_cgroup_pids(&agent->cgroup, &pid, 1) > 0)
        return rift_fail(err, RIFT_ERR_CONFLICT, "the system runs (process %d): stop it first",
                         (int)pid);
    return job_start(agent, request, operate_wipe, NULL, STOP_MS, err);
}

static void system_removed(struct agent *agent, const json_t *ok)
{
    (void)ok;
    system_forget(agent);
}

int system_verb_remove(struct agent *agent, const struct request *request, json_t *ok,
                       struct rift_error *err)
{
    (void)ok;
    return job_start(agent, request, operate_remove, system_removed, STOP_MS, err);
}
