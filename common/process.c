/* /proc/PID/stat and pidfds. The pidfd is opened first and the start time read after it: what the
 * pidfd holds cannot change hands between the two. */
#include "common/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of proc(5), from 1. */
enum { FIELD_STATE = 3, FIELD_FLAGS = 9, FIELD_START = 22 };

/* PF_EXITING and PF_SIGNALED of the kernel's sched.h, as they were since 2.6. */
enum { FLAGS_DYING = 0x4 | 0x400 };

/* The state and, unless NULL, a number out of a stat file; false when it is not there. */
static bool process_read_stat(const char *path, char *state, int field, uint64_t *number)
{
    char text[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0)
        return false;
    text[length] = 0;
    char *c = strrchr(text, ')'); /* the name may hold anything, a parenthesis too */
    if (!c || c[1] != ' ')
        return false;
    *state = c[2];
    if (!number)
        return true;
    c += 2;
    for (int at = FIELD_STATE; at < field && c; at++) {
        c = strchr(c, ' ');
        if (c)
            c++;
    }
    if (!c || !isdigit((unsigned char)*c))
        return false;
    *number = strtoull(c, NULL, 10);
    return true;
}

bool rift_process_identify(pid_t pid, struct rift_process *process)
{
    char path[64], state;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    process->pid = pid;
    return process_read_stat(path, &state, FIELD_START, &process->start_ticks);
}

bool rift_process_is_alive(const struct rift_process *process)
{
    char path[64], state;
    uint64_t start_ticks;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    return process_read_stat(path, &state, FIELD_START, &start_ticks) &&
           start_ticks == process->start_ticks && state != 'Z' && state != 'X';
}

/* Until it has taken notice the signal is pending, of the process or its first thread. */
static bool is_sigkill_pending(pid_t pid)
{
    char path[64], line[256];
    uint64_t pending = 0, mask;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "SigPnd: %" SCNx64, &mask) == 1 ||
            sscanf(line, "ShdPnd: %" SCNx64, &mask) == 1)
            pending |= mask;
    if (file)
        fclose(file);
    return pending >> (SIGKILL - 1) & 1;
}

bool rift_process_is_dying(pid_t pid)
{
    char path[64], state;
    uint64_t flags;
    bool is_pending = is_sigkill_pending(pid); /* first: it becomes the other */
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return is_pending ||
           (process_read_stat(path, &state, FIELD_FLAGS, &flags) && (flags & FLAGS_DYING));
}

pid_t rift_process_parent(pid_t pid)
{
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    long parent = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "PPid: %ld", &parent) == 1)
            break;
    if (file)
        fclose(file);
    return (pid_t)parent;
}

char rift_process_state(pid_t pid)
{
    char path[64], state;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    return process_read_stat(path, &state, FIELD_STATE, NULL) ? state : 0;
}

void rift_process_name(pid_t pid, char name[RIFT_PROCESS_NAME_SIZE])
{
    char path[64];
    name[0] = 0;
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(name, RIFT_PROCESS_NAME_SIZE, file))
        name[strcspn(name, "\n")] = 0;
    if (file)
        fclose(file);
}

static bool is_end(char state)
{
    return state == 'Z' || state == 'X';
}

static char common_state(char common, char state)
{
    bool is_weaker = is_end(common) || (common == 'D' && !is_end(state));
    if (common == 0 || common == state || is_weaker)
        return state;
    return is_end(state) || state == 'D' ? common : '*';
}

char rift_process_threads_state(pid_t pid)
{
    char path[64], common = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        char file[400], state;
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(file, sizeof file, "/proc/%d/task/%s/stat", (int)pid, entry->d_name);
        if (!process_read_stat(file, &state, FIELD_STATE, NULL))
            continue;
        common = common_state(common, state);
    }
    closedir(folder);
    return common;
}

int rift_process_open(const struct rift_process *process)
{
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd < 0)
        return -1;
    struct rift_process now;
    if (!rift_process_identify(process->pid, &now) || now.start_ticks != process->start_ticks) {
        close(fd);
        errno = ESRCH;
        return -1;
    }
    return fd;
}

int rift_process_signal(const struct rift_process *process, int signal)
{
    int fd = rift_process_open(process);
    if (fd < 0)
        return -1;
    int rc = (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
    int number = errno;
    close(fd);
    errno = number;
    return rc;
}

void rift_process_hurry(int priority)
{
    const struct sched_param real_time = {.sched_priority = priority}, usual = {0};
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &real_time) == 0)
        return;
    /* A cgroup of v1 may have no real time to give. */
    sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &usual);
    setpriority(PRIO_PROCESS, 0, -20);
}
