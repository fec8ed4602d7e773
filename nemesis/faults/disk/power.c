/* power: the system's own disk loses what was not synced, and its processes are gone: what a power
 * cut does to it, while the node goes on.
 *
 * First the disk, so that nothing that a process still does can reach it; then the kill; then the
 * disk is mounted again, as a boot would, and the journal replayed. The system is started again at
 * the end, as after a kill. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "nemesis/faults/disk/canary.h"
#include "nemesis/faults/disk/volume.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/process/kill.h"

static int power_plan(struct rift_injection *injection, const struct rift_target *target,
                      const char *ledger, struct rift_error *err)
{
    (void)ledger;
    json_t *folders = json_array();
    json_object_set_new(injection->undo, "folders", folders);
    for (const char *const *folder = target->data_folders; *folder; folder++) {
        if (!rift_volume_is_mounted(*folder))
            return rift_fail(err, RIFT_ERR_MISSING,
                             "'%s' is no disk of its own, and no other is touched: set disk_mb in "
                             "the section system",
                             *folder);
        json_array_append_new(folders, json_string(*folder));
    }
    if (json_array_size(folders) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "the system has no data folder");
    json_object_set_new(injection->undo, "cgroup", json_string(rift_cgroup_folder(target->system)));
    return rift_kill_plan(injection, target, err);
}

/* Mounted, and taking writes: a disk whose power was cut answers EIO until it is mounted anew. */
static int power_restore(const json_t *folders, struct rift_error *err)
{
    size_t i;
    json_t *item;
    json_array_foreach(folders, i, item)
    {
        const char *folder = json_string_value(item);
        if (!folder)
            continue;
        if (rift_volume_is_mounted(folder) && !rift_volume_is_writable(folder) &&
            rift_volume_unmount(folder, err))
            return -1;
        if (rift_volume_mount(folder, err))
            return -1;
    }
    return 0;
}

/* What a canary in each folder has left of bytes that were not synced, and had. A full disk has no
 * room for one, and loses power all the same. */
static int count_canaries(const json_t *folders, size_t written, json_t *undo,
                          struct rift_error *err)
{
    size_t i, count[2] = {0};
    json_t *folder;
    json_array_foreach(folders, i, folder)
    {
        if (written > 0 && rift_canary_count(json_string_value(folder), count, err))
            return -1;
        rift_canary_remove(json_string_value(folder));
    }
    json_object_set_new(
        undo, "unsynced",
        json_pack("[I, I]", (json_int_t)(count[0] + count[1]), (json_int_t)written));
    return 0;
}

static int power_inject(struct rift_injection *injection, const struct rift_target *target,
                        struct rift_error *err)
{
    const json_t *folders = json_object_get(injection->undo, "folders");
    size_t written = 0;
    for (const char *const *folder = target->data_folders; *folder; folder++)
        if (rift_canary_write(*folder, false, NULL) == 0)
            written += 2 * RIFT_CANARY_HALF_BYTES;
    for (const char *const *folder = target->data_folders; *folder; folder++)
        if (rift_volume_cut_power(*folder, err))
            return -1;
    injection->applied_ns = rift_clock_now();
    if (rift_kill_all(target->system, err) || power_restore(folders, err))
        return -1;
    return count_canaries(folders, written, injection->undo, err);
}

/* An inject that ended between the cut and the kill: the processes that are there keep the dead
 * disk busy, and nothing that they do reaches one any more. */
static int power_finish_cut(const json_t *undo, const json_t *folders, struct rift_error *err)
{
    size_t i;
    json_t *item;
    bool is_cut = false;
    json_array_foreach((json_t *)folders, i, item)
    {
        const char *folder = json_string_value(item);
        is_cut = is_cut ||
                 (folder && rift_volume_is_mounted(folder) && !rift_volume_is_writable(folder));
    }
    return is_cut ? rift_kill_recorded(undo, err) : 0;
}

static int power_observe(const struct rift_injection *injection, const struct rift_target *target,
                         bool *is_observed, json_t *details, struct rift_error *err)
{
    const json_t *unsynced = json_object_get(injection->undo, "unsynced");
    json_int_t left = json_integer_value(json_array_get(unsynced, 0)),
               written = json_integer_value(json_array_get(unsynced, 1));
    if (rift_kill_observe(injection, target, is_observed, details, err))
        return -1;
    json_object_set_new(details, "how",
                        json_sprintf("%s, and a file beside the data %lld of %lld unsynced bytes",
                                     json_string_value(json_object_get(details, "how")),
                                     (long long)left, (long long)written));
    *is_observed = *is_observed && (written == 0 || left < written);
    return 0;
}

static int power_heal(const char *id, const json_t *undo, const char *ledger,
                      struct rift_error *err)
{
    (void)id;
    (void)ledger;
    const json_t *folders = json_object_get(undo, "folders");
    if (power_finish_cut(undo, folders, err) || power_restore(folders, err))
        return -1;
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)folders, i, item)
    {
        if (json_string_value(item))
            rift_canary_remove(json_string_value(item));
    }
    return 0;
}

/* As with the disk of disk-full: it is made when the system is started. */
static int power_probe(const struct rift_target *target, const json_t *options,
                       struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    (void)options;
    (void)err;
    ability->can = true;
    ability->backend = "EXT4_IOC_SHUTDOWN on the system's own disk";
    ability->end = "it is over at once; the system stays down until its recipe starts it again";
    return 0;
}

const struct rift_fault_driver rift_power_driver = {
    .name = "power",
    .inject_takes_time = true,
    .heal_takes_time = true,
    .outlives_boot = true,
    .probe = power_probe,
    .plan = power_plan,
    .inject = power_inject,
    .heal = power_heal,
    .observe = power_observe,
};
