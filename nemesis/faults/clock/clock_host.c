/* clock, the whole host: adjtimex(2), done and undone by a process apart, the keeper, so that the
 * time is right again when the lease is past or the agent is gone, whatever became of agent and
 * guardian. No time server is needed: what the wall clock should show is
 * CLOCK_MONOTONIC_RAW, which nothing slews, plus the difference that was there before. That clock
 * tells how long the fault has been on, too: CLOCK_MONOTONIC drifts with the wall clock. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/clock/clock.h"
#include "nemesis/faults/clock/wall_clock.h"
#include "nemesis/faults/keeper_end.h"

enum {
    KEEPER_SOCKET = 3,
    KEEPER_ROUND_MS = 100,
    REPLY_DEADLINE_MS = 2000,
    TICK_PPM = 100, /* one us of the 10000 of a tick, adjtimex(2) */
    TICK_MS = 100,  /* from when on a new tick counts, on a busy host too */
};

/* What setting a clock leaves open; and what was read before may be as inexact as what is now. */
#define TOLERANCE_NS (RIFT_MS / 10)

/* A drift is a whole number of steps, and never none where one is asked for. */
static struct clock_bend host_bend_of(const json_t *options)
{
    struct clock_bend bend = clock_bend_of(options);
    bend.drift_ppm = copysign(ceil(fabs(bend.drift_ppm) / TICK_PPM) * TICK_PPM, bend.drift_ppm);
    return bend;
}

/* Inode of the first pid namespace, PROC_PID_INIT_INO of linux/proc_ns.h. */
static const ino_t first_pid_namespace = 0xEFFFFFFCu;

static int host_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    (void)options;
    (void)err;
    ability->backend = "adjtimex, the whole host";
    ability->end = "a process apart puts the time right when the lease is past or the agent is "
                   "gone; should it be killed as well, the next contact does";
    struct stat namespace;
    struct wall_right right;
    ability->can = false;
    if (stat("/proc/self/ns/pid", &namespace) < 0 || namespace.st_ino != first_pid_namespace)
        snprintf(ability->why, sizeof ability->why,
                 "this host shares its kernel, so its clock, with others");
    else if (wall_right_read(&right) < 0 || wall_set_tick(right.tick_us) < 0)
        snprintf(ability->why, sizeof ability->why, "adjtimex: %s", strerror(errno));
    else
        ability->can = true;
    return 0;
}

/* --- the keeper */

/* From agent to keeper; the first is the word to begin, and is answered. */
struct order {
    int64_t deadline_ns;
};

struct answer {
    int number; /* an errno, or 0 */
    int64_t begin_ns;
};

struct keeper {
    struct clock_bend bend;
    struct wall_right right;
    int64_t begin_ns; /* raw */
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
    struct clock_bend steady = keeper->bend;
    long steps = is_wrong ? (long)(keeper->bend.drift_ppm / TICK_PPM) : 0;
    steady.strobe_ns = 0;
    keeper->is_wrong = is_wrong;
    if (wall_set_tick(keeper->right.tick_us + steps) < 0)
        return -1;
    return wall_set(&keeper->right,
                    is_wrong ? clock_bend_at(&steady, wall_raw_now() - keeper->begin_ns) : 0);
}

static struct answer keeper_begin(struct keeper *keeper)
{
    keeper->begin_ns = wall_raw_now();
    return (struct answer){.number = keeper_show(keeper, true) < 0 ? errno : 0,
                           .begin_ns = keeper->begin_ns};
}

static _Noreturn void keeper_end(const struct keeper *keeper)
{
    wall_set_tick(keeper->right.tick_us);
    wall_set(&keeper->right, 0);
    _exit(0);
}

/* For how long nothing is to be done, by the clock that a wait goes by. */
static int64_t keeper_rest_ns(const struct keeper *keeper, int64_t deadline_ns)
{
    int64_t rest_ns = KEEPER_ROUND_MS * RIFT_MS, lease_ns = deadline_ns - rift_clock_now();
    if (keeper->bend.strobe_ns) {
        int64_t half_ns = keeper->bend.strobe_ns;
        int64_t left_ns = half_ns - (wall_raw_now() - keeper->begin_ns) % half_ns;
        double pace = keeper->is_wrong ? 1 + keeper->bend.drift_ppm / 1e6 : 1;
        rest_ns = (int64_t)((double)left_ns * pace);
    }
    rest_ns = rest_ns < lease_ns ? rest_ns : lease_ns;
    return rest_ns > 0 ? rest_ns : 0;
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
    struct answer answer = keeper_begin(keeper);
    if (send(KEEPER_SOCKET, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer || answer.number)
        keeper_end(keeper);
    for (;;) {
        int64_t rest_ns = keeper_rest_ns(keeper, order.deadline_ns);
        struct timespec rest = {.tv_sec = rest_ns / RIFT_SECOND, .tv_nsec = rest_ns % RIFT_SECOND};
        struct pollfd poll_fd = {.fd = KEEPER_SOCKET, .events = POLLIN};
        int ready = ppoll(&poll_fd, 1, &rest, NULL);
        if (ready > 0 && recv(KEEPER_SOCKET, &order, sizeof order, 0) != sizeof order)
            keeper_end(keeper);
        if (rift_clock_now() >= order.deadline_ns)
            keeper_end(keeper);
        if (is_told_to_rest) {
            prctl(PR_SET_NAME, RIFT_KEEPER_RESTING_NAME);
            keeper->bend.strobe_ns = 0;
        }
        int64_t elapsed_ns = wall_raw_now() - keeper->begin_ns;
        bool should_be_wrong = clock_bend_until_wrong(&keeper->bend, elapsed_ns) == 0;
        if (keeper->bend.strobe_ns && should_be_wrong != keeper->is_wrong)
            keeper_show(keeper, should_be_wrong);
    }
}

/* --- the agent's side */

struct live {
    int fd;
    struct rift_process keeper;
    int64_t begin_ns; /* raw */
};

static void right_to_undo(const struct wall_right *right, json_t *undo)
{
    json_object_set_new(undo, "wall_at_ns", json_integer((json_int_t)right->at_ns));
    json_object_set_new(undo, "wall_ahead_ns", json_integer((json_int_t)right->ahead_ns));
    json_object_set_new(undo, "wall_open_ns", json_integer((json_int_t)right->open_ns));
    json_object_set_new(undo, "wall_ppm", json_real(right->ppm));
    json_object_set_new(undo, "tick_us", json_integer((json_int_t)right->tick_us));
}

static struct wall_right right_of_undo(const json_t *undo)
{
    return (struct wall_right){
        .at_ns = json_integer_value(json_object_get(undo, "wall_at_ns")),
        .ahead_ns = json_integer_value(json_object_get(undo, "wall_ahead_ns")),
        .open_ns = json_integer_value(json_object_get(undo, "wall_open_ns")),
        .ppm = json_number_value(json_object_get(undo, "wall_ppm")),
        .tick_us = (long)json_integer_value(json_object_get(undo, "tick_us"))};
}

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
    struct keeper keeper = {.bend = host_bend_of(injection->options)};
    int pair[2];
    if (wall_right_read(&keeper.right) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "clock: prepare");
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
    right_to_undo(&keeper.right, injection->undo);
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
    struct live *live = injection->live;
    struct answer answer;
    if (give_order(live, injection->lease_end_ns, err) < 0)
        return -1;
    struct pollfd poll_fd = {.fd = live->fd, .events = POLLIN};
    if (poll(&poll_fd, 1, REPLY_DEADLINE_MS) != 1 ||
        recv(live->fd, &answer, sizeof answer, 0) != sizeof answer)
        return rift_fail(err, RIFT_ERR_TIMEOUT, "clock: the keeper does not answer");
    if (answer.number)
        return rift_fail(err, RIFT_ERR_DENIED, "clock: set the time: %s", strerror(answer.number));
    live->begin_ns = answer.begin_ns;
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
    const struct wall_right right = right_of_undo(undo);
    if (wall_set_tick(right.tick_us) < 0 || wall_set(&right, 0) < 0)
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
    const struct wall_right right = right_of_undo(injection->undo);
    const struct live *live = injection->live;
    struct wall_reading now = wall_read();
    int64_t ahead_ns = wall_right_ahead(&right, now.from_ns);
    int64_t open_ns = TOLERANCE_NS + (now.to_ns - now.from_ns) +
                      wall_right_error(&right, now.from_ns) +
                      (int64_t)(fabs(bend.drift_ppm) / 1e6 * TICK_MS * (double)RIFT_MS);
    const struct clock_look look = {.from_ns = now.from_ns - live->begin_ns,
                                    .to_ns = now.to_ns - live->begin_ns,
                                    .least_ns = now.least_ns - ahead_ns - open_ns,
                                    .most_ns = now.most_ns - ahead_ns + open_ns};
    enum clock_sight sight = clock_bend_judge(&bend, &look);
    double offset_ms = (double)(now.most_ns - ahead_ns) / (double)RIFT_MS;
    char how[160];
    snprintf(how, sizeof how, "the host's wall clock is off by %.3f ms%s", offset_ms,
             sight == CLOCK_UNTOLD
                 ? ", which cannot be told from a right one now"
                 : (sight == CLOCK_OTHER ? ", which is not what it should be" : ""));
    json_object_set_new(details, "how", json_string(how));
    json_object_set_new(details, "offset_ms", json_real(offset_ms));
    *is_observed = sight == CLOCK_BENT;
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
