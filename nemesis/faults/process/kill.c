/* kill: every process in the system's own cgroup gets the signal, or one of them. There is nothing
 * to undo where the recipe starts the system again, which is the agent's part. */
#include "nemesis/faults/process/kill.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/process.h"
#include "nemesis/faults/drivers.h"

enum { DEATH_MS = 5000 };

/* Those that end a process unless it says otherwise, and that ask for no more than that. */
struct known_signal {
    const char *word;
    int number;
    bool is_end;
};

static const struct known_signal known_signals[] = {
    {"KILL", SIGKILL, true},  {"TERM", SIGTERM, true},  {"INT", SIGINT, true},
    {"QUIT", SIGQUIT, true},  {"ABRT", SIGABRT, true},  {"SEGV", SIGSEGV, true},
    {"BUS", SIGBUS, true},    {"FPE", SIGFPE, true},    {"ILL", SIGILL, true},
    {"SYS", SIGSYS, true},    {"TRAP", SIGTRAP, true},  {"XCPU", SIGXCPU, true},
    {"XFSZ", SIGXFSZ, true},  {"PIPE", SIGPIPE, true},  {"ALRM", SIGALRM, true},
    {"HUP", SIGHUP, false},   {"USR1", SIGUSR1, false}, {"USR2", SIGUSR2, false},
    {"CONT", SIGCONT, false}, {"CHLD", SIGCHLD, false}, {"WINCH", SIGWINCH, false},
    {"URG", SIGURG, false},   {"IO", SIGIO, false}};

static const struct known_signal *kill_signal(const json_t *options, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "signal");
    const char *word = given ? json_string_value(given) : "KILL";
    for (size_t i = 0; word && i < sizeof known_signals / sizeof known_signals[0]; i++)
        if (strcmp(known_signals[i].word, word) == 0)
            return &known_signals[i];
    rift_fail(err, RIFT_ERR_INVALID, "kill: there is no signal '%s' here",
              word ? word : "(not a text)");
    return NULL;
}

static int kill_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    if (!kill_signal(options, err))
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
    if (json_array_size(list) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "no process of the system is running");
    return 0;
}

/* "name" and "program argument argument", as the process itself has them. */
static void names_of(pid_t pid, char name[RIFT_PROCESS_NAME_SIZE], char line[1024])
{
    char path[64];
    size_t length = 0;
    line[0] = '\0';
    rift_process_name(pid, name);
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    length = fread(line, 1, 1023, file);
    fclose(file);
    while (length > 0 && line[length - 1] == '\0')
        length--;
    line[length] = '\0';
    for (size_t i = 0; i < length; i++)
        line[i] = line[i] ? line[i] : ' ';
}

/* A process calls itself what it likes; JSON takes UTF-8 alone. */
static void words_make_plain(char *words)
{
    for (; *words; words++)
        if (*words < ' ' || *words > '~')
            *words = '?';
}

static bool is_meant(pid_t pid, const char *wanted)
{
    char name[RIFT_PROCESS_NAME_SIZE], line[1024];
    if (strcmp(wanted, "any") == 0)
        return true;
    names_of(pid, name, line);
    return fnmatch(wanted, name, 0) == 0 || fnmatch(wanted, line, 0) == 0;
}

static bool hits_all(const json_t *options)
{
    const char *wanted = json_string_value(json_object_get(options, "process"));
    return !wanted || strcmp(wanted, "all") == 0;
}

/* Of the processes of the record one is left, that the options choose. */
static int kill_choose(struct rift_injection *injection, struct rift_error *err)
{
    const char *wanted = json_string_value(json_object_get(injection->options, "process"));
    const json_t *processes = json_object_get(injection->undo, "processes"), *item;
    json_t *meant = json_array();
    size_t i, count;
    json_array_foreach(processes, i, item)
    {
        if (is_meant((pid_t)json_integer_value(json_array_get(item, 0)), wanted))
            json_array_append(meant, (json_t *)item);
    }
    count = json_array_size(meant);
    double pick = json_number_value(json_object_get(injection->options, "pick"));
    if (count > 0 && pick >= 0) {
        json_t *chosen = json_array_get(meant, (size_t)pick % count);
        char name[RIFT_PROCESS_NAME_SIZE], line[1024], words[96];
        pid_t pid = (pid_t)json_integer_value(json_array_get(chosen, 0));
        names_of(pid, name, line);
        snprintf(words, sizeof words, "process %d, '%.60s'", (int)pid, line[0] ? line : name);
        words_make_plain(words);
        json_object_set_new(injection->undo, "chosen", json_string(words));
        json_object_set_new(injection->undo, "processes", json_pack("[O]", chosen));
    }
    json_decref(meant);
    return count > 0 && pick >= 0 ? 0
                                  : rift_fail(err, RIFT_ERR_MISSING,
                                              "kill: the system has no process '%.100s'", wanted);
}

static int kill_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)ledger;
    const struct known_signal *signal = kill_signal(injection->options, err);
    if (!signal || rift_kill_plan(injection, target, err) ||
        (!hits_all(injection->options) && kill_choose(injection, err)))
        return -1;
    if (signal->is_end) /* whoever heals ends what is left of them, for the system to start anew */
        json_object_set(injection->undo, "dying", json_object_get(injection->undo, "processes"));
    return 0;
}

static struct rift_process process_of(const json_t *item)
{
    return (struct rift_process){.pid = (pid_t)json_integer_value(json_array_get(item, 0)),
                                 .start_ticks =
                                     (uint64_t)json_integer_value(json_array_get(item, 1))};
}

static int kill_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    const struct known_signal *signal = kill_signal(injection->options, err);
    const json_t *processes = json_object_get(injection->undo, "processes");
    size_t count;
    if (!signal)
        return -1;
    injection->applied_ns = rift_clock_now();
    if (signal->number == SIGKILL && hits_all(injection->options))
        return rift_cgroup_signal(target->system, SIGKILL, &count, err);
    /* Once, and to those that were there: what they start to end in order is let be. */
    for (size_t i = 0; i < json_array_size(processes); i++) {
        const struct rift_process process = process_of(json_array_get(processes, i));
        if (rift_process_signal(&process, signal->number) && errno != ESRCH)
            return rift_fail_errno(err, RIFT_ERR_IO, "kill: send SIG%s to process %d", signal->word,
                                   (int)process.pid);
    }
    return 0;
}

static size_t kill_count_alive(const json_t *processes)
{
    size_t i, alive = 0;
    json_t *item;
    json_array_foreach(processes, i, item)
    {
        const struct rift_process process = process_of(item);
        alive += rift_process_is_alive(&process);
    }
    return alive;
}

/* To systemd a unit that is about to end runs, and it would not be started: undo.h. */
static int kill_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    (void)err;
    const json_t *dying = json_object_get(undo, "dying");
    int64_t deadline = rift_clock_now() + DEATH_MS * RIFT_MS;
    size_t i;
    json_t *item;
    if (!json_object_get(undo, "unit"))
        return 0;
    json_array_foreach(dying, i, item)
    {
        const struct rift_process process = process_of(item);
        rift_process_signal(&process, SIGKILL);
    }
    while (kill_count_alive(dying) > 0 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    return 0;
}

int rift_kill_all(const struct rift_cgroup *system, struct rift_error *err)
{
    size_t hit;
    pid_t pid;
    int64_t deadline = rift_clock_now() + DEATH_MS * RIFT_MS;
    if (rift_cgroup_signal(system, SIGKILL, &hit, err))
        return -1;
    while (rift_cgroup_pids(system, &pid, 1) > 0) {
        if (rift_clock_now() >= deadline)
            return rift_fail(err, RIFT_ERR_TIMEOUT, "process %d survives SIGKILL", (int)pid);
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    return 0;
}

int rift_kill_recorded(const json_t *undo, struct rift_error *err)
{
    struct rift_cgroup system = {.v1_count = 0};
    const char *folder = json_string_value(json_object_get(undo, "cgroup"));
    snprintf(system.unified, sizeof system.unified, "%s", folder ? folder : "");
    return folder ? rift_kill_all(&system, err) : 0;
}

int rift_kill_observe(const struct rift_injection *injection, const struct rift_target *target,
                      bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    const json_t *processes = json_object_get(injection->undo, "processes");
    size_t alive = kill_count_alive(processes);
    *is_observed = alive == 0;
    json_object_set_new(details, "hit", json_integer((json_int_t)json_array_size(processes)));
    json_object_set_new(details, "alive", json_integer((json_int_t)alive));
    char how[96];
    snprintf(how, sizeof how, "/proc has %zu of the %zu processes that were there", alive,
             json_array_size(processes));
    json_object_set_new(details, "how", json_string(how));
    return 0;
}

/* What a process that is still there has done with a signal, by its masks in proc(5). */
enum reaction { REACTION_NONE, REACTION_TAKEN, REACTION_IGNORED };

static bool mask_has(const char *line, int signal)
{
    return strtoull(strchr(line, ':') + 1, NULL, 16) >> (signal - 1) & 1;
}

static enum reaction reaction_of(pid_t pid, int signal)
{
    char path[64], line[256];
    bool is_pending = false, is_ignored = false, is_caught = false;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "ShdPnd:", 7) == 0 || strncmp(line, "SigPnd:", 7) == 0)
            is_pending = is_pending || mask_has(line, signal);
        else if (strncmp(line, "SigIgn:", 7) == 0)
            is_ignored = mask_has(line, signal);
        else if (strncmp(line, "SigCgt:", 7) == 0)
            is_caught = mask_has(line, signal);
    }
    if (file)
        fclose(file);
    return is_ignored                 ? REACTION_IGNORED
           : is_caught && !is_pending ? REACTION_TAKEN
                                      : REACTION_NONE;
}

/* Whom it hit, where it was one of several. */
static void name_chosen(const struct rift_injection *injection, json_t *details)
{
    const char *chosen = json_string_value(json_object_get(injection->undo, "chosen"));
    if (!chosen)
        return;
    json_object_set_new(
        details, "how",
        json_sprintf("%s: %s", chosen, json_string_value(json_object_get(details, "how"))));
}

/* A process that handles the signal and lives on, for a while or for good, was hit by it all the
 * same; one that ignores it was not. Where the signal is to end them, that is true of each; else of
 * one at least, as helpers of a system come and go by themselves. */
static int kill_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    const struct known_signal *signal = kill_signal(injection->options, err);
    const json_t *processes = json_object_get(injection->undo, "processes");
    size_t i, alive = 0, counts[3] = {0};
    json_t *item;
    if (!signal || rift_kill_observe(injection, target, is_observed, details, err))
        return -1;
    if (*is_observed || signal->number == SIGKILL) {
        name_chosen(injection, details);
        return 0;
    }
    json_array_foreach(processes, i, item)
    {
        const struct rift_process process = process_of(item);
        if (!rift_process_is_alive(&process))
            continue;
        alive++;
        counts[reaction_of(process.pid, signal->number)]++;
    }
    char how[200];
    snprintf(how, sizeof how,
             "/proc has %zu of the %zu processes that were there: %zu have taken SIG%s and are "
             "still there, %zu ignore it, %zu have not taken it",
             alive, json_array_size(processes), counts[REACTION_TAKEN], signal->word,
             counts[REACTION_IGNORED], counts[REACTION_NONE]);
    json_object_set_new(details, "how", json_string(how));
    name_chosen(injection, details);
    *is_observed = counts[REACTION_NONE] == 0 &&
                   (signal->is_end ? counts[REACTION_IGNORED] == 0 : counts[REACTION_TAKEN] > 0);
    return 0;
}

const struct rift_fault_driver rift_kill_driver = {
    .name = "kill",
    .heal_takes_time = true,
    .probe = kill_probe,
    .plan = kill_plan,
    .inject = kill_inject,
    .heal = kill_heal,
    .observe = kill_observe,
};
