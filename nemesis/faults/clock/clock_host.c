/* clock, the whole host: clock_settime(2) and adjtimex(2), done and undone by a process apart, the
 * keeper, so that the time is right again when the lease is past or the agent is gone, whatever
 * became of agent and guardian. No time server is needed: what the wall clock should show is
 * CLOCK_MONOTONIC_RAW, which nothing slews, plus the difference that was there before. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/clock/clock.h"
#include "nemesis/faults/keeper_end.h"

enum {
    KEEPER_SOCKET = 3,
    KEEPER_ROUND_MS = 100,
    REPLY_DEADLINE_MS = 2000,
    TOLERANCE_MS = 20,
    TICK_PPM = 100, /* one us of the 10000 of a tick, adjtimex(2) */
    READ_TRIES = 10,
};

/* A drift is a whole number of steps, and never none where one is asked for. */
static struct clock_bend host_bend_of(const json_t *options)
{
    struct clock_bend bend = clock_bend_of(options);
    int64_t rest = bend.drift_ppm % TICK_PPM;
    bend.drift_ppm += rest > 0 ? TICK_PPM - rest : rest < 0 ? -TICK_PPM - rest : 0;
    return bend;
}

/* Inode of the first pid namespace, PROC_PID_INIT_INO of linux/proc_ns.h. */
static const ino_t first_pid_namespace = 0xEFFFFFFCu;

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * RIFT_SECOND + t.tv_nsec;
}

/* What the wall clock is ahead of the raw monotonic clock: constant while nobody touches it. The
 * best of a few tries, as others may run between two readings. */
static int64_t wall_ahead(void)
{
    int64_t ahead = 0, best = INT64_MAX;
    for (int i = 0; i < READ_TRIES; i++) {
        int64_t from = read_clock(CLOCK_MONOTONIC_RAW), wall = read_clock(CLOCK_REALTIME);
        int64_t took = read_clock(CLOCK_MONOTONIC_RAW) - from;
        if (took < best) {
            best = took;
            ahead = wall - from - took / 2;
        }
    }
    return ahead;
}

static int set_wall_ahead(int64_t ahead_ns)
{
    int64_t wall = read_clock(CLOCK_MONOTONIC_RAW) + ahead_ns;
    struct timespec t = {.tv_sec = wall / RIFT_SECOND, .tv_nsec = wall % RIFT_SECOND};
    return clock_settime(CLOCK_REALTIME, &t);
}

/* ppm that an operator's own time server had set stay beneath: frequency is kept, only the tick
 * changes. */
static int set_tick(long tick_us)
{
    struct timex change = {.modes = ADJ_TICK, .tick = tick_us};
    return adjtimex(&change) < 0 ? -1 : 0;
}

static int host_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    (void)options;
    (void)err;
    ability->backend = "clock_settime and adjtimex, the whole host";
    ability->end = "a process apart puts the time right when the lease is past or the agent is "
                   "gone; should it be killed as well, the next contact does";
    struct stat namespace;
    struct timex state = {.modes = 0};
    ability->can = false;
    if (stat("/proc/self/ns/pid", &namespace) < 0 || namespace.st_ino != first_pid_namespace)
        snprintf(ability->why, sizeof ability->why,
                 "this host shares its kernel, so its clock, with others");
    else if (adjtimex(&state) < 0 || set_tick(state.tick) < 0)
        snprintf(ability->why, sizeof ability->why, "adjtimex: %s", strerror(errno));
    else
        ability->can = true;
    return 0;
}

/* --- the keeper */

/* From agent to keeper; the first is the word to begin, and is answered by one int, an errno. */
struct order {
    int64_t deadline_ns;
};

struct keeper {
    struct clock_bend bend;
    int64_t ahead_ns; /* what is right */
    long tick_us;
    int64_t begin_ns;
    bool is_wrong;
};

static volatile sig_atomic_t is_told_to_rest; /* keeper_end.h: whoever heals puts the time right */

static void note_rest(int signal)
{
    (void)signal;
    is_told_to_rest = 1;
}

static int keeper_show(struct keeper *keeper, bool is_wrong)
{
    keeper->is_wrong = is_wrong;
    return set_wall_ahead(keeper->ahead_ns + (is_wrong ? keeper->bend.offset_ns : 0));
}

static int keeper_begin(struct keeper *keeper)
{
    keeper->begin_ns = rift_clock_now();
    if (keeper->bend.offset_ns && keeper_show(keeper, true) < 0)
        return errno;
    if (keeper->bend.drift_ppm &&
        set_tick(keeper->tick_us + (long)(keeper->bend.drift_ppm / TICK_PPM)) < 0)
        return errno;
    return 0;
}

static _Noreturn void keeper_end(const struct keeper *keeper)
{
    set_tick(keeper->tick_us);
    set_wall_ahead(keeper->ahead_ns);
    _exit(0);
}

static int64_t keeper_next_change(const struct keeper *keeper, int64_t now)
{
    if (!keeper->bend.strobe_ns)
        return now + KEEPER_ROUND_MS * RIFT_MS;
    int64_t turn = (now - keeper->begin_ns) / keeper->bend.strobe_ns + 1;
    return keeper->begin_ns + turn * keeper->bend.strobe_ns;
}

static _Noreturn void keeper_run(struct keeper *keeper, int fd)
{
    prctl(PR_SET_NAME, "rift-clock");
    sigaction(RIFT_KEEPER_REST_SIGNAL, &(struct sigaction){.sa_handler = note_rest}, NULL);
    rift_process_hurry(1);
    setsid();
    dup2(fd, KEEPER_SOCKET);
    syscall(SYS_close_range, KEEPER_SOCKET + 1, ~0U, 0);
    struct order order;
    if (recv(KEEPER_SOCKET, &order, sizeof order, 0) != sizeof order)
        _exit(0);
    int number = keeper_begin(keeper);
    if (send(KEEPER_SOCKET, &number, sizeof number, MSG_NOSIGNAL) != sizeof number || number)
        keeper_end(keeper);
    for (;;) {
        int64_t now = rift_clock_now(), wake = keeper_next_change(keeper, now);
        struct pollfd poll_fd = {.fd = KEEPER_SOCKET, .events = POLLIN};
        int ready = poll(&poll_fd, 1,
                         rift_clock_poll_ms(wake < order.deadline_ns ? wake : order.deadline_ns));
        if (ready > 0 && recv(KEEPER_SOCKET, &order, sizeof order, 0) != sizeof order)
            keeper_end(keeper);
        now = rift_clock_now();
        if (now >= order.deadline_ns)
            keeper_end(keeper);
        if (is_told_to_rest) {
            prctl(PR_SET_NAME, RIFT_KEEPER_RESTING_NAME);
            keeper->bend.strobe_ns = 0;
        }
        bool should_be_wrong =
            !keeper->bend.strobe_ns || (now - keeper->begin_ns) / keeper->bend.strobe_ns % 2 == 0;
        if (should_be_wrong != keeper->is_wrong && keeper->bend.strobe_ns)
            keeper_show(keeper, should_be_wrong);
    }
}

/* --- the agent's side */

struct live {
    int fd;
    struct rift_process keeper;
};

static void host_forget(struct rift_injection *injection)
{
    struct live *live = injection->live;
    if (live)
        rift_close_fd(&live->fd);
    free(live);
    injection->live = NULL;
}

static int host_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)target;
    (void)ledger;
    struct timex state = {.modes = 0};
    int pair[2];
    if (adjtimex(&state) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "clock: prepare");
    struct keeper keeper = {
        .bend = host_bend_of(injection->options), .ahead_ns = wall_ahead(), .tick_us = state.tick};
    pid_t pid = fork();
    if (pid == 0)
        keeper_run(&keeper, pair[1]);
    close(pair[1]);
    struct live *live = rift_calloc(1, sizeof *live);
    live->fd = pair[0];
    injection->live = live;
    if (pid < 0 || !rift_process_identify(pid, &live->keeper))
        return rift_fail_errno(err, RIFT_ERR_IO, "clock: start the keeper");
    json_object_set_new(
        injection->undo, "keeper",
        json_pack("[i, I]", (int)live->keeper.pid, (json_int_t)live->keeper.start_ticks));
    json_object_set_new(injection->undo, "wall_ahead_ns",
                        json_integer((json_int_t)keeper.ahead_ns));
    json_object_set_new(injection->undo, "tick_us", json_integer((json_int_t)keeper.tick_us));
    return 0;
}

static int give_order(const struct live *live, int64_t deadline_ns, struct rift_error *err)
{
    struct order order = {.deadline_ns = deadline_ns};
    if (send(live->fd, &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof order)
        return rift_fail_errno(err, errno == EAGAIN ? RIFT_ERR_IO : RIFT_ERR_MISSING,
                               "the process that held the time is gone");
    return 0;
}

static int host_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    (void)target;
    const struct live *live = injection->live;
    int number = 0;
    if (give_order(live, injection->lease_end_ns, err) < 0)
        return -1;
    struct pollfd poll_fd = {.fd = live->fd, .events = POLLIN};
    if (poll(&poll_fd, 1, REPLY_DEADLINE_MS) != 1 ||
        recv(live->fd, &number, sizeof number, 0) != sizeof number)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "clock: the keeper does not answer");
    if (number)
        return rift_fail(err, RIFT_ERR_DENIED, "clock: set the time: %s", strerror(number));
    injection->applied_ns = rift_clock_now();
    return 0;
}

static int host_renew(struct rift_injection *injection, struct rift_error *err)
{
    return give_order(injection->live, injection->lease_end_ns, err);
}

static int host_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    const json_t *keeper = json_object_get(undo, "keeper");
    struct rift_process process = {.pid = (pid_t)json_integer_value(json_array_get(keeper, 0)),
                                   .start_ticks =
                                       (uint64_t)json_integer_value(json_array_get(keeper, 1))};
    if (!keeper)
        return 0; /* nothing was touched yet */
    rift_keeper_rest(&process);
    int64_t ahead = json_integer_value(json_object_get(undo, "wall_ahead_ns"));
    if (set_tick((long)json_integer_value(json_object_get(undo, "tick_us"))) < 0 ||
        set_wall_ahead(ahead) < 0)
        return rift_fail_errno(err, RIFT_ERR_DENIED, "clock: put the time right");
    rift_keeper_end(&process);
    return 0;
}

/* The raw clock, which the fault does not touch, is the witness. */
static int host_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    const struct clock_bend bend = host_bend_of(injection->options);
    int64_t right = json_integer_value(json_object_get(injection->undo, "wall_ahead_ns"));
    int64_t offset = wall_ahead() - right;
    int64_t planned = clock_bend_at(&bend, rift_clock_now() - injection->applied_ns);
    char how[96];
    snprintf(how, sizeof how, "the host's wall clock is off by %.3f ms",
             (double)offset / (double)RIFT_MS);
    json_object_set_new(details, "how", json_string(how));
    json_object_set_new(details, "offset_ms", json_real((double)offset / (double)RIFT_MS));
    /* What is smaller than the tolerance must be there, too. */
    bool is_bent = planned == 0 || (offset > 0 ? offset > planned / 2 && planned > 0
                                               : offset < planned / 2 && planned < 0);
    *is_observed = is_bent && llabs(offset - planned) < TOLERANCE_MS * RIFT_MS;
    return 0;
}

const struct rift_fault_driver rift_clock_host_driver = {
    .name = "host",
    .probe = host_probe,
    .plan = host_plan,
    .inject = host_inject,
    .renew = host_renew,
    .heal = host_heal,
    .observe = host_observe,
    .forget = host_forget,
};
