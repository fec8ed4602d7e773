/* A file that is gone at heal went with its cgroup, and the setting with it. One that its owner
 * changed while the fault was on holds none of what faults wrote, and is left as it is.
 *
 * A write may take long that is in force at once: v2's memory.max is set first, then the kernel
 * makes room, and only then write(2) returns. So the file is looked at, not only the write. */
#include "nemesis/faults/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/hand_down.h"
#include "nemesis/faults/keeper.h"
#include "nemesis/faults/ledger.h"
#include "nemesis/faults/setting_file.h"
#include "nemesis/faults/setting_log.h"

enum { PATH_SIZE = RIFT_CGROUP_PATH_SIZE + 64, APART_MS = 100 };

/* What the keeper has to tell, in memory that it shares with the agent. */
struct word {
    _Atomic int64_t written_ns; /* of the last write that returned well; 0: none has */
    _Atomic bool has_failed;    /* that the last one did */
    struct rift_error error;    /* of the first that did */
};

struct live {
    struct rift_keeper *keeper;
    struct word *word;
    char shown[RIFT_SETTING_TEXT_SIZE]; /* by the file, before the keeper was started */
    int64_t since_ns;                   /* first seen in force */
    bool is_apart;                      /* nobody but the keeper writes */
};

struct saved_search {
    const char *path;
    const char *except; /* an id */
    char before[RIFT_SETTING_TEXT_SIZE];
    json_t *handed; /* may be NULL: gets what is to be handed back with it */
    bool is_found;
};

static bool is_freezer(const char *file)
{
    return strncmp(file, "cgroup.", 7) == 0 || strncmp(file, "freezer.", 8) == 0;
}

static void saved_visit(const char *id, const char *fault, const json_t *undo, void *context)
{
    (void)fault;
    struct saved_search *search = context;
    const char *path = json_string_value(json_object_get(undo, "file"));
    const char *before = json_string_value(json_object_get(undo, "before"));
    if (!path || !before || strcmp(path, search->path) != 0 || strcmp(id, search->except) == 0)
        return;
    search->is_found = true;
    snprintf(search->before, sizeof search->before, "%s", before);
    if (search->handed)
        json_array_extend(search->handed, json_object_get(undo, "handed"));
}

/* The kernel rounds bytes down to pages. */
static bool is_value(const char *file, const char *now, const char *value)
{
    char *end_now, *end_value;
    long long a = strtoll(now, &end_now, 10), b = strtoll(value, &end_value, 10);
    bool are_bytes = strncmp(file, "memory.", 7) == 0 && !*end_now && !*end_value;
    return strcmp(now, value) == 0 || (are_bytes && a <= b && b - a < sysconf(_SC_PAGESIZE));
}

/* Whether now is one of the values, which are texts. */
static bool is_one_of(const json_t *values, const char *file, const char *now)
{
    const json_t *value;
    size_t i;
    json_array_foreach(values, i, value)
    {
        if (is_value(file, now, json_string_value(value)))
            return true;
    }
    return false;
}

bool rift_setting_now(const char *folder, const char *file, char text[RIFT_SETTING_TEXT_SIZE])
{
    if (!rift_setting_read(folder, file, text))
        return false;
    bool is_v1_bytes = strcmp(file, "memory.limit_in_bytes") == 0;
    if (is_v1_bytes && strtoll(text, NULL, 10) > (1LL << 60))
        snprintf(text, RIFT_SETTING_TEXT_SIZE, "-1");
    return true;
}

/* What the owner has there while other faults are on the file: as the last one found it, or what
 * none of them wrote. */
static void learn_before(const json_t *undo, const char *folder, const char *file,
                         struct saved_search *search)
{
    struct rift_setting_log log;
    char now[RIFT_SETTING_TEXT_SIZE];
    rift_setting_log_read(undo, &log);
    if (log.is_there && !log.is_unread) {
        bool is_owners = rift_setting_now(folder, file, now) && !is_one_of(log.written, file, now);
        snprintf(search->before, sizeof search->before, "%s", is_owners ? now : log.before);
    }
    rift_setting_log_finish(&log);
}

int rift_setting_plan(struct rift_injection *injection, const char *ledger, const char *folder,
                      const char *file, struct rift_error *err)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    json_t *handed = json_array();
    struct saved_search search = {.path = path, .except = injection->id, .handed = handed};
    json_object_set_new(injection->undo, "handed", handed);
    if (ledger && !is_freezer(file))
        rift_setting_log_plan(injection->undo, ledger, path);
    if (ledger)
        rift_ledger_visit(ledger, saved_visit, &search);
    if (search.is_found)
        learn_before(injection->undo, folder, file, &search);
    else
        rift_setting_log_remove(injection->undo, NULL);
    rift_hand_down_plan(folder, file, handed);
    if (!search.is_found && !rift_setting_now(folder, file, search.before)) {
        const char *untouched = rift_hand_down_untouched(file);
        if (json_array_size(handed) == 0 || !untouched || access(folder, F_OK) != 0)
            return rift_fail(err, RIFT_ERR_MISSING, "there is no '%s': is the system running?",
                             path);
        snprintf(search.before, sizeof search.before, "%s", untouched);
    }
    json_object_set_new(injection->undo, "file", json_string(path));
    json_object_set_new(injection->undo, "before", json_string(search.before));
    return 0;
}

/* The folder of undo's file; returns the file's name. */
static const char *split_path(const struct rift_injection *injection, char folder[PATH_SIZE])
{
    snprintf(folder, PATH_SIZE, "%s", json_string_value(json_object_get(injection->undo, "file")));
    char *slash = strrchr(folder, '/');
    *slash = 0;
    return slash + 1;
}

void rift_setting_hand_down(const struct rift_injection *injection)
{
    char folder[PATH_SIZE];
    const char *file = split_path(injection, folder);
    rift_hand_down(folder, file);
}

static void write_and_tell(struct word *word, const char *path, const char *value)
{
    struct rift_error error = {0};
    if (access(path, F_OK) != 0)
        return; /* a unit that systemd starts again has no group for a moment */
    bool has_failed = rift_setting_write_path(path, value, &error) != 0;
    if (!has_failed)
        atomic_store(&word->written_ns, rift_clock_now());
    else if (word->error.code == RIFT_ERR_NONE)
        word->error = error;
    atomic_store(&word->has_failed, has_failed);
}

/* Quota by period, where there is one. */
static double limit_amount(const char *text)
{
    char *end;
    double amount = strtod(text, &end);
    double period = end != text ? strtod(end, NULL) : 0;
    if (end == text || amount < 0)
        return INFINITY;
    return period > 0 ? amount / period : amount;
}

bool rift_setting_is_as_wide(const char *a, const char *b)
{
    return limit_amount(b) >= limit_amount(a);
}

int rift_setting_check_tighter(const struct rift_injection *injection, const char *value,
                               struct rift_error *err)
{
    const char *path = json_string_value(json_object_get(injection->undo, "file"));
    const char *before = json_string_value(json_object_get(injection->undo, "before"));
    return rift_setting_is_as_wide(before, value)
               ? rift_fail(err, RIFT_ERR_CONFLICT,
                           "%s: '%s' would be no tighter than the limit that the system has, '%s' "
                           "in '%s'",
                           injection->driver->name, value, before, path)
               : 0;
}

/* systemd takes a controller back that no unit of its own asks for, whenever it starts or ends one,
 * a login's scope too; and a unit that it starts again gets a new group, with the unit's settings.
 * The freezer is left: what runs in a new group was not there to be paused. */
static void setting_tend(const struct rift_injection *injection)
{
    const struct live *live = injection->live;
    const char *path = json_string_value(json_object_get(injection->undo, "file"));
    const char *before = json_string_value(json_object_get(injection->undo, "before"));
    const char *value = json_string_value(json_object_get(injection->undo, "value"));
    char folder[PATH_SIZE], now[RIFT_SETTING_TEXT_SIZE];
    const char *file = split_path(injection, folder);
    if (is_freezer(file))
        return;
    static bool is_done; /* in the keeper */
    if (access(path, F_OK) != 0 && access(folder, F_OK) == 0)
        rift_hand_down(folder, file);
    /* A busy host may let the keeper begin late, when the owner has written something else. */
    bool is_due = rift_setting_now(folder, file, now) &&
                  (strcmp(now, before) == 0 || (!is_done && strcmp(now, live->shown) == 0));
    if (is_due && strcmp(before, value) != 0)
        write_and_tell(live->word, path, value);
    is_done = true;
}

/* With a keeper that is about to write it. */
static int begin(struct rift_injection *injection, const char *value, struct rift_error *err)
{
    char folder[PATH_SIZE];
    json_t *values = json_object_get(injection->undo, "values");
    if (!values)
        json_object_set_new(injection->undo, "values", values = json_array());
    json_array_append_new(values, json_string(value));
    json_object_set_new(injection->undo, "value", json_string(value));
    rift_setting_forget(injection); /* what is left of a value that was not taken */
    struct word *word =
        mmap(NULL, sizeof *word, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (word == MAP_FAILED)
        return rift_fail_errno(err, RIFT_ERR_IO, "map memory");
    struct live *live = rift_calloc(1, sizeof *live);
    injection->live = live;
    live->word = word;
    const char *file = split_path(injection, folder);
    rift_hand_down(folder, file);
    rift_setting_now(folder, file, live->shown);
    const char *before = json_string_value(json_object_get(injection->undo, "before"));
    if (rift_setting_log_add(injection->undo, before, value, err) == 0)
        live->keeper = rift_keeper_start(injection, setting_tend, err);
    if (live->keeper)
        return 0;
    rift_setting_forget(injection);
    return -1;
}

int rift_setting_look(const struct rift_injection *injection, int64_t *since_ns,
                      struct rift_error *err)
{
    struct live *live = injection->live;
    char folder[PATH_SIZE], now[RIFT_SETTING_TEXT_SIZE];
    const char *file = split_path(injection, folder);
    int64_t written_ns = atomic_load(&live->word->written_ns);
    if (live->since_ns == 0 && written_ns > 0)
        live->since_ns = written_ns;
    else if (live->since_ns == 0 && rift_setting_now(folder, file, now) &&
             strcmp(now, live->shown) != 0)
        live->since_ns = rift_clock_now();
    *since_ns = live->since_ns;
    if (!live->is_apart || !atomic_load(&live->word->has_failed))
        return 0;
    if (err)
        *err = live->word->error;
    return -1;
}

int rift_setting_inject_apart(struct rift_injection *injection, const char *value,
                              struct rift_error *err)
{
    if (begin(injection, value, err))
        return -1;
    struct live *live = injection->live;
    live->is_apart = true;
    int64_t until = rift_clock_now() + APART_MS * RIFT_MS;
    while (rift_setting_look(injection, &injection->applied_ns, err) == 0) {
        if (injection->applied_ns > 0 || rift_clock_now() >= until)
            return 0;
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
    }
    return -1;
}

int rift_setting_inject(struct rift_injection *injection, const char *value, struct rift_error *err)
{
    const char *path = json_string_value(json_object_get(injection->undo, "file"));
    if (begin(injection, value, err))
        return -1;
    if (access(path, F_OK) != 0)
        return rift_fail(err, RIFT_ERR_MISSING, "'%s' is gone: is the system running?", path);
    if (rift_setting_write_path(path, value, err))
        return -1;
    struct live *live = injection->live;
    live->since_ns = injection->applied_ns = rift_clock_now();
    return 0;
}

int rift_setting_put_back(const struct rift_injection *injection, const char *value,
                          struct rift_error *err)
{
    char folder[PATH_SIZE], now[RIFT_SETTING_TEXT_SIZE];
    const char *file = split_path(injection, folder);
    bool is_ours = rift_setting_now(folder, file, now) &&
                   is_one_of(json_object_get(injection->undo, "values"), file, now);
    return is_ours ? rift_setting_write(folder, file, value, err) : 0;
}

int rift_setting_renew(struct rift_injection *injection, struct rift_error *err)
{
    const struct live *live = injection->live;
    return rift_keeper_renew(live->keeper, injection, err);
}

/* Writes what the owner had where the file holds what a fault wrote. The disk with the log is asked
 * only where it is not this fault's own value, as a keeper knows it: a disk may not answer. */
static int write_before(const json_t *undo, const char *path, struct rift_error *err)
{
    char folder[PATH_SIZE], now[RIFT_SETTING_TEXT_SIZE];
    const char *before = json_string_value(json_object_get(undo, "before"));
    snprintf(folder, sizeof folder, "%s", path);
    char *file = strrchr(folder, '/');
    *file++ = 0;
    if (is_freezer(file) || !rift_setting_now(folder, file, now) ||
        is_one_of(json_object_get(undo, "values"), file, now))
        return rift_setting_write_path(path, before, err);
    struct rift_setting_log log;
    rift_setting_log_read(undo, &log);
    bool is_ours = log.is_there && (log.is_unread || is_one_of(log.written, file, now));
    int rc = is_ours ? rift_setting_write_path(path, log.before[0] ? log.before : before, err) : 0;
    rift_setting_log_finish(&log);
    return rc;
}

int rift_setting_heal(const char *id, const json_t *undo, const char *ledger,
                      struct rift_error *err)
{
    const char *path = json_string_value(json_object_get(undo, "file"));
    if (!path || !json_object_get(undo, "before"))
        return 0; /* the plan had not got so far */
    struct saved_search search = {.path = path, .except = id};
    if (ledger)
        rift_ledger_visit(ledger, saved_visit, &search);
    if (search.is_found)
        return 0;
    if (write_before(undo, path, err) ||
        rift_hand_back(strrchr(path, '/') + 1, json_object_get(undo, "handed"), err))
        return -1;
    return ledger ? rift_setting_log_remove(undo, err) : 0;
}

void rift_setting_forget(struct rift_injection *injection)
{
    struct live *live = injection->live;
    if (!live)
        return;
    rift_keeper_stop(live->keeper);
    munmap(live->word, sizeof *live->word);
    free(live);
    injection->live = NULL;
}

bool rift_setting_try(const char *folder, const char *file, struct rift_fault_ability *ability)
{
    char text[RIFT_SETTING_TEXT_SIZE] = "", path[PATH_SIZE];
    struct rift_error err = {0};
    snprintf(path, sizeof path, "%s/%s", folder, file);
    json_t *handed = json_array();
    rift_hand_down_plan(folder, file, handed);
    rift_hand_down(folder, file);
    ability->can = rift_setting_read(folder, file, text);
    text[strcspn(text, "\n")] = 0; /* a write sets the limit of one disk, a read shows them all */
    ability->can = ability->can && rift_setting_write_path(path, text, &err) == 0;
    if (!ability->can)
        snprintf(ability->why, sizeof ability->why, "%.200s",
                 err.code ? err.text : "the system's cgroup has no such setting");
    rift_hand_back(file, handed, NULL);
    json_decref(handed);
    return ability->can;
}

void rift_setting_probe(const struct rift_cgroup *system, const char *folder, const char *file,
                        struct rift_fault_ability *ability)
{
    ability->end = "a keeper of its own lifts it when the lease is past or agent and guardian are "
                   "killed; if the keeper is killed as well, the next contact";
    rift_cgroup_create(system, NULL);
    rift_setting_try(folder, file, ability);
    rift_cgroup_remove(system, NULL); /* refused where the system runs */
}

const char *rift_setting_v2_folder(const struct rift_cgroup *cgroup, const char *controller)
{
    return rift_hand_down_can(cgroup, controller) ? cgroup->unified : NULL;
}
