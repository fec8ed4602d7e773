/* mkfs on a file without blocks: it takes room only for what is written to it. */
#include "agent/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/command.h"
#include "common/memory.h"
#include "common/whole_file.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/volume.h"

enum { UNFINISHED_SIZE = RIFT_VOLUME_PATH_SIZE + 8 };

static void unfinished_path(const char *image, char path[UNFINISHED_SIZE])
{
    snprintf(path, UNFINISHED_SIZE, "%s" RIFT_WHOLE_FILE_UNFINISHED, image);
}

/* An image that is there is whole. */
static int disk_make(const char *image, int64_t size_mb, bool is_xfs, int64_t deadline_ns,
                     struct rift_error *err)
{
    char fresh[UNFINISHED_SIZE];
    char *ext4[] = {"mkfs.ext4", "-q", "-F", "-m", "0", fresh, NULL};
    char *xfs[] = {"mkfs.xfs", "-q", "-f", fresh, NULL}, **argv = is_xfs ? xfs : ext4;
    struct command_result result = {0};
    unfinished_path(image, fresh);
    CLEANUP(rift_close_fd) int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, size_mb << 20))
        return rift_fail_errno(err, RIFT_ERR_IO, "make '%s'", fresh);
    int rc = agent_command_run(argv, NULL, NULL, deadline_ns, &result, err);
    if (rc == 0 && result.status != 0)
        rc = rift_fail(err, RIFT_ERR_IO, "%s ended with %d: %.200s", argv[0], result.status,
                       result.errors.data ? result.errors.data : "");
    if (rc == 0 && (fsync(fd) || rename(fresh, image)))
        rc = rift_fail_errno(err, RIFT_ERR_IO, "make '%s'", image);
    agent_command_finish(&result);
    if (rc)
        unlink(fresh);
    return rc;
}

bool agent_disk_can_xfs(void)
{
    return access("/sbin/mkfs.xfs", X_OK) == 0 || access("/usr/sbin/mkfs.xfs", X_OK) == 0;
}

int agent_disk_mount(const char *folder, int64_t size_mb, bool is_xfs, int64_t deadline_ns,
                     struct rift_error *err)
{
    char image[RIFT_VOLUME_PATH_SIZE], found[RIFT_VOLUME_PATH_SIZE + 16];
    rift_volume_image(folder, image);
    if (access(image, F_OK) != 0 && disk_make(image, size_mb, is_xfs, deadline_ns, err))
        return -1;
    if (rift_volume_mount(folder, err))
        return -1;
    /* Systems that want an empty folder find one; what a check of the disk found stays. */
    snprintf(found, sizeof found, "%s/lost+found", folder);
    if (rmdir(found) && errno != ENOENT && errno != ENOTEMPTY)
        return rift_fail_errno(err, RIFT_ERR_IO, "remove '%s'", found);
    return 0;
}

int agent_disk_remove(const char *folder, struct rift_error *err)
{
    char image[RIFT_VOLUME_PATH_SIZE], fresh[UNFINISHED_SIZE];
    if (rift_layer_unmount(folder, err) || rift_volume_unmount(folder, err))
        return -1;
    rift_volume_image(folder, image);
    unfinished_path(image, fresh);
    return agent_remove_file(image, err) || agent_remove_file(fresh, err) ? -1 : 0;
}

int agent_disk_remember(const struct agent_paths *paths, const char *folder, struct rift_error *err)
{
    json_t *folders = json_load_file(paths->disks, 0, NULL), *known;
    size_t i;
    if (!json_is_array(folders)) {
        json_decref(folders);
        folders = json_array();
    }
    bool is_known = false;
    json_array_foreach(folders, i, known)
    {
        is_known = is_known || (json_is_string(known) && !strcmp(json_string_value(known), folder));
    }
    json_array_append_new(folders, json_string(folder));
    CLEANUP(rift_free) char *text = json_dumps(folders, 0);
    json_decref(folders);
    return is_known ? 0 : rift_whole_file_write(paths->disks, text, err);
}

int agent_disks_remove(const struct agent_paths *paths, struct rift_error *err)
{
    json_t *folders = json_load_file(paths->disks, 0, NULL), *folder;
    size_t i;
    int rc = 0;
    json_array_foreach(folders, i, folder)
    {
        if (json_is_string(folder) && agent_disk_remove(json_string_value(folder), err))
            rc = -1;
    }
    json_decref(folders);
    return rc ? rc : agent_remove_file(paths->disks, err);
}
