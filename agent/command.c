/* fork, exec, and a poll over the three pipes. */
#include "agent/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

int agent_user_find(const char *name, struct agent_user *user, struct rift_error *err)
{
    memset(user, 0, sizeof *user);
    snprintf(user->name, sizeof user->name, "%s", name ? name : "root");
    snprintf(user->home, sizeof user->home, "/root");
    if (!name || strcmp(name, "root") == 0)
        return 0;
    FILE *file = fopen("/etc/passwd", "re");
    if (!file)
        return rift_fail_errno(err, RIFT_ERR_IO, "/etc/passwd");
    char line[1024], found[64], home[256];
    unsigned uid, gid;
    bool is_found = false;
    while (!is_found && fgets(line, sizeof line, file))
        is_found =
            sscanf(line, "%63[^:]:%*[^:]:%u:%u:%*[^:]:%255[^:\n]", found, &uid, &gid, home) >= 3 &&
            strcmp(found, name) == 0;
    fclose(file);
    if (!is_found)
        return rift_fail(err, RIFT_ERR_MISSING, "there is no user '%s' on this node", name);
    user->uid = uid;
    user->gid = gid;
    snprintf(user->home, sizeof user->home, "%s", home);
    return 0;
}

int agent_user_become(const struct agent_user *user)
{
    if (user->uid == geteuid())
        return 0;
    if (setgroups(1, &user->gid) || setgid(user->gid) || setuid(user->uid))
        return -1;
    return 0;
}

/* In the child; never returns. */
static void command_exec(const struct rift_cgroup *cgroup, char *const *argv,
                         const struct agent_user *user, const int *pipes)
{
    setpgid(0, 0);
    dup2(pipes[0], 0);
    dup2(pipes[3], 1);
    dup2(pipes[5], 2);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (cgroup && rift_cgroup_join(cgroup)) {
        dprintf(2, "join the control group: %s\n", strerror(errno));
        _exit(126);
    }
    if (user && agent_user_become(user)) {
        dprintf(2, "become user '%s': %s\n", user->name, strerror(errno));
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* cleared by a change of the user: prctl(2) */
    setenv("DEBIAN_FRONTEND", "noninteractive", 1);
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    execvp(argv[0], argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* True at end of file. */
static bool command_read(int fd, struct rift_text *text, bool *is_truncated)
{
    char buffer[8192];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0)
        return n == 0 || errno != EINTR;
    size_t room = COMMAND_OUTPUT_MAX - text->length;
    if ((size_t)n > room)
        *is_truncated = true;
    rift_text_append_bytes(text, buffer, (size_t)n < room ? (size_t)n : room);
    return false;
}

/* Moves the bytes until both outputs are closed; false at the deadline. */
static bool command_pump(int *in, int out, int errors, const char *input, int64_t deadline_ns,
                         struct command_result *result)
{
    size_t sent = 0, length = input ? strlen(input) : 0;
    bool is_out_open = true, is_errors_open = true;
    while (is_out_open || is_errors_open) {
        if (*in >= 0 && sent == length)
            rift_close_fd(in);
        struct pollfd fds[3] = {{.fd = *in, .events = POLLOUT},
                                {.fd = is_out_open ? out : -1, .events = POLLIN},
                                {.fd = is_errors_open ? errors : -1, .events = POLLIN}};
        int wait_ms = rift_clock_poll_ms(deadline_ns);
        if (wait_ms == 0)
            return false;
        if (poll(fds, 3, wait_ms) <= 0)
            continue;
        if (fds[0].revents) {
            ssize_t n = write(*in, input + sent, length - sent);
            sent = n > 0 ? sent + (size_t)n : n < 0 && errno == EAGAIN ? sent : length;
        }
        if (fds[1].revents)
            is_out_open = !command_read(out, &result->output, &result->is_truncated);
        if (fds[2].revents)
            is_errors_open = !command_read(errors, &result->errors, &result->is_truncated);
    }
    return true;
}

static bool command_wait(pid_t pid, int64_t deadline_ns, int *status)
{
    int raw = 0;
    pid_t rc;
    while ((rc = waitpid(pid, &raw, WNOHANG)) == 0) {
        if (rift_clock_now() >= deadline_ns)
            return false;
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    *status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
    return true;
}

int agent_command_run(char *const *argv, const char *input, const struct agent_user *user,
                      int64_t deadline_ns, struct command_result *result, struct rift_error *err)
{
    return agent_command_run_in(NULL, argv, input, user, deadline_ns, result, err);
}

int agent_command_run_in(const struct rift_cgroup *cgroup, char *const *argv, const char *input,
                         const struct agent_user *user, int64_t deadline_ns,
                         struct command_result *result, struct rift_error *err)
{
    memset(result, 0, sizeof *result);
    int pipes[6] = {-1, -1, -1, -1, -1, -1}; /* stdin, stdout, stderr: read end, write end */
    int rc = 0;
    pid_t pid = -1;
    for (int i = 0; i < 6 && rc == 0; i += 2)
        rc = pipe2(pipes + i, O_CLOEXEC);
    if (rc == 0)
        pid = fork();
    if (pid == 0)
        command_exec(cgroup, argv, user, pipes);
    rift_close_fd(&pipes[0]);
    rift_close_fd(&pipes[3]);
    rift_close_fd(&pipes[5]);
    if (pid < 0) {
        rc = rift_fail_errno(err, RIFT_ERR_IO, "run '%s'", argv[0]);
    } else {
        setpgid(pid, pid);
        fcntl(pipes[1], F_SETFL, O_NONBLOCK);
        if (!command_pump(&pipes[1], pipes[2], pipes[4], input, deadline_ns, result) ||
            !command_wait(pid, deadline_ns, &result->status)) {
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            rc = rift_fail(err, RIFT_ERR_TIMEOUT, "'%s' did not end in time", argv[0]);
        }
    }
    for (int i = 0; i < 6; i++)
        if (pipes[i] >= 0)
            close(pipes[i]);
    return rc;
}

void agent_command_finish(struct command_result *result)
{
    rift_text_finish(&result->output);
    rift_text_finish(&result->errors);
}
