/* hang: one thread of the system stands still, by ptrace from a holder; all others go on. What it
 * holds (a lock, a connection) it keeps. */
#include <ctype.h>
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/held.h"
#include "nemesis/faults/tracing.h"

enum { CANDIDATES_MAX = 16384, FIND_MS = 1000 };

struct candidate {
    pid_t process, thread;
};

struct choice {
    const struct rift_cgroup *system;
    const char *thread;
    uint64_t pick;
};

static int hang_choice(const struct rift_target *target, const json_t *options,
                       struct choice *choice, struct rift_error *err)
{
    const json_t *thread = json_object_get(options, "thread");
    *choice = (struct choice){
        .system = target->system,
        .thread = thread ? json_string_value(thread) : "any",
        .pick = (uint64_t)json_number_value(json_object_get(options, "pick")),
    };
    if (!choice->thread || !choice->thread[0])
        return rift_fail(err, RIFT_ERR_INVALID,
                         "hang: 'thread' must be any, main, or the name of a thread");
    return 0;
}

static bool hang_fits(const char *wanted, pid_t process, pid_t thread)
{
    char name[RIFT_PROCESS_NAME_SIZE];
    if (strcmp(wanted, "any") == 0)
        return true;
    if (strcmp(wanted, "main") == 0)
        return process == thread;
    rift_process_name(thread, name);
    return fnmatch(wanted, name, 0) == 0;
}

static int compare(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->thread < y->thread ? -1 : x->thread > y->thread;
}

/* The threads that fit, in the order of their ids. */
static size_t hang_candidates(const struct choice *choice, struct candidate *list)
{
    static pid_t pids[RIFT_CGROUP_PIDS_MAX];
    size_t count = 0, processes = rift_cgroup_pids(choice->system, pids, RIFT_CGROUP_PIDS_MAX);
    for (size_t i = 0; i < processes; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/task", (int)pids[i]);
        DIR *folder = opendir(path);
        for (const struct dirent *entry; folder && (entry = readdir(folder));) {
            pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
            if (isdigit((unsigned char)entry->d_name[0]) && count < CANDIDATES_MAX &&
                hang_fits(choice->thread, pids[i], thread))
                list[count++] = (struct candidate){pids[i], thread};
        }
        if (folder)
            closedir(folder);
    }
    qsort(list, count, sizeof *list, compare);
    return count;
}

/* In the holder. A thread may end between the look and the grip: then another one is looked for. */
static int hang_begin(const void *of, struct rift_holder_report *report)
{
    static struct candidate list[CANDIDATES_MAX];
    const struct choice *choice = of;
    int64_t deadline = rift_clock_now() + FIND_MS * RIFT_MS;
    do {
        size_t count = hang_candidates(choice, list), i = count ? choice->pick % count : 0;
        int rc = count ? rift_held_stop_one(list[i].process, list[i].thread, report) : 0;
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    } while (rift_clock_now() < deadline);
    snprintf(report->text, sizeof report->text, "the system has no thread '%.64s'", choice->thread);
    return -1;
}

static int hang_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    struct choice choice;
    if (rift_tracing_check(injection, RIFT_TRACING_HOLDS_ONE, ledger, err) ||
        hang_choice(target, injection->options, &choice, err))
        return -1;
    const struct rift_holder_work work = {
        .begin = hang_begin, .tend = rift_held_tend, .of = &choice};
    return rift_holder_plan(injection, &work, err);
}

static int hang_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    (void)target;
    struct rift_holder_report report = {0};
    if (rift_holder_inject(injection, &report, err))
        return rift_wrap(err, "hang");
    json_object_set_new(injection->undo, "process", json_integer(report.process));
    json_object_set_new(injection->undo, "thread", json_integer(report.thread));
    return 0;
}

static int hang_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    pid_t process = (pid_t)json_integer_value(json_object_get(injection->undo, "process"));
    pid_t thread = (pid_t)json_integer_value(json_object_get(injection->undo, "thread"));
    char how[128], state = rift_process_state(thread);
    *is_observed = state == 't' || state == 'T';
    snprintf(how, sizeof how, "/proc shows thread %d of process %d %s", (int)thread, (int)process,
             *is_observed ? "stopped"
             : state      ? "running"
                          : "gone");
    json_object_set_new(details, "how", json_string(how));
    return 0;
}

static int hang_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    struct choice choice;
    if (hang_choice(target, options, &choice, err))
        return -1;
    rift_held_probe(target, ability);
    return 0;
}

const struct rift_fault_driver rift_hang_driver = {
    .name = "hang",
    .probe = hang_probe,
    .descriptor = rift_holder_descriptor,
    .plan = hang_plan,
    .inject = hang_inject,
    .renew = rift_holder_renew,
    .heal = rift_holder_heal,
    .observe = hang_observe,
    .forget = rift_holder_forget,
};
