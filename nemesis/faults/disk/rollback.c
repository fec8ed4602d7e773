/* rollback: at the begin, a copy of the system's data, taken while its processes stand still; at
 * the end that the controller asks for, with the system stopped, the data are what the copy says.
 * An end of any other kind (the lease, a kill) removes the copy and changes nothing; but putting
 * back that has begun is finished by whoever heals. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/tree_copy.h"
#include "nemesis/faults/disk/volume.h"
#include "nemesis/faults/drivers.h"
#include "nemesis/faults/held.h"
#include "nemesis/faults/tracing.h"

enum { PATH_SIZE = 640, SPARE_BYTES = 16 << 20 };

/* Beside the data folder: "tree", whole or not there, and "putting-back" from when on the folder
 * may be neither. What is being copied, or removed, has other names. */
static void backup_path(const char *root, const char *part, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.600s/%s", root, part);
}

static const char *files_of(const json_t *undo)
{
    return json_string_value(json_object_get(undo, "pattern"));
}

/* "copies": [[data folder, where its copy is]] */
static bool copy_at(const json_t *undo, size_t i, const char **folder, const char **root)
{
    const json_t *pair = json_array_get(json_object_get(undo, "copies"), i);
    *folder = json_string_value(json_array_get(pair, 0));
    *root = json_string_value(json_array_get(pair, 1));
    return *folder && *root;
}

static const char *pattern_of(const json_t *options)
{
    const json_t *files = json_object_get(options, "files");
    return files ? json_string_value(files) : "*";
}

static int rollback_plan(struct rift_injection *injection, const struct rift_target *target,
                         const char *ledger, struct rift_error *err)
{
    json_t *copies = json_array();
    const char *pattern = pattern_of(injection->options);
    json_object_set_new(injection->undo, "copies", copies);
    if (!pattern || !*pattern)
        return rift_fail(err, RIFT_ERR_INVALID, "rollback: 'files' must be a pattern");
    json_object_set_new(injection->undo, "pattern", json_string(pattern));
    for (const char *const *folder = target->data_folders; *folder; folder++)
        json_array_append_new(copies,
                              json_pack("[s, o]", *folder,
                                        json_sprintf("%s.rift-backup-%s", *folder, injection->id)));
    if (json_array_size(copies) == 0)
        return rift_fail(err, RIFT_ERR_MISSING, "rollback: the system has no data folder");
    return rift_tracing_check(injection, RIFT_TRACING_VISITS, ledger, err);
}

static int check_room(const char *folder, const char *files, const char *root,
                      struct rift_error *err)
{
    char above[PATH_SIZE];
    struct rift_tree_size size;
    struct statvfs space;
    snprintf(above, sizeof above, "%.600s", root);
    *strrchr(above, '/') = 0;
    if (rift_tree_measure(folder, files, &size, err))
        return -1;
    if (statvfs(above[0] ? above : "/", &space))
        return rift_fail_errno(err, RIFT_ERR_IO, "ask '%s' for its free space", above);
    int64_t room = (int64_t)(space.f_bavail * space.f_frsize) - SPARE_BYTES;
    return size.bytes <= room
               ? 0
               : rift_fail(err, RIFT_ERR_LIMIT, "rollback: no room in '%s' for a copy of %lld MiB",
                           above, (long long)(size.bytes >> 20));
}

static size_t list_system(const void *of, pid_t *pids, size_t max)
{
    return rift_cgroup_pids(of, pids, max);
}

/* In a process that ends soon, and with it the hold on the system's threads. */
static int rollback_inject(struct rift_injection *injection, const struct rift_target *target,
                           struct rift_error *err)
{
    struct rift_holder_report report = {0};
    struct rift_tree_size sum = {0}, size;
    const char *folder, *root, *files = files_of(injection->undo);
    for (size_t i = 0; copy_at(injection->undo, i, &folder, &root); i++)
        if (check_room(folder, files, root, err))
            return -1;
    if (rift_held_stop_all(list_system, target->system, &report))
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "rollback: %s", report.text);
    injection->applied_ns = rift_clock_now();
    for (size_t i = 0; copy_at(injection->undo, i, &folder, &root); i++) {
        char tree[PATH_SIZE], fresh[PATH_SIZE];
        backup_path(root, "tree", tree);
        backup_path(root, "copying", fresh);
        if (mkdir(root, 0700))
            return rift_fail_errno(err, RIFT_ERR_IO, "make '%s'", root);
        if (rift_tree_copy(folder, files, fresh, &size, err))
            return -1;
        if (rename(fresh, tree))
            return rift_fail_errno(err, RIFT_ERR_IO, "rename '%s'", fresh);
        sum.files += size.files;
        sum.bytes += size.bytes;
    }
    json_object_set_new(injection->undo, "files", json_integer((json_int_t)sum.files));
    json_object_set_new(injection->undo, "bytes", json_integer(sum.bytes));
    return sum.files > 0 ? 0
                         : rift_fail(err, RIFT_ERR_MISSING,
                                     "rollback: no file in the data folders is '%s'", files);
}

/* Data that are still as in the copy would not be set back. */
static int rollback_observe(const struct rift_injection *injection,
                            const struct rift_target *target, bool *is_observed, json_t *details,
                            struct rift_error *err)
{
    (void)target;
    struct rift_tree_size sum = {0}, size;
    struct rift_tree_changes changes;
    size_t apart = 0;
    const char *folder, *root, *files = files_of(injection->undo);
    for (size_t i = 0; copy_at(injection->undo, i, &folder, &root); i++) {
        char tree[PATH_SIZE];
        backup_path(root, "tree", tree);
        if (rift_layer_check(folder, err) || rift_tree_measure(tree, "*", &size, err) ||
            rift_tree_compare(folder, files, tree, true, &changes, err))
            return -1;
        apart += changes.changed + changes.lost + changes.made;
        sum.files += size.files;
        sum.bytes += size.bytes;
    }
    char how[160];
    snprintf(how, sizeof how, "a copy of %zu files, %.1f MiB, is kept, and %zu are not so any more",
             sum.files, (double)sum.bytes / (1 << 20), apart);
    json_object_set_new(details, "how", json_string(how));
    *is_observed =
        apart > 0 && sum.files > 0 &&
        (json_int_t)sum.files == json_integer_value(json_object_get(injection->undo, "files")) &&
        sum.bytes == json_integer_value(json_object_get(injection->undo, "bytes"));
    return 0;
}

/* From when on only the copy is whole. */
static int mark(const char *root, struct rift_error *err)
{
    char path[PATH_SIZE];
    backup_path(root, "putting-back", path);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CLEANUP(rift_close_fd) int above = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || above < 0 || fsync(fd) || fsync(above)
               ? rift_fail_errno(err, RIFT_ERR_IO, "make '%s'", path)
               : 0;
}

static int put_back(const char *folder, const char *root, const char *files,
                    struct rift_tree_changes *before, struct rift_error *err)
{
    char tree[PATH_SIZE];
    struct rift_tree_changes after;
    backup_path(root, "tree", tree);
    *before = (struct rift_tree_changes){0};
    if (access(tree, F_OK) != 0 && errno == ENOENT)
        return 0; /* it was put back before, and a heal after it failed */
    if (rift_tree_compare(folder, files, tree, false, before, err) || mark(root, err) ||
        rift_tree_restore(folder, files, tree, err) ||
        rift_tree_compare(folder, files, tree, false, &after, err))
        return -1;
    return after.changed + after.lost + after.made == 0
               ? 0
               : rift_fail(err, RIFT_ERR_IO, "rollback: '%s' is not what its copy is", folder);
}

static int rollback_finish(struct rift_injection *injection, const struct rift_target *target,
                           struct rift_error *err)
{
    (void)target;
    struct rift_tree_changes sum = {0}, before;
    const char *folder, *root, *files = files_of(injection->undo);
    for (size_t i = 0; copy_at(injection->undo, i, &folder, &root); i++) {
        if (put_back(folder, root, files, &before, err))
            return -1;
        sum.same += before.same;
        sum.changed += before.changed;
        sum.lost += before.lost;
        sum.made += before.made;
    }
    json_object_set_new(
        injection->undo, "finished",
        json_sprintf("the data are as they were %.1f s ago: %zu files had changed, %zu were gone, "
                     "%zu were new, %zu were the same",
                     (double)(rift_clock_now() - injection->applied_ns) / 1e9, sum.changed,
                     sum.lost, sum.made, sum.same));
    return 0;
}

static int rollback_heal(const char *id, const json_t *undo, const char *ledger,
                         struct rift_error *err)
{
    (void)id;
    (void)ledger;
    const char *folder, *root, *files = files_of(undo);
    for (size_t i = 0; files && copy_at(undo, i, &folder, &root); i++) {
        char path[PATH_SIZE], tree[PATH_SIZE], old[PATH_SIZE];
        backup_path(root, "putting-back", path);
        backup_path(root, "tree", tree);
        backup_path(root, "removing", old);
        if (access(path, F_OK) == 0 && access(tree, F_OK) == 0 &&
            (rift_volume_bring_back(folder, err) || rift_tree_restore(folder, files, tree, err)))
            return -1;
        /* Half a copy is never put back. */
        if ((rename(tree, old) && errno != ENOENT) || (unlink(path) && errno != ENOENT))
            return rift_fail_errno(err, RIFT_ERR_IO, "rollback: remove '%s'", root);
        if (rift_tree_remove(root, err))
            return rift_wrap(err, "rollback");
    }
    return 0;
}

static int rollback_probe(const struct rift_target *target, const json_t *options,
                          struct rift_fault_ability *ability, struct rift_error *err)
{
    const char *pattern = pattern_of(options);
    if (!pattern || !*pattern)
        return rift_fail(err, RIFT_ERR_INVALID, "rollback: 'files' must be a pattern");
    rift_held_probe(target, ability);
    ability->backend = "a copy beside the data folder";
    ability->end = "the data go on as they are where the controller does not end it, and the copy "
                   "goes with the lease, the agent, or the next contact";
    return 0;
}

const struct rift_fault_driver rift_rollback_driver = {
    .name = "rollback",
    .inject_takes_time = true,
    .heal_takes_time = true,
    .outlives_boot = true,
    .probe = rollback_probe,
    .plan = rollback_plan,
    .inject = rollback_inject,
    .finish = rollback_finish,
    .heal = rollback_heal,
    .observe = rollback_observe,
};
