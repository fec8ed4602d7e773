/* disk-device: the device below the system's own disk fails, forgets or takes its time, by another
 * table of the device mapper.
 *
 * A file system whose journal met an error takes no writes until it is mounted anew, and one whose
 * writes were dropped believes what its disk does not hold. So heal gives the device its own table
 * back and then, in these two cases, kills the system and mounts the disk again; what is on it is
 * what a boot would find. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/process.h"
#include "nemesis/faults/disk/device.h"
#include "nemesis/faults/disk/disk_probe.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/volume.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/keeper.h"
#include "nemesis/faults/process/kill.h"

enum { FALLBACK_MS = 100 };

/* What follows the device below; of flakey: 0 s up, 1 s down, by turns. */
static const struct kind {
    const char *name, *target, *parameters;
} kinds[] = {
    {"delay", "delay", NULL},     /* the milliseconds */
    {"error", "flakey", "0 1 0"}, /* a device that had the target "error" read nothing after it */
    {"error-writes", "flakey", "0 1 1 error_writes"},
    {"drop-writes", "flakey", "0 1 1 drop_writes"},
};
enum { KIND_DELAY, KIND_ERROR, KIND_ERROR_WRITES, KIND_DROP_WRITES, KINDS };

struct live {
    struct rift_keeper *keeper;
    struct rift_disk_probe *probe;
};

static int read_kind(const json_t *options, struct rift_error *err)
{
    const json_t *given = json_object_get(options, "kind");
    const char *word = given ? json_string_value(given) : kinds[KIND_DELAY].name;
    for (int kind = 0; word && kind < KINDS; kind++)
        if (strcmp(word, kinds[kind].name) == 0)
            return kind;
    return rift_fail(err, RIFT_ERR_INVALID, "disk-device: there is no kind '%s'",
                     word ? word : "(not a text)");
}

static int delay_ms(const json_t *options)
{
    const json_t *given = json_object_get(options, "delay_ms");
    return given ? (int)json_number_value(given) : FALLBACK_MS;
}

static int plan_folder(const char *folder, json_t *disks, struct rift_error *err)
{
    char name[RIFT_DEVICE_NAME_SIZE];
    struct rift_device_table table;
    if (rift_layer_is_mounted(folder))
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "disk-device: the disk of '%s' is used by the layer over it, not by the "
                         "system itself: use disk-error, disk-slow or disk-lose",
                         folder);
    if (!rift_volume_is_mounted(folder))
        return rift_fail(err, RIFT_ERR_MISSING,
                         "'%s' is no disk of its own, and no other is touched: set disk_mb in the "
                         "section system",
                         folder);
    if (!rift_device_of(folder, name))
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "the disk of '%s' lies on no device of the device mapper", folder);
    if (rift_device_look(name, &table, err))
        return -1;
    if (strcmp(table.target, "linear") != 0)
        return rift_fail(err, RIFT_ERR_CONFLICT,
                         "disk-device: another one holds on the disk of '%s'", folder);
    json_array_append_new(disks, json_pack("{s:s, s:s, s:I, s:s}", "folder", folder, "device", name,
                                           "sectors", (json_int_t)table.sectors, "table",
                                           table.parameters));
    return 0;
}

static int device_plan(struct rift_injection *injection, const struct rift_target *target,
                       const char *ledger, struct rift_error *err)
{
    (void)ledger;
    json_t *disks = json_array();
    int kind = read_kind(injection->options, err);
    json_object_set_new(injection->undo, "disks", disks);
    if (kind < 0)
        return -1;
    json_object_set_new(injection->undo, "kind", json_string(kinds[kind].name));
    json_object_set_new(injection->undo, "cgroup", json_string(rift_cgroup_folder(target->system)));
    for (const char *const *folder = target->data_folders; *folder; folder++)
        if (plan_folder(*folder, disks, err))
            return -1;
    return json_array_size(disks) > 0
               ? 0
               : rift_fail(err, RIFT_ERR_MISSING, "the system has no data folder");
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* "7:0 0" of a linear table is where the others begin, too. */
static int change(const json_t *disk, const struct kind *kind, int ms, struct rift_error *err)
{
    struct rift_device_table table = {
        .sectors = (uint64_t)json_integer_value(json_object_get(disk, "sectors"))};
    char below[64];
    snprintf(below, sizeof below, "%s", text_of(disk, "table"));
    snprintf(table.target, sizeof table.target, "%s", kind ? kind->target : "linear");
    if (!kind)
        snprintf(table.parameters, sizeof table.parameters, "%s", below);
    else if (kind == &kinds[KIND_DELAY])
        snprintf(table.parameters, sizeof table.parameters, "%s %d", below, ms);
    else
        snprintf(table.parameters, sizeof table.parameters, "%s %s", below, kind->parameters);
    return rift_device_change(text_of(disk, "device"), &table, err);
}

static int device_inject(struct rift_injection *injection, const struct rift_target *target,
                         struct rift_error *err)
{
    int kind = read_kind(injection->options, err);
    size_t i;
    json_t *disk;
    if (kind < 0)
        return -1;
    struct live *live = injection->live = rift_calloc(1, sizeof *live);
    live->keeper = rift_keeper_start(injection, NULL, err);
    if (!live->keeper)
        return -1;
    json_array_foreach(json_object_get(injection->undo, "disks"), i, disk)
    {
        if (change(disk, &kinds[kind], delay_ms(injection->options), err))
            return -1;
    }
    injection->applied_ns = rift_clock_now();
    live->probe = rift_disk_probe_start(target->data_folders, err);
    if (!live->probe)
        return -1;
    const struct rift_process *process = rift_disk_probe_process(live->probe);
    json_object_set_new(
        injection->undo, "probe",
        json_pack("[I, I]", (json_int_t)process->pid, (json_int_t)process->start_ticks));
    return 0;
}

static int device_renew(struct rift_injection *injection, struct rift_error *err)
{
    const struct live *live = injection->live;
    return rift_keeper_renew(live->keeper, injection, err);
}

/* --- heal */

static void stop_probe(const json_t *undo)
{
    json_int_t pid, ticks;
    if (json_unpack((json_t *)undo, "{s:[I, I]}", "probe", &pid, &ticks))
        return;
    struct rift_process process = {.pid = (pid_t)pid, .start_ticks = (uint64_t)ticks};
    if (process.pid > 0)
        rift_process_signal(&process, SIGKILL);
}

static int mount_anew(const json_t *undo, const char *folder, struct rift_error *err)
{
    return rift_kill_recorded(undo, err) || rift_volume_unmount(folder, err) ||
                   rift_volume_mount(folder, err)
               ? rift_wrap(err, "mount the disk of '%s' anew", folder)
               : 0;
}

/* A device that is gone has no table to give back; the disk that lay on it is gone with it, or has
 * another one. */
static int heal_disk(const json_t *undo, const json_t *disk, struct rift_error *err)
{
    const char *folder = text_of(disk, "folder"), *name = text_of(disk, "device");
    bool drops = strcmp(text_of(undo, "kind"), kinds[KIND_DROP_WRITES].name) == 0;
    char found[RIFT_DEVICE_NAME_SIZE] = "";
    struct rift_device_table table;
    struct rift_error failure = {0};
    bool is_there = rift_device_look(name, &table, &failure) == 0;
    if (!is_there && failure.code != RIFT_ERR_MISSING && failure.code != RIFT_ERR_UNSUPPORTED) {
        if (err)
            *err = failure;
        return -1;
    }
    bool is_foreign = is_there && strcmp(table.target, "linear") != 0;
    bool is_on_it = rift_device_of(folder, found) && strcmp(found, name) == 0;
    /* What it believes must not reach the disk that takes writes again. */
    if (drops && is_foreign && is_on_it && rift_volume_cut_power(folder, err))
        return -1;
    if (is_foreign && change(disk, NULL, 0, err))
        return -1;
    if (!rift_volume_is_mounted(folder))
        return 0;
    if (!rift_volume_is_writable(folder) && mount_anew(undo, folder, err))
        return -1;
    rift_disk_probe_clean(folder);
    return 0;
}

static int device_heal(const char *id, const json_t *undo, const char *ledger,
                       struct rift_error *err)
{
    (void)id;
    (void)ledger;
    size_t i;
    json_t *disk;
    int rc = 0;
    stop_probe(undo);
    json_array_foreach(json_object_get(undo, "disks"), i, disk)
    {
        if (heal_disk(undo, disk, err))
            rc = -1;
    }
    return rc;
}

/* --- observe */

/* To a probe that comes after the journal has met the error the file system is read-only. */
static bool sees_errors(const struct rift_disk_sight *sight, char *how, size_t size)
{
    for (int use = 0; use < RIFT_DISK_USES; use++) {
        int number = sight->uses[use].last_error;
        if (sight->uses[use].failures == 0 || (number != EIO && number != EROFS))
            continue;
        snprintf(how, size, "%s failed in %llu of %llu tries of a probe's: %s",
                 rift_disk_use_name((enum rift_disk_use)use),
                 (unsigned long long)sight->uses[use].failures,
                 (unsigned long long)sight->uses[use].count, strerror(number));
        return true;
    }
    return false;
}

static int device_observe(const struct rift_injection *injection, const struct rift_target *target,
                          bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    struct rift_disk_sight sight;
    const struct live *live = injection->live;
    char how[160] = "a probe has not met it yet";
    int kind = read_kind(injection->options, err);
    if (kind < 0)
        return -1;
    rift_disk_probe_look(live->probe, &sight);
    int64_t waits_ns = sight.since_ns ? rift_clock_now() - sight.since_ns : 0;
    int64_t longest_ns = sight.uses[RIFT_DISK_SYNC].longest_ns;
    longest_ns = waits_ns > longest_ns ? waits_ns : longest_ns;
    if (kind == KIND_DELAY) {
        *is_observed = longest_ns >= delay_ms(injection->options) * RIFT_MS;
        if (*is_observed)
            snprintf(how, sizeof how, "a probe waited %.0f ms for its disk",
                     (double)longest_ns / (double)RIFT_MS);
    } else if (kind == KIND_DROP_WRITES) {
        *is_observed = sight.damaged > 0;
        if (*is_observed)
            snprintf(how, sizeof how,
                     "%llu times a probe read something else than it had written and synced",
                     (unsigned long long)sight.damaged);
    } else {
        *is_observed = sees_errors(&sight, how, sizeof how);
    }
    json_object_set_new(details, "how", json_string(how));
    return 0;
}

static void device_forget(struct rift_injection *injection)
{
    struct live *live = injection->live;
    if (!live)
        return;
    rift_disk_probe_stop(live->probe);
    rift_keeper_stop(live->keeper);
    free(live);
    injection->live = NULL;
}

/* Asked before the system is installed: whether its disk lies on a device is found at inject. */
static int device_probe(const struct rift_target *target, const json_t *options,
                        struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    struct rift_error reason = {0};
    int kind = read_kind(options, err);
    if (kind < 0)
        return -1;
    ability->can = rift_device_check(kinds[kind].target, &reason) == 0;
    if (!ability->can)
        snprintf(ability->why, sizeof ability->why, "%.200s", reason.text);
    ability->backend = "another table of the device mapper below the system's own disk";
    ability->end = "a keeper of its own gives the device its table back when the lease is past or "
                   "agent and guardian are killed; if the keeper is killed as well, the next "
                   "contact";
    return 0;
}

const struct rift_fault_driver rift_disk_device_driver = {
    .name = "disk-device",
    .heal_takes_time = true,
    .probe = device_probe,
    .plan = device_plan,
    .inject = device_inject,
    .renew = device_renew,
    .heal = device_heal,
    .observe = device_observe,
    .forget = device_forget,
};
