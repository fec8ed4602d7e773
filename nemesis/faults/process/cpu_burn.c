/* cpu-burn: processes that compute all the time and compete with the system for the host's
 * processors. They are children of a holder, in the agent's own cgroup, and die with it. */
#include "nemesis/faults/process/cpu_burn.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/holder.h"

enum { PROCESSES_MAX = 1024, PER_PROCESSOR = 4 };

/* The kernel counts in hundredths of a second. */
#define LEAST_S    0.3
#define BUSY_SHARE 0.9

static int burn_count(const json_t *options, int *count, struct rift_error *err)
{
    double number = json_number_value(json_object_get(options, "processes"));
    if (!(number >= 0 && number <= PROCESSES_MAX))
        return rift_fail(err, RIFT_ERR_INVALID, "cpu-burn: 'processes' must be from 0 to %d",
                         PROCESSES_MAX);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *count = (int)number;
    if (*count == 0)
        *count = (int)(processors > 0 ? processors : 1) * PER_PROCESSOR;
    if (*count > PROCESSES_MAX)
        *count = PROCESSES_MAX;
    return 0;
}

static _Noreturn void burn(pid_t holder)
{
    volatile unsigned long count = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "rift-burn");
    if (getppid() != holder)
        _exit(0);
    for (;;)
        count = count + 1;
}

static int burn_begin(const void *of, struct rift_holder_report *report)
{
    const int *count = of;
    pid_t holder = getpid();
    for (int i = 0; i < *count; i++) {
        pid_t pid = fork();
        if (pid == 0)
            burn(holder);
        if (pid < 0) {
            snprintf(report->text, sizeof report->text, "start process %d of %d: fork failed",
                     i + 1, *count);
            return -1;
        }
    }
    report->processes = report->threads = *count;
    return 0;
}

static void burn_tend(int64_t deadline_ns, void *shared)
{
    (void)deadline_ns;
    (void)shared;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static int burn_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)target;
    (void)ledger;
    int count;
    if (burn_count(injection->options, &count, err))
        return -1;
    const struct rift_holder_work work = {.begin = burn_begin, .tend = burn_tend, .of = &count};
    return rift_holder_plan(injection, &work, err);
}

/* Clock ticks for which the processors that may be used had nothing to do: fields idle and iowait
 * of proc(5)'s stat. */
static unsigned long long idle_ticks(int *processors)
{
    FILE *file = fopen("/proc/stat", "re");
    char line[1024];
    unsigned long long sum = 0;
    cpu_set_t usable;
    CPU_ZERO(&usable);
    sched_getaffinity(0, sizeof usable, &usable);
    *processors = 0;
    while (file && fgets(line, sizeof line, file)) {
        unsigned number;
        unsigned long long idle, waiting;
        if (sscanf(line, "cpu%u %*u %*u %*u %llu %llu", &number, &idle, &waiting) != 3 ||
            number >= CPU_SETSIZE || !CPU_ISSET(number, &usable))
            continue;
        ++*processors;
        sum += idle + waiting;
    }
    if (file)
        fclose(file);
    return sum;
}

bool rift_burn_is_felt(const struct rift_burn_sight *sight)
{
    double all_s = sight->processors * sight->elapsed_s;
    return sight->elapsed_s >= LEAST_S && sight->used_s > 0 &&
           (sight->used_s < BUSY_SHARE * sight->processes * sight->elapsed_s ||
            sight->idle_s < (1 - BUSY_SHARE) * all_s);
}

static int burn_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    (void)target;
    struct rift_holder_report report = {0};
    if (rift_holder_inject(injection, &report, err))
        return rift_wrap(err, "cpu-burn");
    int processors;
    json_object_set_new(injection->undo, "processes", json_integer(report.processes));
    json_object_set_new(
        injection->undo, "idle",
        json_pack("[I, I]", (json_int_t)idle_ticks(&processors), (json_int_t)rift_clock_now()));
    return 0;
}

/* CPU time that a process has had, in clock ticks (proc(5), fields 14 and 15 of stat). */
static unsigned long long ticks_of(pid_t pid)
{
    char path[64], text[512] = "";
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    const char *after = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    if (file)
        fclose(file);
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                         &system) != 2)
        return 0;
    return user + system;
}

static int burn_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    pid_t holder =
        (pid_t)json_integer_value(json_array_get(json_object_get(injection->undo, "holder"), 0));
    const json_t *idle = json_object_get(injection->undo, "idle");
    const double tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
    struct rift_burn_sight sight = {.processes = 0};
    json_int_t idle_before = json_integer_value(json_array_get(idle, 0)),
               begin_ns = json_integer_value(json_array_get(idle, 1));
    DIR *folder = opendir("/proc");
    unsigned long long ticks = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (!isdigit((unsigned char)entry->d_name[0]) || rift_process_parent(pid) != holder)
            continue;
        sight.processes++;
        ticks += ticks_of(pid);
    }
    if (folder)
        closedir(folder);
    sight.used_s = (double)ticks * tick_s;
    sight.idle_s = (double)((json_int_t)idle_ticks(&sight.processors) - idle_before) * tick_s;
    sight.elapsed_s = (double)(rift_clock_now() - begin_ns) / 1e9;
    char how[200];
    snprintf(how, sizeof how,
             "in %.2f s %d processes have used %.2f s of CPU time, and %d processors were idle for "
             "%.2f s",
             sight.elapsed_s, sight.processes, sight.used_s, sight.processors, sight.idle_s);
    json_object_set_new(details, "how", json_string(how));
    *is_observed = sight.processes > 0 && rift_burn_is_felt(&sight);
    return 0;
}

static int burn_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    int count;
    if (burn_count(options, &count, err))
        return -1;
    ability->can = true;
    ability->backend = "busy processes";
    ability->end = "the kernel kills them when the process that started them dies, and that ends "
                   "with the lease or the agent";
    return 0;
}

const struct rift_fault_driver rift_cpu_burn_driver = {
    .name = "cpu-burn",
    .probe = burn_probe,
    .descriptor = rift_holder_descriptor,
    .plan = burn_plan,
    .inject = burn_inject,
    .renew = rift_holder_renew,
    .heal = rift_holder_heal,
    .observe = burn_observe,
    .forget = rift_holder_forget,
};
