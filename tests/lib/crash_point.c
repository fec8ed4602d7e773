/* The tracer seizes the agent, and the kernel attaches it to whatever that forks. What becomes
 * another program (the system under test, a tool) is let go. Once it has struck, the tracer ends,
 * and the kernel lets go of all that are left: they run on at the same moment. */
#include "tests/lib/crash_point.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"

enum { READY_MS = 10000, STOP_SYSCALL = SIGTRAP | 0x80, PROCESSES_MAX = 256 };
enum { BEGINS = 1 /* PTRACE_EVENTMSG_SYSCALL_ENTRY of linux/ptrace.h */ };

/* Shared by both processes. */
struct shared {
    struct crash_plan plan;
    struct crash_seen seen;
};

struct crash_point {
    struct shared *shared;
    pid_t tracer;
};

/* These look, wait, or change nothing but the process itself. */
static const long looks[] = {
#ifdef SYS_open
    SYS_access,
    SYS_dup2,
    SYS_lstat,
    SYS_poll,
    SYS_readlink,
    SYS_select,
    SYS_stat,
#endif
    SYS_brk,
    SYS_capget,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_close,
    SYS_close_range,
    SYS_dup,
    SYS_dup3,
    SYS_epoll_pwait,
    SYS_faccessat,
    SYS_faccessat2,
    SYS_fcntl,
    SYS_fstat,
    SYS_fstatfs,
    SYS_futex,
    SYS_getdents64,
    SYS_geteuid,
    SYS_getpeername,
    SYS_getpid,
    SYS_getppid,
    SYS_getrandom,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_gettid,
    SYS_getuid,
    SYS_lseek,
    SYS_madvise,
    SYS_mmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_munmap,
    SYS_nanosleep,
    SYS_newfstatat,
    SYS_pidfd_open,
    SYS_pipe2,
    SYS_ppoll,
    SYS_prctl,
    SYS_pread64,
    SYS_read,
    SYS_readlinkat,
    SYS_readv,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_restart_syscall,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigtimedwait,
    SYS_sched_setscheduler,
    SYS_set_robust_list,
    SYS_setpriority,
    SYS_setsockopt,
    SYS_socket,
    SYS_socketpair,
    SYS_statfs,
    SYS_statx,
    SYS_sysinfo,
    SYS_timerfd_settime,
    SYS_uname,
    SYS_wait4,
    SYS_waitid};

/* A system call where it begins or ends. */
struct call {
    bool is_begin, has_failed;
    long number;
    uint64_t args[6];
};

#ifdef __x86_64__
/* A kernel without PTRACE_GET_SYSCALL_INFO, as User-mode Linux is. */
static bool read_registers(pid_t pid, struct call *call)
{
    struct user_regs_struct r;
    unsigned long place = 0;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &r) || ptrace(PTRACE_GETEVENTMSG, pid, NULL, &place))
        return false;
    *call = (struct call){.is_begin = place == BEGINS,
                          .has_failed = (long long)r.rax < 0 && (long long)r.rax > -4096,
                          .number = (long)r.orig_rax,
                          .args = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9}};
    return true;
}
#endif

static bool read_call(pid_t pid, struct call *call)
{
    struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) {
#ifdef __x86_64__
        return read_registers(pid, call);
#endif
    }
    *call = (struct call){.is_begin = info.op == PTRACE_SYSCALL_INFO_ENTRY};
    if (call->is_begin) {
        call->number = (long)info.entry.nr;
        memcpy(call->args, info.entry.args, sizeof call->args);
    } else {
        call->has_failed = info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.is_error;
    }
    return info.op == PTRACE_SYSCALL_INFO_ENTRY || info.op == PTRACE_SYSCALL_INFO_EXIT;
}

static bool opens_to_look(uint64_t flags)
{
    return (flags & O_ACCMODE) == O_RDONLY && !(flags & (O_CREAT | O_TRUNC));
}

/* Between processes: what comes of it is seen at the steps of the one that reads. */
static bool is_to_another_process(pid_t pid, uint64_t fd)
{
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)fd);
    return readlink(path, target, sizeof target - 1) > 0 &&
           (strncmp(target, "pipe:", 5) == 0 || strncmp(target, "socket:", 7) == 0 ||
            strcmp(target, "anon_inode:[eventfd]") == 0);
}

static bool is_step(pid_t pid, const struct call *call)
{
    const uint64_t *args = call->args;
    if (call->number == SYS_openat)
        return !opens_to_look(args[2]);
    if (call->number == SYS_openat2)
        return false; /* what is opened so is changed by other calls */
#ifdef SYS_open
    if (call->number == SYS_open)
        return !opens_to_look(args[1]);
#endif
    if (call->number == SYS_write || call->number == SYS_writev)
        return !is_to_another_process(pid, args[0]);
    if (call->number == SYS_kill)
        return args[1] != 0;
    if (call->number == SYS_bpf)
        return args[0] != BPF_MAP_LOOKUP_ELEM && args[0] != BPF_OBJ_GET_INFO_BY_FD;
    if (call->number == SYS_prlimit64)
        return args[2] != 0;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        if (looks[i] == call->number)
            return false;
    return true;
}

/* What a disk, or a kernel that has no more of something, may refuse. */
static const long refusable[] = {
#ifdef SYS_open
    SYS_fork,      SYS_link,     SYS_mkdir,    SYS_mknod,     SYS_open,      SYS_rename,
    SYS_rmdir,     SYS_symlink,  SYS_unlink,
#endif
    SYS_bpf,       SYS_clone,    SYS_clone3,   SYS_fallocate, SYS_fsync,     SYS_ftruncate,
    SYS_ioctl,     SYS_linkat,   SYS_mkdirat,  SYS_mknodat,   SYS_mount,     SYS_openat,
    SYS_prlimit64, SYS_pwrite64, SYS_renameat, SYS_renameat2, SYS_symlinkat, SYS_syncfs,
    SYS_umount2,   SYS_unlinkat, SYS_write,
};

static bool is_refusable(long number)
{
    for (size_t i = 0; i < sizeof refusable / sizeof *refusable; i++)
        if (refusable[i] == number)
            return true;
    return false;
}

static bool is_rename(long number)
{
#ifdef SYS_rename
    if (number == SYS_rename)
        return true;
#endif
    return number == SYS_renameat || number == SYS_renameat2;
}

/* --- the tracer */

/* Or one of its threads. */
static bool is_agent(const struct crash_plan *plan, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d", (int)plan->agent, (int)pid);
    return access(path, F_OK) == 0;
}

static void describe(pid_t pid, long number, char text[64])
{
    char path[64], name[32] = "?";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(name, sizeof name, file))
        name[strcspn(name, "\n")] = 0;
    if (file)
        fclose(file);
    snprintf(text, 64, "call %ld of %s", number, name);
}

/* Told first: whoever waits for the agent's end may end this process right after it. */
static _Noreturn void strike(struct shared *shared, pid_t pid)
{
    shared->seen.has_struck = true;
    if (shared->plan.is_helper_alone) {
        kill(pid, SIGKILL);
        _exit(0);
    }
    /* The agent stands at its step, or is stopped at the next one: it cannot heal for the other. */
    kill(shared->plan.agent, SIGSTOP);
    if (shared->plan.guardian)
        kill(shared->plan.guardian, SIGKILL);
    kill(shared->plan.agent, SIGKILL);
    _exit(0);
}

/* The call is not made; at its end the process is told the error, or 0: that it was. */
static pid_t failing;

static void fail_call(pid_t pid, bool is_entry, int error)
{
#ifdef __x86_64__
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &registers))
        return;
    if (is_entry)
        registers.orig_rax = (unsigned long long)-1;
    else
        registers.rax = (unsigned long long)-error;
    ptrace(PTRACE_SETREGS, pid, NULL, &registers);
#else
    (void)pid;
    (void)is_entry;
    (void)error;
#endif
}

/* Who is in a step, from its beginning to its end. */
static pid_t in_step[PROCESSES_MAX];

static pid_t *step_of(pid_t pid)
{
    pid_t *entry = in_step;
    while (entry < in_step + PROCESSES_MAX - 1 && *entry != pid)
        entry++;
    return entry;
}

/* Of two steps with nothing changed between them, as the first one failed, only one counts. */
static bool has_changed = true;

static void end_call(struct shared *shared, pid_t pid, const struct call *call)
{
    pid_t *entry = step_of(pid);
    if (failing == pid) {
        fail_call(pid, false, shared->plan.loses_renames ? 0 : shared->plan.error);
        failing = 0;
        shared->seen.has_struck = true;
    }
    if (*entry == pid && !call->has_failed)
        has_changed = true;
    *entry = 0;
}

static void begin_call(struct shared *shared, pid_t pid, const struct call *call)
{
    const struct crash_plan *plan = &shared->plan;
    if (!is_step(pid, call))
        return;
    if (plan->loses_renames && is_rename(call->number)) {
        fail_call(pid, true, 0);
        failing = pid;
        return;
    }
    bool counts = plan->error ? is_refusable(call->number) : has_changed;
    /* One that ends will not be heard of again. */
    bool ends = call->number == SYS_exit_group || call->number == SYS_exit;
    *step_of(0) = pid;
    if (!counts || (plan->is_helper_alone && is_agent(plan, pid))) {
        has_changed = has_changed || ends;
        return;
    }
    has_changed = ends;
    shared->seen.steps++;
    if (shared->seen.steps != plan->at)
        return;
    describe(pid, call->number, shared->seen.step);
    if (plan->error == 0)
        strike(shared, pid);
    fail_call(pid, true, 0);
    failing = pid;
}

static void take_call(struct shared *shared, pid_t pid)
{
    struct call call;
    if (!read_call(pid, &call))
        return;
    if (call.is_begin)
        begin_call(shared, pid, &call);
    else
        end_call(shared, pid, &call);
}

/* How a stopped process goes on: the request, and the signal that it gets. */
static void go_on(struct shared *shared, pid_t pid, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;
    enum __ptrace_request request = PTRACE_SYSCALL;
    if (signal == STOP_SYSCALL) {
        take_call(shared, pid);
        signal = 0;
    } else if (event == PTRACE_EVENT_EXEC) {
        request = PTRACE_DETACH;
        signal = 0;
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        request = PTRACE_LISTEN;
        signal = 0;
    } else if (event != 0) {
        signal = 0;
    }
    ptrace(request, pid, NULL, (void *)(uintptr_t)signal);
}

/* Those that begin from now on the kernel attaches. */
static bool seize_all(pid_t agent, unsigned long options)
{
    char path[64];
    int status;
    snprintf(path, sizeof path, "/proc/%d/task", (int)agent);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool is_seized = folder;
    while (is_seized && (entry = readdir(folder))) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread <= 0)
            continue;
        is_seized = ptrace(PTRACE_SEIZE, thread, NULL, (void *)options) == 0 &&
                    ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0 &&
                    waitpid(thread, &status, __WALL) == thread;
        if (is_seized && WIFSTOPPED(status))
            ptrace(PTRACE_SYSCALL, thread, NULL, NULL);
    }
    if (folder)
        closedir(folder);
    return is_seized;
}

static _Noreturn void trace(struct shared *shared, int ready)
{
    const unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                                  PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    pid_t pid;
    int status;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!seize_all(shared->plan.agent, options))
        _exit(1);
    if (write(ready, "r", 1) != 1)
        _exit(1);
    while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
        if (pid > 0 && WIFSTOPPED(status))
            go_on(shared, pid, status);
    _exit(0);
}

/* --- the test's side */

struct crash_point *crash_point_start(const struct crash_plan *plan)
{
    int ends[2];
    char word = 0;
    struct crash_point *point = rift_calloc(1, sizeof *point);
    point->shared = mmap(NULL, sizeof *point->shared, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(point->shared != MAP_FAILED);
    point->shared->plan = *plan;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    point->tracer = fork();
    if (point->tracer == 0)
        trace(point->shared, ends[1]);
    close(ends[1]);
    struct pollfd poll_fd = {.fd = ends[0], .events = POLLIN};
    bool is_ready = poll(&poll_fd, 1, READY_MS) == 1 && read(ends[0], &word, 1) == 1;
    close(ends[0]);
    if (!is_ready)
        fail_msg("process %d cannot be traced", (int)plan->agent);
    return point;
}

struct crash_seen crash_point_look(const struct crash_point *point)
{
    return point->shared->seen;
}

struct crash_seen crash_point_end(struct crash_point *point)
{
    kill(point->tracer, SIGKILL);
    waitpid(point->tracer, NULL, 0);
    struct crash_seen seen = point->shared->seen;
    munmap(point->shared, sizeof *point->shared);
    free(point);
    return seen;
}
