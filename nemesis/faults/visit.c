/* One fork for each visit, about a third of a millisecond. If the agent is killed meanwhile the
 * visit is still brought to its end: a process that was made to call a function would not survive
 * the death of its tracer. */
#include "nemesis/faults/visit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/process.h"

enum { VISIT_S = 6 };

/* Written by the visitor, read by us. */
struct shared {
    int result;
    struct rift_error error;
    _Alignas(16) unsigned char context[];
};

static _Noreturn void visit(rift_visit_work *work, struct shared *shared)
{
    prctl(PR_SET_NAME, "rift-hold");
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
