/* A child process that is spoken to in lines, with deadlines.
 *
 * Three pipes, all non-blocking at our end, one poll loop. stderr is read whenever the loop turns,
 * so a chatty program does not block on a full pipe as long as it is being spoken to. */
#include "clients/stdio/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/text.h"

enum {
    PROGRAM_LINE_BYTES_MAX = 1 << 20,
    PROGRAM_READ_BYTES = 4096,
    PROGRAM_END_WAIT_MS = 500,
};

struct stdio_program {
    pid_t pid;
    int pidfd;
    int to, from, complaints; /* its stdin, stdout and stderr */
    char *label;
    struct rift_text received; /* of stdout, from consumed on not yet handed out */
    size_t consumed;
    struct rift_text complaint; /* of stderr, the line so far */
};

extern char **environ;

struct program_pipes {
    int in[2], out[2], err[2];
};

static void pipes_close(struct program_pipes *pipes)
{
    int *all[] = {pipes->in, pipes->out, pipes->err};
    for (size_t i = 0; i < 3; i++) {
        rift_close_fd(&all[i][0]);
        rift_close_fd(&all[i][1]);
    }
}

static int program_spawn(const char *const *argv, struct program_pipes *pipes, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes->in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes->out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes->err[1], STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    int failure = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static int take_end(int *end)
{
    int fd = *end;
    *end = -1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

struct stdio_program *stdio_program_start(const char *const *argv, const char *label,
                                          struct rift_error *err)
{
    CLEANUP(pipes_close)
    struct program_pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(pipes.in, O_CLOEXEC) || pipe2(pipes.out, O_CLOEXEC) || pipe2(pipes.err, O_CLOEXEC)) {
        rift_fail_errno(err, RIFT_ERR_IO, "pipe for %s", argv[0]);
        return NULL;
    }
    pid_t pid = 0;
    errno = program_spawn(argv, &pipes, &pid);
    if (errno != 0) {
        rift_fail_errno(err, RIFT_ERR_MISSING, "start '%s'", argv[0]);
        return NULL;
    }
    struct stdio_program *program = rift_calloc(1, sizeof *program);
    program->pid = pid;
    program->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    program->to = take_end(&pipes.in[1]);
    program->from = take_end(&pipes.out[0]);
    program->complaints = take_end(&pipes.err[0]);
    program->label = rift_strdup(label);
    return program;
}

static void program_log_complaints(struct stdio_program *program)
{
    char bytes[PROGRAM_READ_BYTES];
    ssize_t count = read(program->complaints, bytes, sizeof bytes);
    if (count <= 0) {
        if (count == 0)
            rift_close_fd(&program->complaints);
        return;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            rift_text_append_bytes(&program->complaint, &bytes[i], 1);
            if (program->complaint.length < PROGRAM_READ_BYTES)
                continue;
        }
        if (program->complaint.length > 0)
            rift_log(RIFT_LOG_INFO, "%s: %s", program->label, program->complaint.data);
        rift_text_clear(&program->complaint);
    }
}

/* Waits until fd is ready for events (an end of the pipe is ready too); logs stderr meanwhile. */
static bool program_wait(struct stdio_program *program, int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = fd, .events = events},
                               {.fd = program->complaints, .events = POLLIN}};
        int ready = poll(fds, 2, rift_clock_poll_ms(deadline_ns));
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready > 0 && fds[1].revents)
            program_log_complaints(program);
        if (ready > 0 && fds[0].revents)
            return true;
        if (rift_clock_now() >= deadline_ns)
            return false;
    }
}

static enum stdio_outcome program_write(struct stdio_program *program, const char *bytes,
                                        size_t length, int64_t deadline_ns)
{
    while (length > 0) {
        ssize_t written = write(program->to, bytes, length);
        if (written >= 0) {
            bytes += written;
            length -= (size_t)written;
        } else if (errno == EAGAIN) {
            if (!program_wait(program, program->to, POLLOUT, deadline_ns))
                return STDIO_TIMEOUT;
        } else if (errno != EINTR) {
            return STDIO_ENDED;
        }
    }
    return STDIO_DONE;
}

enum stdio_outcome stdio_program_send(struct stdio_program *program, const char *line,
                                      int64_t deadline_ns)
{
    enum stdio_outcome outcome = program_write(program, line, strlen(line), deadline_ns);
    return outcome == STDIO_DONE ? program_write(program, "\n", 1, deadline_ns) : outcome;
}

/* Reads what is there; false at the end of the pipe. */
static bool program_read_more(struct stdio_program *program)
{
    char bytes[PROGRAM_READ_BYTES];
    ssize_t count = read(program->from, bytes, sizeof bytes);
    if (count > 0)
        rift_text_append_bytes(&program->received, bytes, (size_t)count);
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

enum stdio_outcome stdio_program_receive(struct stdio_program *program, int64_t deadline_ns,
                                         const char **line)
{
    if (program->consumed > 0) {
        size_t left = program->received.length - program->consumed;
        memmove(program->received.data, program->received.data + program->consumed, left + 1);
        program->received.length = left;
        program->consumed = 0;
    }
    for (;;) {
        char *end = program->received.length > 0
                        ? memchr(program->received.data, '\n', program->received.length)
                        : NULL;
        if (end) {
            *end = '\0';
            *line = program->received.data;
            program->consumed = (size_t)(end - program->received.data) + 1;
            return STDIO_DONE;
        }
        if (program->received.length > PROGRAM_LINE_BYTES_MAX)
            return STDIO_TOO_LONG;
        if (!program_wait(program, program->from, POLLIN, deadline_ns))
            return STDIO_TIMEOUT;
        if (!program_read_more(program))
            return STDIO_ENDED;
    }
}

void stdio_program_end(struct stdio_program *program)
{
    if (!program)
        return;
    rift_close_fd(&program->to);
    /* Ready when the program has ended; it stays a zombie, so its group's number is still ours. */
    if (program->pidfd >= 0)
        program_wait(program, program->pidfd, POLLIN,
                     rift_clock_now() + PROGRAM_END_WAIT_MS * RIFT_MS);
    kill(-program->pid, SIGKILL);
    waitpid(program->pid, NULL, 0);
    rift_close_fd(&program->pidfd);
    rift_close_fd(&program->from);
    rift_close_fd(&program->complaints);
    rift_text_finish(&program->received);
    rift_text_finish(&program->complaint);
    free(program->label);
    free(program);
}
