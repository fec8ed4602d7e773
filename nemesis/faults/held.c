/* Threads that are held still by ptrace, in a holder: no heap, and no way back but its end. */
#include "nemesis/faults/held.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process.h"

enum { THREADS_MAX = 16384, STOP_DEADLINE_MS = 2000 };

struct held {
    pid_t thread;
    bool is_stopped;
};

static struct held held[THREADS_MAX];
static size_t held_count;

static struct held *held_find(pid_t thread)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i].thread == thread)
            return &held[i];
    return NULL;
}

static void bury(void)
{
    int status;
    pid_t thread;
    while ((thread = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
        struct held *entry = held_find(thread);
        if (entry)
            entry->is_stopped = true; /* or gone, which holds it as well */
    }
}

void rift_held_tend(int64_t deadline_ns, void *shared)
{
    (void)deadline_ns;
    (void)shared;
    bury();
}

static int held_seize(pid_t process, pid_t thread, struct rift_holder_report *report)
{
    if (held_find(thread))
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
static int held_seize_process(pid_t process, struct rift_holder_report *report)
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
        int rc = held_seize(process, (pid_t)strtol(entry->d_name, NULL, 10), report);
        fresh = rc < 0 ? -1 : fresh + rc;
    }
    closedir(folder);
    return fresh;
}

/* A thread in an uninterruptible sleep runs no code of the system's either, and stops when it
 * wakes; so does a parent in vfork, whose child we hold. */
static bool held_all_stopped(void)
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
int rift_held_stop_all(rift_held_list *list, const void *of, struct rift_holder_report *report)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    int64_t deadline = rift_clock_now() + STOP_DEADLINE_MS * RIFT_MS;
    while (rift_clock_now() < deadline) {
        size_t count = list(of, pids, RIFT_CGROUP_PIDS_MAX);
        int fresh = 0;
        for (size_t i = 0; i < count; i++) {
            int rc = held_seize_process(pids[i], report);
            if (rc < 0)
                return -1;
            fresh += rc;
        }
        bury();
        report->processes = (int)count;
        report->threads = (int)held_count;
        if (fresh == 0 && held_all_stopped())
            return 0;
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    snprintf(report->text, sizeof report->text, "some threads did not stop within %d ms",
             STOP_DEADLINE_MS);
    return -1;
}

int rift_held_stop_one(pid_t process, pid_t thread, struct rift_holder_report *report)
{
    int64_t deadline = rift_clock_now() + STOP_DEADLINE_MS * RIFT_MS;
    int rc = held_seize(process, thread, report);
    if (rc <= 0)
        return rc;
    report->processes = report->threads = 1;
    report->process = process;
    report->thread = thread;
    while (rift_clock_now() < deadline) {
        bury();
        if (held_all_stopped())
            return 1;
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    snprintf(report->text, sizeof report->text, "thread %d did not stop within %d ms", (int)thread,
             STOP_DEADLINE_MS);
    return -1;
}

void rift_held_probe(const struct rift_target *target, struct rift_fault_ability *ability)
{
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
}
