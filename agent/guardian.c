/* A process apart, because the agent may be killed by anything, its own faults among them. Signals
 * that ask to end are passed on. The guardian takes the lock before it heals: if a new agent holds
 * it by then, that one has healed already, and its faults are not ours to touch.
 *
 * What cannot be healed now may be later (a process more, a descriptor, a disk that is let go): it
 * is tried again for a while, or until somebody comes who heals. */
#include "agent/guardian.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/apart.h"
#include "agent/lock.h"
#include "agent/paths.h"
#include "agent/pulse.h"
#include "agent/serve.h"
#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/ledger.h"

enum { LOCK_WAIT_MS = 3000, AGAIN_S = 1, TRIES_MAX = 120 };
/* An agent that was stopped together with us, as a virtual machine is, gets time to look around. */
enum { LOOK_MS = 500, OVERDUE_MS = 2000, OVERDUE_LOOKS = 3, DEATH_MS = 2000 };

static int guardian_heal(const char *state_folder, bool is_agent_there, const sigset_t *signals)
{
    struct agent_paths paths;
    struct rift_error err = {0};
    if (agent_paths_init(&paths, state_folder, &err)) {
        fprintf(stderr, "rift-agent: the agent died; guardian: %s\n", err.text);
        return 1;
    }
    /* Kept until we end. One that cannot die keeps it from us. */
    if (!agent_lock_inherit(paths.lock, LOCK_WAIT_MS) && !is_agent_there)
        return 1;
    const struct timespec pause = {.tv_sec = AGAIN_S};
    for (int try = 0; try < TRIES_MAX; try++) {
        if (rift_ledger_heal_all(paths.ledger, NULL, &err) == 0)
            return 1;
        if (try == 0)
            fprintf(stderr, "rift-agent: the agent died; guardian: %s\n", err.text);
        int signal = sigtimedwait(signals, NULL, &pause);
        if (signal > 0 && signal != SIGCHLD) /* somebody wants the lock */
            return 1;
    }
    return 1;
}

/* It is not there any more; its exit code, -1 where it was killed. */
static bool has_ended(pid_t agent, int *code)
{
    int status;
    if (waitpid(agent, &status, WNOHANG) != agent)
        return false;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return true;
}

/* The exit code; -1 where it was killed, -2 where it had to be and does not die. */
static int guardian_watch(pid_t agent, const struct pulse *pulse, const sigset_t *signals)
{
    const struct timespec look = {.tv_nsec = LOOK_MS * RIFT_MS};
    int overdue = 0, code;
    while (overdue < OVERDUE_LOOKS) {
        int signal = sigtimedwait(signals, NULL, &look);
        if (signal > 0 && signal != SIGCHLD)
            kill(agent, signal);
        if (has_ended(agent, &code))
            return code;
        int64_t until = pulse_expected(pulse);
        bool is_late = until > 0 && rift_clock_now() > until + OVERDUE_MS * RIFT_MS;
        if (!is_late)
            overdue = 0;
        else if (signal < 0)
            overdue++;
    }
    kill(agent, SIGKILL);
    int64_t deadline = rift_clock_now() + DEATH_MS * RIFT_MS;
    while (rift_clock_now() < deadline) {
        if (has_ended(agent, &code))
            return -1;
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
    }
    return -2;
}

int guardian_run(const char *state_folder, const char *cgroup_name)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int self_fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    apart_enter();
    struct pulse *pulse = pulse_create();
    pid_t agent = pulse ? fork() : -1;
    if (agent < 0) {
        perror("rift-agent");
        return 1;
    }
    if (agent == 0) {
        prctl(PR_SET_NAME, "rift-agent");
        fcntl(self_fd, F_SETFD, FD_CLOEXEC);
        _exit(agent_run(state_folder, cgroup_name, self_fd, pulse));
    }
    prctl(PR_SET_NAME, "rift-guardian");
    rift_process_hurry(1);
    /* The connection is the agent's alone: it must end when the agent does. */
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    int code = guardian_watch(agent, pulse, &signals);
    return code == 0 ? 0 : guardian_heal(state_folder, code == -2, &signals);
}
