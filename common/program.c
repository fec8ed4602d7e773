/* A program of the system (apt-get, tar, ssh-keygen, ssh), run to its end within a deadline. */
#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { LINE_SIZE = 400, EXIT_NOT_RUN = 127 };

/* The last line that was not empty, however the output was cut into reads. */
struct last_line {
    char text[LINE_SIZE];
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

/* In the child. It dies with us: what a killed rift had started must not go on writing to places
 * that the next one has taken over. */
static _Noreturn void become(const char *const *argv, int output, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* A group of its own, so that the deadline also ends what it starts. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int input = open("/dev/null", O_RDONLY);
    if (getppid() != parent || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        _exit(EXIT_NOT_RUN);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execvp(argv[0], (char *const *)argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(EXIT_NOT_RUN);
}

/* Reads until the end of output or the deadline; true at the end. */
static bool program_drain(int fd, int64_t deadline_ns, struct last_line *line,
                          struct rift_text *output)
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
        if (count > 0) {
            last_line_add(line, bytes, (size_t)count);
            if (output && output->length <= RIFT_PROGRAM_OUTPUT_MAX)
                rift_text_append_bytes(output, bytes, (size_t)count);
        } else if (errno != EINTR)
            return true;
    }
}

int rift_program_output(const char *const *argv, int64_t deadline_ns, struct rift_text *output,
                        struct rift_error *err)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "pipe");
    CLEANUP(rift_close_fd) int read_end = pipe_fds[0];
    CLEANUP(rift_close_fd) int write_end = pipe_fds[1];
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        return rift_fail_errno(err, RIFT_ERR_LIMIT, "fork for %s", argv[0]);
    if (pid == 0)
        become(argv, write_end, parent);
    rift_close_fd(&write_end);

    struct last_line line = {.length = 0};
    bool is_ended = program_drain(read_end, deadline_ns, &line, output);
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
    if (output && output->length > RIFT_PROGRAM_OUTPUT_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "%s wrote more than %d bytes", argv[0],
                         RIFT_PROGRAM_OUTPUT_MAX);
    return 0;
}

int rift_program_run(const char *const *argv, int64_t deadline_ns, struct rift_error *err)
{
    return rift_program_output(argv, deadline_ns, NULL, err);
}
