/* kill: every process in the system's own cgroup gets the signal. There is nothing to undo where
 * the recipe starts the system again, which is the agent's part; a systemd unit is started here. */
#include "nemesis/faults/kill.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/drivers.h"

enum { WAIT_FOR_DEATH_MS = 2000, SYSTEMCTL_S = 5, DEATH_MS = 5000 };

static int kill_signal(const json_t *options, int *signal, struct rift_error *err)
{
    static const struct {
        const char *word;
        int number;
    } known[] = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"ABRT", SIGABRT},
                 {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},
                 {"HUP", SIGHUP},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};
    const json_t *given = json_object_get(options, "signal");
    const char *word = given ? json_string_value(given) : "KILL";
    for (size_t i = 0; word && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].word, word) != 0)
            continue;
        *signal = known[i].number;
        return 0;
    }
    return rift_fail(err, RIFT_ERR_INVALID, "kill: there is no signal '%s' here",
                     word ? word : "(not a text)");
}

static int kill_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    int signal;
    if (kill_signal(options, &signal, err))
        return -1;
    ability->can = target->system != NULL;
    snprintf(ability->why, sizeof ability->why, "%s",
             ability->can ? "" : "the system has no cgroup here");
    ability->backend = "signals to the system's cgroup";
    ability->end = "the system stays down until its recipe starts it again";
    return 0;
}

int rift_kill_plan(struct rift_injection *injection, const struct rift_target *target,
                   struct rift_error *err)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = rift_cgroup_pids(target->system, pids, RIFT_CGROUP_PIDS_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        struct rift_process process;
        if (rift_process_identify(pids[i], &process))
            json_array_append_new(
                list, json_pack("[i, I]", (int)process.pid, (json_int_t)process.start_ticks));
    }
    json_object_set_new(injection->undo, "processes", list);
    if (target->unit)
        json_object_set_new(injection->undo, "unit", json_string(target->unit));
    if (json_array_size(list) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "no process of the system is running");
    return 0;
}

static int kill_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)ledger;
    int signal;
    if (kill_signal(injection->options, &signal, err))
        return -1;
    return rift_kill_plan(injection, target, err);
}

static int kill_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    int signal;
    size_t count;
    if (kill_signal(injection->options, &signal, err))
        return -1;
    injection->applied_ns = rift_clock_now();
    return rift_cgroup_signal(target->system, signal, &count, err);
}

/* A unit is to run again whoever heals: it is not ours to leave down. systemd is only told, as the
 * one who heals may have no time to wait for it. */
static int start_unit(const char *unit, struct rift_error *err)
{
    static const char *const verbs[] = {"reset-failed", "start"};
    int status = 0;
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "fork");
        if (pid == 0) {
            int null = open("/dev/null", O_RDWR);
            sigset_t none;
            sigemptyset(&none);
            sigprocmask(SIG_SETMASK, &none, NULL);
            dup2(null, STDIN_FILENO);
            dup2(null, STDOUT_FILENO); /* the agent's is its wire */
            alarm(SYSTEMCTL_S);
            execlp("systemctl", "systemctl", "--no-block", verbs[i], unit, (char *)NULL);
            _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : rift_fail(err, RIFT_ERR_IO, "kill: systemctl could not start '%s' again", unit);
}

static int kill_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    const char *unit = json_string_value(json_object_get(undo, "unit"));
    return unit ? start_unit(unit, err) : 0;
}

int rift_kill_all(const struct rift_target *target, struct rift_error *err)
{
    size_t hit;
    pid_t pid;
    int64_t deadline = rift_clock_now() + DEATH_MS * RIFT_MS;
    if (rift_cgroup_signal(target->system, SIGKILL, &hit, err))
        return -1;
    while (rift_cgroup_pids(target->system, &pid, 1) > 0) {
        if (rift_clock_now() >= deadline)
            return rift_fail(err, RIFT_ERR_TIMEOUT, "process %d survives SIGKILL", (int)pid);
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    return 0;
}

static size_t kill_count_alive(const json_t *processes)
{
    size_t i, alive = 0;
    json_t *item;
    json_array_foreach(processes, i, item)
    {
        struct rift_process process = {.pid = (pid_t)json_integer_value(json_array_get(item, 0)),
                                       .start_ticks =
                                           (uint64_t)json_integer_value(json_array_get(item, 1))};
        alive += rift_process_is_alive(&process);
    }
    return alive;
}

int rift_kill_observe(const struct rift_injection *injection, const struct rift_target *target,
                      bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    const json_t *processes = json_object_get(injection->undo, "processes");
    int64_t deadline = injection->applied_ns + WAIT_FOR_DEATH_MS * RIFT_MS;
    size_t alive = kill_count_alive(processes);
    while (alive > 0 && rift_clock_now() < deadline) {
        rift_clock_sleep_until(rift_clock_now() + 5 * RIFT_MS);
        alive = kill_count_alive(processes);
    }
    *is_observed = alive == 0;
    json_object_set_new(details, "hit", json_integer((json_int_t)json_array_size(processes)));
    json_object_set_new(details, "alive", json_integer((json_int_t)alive));
    char how[96];
    snprintf(how, sizeof how, "/proc has %zu of the %zu processes that were there", alive,
             json_array_size(processes));
    json_object_set_new(details, "how", json_string(how));
    return 0;
}

const struct rift_fault_driver rift_kill_driver = {
    .name = "kill",
    .stops_system = true,
    .probe = kill_probe,
    .plan = kill_plan,
    .inject = kill_inject,
    .heal = kill_heal,
    .observe = rift_kill_observe,
};
