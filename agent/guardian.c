/* A process apart, because the agent may be killed by anything, its own faults among them. Signals
 * that ask to end are passed on. The guardian takes the lock before it heals: if a new agent holds
 * it by then, that one has healed already, and its faults are not ours to touch. */
#include "agent/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/apart.h"
#include "agent/paths.h"
#include "agent/serve.h"
#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/ledger.h"

enum { LOCK_WAIT_MS = 3000 };

static bool guardian_take_lock(const struct agent_paths *paths)
{
    int fd = open(paths->lock, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    int64_t deadline = rift_clock_now() + LOCK_WAIT_MS * RIFT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (rift_clock_now() >= deadline)
            return false;
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    }
    return true; /* kept until we end */
}

static int guardian_heal(const char *state_folder)
{
    struct agent_paths paths;
    struct rift_error err = {0};
    if (agent_paths_init(&paths, state_folder, &err) == 0 && guardian_take_lock(&paths))
        rift_ledger_heal_all(paths.ledger, NULL, &err);
    if (err.code)
        fprintf(stderr, "rift-agent: the agent died; guardian: %s\n", err.text);
    return 1;
}

int guardian_run(const char *state_folder, const char *cgroup_name)
{
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);
    int self_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    apart_enter(cgroup_name);
    pid_t agent = fork();
    if (agent < 0)
        return 1;
    if (agent == 0) {
        prctl(PR_SET_NAME, "rift-agent");
        fcntl(self_fd, F_SETFD, FD_CLOEXEC);
        _exit(agent_run(state_folder, cgroup_name, self_fd));
    }
    prctl(PR_SET_NAME, "rift-guardian");
    rift_process_hurry(1);
    /* The connection is the agent's alone: it must end when the agent does. */
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    for (;;) {
        siginfo_t info;
        int status;
        if (sigwaitinfo(&signals, &info) < 0)
            continue;
        if (info.si_signo != SIGCHLD)
            kill(agent, info.si_signo);
        if (waitpid(agent, &status, WNOHANG) != agent)
            continue;
        bool is_fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        int rc = is_fine ? 0 : guardian_heal(state_folder);
        apart_leave(cgroup_name);
        return rc;
    }
}
