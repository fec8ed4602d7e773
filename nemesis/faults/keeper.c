/* The keeper hears of renewals through a socket; that the socket closes is how it learns of the
 * agent's death. Its heal may meet the guardian's or a later agent's: a heal done twice is no harm.
 */
#include "nemesis/faults/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/keeper_end.h"
#include "nemesis/faults/undo.h"

enum { KEEPER_SOCKET = 3, TEND_MS = 100 };

struct rift_keeper {
    int fd;
    struct rift_process process;
    rift_keeper_tend *tend;
};

static volatile sig_atomic_t is_told_to_rest;

static void note_rest(int signal)
{
    (void)signal;
    is_told_to_rest = 1;
}

/* In the child. Nothing of the agent's may live on in it: its connection, its lock. All signals are
 * blocked: what asks the agent to end is no reason to end a fault late. */
static void keeper_detach(int fd)
{
    setsid();
    prctl(PR_SET_NAME, "rift-keeper");
    rift_process_hurry(1);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    dup2(fd, KEEPER_SOCKET);
    syscall(SYS_close_range, KEEPER_SOCKET + 1, ~0U, 0);
    sigaction(RIFT_KEEPER_REST_SIGNAL, &(struct sigaction){.sa_handler = note_rest}, NULL);
}

/* As poll(2); the only place where it hears that it is to rest. */
static int keeper_wait(int64_t until_ns)
{
    struct pollfd poll_fd = {.fd = KEEPER_SOCKET, .events = POLLIN};
    int wait_ms = rift_clock_poll_ms(until_ns);
    const struct timespec timeout = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * RIFT_MS};
    sigset_t waiting;
    sigfillset(&waiting);
    sigdelset(&waiting, RIFT_KEEPER_REST_SIGNAL);
    return ppoll(&poll_fd, 1, &timeout, &waiting);
}

static void keeper_run(const struct rift_injection *injection, rift_keeper_tend *tend)
{
    int64_t deadline = injection->lease_end_ns, order;
    if (tend)
        tend(injection);
    for (;;) {
        int64_t soon = tend ? rift_clock_now() + TEND_MS * RIFT_MS : deadline;
        int rc = keeper_wait(soon < deadline ? soon : deadline);
        if (is_told_to_rest) {
            tend = NULL;
            prctl(PR_SET_NAME, RIFT_KEEPER_RESTING_NAME);
        }
        if (rc > 0 && recv(KEEPER_SOCKET, &order, sizeof order, 0) == sizeof order)
            deadline = order;
        else if (rc > 0 || rift_clock_now() >= deadline)
            break;
        else if (tend)
            tend(injection);
    }
    rift_undo(injection->driver, injection->id, injection->undo, NULL, NULL);
}

struct rift_keeper *rift_keeper_start(const struct rift_injection *injection,
                                      rift_keeper_tend *tend, struct rift_error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        rift_fail_errno(err, RIFT_ERR_IO, "make a socket for the keeper");
        return NULL;
    }
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* of the child, before it can hear one */
    pid_t pid = fork();
    if (pid == 0) {
        keeper_detach(pair[1]);
        keeper_run(injection, tend);
        _exit(0);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(pair[1]);
    struct rift_keeper *keeper = rift_calloc(1, sizeof *keeper);
    keeper->fd = pair[0];
    keeper->tend = tend;
    if (pid > 0 && rift_process_identify(pid, &keeper->process)) {
        if (tend)
            rift_keeper_record(injection->undo, &keeper->process);
        return keeper;
    }
    rift_fail_errno(err, RIFT_ERR_IO, "start the keeper");
    close(keeper->fd);
    free(keeper);
    return NULL;
}

int rift_keeper_renew(struct rift_keeper *keeper, const struct rift_injection *injection,
                      struct rift_error *err)
{
    int64_t end_ns = injection->lease_end_ns;
    if (send(keeper->fd, &end_ns, sizeof end_ns, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof end_ns)
        return 0;
    if (errno == EAGAIN)
        return rift_fail_errno(err, RIFT_ERR_IO, "the fault's keeper does not hear");
    struct rift_keeper *fresh = rift_keeper_start(injection, keeper->tend, err);
    if (!fresh)
        return -1;
    close(keeper->fd);
    *keeper = *fresh;
    free(fresh);
    return 0;
}

void rift_keeper_stop(struct rift_keeper *keeper)
{
    if (!keeper)
        return;
    rift_keeper_end(&keeper->process); /* before its socket closes */
    close(keeper->fd);
    free(keeper);
}
