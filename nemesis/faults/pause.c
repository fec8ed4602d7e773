/* pause: every thread of the system is stopped by ptrace, from a process apart, the holder; or,
 * with the option by: freezer, by the kernel's freezer (freeze.c).
 *
 * A SIGSTOP or a frozen cgroup would stay for ever if all our processes were killed. The kernel
 * lets a traced thread go on when its tracer dies, however it dies; and the holder ends by itself
 * when the lease is past or when the agent is gone. The threads see what SIGSTOP and SIGCONT would
 * show them: time is lost, some system calls return EINTR.
 *
 * The holder is forked by plan, and waits: so the ledger names it before anything is stopped. */
#include "nemesis/faults/drivers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/freeze.h"
#include "nemesis/faults/setting.h"

enum { THREADS_MAX = 16384, STOP_DEADLINE_MS = 2000, REPORT_DEADLINE_MS = 5000 };
enum { HOLDER_SOCKET = 3 };

/* From agent to holder: hold until then. The first order is the word to begin. */
struct order {
    int64_t deadline_ns;
};

/* From holder to agent, once: what came of the first order. */
struct report {
    int rc;
    int processes, threads;
    char text[160];
};

struct live {
    int fd;
    struct rift_process holder;
};

/* --- the holder: no heap, no return */

struct held {
    pid_t thread;
    bool is_stopped;
};

static struct held held[THREADS_MAX];
static size_t held_count;

static struct held *holder_find(pid_t thread)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i].thread == thread)
            return &held[i];
    return NULL;
}

static void holder_reap(void)
{
    int status;
    pid_t thread;
    while ((thread = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
        struct held *entry = holder_find(thread);
        if (entry)
            entry->is_stopped = true; /* or gone, which holds it as well */
    }
}

static int holder_seize(pid_t process, pid_t thread, struct report *report)
{
    if (holder_find(thread))
        return 0;
    if (held_count == THREADS_MAX) {
        snprintf(report->text, sizeof report->text, "more than %d threads", THREADS_MAX);
        return -1;
    }
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) || ptrace(PTRACE_INTERRUPT, thread, NULL, NULL)) {
        int number = errno;
        char state = rift_process_state(thread);
        if (number == ESRCH || state == 0 || state == 'Z' || state == 'X')
            return 0;
        snprintf(report->text, sizeof report->text, "trace thread %d of process %d: %s%s",
                 (int)thread, (int)process, strerror(number),
                 number == EPERM ? " (is a debugger attached, or ptrace forbidden?)" : "");
        return -1;
    }
    held[held_count++].thread = thread;
    return 1;
}

/* How many new threads were seized, or -1. */
static int holder_seize_process(pid_t process, struct report *report)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    int fresh = 0;
    const struct dirent *entry;
    while (fresh >= 0 && (entry = readdir(folder))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        int rc = holder_seize(process, (pid_t)strtol(entry->d_name, NULL, 10), report);
        fresh = rc < 0 ? -1 : fresh + rc;
    }
    closedir(folder);
    return fresh;
}

/* A thread in an uninterruptible sleep runs no code of the system's either, and stops when it
 * wakes; so does a parent in vfork, whose child we hold. */
static bool holder_all_stopped(void)
{
    for (size_t i = 0; i < held_count; i++) {
        if (held[i].is_stopped)
            continue;
        char state = rift_process_state(held[i].thread);
        if (state != 'D' && state != 0 && state != 'Z' && state != 'X')
            return false;
    }
    return true;
}

/* Stopped threads make no new ones: a round that finds nothing new, with all stopped, has it all.
 */
static int holder_stop_all(const struct rift_cgroup *system, struct report *report)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    int64_t deadline = rift_clock_now() + STOP_DEADLINE_MS * RIFT_MS;
    while (rift_clock_now() < deadline) {
        size_t count = rift_cgroup_pids(system, pids, RIFT_CGROUP_PIDS_MAX);
        int fresh = 0;
        for (size_t i = 0; i < count; i++) {
            int rc = holder_seize_process(pids[i], report);
            if (rc < 0)
                return -1;
            fresh += rc;
        }
        holder_reap();
        report->processes = (int)count;
        report->threads = (int)held_count;
        if (fresh == 0 && holder_all_stopped())
            return 0;
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    snprintf(report->text, sizeof report->text, "some threads did not stop within %d ms",
             STOP_DEADLINE_MS);
    return -1;
}

/* Nothing of the agent's may live on in the holder: its connection, its lock. */
static void holder_detach_from_agent(int fd, pid_t agent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != agent)
        _exit(0);
    setsid();
    prctl(PR_SET_NAME, "rift-hold");
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    dup2(fd, HOLDER_SOCKET);
    syscall(SYS_close_range, HOLDER_SOCKET + 1, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Ends the process, and with it the pause, when the agent is gone or the time is past. */
static void holder_run(const struct rift_cgroup *system)
{
    int64_t deadline = INT64_MAX;
    bool has_begun = false;
    for (;;) {
        struct pollfd poll_fd = {.fd = HOLDER_SOCKET, .events = POLLIN};
        int64_t now = rift_clock_now();
        int64_t wake = now + 100 * RIFT_MS < deadline ? now + 100 * RIFT_MS : deadline;
        int rc = poll(&poll_fd, 1, rift_clock_poll_ms(wake));
        holder_reap(); /* a tracee that was killed stays a zombie until its tracer looks */
        if (rift_clock_now() >= deadline)
            _exit(0);
        if (rc <= 0)
            continue;
        struct order order;
        if (recv(HOLDER_SOCKET, &order, sizeof order, 0) != sizeof order)
            _exit(0);
        deadline = order.deadline_ns;
        if (has_begun)
            continue;
        has_begun = true;
        struct report report = {0};
        report.rc = holder_stop_all(system, &report);
        if (send(HOLDER_SOCKET, &report, sizeof report, MSG_NOSIGNAL) != sizeof report ||
            report.rc != 0)
            _exit(0);
    }
}

/* --- the agent's side */

static bool pause_is_freeze(const json_t *options)
{
    const char *by = json_string_value(json_object_get(options, "by"));
    return by && strcmp(by, "freezer") == 0;
}

static void pause_forget(struct rift_injection *injection)
{
    if (pause_is_freeze(injection->options)) {
        rift_setting_forget(injection);
        return;
    }
    struct live *live = injection->live;
    if (!live)
        return;
    rift_close_fd(&live->fd);
    free(live);
    injection->live = NULL;
}

static int pause_plan(struct rift_injection *injection, const struct rift_target *target,
                      const char *ledger, struct rift_error *err)
{
    if (pause_is_freeze(injection->options))
        return rift_freeze_plan(injection, target, ledger, err);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return rift_fail_errno(err, RIFT_ERR_IO, "pause: make a socket");
    pid_t agent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        holder_detach_from_agent(pair[1], agent);
        holder_run(target->system);
        _exit(0);
    }
    close(pair[1]);
    struct live *live = rift_calloc(1, sizeof *live);
    live->fd = pair[0];
    injection->live = live;
    if (pid < 0 || !rift_process_identify(pid, &live->holder)) {
        pause_forget(injection);
        return rift_fail_errno(err, RIFT_ERR_IO, "pause: start the holder");
    }
    json_object_set_new(
        injection->undo, "holder",
        json_pack("[i, I]", (int)live->holder.pid, (json_int_t)live->holder.start_ticks));
    return 0;
}

static int pause_order(const struct live *live, int64_t deadline_ns, struct rift_error *err)
{
    struct order order = {.deadline_ns = deadline_ns};
    if (send(live->fd, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof order)
        return rift_fail_errno(err, RIFT_ERR_IO, "pause: the holder is gone, so the pause is over");
    return 0;
}

static int pause_inject(struct rift_injection *injection, const struct rift_target *target,
                        struct rift_error *err)
{
    if (pause_is_freeze(injection->options))
        return rift_freeze_inject(injection, target, err);
    struct live *live = injection->live;
    struct report report = {0};
    if (pause_order(live, injection->lease_end_ns, err))
        return -1;
    struct pollfd poll_fd = {.fd = live->fd, .events = POLLIN};
    if (poll(&poll_fd, 1, REPORT_DEADLINE_MS) != 1 ||
        recv(live->fd, &report, sizeof report, 0) != sizeof report)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "pause: the holder does not answer");
    report.text[sizeof report.text - 1] = 0;
    if (report.rc)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "pause: %s", report.text);
    if (report.processes == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "pause: no process of the system is running");
    injection->applied_ns = rift_clock_now();
    return 0;
}

static int pause_renew(struct rift_injection *injection, struct rift_error *err)
{
    if (pause_is_freeze(injection->options))
        return rift_setting_renew(injection, err);
    return pause_order(injection->live, injection->lease_end_ns, err);
}

static int pause_heal(const char *id, const json_t *undo, const char *ledger,
                      struct rift_error *err)
{
    if (json_object_get(undo, "file"))
        return rift_setting_heal(id, undo, ledger, err);
    const json_t *holder = json_object_get(undo, "holder");
    struct rift_process process = {.pid = (pid_t)json_integer_value(json_array_get(holder, 0)),
                                   .start_ticks =
                                       (uint64_t)json_integer_value(json_array_get(holder, 1))};
    CLEANUP(rift_close_fd) int fd = process.pid > 0 ? rift_process_open(&process) : -1;
    if (fd < 0)
        return 0; /* it ended, so the kernel has let all go on */
    if (rift_process_signal(&process, SIGKILL) && errno != ESRCH)
        return rift_fail_errno(err, RIFT_ERR_IO, "pause: end the holder");
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, REPORT_DEADLINE_MS) != 1)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "pause: the holder does not end");
    return 0;
}

/* /proc shows each thread stopped. A parent in vfork(2) waits, where no stop reaches it, for a
 * child that is stopped: it stands as still. */
static int pause_observe(const struct rift_injection *injection, const struct rift_target *target,
                         bool *is_observed, json_t *details, struct rift_error *err)
{
    if (pause_is_freeze(injection->options))
        return rift_freeze_observe(target, is_observed, details, err);
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX);
    size_t stopped = 0, held_still = 0, alive = 0;
    for (size_t i = 0; i < count; i++) {
        char state = rift_process_threads_state(pids[i]);
        if (state == 0 || state == 'Z' || state == 'X')
            continue;
        alive++;
        bool is_stopped = state == 't' || state == 'T';
        held_still += is_stopped;
        stopped += is_stopped || state == 'D';
    }
    json_object_set_new(details, "processes", json_integer((json_int_t)alive));
    json_object_set_new(details, "stopped", json_integer((json_int_t)stopped));
    char how[96];
    snprintf(how, sizeof how, "/proc shows %zu of %zu processes stopped", stopped, alive);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = held_still > 0 && stopped == alive;
    return 0;
}

static int pause_probe(const struct rift_target *target, const json_t *options,
                       struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)err;
    if (pause_is_freeze(options))
        return rift_freeze_probe(target, ability);
    ability->backend = "ptrace";
    ability->end =
        "the kernel lets the threads go on when the process that holds them dies, and that ends "
        "with the lease or the agent";
    pid_t agent = getpid();
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == agent)
            pause();
        _exit(0);
    }
    ability->can = child > 0 && target->system && ptrace(PTRACE_SEIZE, child, NULL, NULL) == 0;
    if (!ability->can)
        snprintf(ability->why, sizeof ability->why, "ptrace: %s", strerror(errno));
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, __WALL);
    }
    return 0;
}

const struct rift_fault_driver rift_pause_driver = {
    .name = "pause",
    .probe = pause_probe,
    .plan = pause_plan,
    .inject = pause_inject,
    .renew = pause_renew,
    .heal = pause_heal,
    .observe = pause_observe,
    .forget = pause_forget,
};
