/* One checker in a process of its own: a fork with exec, as this one has threads. */
#include "control/run/judge_process.h"

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
#include "common/text.h"

enum { JUDGE_READ_BYTES = 1 << 16, JUDGE_ANSWER_BYTES_MAX = 1 << 28, JUDGE_GRACE_MS = 30000 };

extern char **environ;

/* A Ctrl-C at the terminal is for the parent: the child has a process group of its own. */
static int judge_spawn(const char *program, const char *directory, const char *name,
                       const struct rift_budget *budget, int to, pid_t *pid)
{
    CLEANUP(rift_free) char *time = rift_printf("%lld", (long long)budget->time_ms);
    CLEANUP(rift_free) char *memory = rift_printf("%llu", (unsigned long long)budget->memory_bytes);
    CLEANUP(rift_free) char *threads = rift_printf("%u", budget->thread_count);
    char *const argv[] = {(char *)program, (char *)"check",   (char *)"--one",
                          (char *)name,    (char *)directory, time,
                          memory,          threads,           NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    int failure = posix_spawn(pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/* False where the deadline came first, or there is too much. */
static bool judge_read_all(int from, int64_t deadline_ns, struct rift_text *text)
{
    static const size_t most = JUDGE_ANSWER_BYTES_MAX;
    CLEANUP(rift_free) char *bytes = rift_malloc(JUDGE_READ_BYTES);
    while (text->length < most) {
        struct pollfd ready = {.fd = from, .events = POLLIN};
        if (poll(&ready, 1, rift_clock_poll_ms(deadline_ns)) <= 0)
            return false;
        ssize_t count = read(from, bytes, JUDGE_READ_BYTES);
        if (count == 0)
            return true;
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0)
            rift_text_append_bytes(text, bytes, (size_t)count);
    }
    return false;
}

static void judge_take(const struct rift_text *text, int status, struct rift_verdict *verdict)
{
    if (WIFSIGNALED(status)) {
        rift_verdict_doubt(verdict, "the checker died: %s", strsignal(WTERMSIG(status)));
        return;
    }
    json_t *json = json_loadb(text->data ? text->data : "", text->length, 0, NULL);
    struct rift_error err = {0};
    if (!json || rift_verdict_from_json(verdict, json, &err) != 0)
        rift_verdict_doubt(verdict, "the checker failed; its exit code is %d", WEXITSTATUS(status));
    json_decref(json);
}

void judge_in_process(const char *program, const char *directory, const char *name,
                      const struct rift_budget *budget, struct rift_verdict *verdict)
{
    CLEANUP(rift_close_fd) int from = -1;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        rift_verdict_doubt(verdict, "the checker cannot be started: %s", strerror(errno));
        return;
    }
    from = ends[0];
    pid_t pid = 0;
    int failure = judge_spawn(program, directory, name, budget, ends[1], &pid);
    close(ends[1]);
    if (failure != 0) {
        rift_verdict_doubt(verdict, "the checker cannot be started: %s", strerror(failure));
        return;
    }
    struct rift_text CLEANUP(rift_text_finish) text = {0};
    int64_t deadline_ns = rift_clock_now() + (budget->time_ms + JUDGE_GRACE_MS) * RIFT_MS;
    bool is_whole = judge_read_all(from, deadline_ns, &text);
    if (!is_whole)
        kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (is_whole)
        judge_take(&text, status, verdict);
    else
        rift_verdict_doubt(verdict, "the checker was not done in time, and was ended");
}
