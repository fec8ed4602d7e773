/* ptrace(2) with PTRACE_SEIZE: a seized thread is stopped without a signal, and the kernel lets it
 * go when its tracer dies. */
#include "nemesis/faults/clock/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"

enum { STOP_DEADLINE_MS = 2000, CALL_DEADLINE_MS = 1000, RED_ZONE_SIZE = 128, SIGNALS_MAX = 16 };
enum { FIRST_REST_NS = RIFT_MS / 20, LONGEST_REST_NS = 5 * RIFT_MS };

static bool holds(const struct threads *threads, pid_t id)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->ids[i] == id)
            return true;
    return false;
}

/* Waits until a thread is in a ptrace stop. 1: it is, 0: it is gone, -1: it does not stop. We go
 * before others (rift_process_hurry): where a look takes long, as in a guest on a busy machine, the
 * thread would get no processor between looks that follow each other closely. */
static int await_stop(pid_t id, int64_t deadline_ns, int *status)
{
    for (int64_t rest_ns = FIRST_REST_NS;; rest_ns *= 2) {
        rest_ns = rest_ns < LONGEST_REST_NS ? rest_ns : LONGEST_REST_NS;
        pid_t changed = waitpid(id, status, __WALL | WNOHANG);
        if (changed == id)
            return WIFSTOPPED(*status);
        if (changed < 0 && errno != EINTR)
            return 0;
        if (rift_clock_now() >= deadline_ns)
            return -1;
        rift_clock_sleep_until(rift_clock_now() + rest_ns);
    }
}

/* 1: newly seized and told to stop, 0: gone, -1: cannot. */
static int seize(struct threads *threads, pid_t id, struct rift_error *err)
{
    if (ptrace(PTRACE_SEIZE, id, NULL, NULL) < 0) {
        int number = errno;
        /* One that is ending is refused as one that somebody else traces is. */
        char state = rift_process_state(id);
        if (number == ESRCH || state == 0 || state == 'Z' || state == 'X')
            return 0;
        errno = number;
        return rift_fail_errno(err, RIFT_ERR_DENIED, "trace thread %d", (int)id);
    }
    threads->ids = rift_reallocarray(threads->ids, threads->count + 1, sizeof *threads->ids);
    threads->ids[threads->count++] = id;
    ptrace(PTRACE_INTERRUPT, id, NULL, NULL);
    return 1;
}

/* One round over the threads: all that are new are told to stop, and only then waited for, as each
 * stops no sooner than it gets a processor. How many there were. */
static int seize_new(struct threads *threads, struct rift_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)threads->process);
    DIR *folder = opendir(path);
    int fresh = 0;
    size_t known = threads->count;
    for (struct dirent *entry; folder && fresh >= 0 && (entry = readdir(folder));) {
        pid_t id = (pid_t)strtol(entry->d_name, NULL, 10);
        if (!isdigit((unsigned char)entry->d_name[0]) || holds(threads, id))
            continue;
        int result = seize(threads, id, err);
        fresh = result < 0 ? -1 : fresh + result;
    }
    if (folder)
        closedir(folder);
    int64_t deadline = rift_clock_now() + STOP_DEADLINE_MS * RIFT_MS;
    for (size_t i = known; fresh > 0 && i < threads->count; i++) {
        int status = 0;
        if (await_stop(threads->ids[i], deadline, &status) < 0)
            return rift_fail(err, RIFT_ERR_TIMEOUT, "thread %d does not stop",
                             (int)threads->ids[i]);
    }
    return fresh;
}

int threads_stop(pid_t process, struct threads *threads, struct rift_error *err)
{
    *threads = (struct threads){.process = process};
    int fresh = 0;
    /* Stopped threads make no new ones: a round that finds none has them all. */
    while ((fresh = seize_new(threads, err)) > 0)
        ;
    if (fresh == 0 && threads->count > 0)
        return 0;
    if (fresh == 0)
        rift_fail(err, RIFT_ERR_MISSING, "process %d is gone", (int)process);
    threads_release(threads);
    return -1;
}

void threads_release(struct threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        ptrace(PTRACE_DETACH, threads->ids[i], NULL, NULL);
    free(threads->ids);
    *threads = (struct threads){0};
}

#if defined(__x86_64__)

uint64_t threads_instruction(const struct threads *threads, size_t index)
{
    struct user_regs_struct registers;
    return ptrace(PTRACE_GETREGS, threads->ids[index], NULL, &registers) < 0 ? 0 : registers.rip;
}

/* Signals of others that came during a call: delivered afterwards. */
struct put_off {
    int signals[SIGNALS_MAX];
    size_t count;
};

/* 1: the call has returned to the address 0, 0: something else has stopped the thread, -1: it is
 * gone, or does not stop. */
static int call_go_on(pid_t id, int64_t deadline_ns, int *status,
                      struct user_regs_struct *registers)
{
    if (await_stop(id, deadline_ns, status) != 1 || ptrace(PTRACE_GETREGS, id, NULL, registers) < 0)
        return -1;
    return WSTOPSIG(*status) == SIGSEGV && registers->rip == 0;
}

/* Runs the thread until the call has returned to the address 0, which no process maps: the fault
 * that this raises is ours and is never delivered. A thread that is too slow is stopped all the
 * same: with the call's registers it would not live. */
static int run_call(pid_t id, uint64_t stack, struct put_off *put_off,
                    struct threads_moment *moment, struct rift_error *err)
{
    int64_t deadline = rift_clock_now() + CALL_DEADLINE_MS * RIFT_MS;
    bool is_late = false;
    moment->before_ns = rift_clock_wall();
    for (;;) {
        int status = 0;
        struct user_regs_struct registers;
        if (ptrace(PTRACE_CONT, id, NULL, NULL) < 0)
            break;
        int result = call_go_on(id, deadline, &status, &registers);
        if (result < 0) {
            is_late = true;
            ptrace(PTRACE_INTERRUPT, id, NULL, NULL);
            result =
                call_go_on(id, rift_clock_now() + STOP_DEADLINE_MS * RIFT_MS, &status, &registers);
        }
        moment->after_ns = rift_clock_wall();
        if (result == 1)
            return registers.rsp == stack + sizeof stack
                       ? 0
                       : rift_fail(err, RIFT_ERR_IO, "the call came back with another stack");
        if (result == 0 && status >> 16 == 0 && put_off->count < SIGNALS_MAX)
            put_off->signals[put_off->count++] = WSTOPSIG(status);
        /* Where it has just returned its fault is yet to come. */
        if (result < 0 || (is_late && registers.rip != 0))
            break;
    }
    return rift_fail(err, RIFT_ERR_TIMEOUT, "the call did not come back");
}

int threads_call(const struct threads *threads, uint64_t function, uint64_t first, void *buffer,
                 size_t size, struct threads_moment *moment, struct rift_error *err)
{
    pid_t id = threads->ids[0];
    struct user_regs_struct saved, registers;
    struct put_off put_off = {.count = 0};
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", (int)threads->process);
    CLEANUP(rift_close_fd) int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0 || ptrace(PTRACE_GETREGS, id, NULL, &saved) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "read thread %d", (int)id);
    registers = saved;
    uint64_t place = (saved.rsp - RED_ZONE_SIZE - size) & ~UINT64_C(15);
    uint64_t stack = place - sizeof stack; /* as after a call: the return address lies there */
    const uint64_t nowhere = 0;
    registers.rip = function;
    registers.rdi = first;
    registers.rsi = place;
    registers.rsp = stack;
    registers.orig_rax = UINT64_MAX; /* no system call is to be begun again meanwhile */
    int result = -1;
    if (pwrite(memory, &nowhere, sizeof nowhere, (off_t)stack) != sizeof nowhere ||
        ptrace(PTRACE_SETREGS, id, NULL, &registers) < 0)
        rift_fail_errno(err, RIFT_ERR_IO, "prepare the call");
    else
        result = run_call(id, stack, &put_off, moment, err);
    if (result == 0 && pread(memory, buffer, size, (off_t)place) != (ssize_t)size)
        result = rift_fail_errno(err, RIFT_ERR_IO, "read the answer");
    ptrace(PTRACE_SETREGS, id, NULL, &saved);
    for (size_t i = 0; i < put_off.count; i++)
        kill(threads->process, put_off.signals[i]);
    return result;
}

#else

uint64_t threads_instruction(const struct threads *threads, size_t index)
{
    (void)threads;
    (void)index;
    return 0;
}

int threads_call(const struct threads *threads, uint64_t function, uint64_t first, void *buffer,
                 size_t size, struct threads_moment *moment, struct rift_error *err)
{
    (void)threads, (void)function, (void)first, (void)buffer, (void)size, (void)moment;
    return rift_fail(err, RIFT_ERR_UNSUPPORTED, "calls into a process are for x86-64 only");
}

#endif
