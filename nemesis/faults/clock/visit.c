/* One fork for each visit, about a third of a millisecond. If the agent is killed meanwhile the
 * visit is still brought to its end: a process that was made to call a function would not survive
 * the death of its tracer. */
#include "nemesis/faults/clock/visit.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process.h"

enum { VISIT_S = 6, END_S = VISIT_S + 1 };

/* By which it is known, a holder and what it forks alike. */
static const char name[] = "rift-hold";

/* Written by the visitor, read by us. */
struct shared {
    int result;
    struct rift_error error;
    _Alignas(16) unsigned char context[];
};

static _Noreturn void visit(rift_visit_work *work, struct shared *shared)
{
    prctl(PR_SET_NAME, name);
    rift_process_hurry(1);
    /* The agent's lock and connection live as long as their last copy. */
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
    signal(SIGALRM, SIG_DFL);
    alarm(VISIT_S);
    shared->result = work(shared->context, &shared->error);
    _exit(0);
}

int rift_visit(rift_visit_work *work, void *context, size_t size, struct rift_error *err)
{
    size_t length = sizeof(struct shared) + size;
    struct shared *shared =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return rift_fail_errno(err, RIFT_ERR_IO, "map memory");
    memcpy(shared->context, context, size);
    int status = 0, result;
    pid_t pid = fork();
    if (pid == 0)
        visit(work, shared);
    if (pid < 0) {
        result = rift_fail_errno(err, RIFT_ERR_IO, "fork");
        munmap(shared, length);
        return result;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    memcpy(context, shared->context, size);
    result = shared->result;
    if (!WIFEXITED(status))
        result = rift_fail(err, RIFT_ERR_TIMEOUT, "it was not done within %d s", VISIT_S);
    else if (result < 0 && err)
        *err = shared->error;
    munmap(shared, length);
    return result;
}

/* Fields 2 and 6 of proc(5)'s stat. */
static bool is_visit_of(pid_t pid, pid_t session)
{
    char path[64], comm[32], state;
    int found = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    bool is_read = file && fscanf(file, "%*d (%31[^)]) %c %*d %*d %d", comm, &state, &found) == 3;
    if (file)
        fclose(file);
    return is_read && found == session && state != 'Z' && state != 'X' && strcmp(comm, name) == 0;
}

static bool has_visit(pid_t session)
{
    DIR *folder = opendir("/proc");
    bool has = false;
    for (const struct dirent *entry; folder && !has && (entry = readdir(folder));)
        has = isdigit((unsigned char)entry->d_name[0]) &&
              is_visit_of((pid_t)strtol(entry->d_name, NULL, 10), session);
    if (folder)
        closedir(folder);
    return has;
}

int rift_visit_await_end(pid_t session, struct rift_error *err)
{
    int64_t deadline = rift_clock_now() + END_S * RIFT_SECOND;
    while (session > 0 && has_visit(session)) {
        if (rift_clock_now() >= deadline)
            return rift_fail(err, RIFT_ERR_TIMEOUT, "a visit to a process does not end");
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    return 0;
}
