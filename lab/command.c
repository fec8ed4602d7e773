/* A program of the system (apt-get, tar, ssh-keygen), run to its end within a deadline. */
#include "lab/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

extern char **environ;

enum { COMMAND_LINE_SIZE = 400 };

/* The last line that was not empty, however the output was cut into reads. */
struct last_line {
    char text[COMMAND_LINE_SIZE];
    size_t length;
    bool is_ended;
};

static void last_line_add(struct last_line *line, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r') {
            line->is_ended = true;
            continue;
        }
        if (line->is_ended) {
            line->length = 0;
            line->is_ended = false;
        }
        if (line->length < sizeof line->text - 1)
            line->text[line->length++] = bytes[i];
    }
    line->text[line->length] = '\0';
}

static int command_spawn(const char *const *argv, int output, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all_signals, no_signals;
    sigfillset(&all_signals);
    sigemptyset(&no_signals);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    /* A group of its own, so that the deadline also ends what it started. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all_signals);
    posix_spawnattr_setsigmask(&attributes, &no_signals);
    int result = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

/* Reads until the end of output or the deadline; true at the end. */
static bool command_drain(int fd, int64_t deadline_ns, struct last_line *line)
{
    char bytes[4096];
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int ready = poll(&poll_fd, 1, rift_clock_poll_ms(deadline_ns));
        if (ready == 0)
            return false;
        ssize_t count = ready > 0 ? read(fd, bytes, sizeof bytes) : -1;
        if (count == 0)
            return true;
        if (count > 0)
            last_line_add(line, bytes, (size_t)count);
        else if (errno != EINTR)
            return true;
    }
}

int lab_command_run(const char *const *argv, int64_t deadline_ns, struct rift_error *err)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "pipe");
    CLEANUP(rift_close_fd) int read_end = pipe_fds[0];
    CLEANUP(rift_close_fd) int write_end = pipe_fds[1];
    pid_t pid = -1;
    errno = command_spawn(argv, write_end, &pid);
    if (errno != 0)
        return rift_fail_errno(err, RIFT_ERR_MISSING, "run %s", argv[0]);
    rift_close_fd(&write_end);

    struct last_line line = {.length = 0};
    bool is_ended = command_drain(read_end, deadline_ns, &line);
    if (!is_ended)
        kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!is_ended)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "%s did not end in time; last line: %s", argv[0],
                         line.text);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return rift_fail(err, RIFT_ERR_IO, "%s failed: %s", argv[0],
                         line.length ? line.text : "it said nothing");
    return 0;
}
