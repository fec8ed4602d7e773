/* Each process of the recipe gets a session of its own, the system's cgroup, and a log file. It is
 * not our child for long: the job that started it ends, and it lives on whatever becomes of us. */
#include "agent/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/secrets.h"
#include "agent/system_state.h"
#include "common/memory.h"

enum { ENVIRONMENT_MAX = 300 };

void launch_log_path(const struct agent *agent, const char *process, char *path, size_t size)
{
    snprintf(path, size, "%s/%.64s.log", agent->paths.logs, process);
}

struct launch {
    char **argv;
    char **environment;
    const char *folder;
    int log_fd;
    int error_fd; /* gets errno if the exec fails */
    pid_t parent;
    const struct agent_user *user;
    const struct rift_cgroup *cgroup;
};

/* In the child; never returns. */
static void launch_exec(const struct launch *launch)
{
    const struct rlimit files = {.rlim_cur = 65536, .rlim_max = 65536};
    int null = open("/dev/null", O_RDONLY);
    /* Whoever ends the job finds all that it started in the cgroup. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launch->parent)
        _exit(127);
    setsid();
    setrlimit(RLIMIT_NOFILE, &files);
    if (null >= 0 && dup2(null, 0) >= 0 && dup2(launch->log_fd, 1) >= 0 &&
        dup2(launch->log_fd, 2) >= 0 && rift_cgroup_join(launch->cgroup) == 0 &&
        prctl(PR_SET_PDEATHSIG, 0) == 0 && chdir(launch->folder) == 0 &&
        agent_user_become(launch->user) == 0) {
        signal(SIGPIPE, SIG_DFL);
        execve(launch->argv[0], launch->argv, launch->environment);
    }
    int number = errno;
    ssize_t ignored = write(launch->error_fd, &number, sizeof number);
    (void)ignored;
    _exit(127);
}

static int launch_run(struct launch *launch, pid_t *pid, struct rift_error *err)
{
    int pipe_fds[2], number = 0;
    if (pipe2(pipe_fds, O_CLOEXEC))
        return rift_fail_errno(err, RIFT_ERR_IO, "make a pipe");
    launch->error_fd = pipe_fds[1];
    launch->parent = getpid();
    *pid = fork();
    if (*pid == 0)
        launch_exec(launch);
    close(pipe_fds[1]);
    ssize_t n = read(pipe_fds[0], &number, sizeof number);
    close(pipe_fds[0]);
    if (*pid < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "fork");
    if (n == 0)
        return 0;
    errno = number;
    return rift_fail_errno(err, number == ENOENT ? RIFT_ERR_MISSING : RIFT_ERR_IO, "start '%s'",
                           launch->argv[0]);
}

static char **launch_environment(const struct system *system,
                                 const struct rift_recipe_process *process,
                                 const struct agent_user *user, struct rift_arena *arena,
                                 struct rift_error *err)
{
    char **list = rift_arena_calloc(arena, ENVIRONMENT_MAX, sizeof *list);
    size_t count = 0;
    list[count++] = rift_arena_strdup(
        arena, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    list[count++] = rift_arena_printf(arena, "HOME=%s", user->home);
    list[count++] = rift_arena_printf(arena, "USER=%s", user->name);
    list[count++] = rift_arena_strdup(arena, "LANG=C.UTF-8");
    for (size_t i = 0; i < process->environment_count; i++) {
        const char *value = rift_recipe_expand(system->recipe, system->context,
                                               process->environment[i].value, arena, err);
        if (!value)
            return NULL;
        list[count++] = rift_arena_printf(arena, "%s=%s", process->environment[i].name, value);
    }
    return list;
}

int launch_process(struct agent *agent, const struct rift_recipe_process *process,
                   const struct agent_user *user, struct rift_arena *arena, pid_t *pid,
                   struct rift_error *err)
{
    const struct system *system = agent->system;
    char path[AGENT_PATH_SIZE + 80];
    launch_log_path(agent, process->name, path, sizeof path);
    CLEANUP(rift_close_fd)
    int log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (log_fd < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", path);
    struct launch launch = {.log_fd = log_fd, .user = user, .cgroup = &agent->cgroup};
    launch.argv =
        rift_recipe_expand_all(system->recipe, system->context, process->command, arena, err);
    launch.environment = launch.argv ? launch_environment(system, process, user, arena, err) : NULL;
    launch.folder = launch.environment ? rift_recipe_expand(system->recipe, system->context,
                                                            process->working_folder, arena, err)
                                       : NULL;
    return launch.folder ? launch_run(&launch, pid, err) : -1;
}
