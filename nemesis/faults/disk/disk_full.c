/* disk-full: a file of ours takes what is free on the system's own disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/volume.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/keeper.h"

enum { LEFT_BYTES = 256 << 10 }; /* what the file system keeps for itself at most */

static int filler_path(const char *folder, char path[RIFT_VOLUME_PATH_SIZE])
{
    return snprintf(path, RIFT_VOLUME_PATH_SIZE, "%.480s/.rift-filler", folder);
}

static int check_volumes(const struct rift_target *target, struct rift_error *err)
{
    size_t count = 0;
    for (const char *const *folder = target->data_folders; *folder; folder++, count++)
        if (!rift_volume_is_mounted(*folder))
            return rift_fail(err, RIFT_ERR_MISSING,
                             "'%s' is no disk of its own, and no other is touched: set disk_mb in "
                             "the section system",
                             *folder);
    return count > 0 ? 0 : rift_fail(err, RIFT_ERR_MISSING, "the system has no data folder");
}

static int64_t leave_bytes(const json_t *options)
{
    return (int64_t)json_number_value(json_object_get(options, "leave_kb")) * 1024;
}

static int full_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)ledger;
    json_t *folders = json_array();
    json_object_set_new(injection->undo, "folders", folders);
    if (check_volumes(target, err))
        return -1;
    for (const char *const *folder = target->data_folders; *folder; folder++)
        json_array_append_new(folders, json_string(*folder));
    return 0;
}

/* By allocation, block for block at the end: the file system says itself when it is full. */
static int fill(const char *folder, int64_t leave, struct rift_error *err)
{
    char path[RIFT_VOLUME_PATH_SIZE];
    struct statvfs space;
    filler_path(folder, path);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstatvfs(fd, &space))
        return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
    int64_t block = (int64_t)space.f_frsize, end = lseek(fd, 0, SEEK_END);
    int64_t step = (int64_t)space.f_bavail * block - leave;
    while (step >= block) {
        if (fallocate(fd, 0, end, step) == 0) {
            end += step;
        } else if (errno != ENOSPC) {
            return rift_fail_errno(err, RIFT_ERR_IO, "fill '%s'", folder);
        } else {
            step /= 2;
            continue;
        }
        if (fstatvfs(fd, &space))
            return rift_fail_errno(err, RIFT_ERR_IO, "ask '%s' for its free space", folder);
        int64_t left = (int64_t)space.f_bavail * block - leave;
        step = left < step ? left : step;
    }
    return 0;
}

static int full_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    injection->live = rift_keeper_start(injection, NULL, err);
    if (!injection->live)
        return -1;
    for (const char *const *folder = target->data_folders; *folder; folder++)
        if (fill(*folder, leave_bytes(injection->options), err))
            return -1;
    injection->applied_ns = rift_clock_now();
    return 0;
}

static int full_renew(struct rift_injection *injection, struct rift_error *err)
{
    return rift_keeper_renew(injection->live, injection, err);
}

static int full_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(undo, "folders"), i, item)
    {
        const char *folder = json_string_value(item);
        char path[RIFT_VOLUME_PATH_SIZE];
        if (!folder)
            continue;
        filler_path(folder, path);
        rift_layer_bury(folder);
        if (rift_volume_bring_back(folder, err))
            return -1;
        if (unlink(path) && errno != ENOENT)
            return rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", path);
    }
    return 0;
}

/* What is left free, the system has to use up first. */
static int full_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)injection;
    int64_t free_bytes = 0;
    for (const char *const *folder = target->data_folders; *folder; folder++) {
        struct statvfs space;
        if (rift_layer_check(*folder, err))
            return -1;
        if (statvfs(*folder, &space))
            return rift_fail_errno(err, RIFT_ERR_IO, "ask '%s' for its free space", *folder);
        int64_t left = (int64_t)(space.f_bavail * space.f_frsize);
        free_bytes += left;
        *is_observed = *is_observed || left <= LEFT_BYTES;
    }
    char how[96];
    snprintf(how, sizeof how, "%lld KiB are free", (long long)(free_bytes / 1024));
    json_object_set_new(details, "how", json_string(how));
    return 0;
}

static void full_forget(struct rift_injection *injection)
{
    rift_keeper_stop(injection->live);
    injection->live = NULL;
}

/* Asked before the system is installed, when its disk is not there yet: whether there will be one
 * is found at inject. */
static int full_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)target;
    (void)options;
    (void)err;
    ability->can = true;
    ability->backend = "a file on the system's own disk";
    ability->end = "a keeper of its own removes the file when the lease is past or agent and "
                   "guardian are killed; if the keeper is killed as well, the next contact";
    return 0;
}

const struct rift_fault_driver rift_disk_full_driver = {
    .name = "disk-full",
    .heal_takes_time = true,
    .outlives_boot = true,
    .probe = full_probe,
    .plan = full_plan,
    .inject = full_inject,
    .renew = full_renew,
    .heal = full_heal,
    .observe = full_observe,
    .forget = full_forget,
};
