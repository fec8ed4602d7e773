/* disk-rate: the system's own disk moves no more than so much a second, by the kernel's throttle of
 * block devices for the system's cgroup: blkio (v1) or io (v2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/throttle_watch.h"
#include "nemesis/faults/disk/volume.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/hand_down.h"
#include "nemesis/faults/keeper.h"
#include "nemesis/faults/setting.h"

enum { LINE_SIZE = 128, PATH_SIZE = 400, WAYS = RIFT_THROTTLE_WAYS };

static const struct {
    const char *option, *v1_file, *v2_word;
} ways[WAYS] = {
    {"read_kb_s", "blkio.throttle.read_bps_device", "rbps"},
    {"write_kb_s", "blkio.throttle.write_bps_device", "wbps"},
};

struct live {
    struct rift_keeper *keeper;
    struct rift_throttle_watch **watches; /* of each limit on each device */
    size_t watch_count;
};

struct place {
    const char *folder;
    bool is_v2;
};

static int rate_place(const struct rift_target *target, struct place *place, struct rift_error *err)
{
    const char *v1 = rift_cgroup_v1_folder(target->system, "blkio");
    const char *v2 = v1 ? NULL : rift_setting_v2_folder(target->system, "io");
    if (!v1 && !v2)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "disk-rate: no blkio or io controller governs the system");
    *place = (struct place){.folder = v1 ? v1 : v2, .is_v2 = v2 != NULL};
    return 0;
}

/* v2 counts what is written back as that of the group whose memory holds it: where no group has
 * memory of its own, a file once written stays the root's, and no limit is felt. */
static int rate_check(const struct place *place, struct rift_error *err)
{
    return !place->is_v2 || rift_hand_down_is_on(place->folder, "memory")
               ? 0
               : rift_fail(err, RIFT_ERR_UNSUPPORTED,
                           "disk-rate: what the system writes is not counted as its own; write "
                           "+memory to cgroup.subtree_control of each group above '%.80s', as "
                           "systemd does, before it starts",
                           place->folder);
}

/* Bytes a second, 0: no limit. */
static void rate_limits(const json_t *options, int64_t limits[WAYS])
{
    for (int way = 0; way < WAYS; way++) {
        double kb = json_number_value(json_object_get(options, ways[way].option));
        limits[way] = kb > 0 ? (int64_t)(kb * 1024) : 0;
    }
}

static int write_line(const char *path, const char *line, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t length = strlen(line);
    return fd >= 0 && write(fd, line, length) == (ssize_t)length
               ? 0
               : rift_fail_errno(err, RIFT_ERR_IO, "write '%s' to '%s'", line, path);
}

/* What lifts the limits again goes into undo: [path, line] each. The group is the system's own, so
 * nobody else has a limit there. */
static void plan_device(const struct place *place, const char *device, json_t *lines)
{
    char path[PATH_SIZE], line[LINE_SIZE];
    for (int way = 0; way < WAYS; way++) {
        snprintf(path, sizeof path, "%.255s/%s", place->folder,
                 place->is_v2 ? "io.max" : ways[way].v1_file);
        if (place->is_v2)
            snprintf(line, sizeof line, "%s %s=max", device, ways[way].v2_word);
        else
            snprintf(line, sizeof line, "%s 0", device);
        json_array_append_new(lines, json_pack("[s, s]", path, line));
    }
}

static int rate_plan(struct rift_injection *injection, const struct rift_target *target,
                     const char *ledger, struct rift_error *err)
{
    (void)ledger;
    struct place place;
    json_t *lines = json_array(), *devices = json_array();
    json_object_set_new(injection->undo, "lines", lines);
    json_object_set_new(injection->undo, "devices", devices);
    if (rate_place(target, &place, err) || rate_check(&place, err))
        return -1;
    json_t *handed = json_array();
    json_object_set_new(injection->undo, "handed", handed);
    rift_hand_down_plan(place.folder, "io.max", handed);
    for (const char *const *folder = target->data_folders; *folder; folder++) {
        struct stat found;
        char device[32];
        if (rift_layer_is_mounted(*folder))
            return rift_fail(err, RIFT_ERR_CONFLICT,
                             "disk-rate: the disk of '%s' is used by the layer over it, not by the "
                             "system itself: use disk-slow",
                             *folder);
        if (!rift_volume_is_mounted(*folder))
            return rift_fail(err, RIFT_ERR_MISSING,
                             "'%s' is no disk of its own, and no other is touched: set disk_mb in "
                             "the section system",
                             *folder);
        if (stat(*folder, &found))
            return rift_fail_errno(err, RIFT_ERR_IO, "look at '%s'", *folder);
        snprintf(device, sizeof device, "%u:%u", major(found.st_dev), minor(found.st_dev));
        json_array_append_new(devices, json_string(device));
        plan_device(&place, device, lines);
    }
    if (json_array_size(devices) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "the system has no data folder");
    int64_t limits[WAYS];
    rate_limits(injection->options, limits);
    return limits[RIFT_THROTTLE_READ] + limits[RIFT_THROTTLE_WRITE] > 0
               ? 0
               : rift_fail(err, RIFT_ERR_INVALID,
                           "disk-rate: neither write_kb_s nor read_kb_s is above 0, so nothing "
                           "would be slowed");
}

static int limit_device(const struct place *place, const char *device, const int64_t limits[WAYS],
                        struct rift_error *err)
{
    char path[PATH_SIZE], line[LINE_SIZE];
    for (int way = 0; way < WAYS; way++) {
        if (limits[way] == 0)
            continue;
        snprintf(path, sizeof path, "%.255s/%s", place->folder,
                 place->is_v2 ? "io.max" : ways[way].v1_file);
        snprintf(line, sizeof line, "%s %s%s%lld", device, place->is_v2 ? ways[way].v2_word : "",
                 place->is_v2 ? "=" : "", (long long)limits[way]);
        if (write_line(path, line, err))
            return -1;
    }
    return 0;
}

static int limit_all(const struct rift_injection *injection, const struct place *place,
                     struct rift_error *err)
{
    int64_t limits[WAYS];
    size_t i;
    json_t *device;
    rate_limits(injection->options, limits);
    json_array_foreach(json_object_get(injection->undo, "devices"), i, device)
    {
        if (limit_device(place, json_string_value(device), limits, err))
            return -1;
    }
    return 0;
}

/* As setting.c does for other files of the cgroup. */
static void rate_tend(const struct rift_injection *injection)
{
    const json_t *lines = json_object_get(injection->undo, "lines");
    const char *path = json_string_value(json_array_get(json_array_get(lines, 0), 0));
    char folder[PATH_SIZE], now[RIFT_SETTING_TEXT_SIZE];
    snprintf(folder, sizeof folder, "%s", path);
    char *file = strrchr(folder, '/');
    *file++ = 0;
    if (strcmp(file, "io.max") != 0)
        return;
    if (access(path, F_OK) != 0 && access(folder, F_OK) == 0)
        rift_hand_down(folder, "io.max");
    if (rift_setting_read(folder, "io.max", now) && !now[0])
        limit_all(injection, &(struct place){.folder = folder, .is_v2 = true}, NULL);
}

static void watch_all(struct live *live, const struct rift_injection *injection,
                      const struct place *place)
{
    int64_t limits[WAYS];
    size_t i;
    json_t *device;
    const json_t *devices = json_object_get(injection->undo, "devices");
    live->watches =
        rift_calloc(json_array_size(devices) * WAYS, sizeof(struct rift_throttle_watch *));
    rate_limits(injection->options, limits);
    json_array_foreach(devices, i, device)
    {
        for (int way = 0; way < WAYS; way++)
            if (limits[way] > 0)
                live->watches[live->watch_count++] = rift_throttle_watch_create(
                    place->folder, place->is_v2, json_string_value(device),
                    (enum rift_throttle_way)way, limits[way]);
    }
}

static int rate_inject(struct rift_injection *injection, const struct rift_target *target,
                       struct rift_error *err)
{
    struct place place;
    if (rate_place(target, &place, err))
        return -1;
    rift_hand_down(place.folder, "io.max");
    struct live *live = injection->live = rift_calloc(1, sizeof *live);
    watch_all(live, injection, &place);
    live->keeper = rift_keeper_start(injection, rate_tend, err);
    if (!live->keeper || limit_all(injection, &place, err))
        return -1;
    injection->applied_ns = rift_clock_now();
    return 0;
}

static int rate_renew(struct rift_injection *injection, struct rift_error *err)
{
    const struct live *live = injection->live;
    return rift_keeper_renew(live->keeper, injection, err);
}

/* A group that is gone has no limits, nor has a device that is. */
static int rate_heal(const char *id, const json_t *undo, const char *ledger, struct rift_error *err)
{
    (void)id;
    (void)ledger;
    size_t i;
    json_t *line;
    int rc = 0;
    json_array_foreach(json_object_get(undo, "lines"), i, line)
    {
        const char *path = json_string_value(json_array_get(line, 0));
        const char *text = json_string_value(json_array_get(line, 1));
        errno = 0;
        if (path && text && access(path, F_OK) == 0 && write_line(path, text, err) &&
            errno != ENODEV)
            rc = -1;
    }
    return rift_hand_back("io.max", json_object_get(undo, "handed"), err) ? -1 : rc;
}

static int rate_observe(const struct rift_injection *injection, const struct rift_target *target,
                        bool *is_observed, json_t *details, struct rift_error *err)
{
    (void)target;
    (void)err;
    const struct live *live = injection->live;
    struct rift_text CLEANUP(rift_text_finish) how = {0};
    for (size_t i = 0; i < live->watch_count; i++)
        *is_observed = rift_throttle_watch_look(live->watches[i], &how) || *is_observed;
    json_object_set_new(details, "how", json_string(how.data));
    return 0;
}

static void rate_forget(struct rift_injection *injection)
{
    struct live *live = injection->live;
    if (!live)
        return;
    rift_keeper_stop(live->keeper);
    for (size_t i = 0; i < live->watch_count; i++)
        rift_throttle_watch_destroy(live->watches[i]);
    free(live->watches);
    free(live);
    injection->live = NULL;
}

static int rate_probe(const struct rift_target *target, const json_t *options,
                      struct rift_fault_ability *ability, struct rift_error *err)
{
    (void)options;
    (void)err;
    struct place place;
    struct rift_error reason = {0};
    if (rate_place(target, &place, &reason)) {
        snprintf(ability->why, sizeof ability->why, "%.200s", reason.text);
        return 0;
    }
    ability->backend = place.is_v2 ? "cgroup v2, io.max" : "cgroup v1, blkio.throttle";
    rift_setting_probe(target->system, place.folder,
                       place.is_v2 ? "io.max" : ways[RIFT_THROTTLE_WRITE].v1_file, ability);
    if (ability->can && rate_check(&place, &reason)) {
        ability->can = false;
        snprintf(ability->why, sizeof ability->why, "%.250s", reason.text);
    }
    return 0;
}

const struct rift_fault_driver rift_disk_rate_driver = {
    .name = "disk-rate",
    .probe = rate_probe,
    .plan = rate_plan,
    .inject = rate_inject,
    .renew = rate_renew,
    .heal = rate_heal,
    .observe = rate_observe,
    .forget = rate_forget,
};
