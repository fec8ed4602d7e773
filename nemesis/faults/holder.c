/* The two talk over a socket: each word of the agent's is a new deadline, the first one also the
 * word to begin; the holder answers that one. The agent's death is told by the kernel. */
#include "nemesis/faults/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"

enum { REPORT_DEADLINE_MS = 5000, TEND_MS = 100, HOLDER_SOCKET = 3 };

struct order {
    int64_t deadline_ns;
};

struct live {
    int fd;
    void *shared; /* NULL where size is 0 */
    size_t size;
};

/* --- the holder */

/* Nothing of the agent's may live on in the holder: its connection, its lock. */
static void holder_detach_from_agent(int fd, pid_t agent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != agent)
        _exit(0);
    setsid();
    prctl(PR_SET_NAME, "rift-hold");
    rift_process_hurry(1);
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

/* Ends the process, and with it the fault, when the agent is gone or the time is past. */
static _Noreturn void holder_run(const struct rift_holder_work *work, void *shared)
{
    int64_t deadline = INT64_MAX;
    bool has_begun = false;
    for (;;) {
        struct pollfd poll_fd = {.fd = HOLDER_SOCKET, .events = POLLIN};
        int64_t soon = rift_clock_now() + TEND_MS * RIFT_MS;
        int rc = poll(&poll_fd, 1, rift_clock_poll_ms(soon < deadline ? soon : deadline));
        if (work->tend)
            work->tend(deadline, shared);
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
        struct rift_holder_report report = {0};
        report.rc = work->begin(work->of, &report);
        if (send(HOLDER_SOCKET, &report, sizeof report, MSG_NOSIGNAL) != sizeof report ||
            report.rc != 0)
            _exit(0);
    }
}

/* --- the agent's side */

void rift_holder_forget(struct rift_injection *injection)
{
    struct live *live = injection->live;
    if (!live)
        return;
    rift_close_fd(&live->fd);
    if (live->shared)
        munmap(live->shared, live->size);
    free(live);
    injection->live = NULL;
}

void *rift_holder_shared(const struct rift_injection *injection)
{
    return ((const struct live *)injection->live)->shared;
}

int rift_holder_descriptor(const struct rift_injection *injection)
{
    return ((const struct live *)injection->live)->fd;
}

/* NULL where nothing is to be shared, or it cannot be. */
static void *share(size_t size)
{
    void *shared =
        size == 0 ? MAP_FAILED
                  : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? NULL : shared;
}

int rift_holder_plan(struct rift_injection *injection, const struct rift_holder_work *work,
                     struct rift_error *err)
{
    int pair[2];
    void *shared = share(work->shared_size);
    if (work->shared_size > 0 && !shared)
        return rift_fail_errno(err, RIFT_ERR_IO, "map memory for the holder");
    struct live *live = rift_calloc(1, sizeof *live);
    *live = (struct live){.fd = -1, .shared = shared, .size = work->shared_size};
    injection->live = live;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        rift_holder_forget(injection);
        return rift_fail_errno(err, RIFT_ERR_IO, "make a socket for the holder");
    }
    pid_t agent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        holder_detach_from_agent(pair[1], agent);
        holder_run(work, shared);
    }
    close(pair[1]);
    struct rift_process holder;
    live->fd = pair[0];
    if (pid < 0 || !rift_process_identify(pid, &holder)) {
        rift_holder_forget(injection);
        return rift_fail_errno(err, RIFT_ERR_IO, "start the holder");
    }
    json_object_set_new(injection->undo, "holder",
                        json_pack("[i, I]", (int)holder.pid, (json_int_t)holder.start_ticks));
    return 0;
}

static int holder_order(const struct live *live, int64_t deadline_ns, struct rift_error *err)
{
    struct order order = {.deadline_ns = deadline_ns};
    if (send(live->fd, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof order)
        return rift_fail_errno(err, errno == EAGAIN ? RIFT_ERR_IO : RIFT_ERR_MISSING,
                               "the process that held the fault is gone");
    return 0;
}

int rift_holder_inject(struct rift_injection *injection, struct rift_holder_report *report,
                       struct rift_error *err)
{
    struct live *live = injection->live;
    if (holder_order(live, injection->lease_end_ns, err))
        return -1;
    struct pollfd poll_fd = {.fd = live->fd, .events = POLLIN};
    if (poll(&poll_fd, 1, REPORT_DEADLINE_MS) != 1 ||
        recv(live->fd, report, sizeof *report, 0) != sizeof *report)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "the holder does not answer");
    report->text[sizeof report->text - 1] = 0;
    if (report->rc)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "%s", report->text);
    injection->applied_ns = rift_clock_now();
    return 0;
}

int rift_holder_renew(struct rift_injection *injection, struct rift_error *err)
{
    return holder_order(injection->live, injection->lease_end_ns, err);
}

int rift_holder_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    const json_t *holder = json_object_get(undo, "holder");
    struct rift_process process = {.pid = (pid_t)json_integer_value(json_array_get(holder, 0)),
                                   .start_ticks =
                                       (uint64_t)json_integer_value(json_array_get(holder, 1))};
    CLEANUP(rift_close_fd) int fd = process.pid > 0 ? rift_process_open(&process) : -1;
    if (fd < 0)
        return 0; /* it ended, and the kernel has undone the fault */
    if (rift_process_signal(&process, SIGKILL) && errno != ESRCH)
        return rift_fail_errno(err, RIFT_ERR_IO, "end the holder");
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, REPORT_DEADLINE_MS) != 1)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "the holder does not end");
    return 0;
}
