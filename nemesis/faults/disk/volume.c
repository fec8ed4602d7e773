/* The loop device frees itself when its last mount goes (LO_FLAGS_AUTOCLEAR). Its node is made
 * where a host's own /dev has none. Between it and the mount is a device of the device mapper,
 * where the kernel has one: it passes everything, until a fault says otherwise. */
#include "nemesis/faults/disk/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"
#include "nemesis/faults/disk/device.h"
#include "nemesis/faults/disk/layer/layer.h"
#include "nemesis/faults/disk/shut_down.h"

enum { LOOP_MAJOR = 7, LOOP_CONTROL_MAJOR = 10, LOOP_CONTROL_MINOR = 237 };
enum { TRIES_MAX = 20, UNMOUNT_MS = 3000 };

static const char ending[] = ".rift-disk";

void rift_volume_image(const char *folder, char image[RIFT_VOLUME_PATH_SIZE])
{
    snprintf(image, RIFT_VOLUME_PATH_SIZE, "%.480s%s", folder, ending);
}

/* The mount points of loop devices and what lies on them, from mountinfo: "ID PARENT MAJ:MIN ROOT
 * POINT ... - ext4 /dev/loopN", or xfs, or /dev/dm-N. */
void rift_volume_visit(void (*visit)(const char *folder, void *context), void *context)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[4096], point[RIFT_VOLUME_PATH_SIZE];
    while (file && fgets(line, sizeof line, file)) {
        char image[RIFT_VOLUME_PATH_SIZE];
        const char *on = strstr(line, " - ");
        if (!on || (strncmp(on, " - ext4 ", 8) != 0 && strncmp(on, " - xfs ", 7) != 0) ||
            (!strstr(on, " /dev/loop") && !strstr(on, " /dev/dm-")) ||
            sscanf(line, "%*d %*d %*s %*s %511s", point) != 1)
            continue;
        rift_volume_image(point, image);
        if (access(image, F_OK) == 0)
            visit(point, context);
    }
    if (file)
        fclose(file);
}

struct mount_search {
    const char *folder;
    bool is_found;
};

static void mount_visit(const char *folder, void *context)
{
    struct mount_search *search = context;
    search->is_found = search->is_found || strcmp(folder, search->folder) == 0;
}

bool rift_volume_is_mounted(const char *folder)
{
    struct mount_search search = {.folder = folder};
    rift_volume_visit(mount_visit, &search);
    return search.is_found;
}

static int open_device(const char *path, mode_t type, unsigned major_number, unsigned minor_number)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mknod(path, type | 0600, makedev(major_number, minor_number)) && errno != EEXIST)
        return -1;
    return open(path, O_RDWR | O_CLOEXEC);
}

/* Attaches the image to a free loop device, whose path is filled in; its descriptor keeps it until
 * the mount does. */
static int loop_attach(int image_fd, char device[32], struct rift_error *err)
{
    CLEANUP(rift_close_fd)
    int control = open_device("/dev/loop-control", S_IFCHR, LOOP_CONTROL_MAJOR, LOOP_CONTROL_MINOR);
    if (control < 0)
        return rift_fail_errno(err, RIFT_ERR_UNSUPPORTED,
                               "no loop devices here: /dev/loop-control");
    for (int try = 0; try < TRIES_MAX; try++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            break;
        snprintf(device, 32, "/dev/loop%d", number);
        int fd = open_device(device, S_IFBLK, LOOP_MAJOR, (unsigned)number);
        struct loop_config config = {.fd = (__u32)image_fd,
                                     .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0)
            return fd;
        rift_close_fd(&fd); /* someone else took it first */
    }
    return rift_fail_errno(err, RIFT_ERR_IO, "attach a loop device");
}

static bool image_is_xfs(int image_fd)
{
    char magic[4];
    return pread(image_fd, magic, sizeof magic, 0) == sizeof magic && !memcmp(magic, "XFSB", 4);
}

int rift_volume_mount(const char *folder, struct rift_error *err)
{
    char image[RIFT_VOLUME_PATH_SIZE], device[32], mapped[RIFT_DEVICE_PATH_SIZE];
    if (rift_volume_is_mounted(folder))
        return 0;
    rift_volume_image(folder, image);
    CLEANUP(rift_close_fd) int image_fd = open(image, O_RDWR | O_CLOEXEC);
    if (image_fd < 0)
        return rift_fail_errno(err, RIFT_ERR_MISSING, "open '%s'", image);
    CLEANUP(rift_close_fd) int loop_fd = loop_attach(image_fd, device, err);
    if (loop_fd < 0)
        return -1;
    bool is_mapped = rift_device_make(device, mapped, NULL) == 0; /* where the kernel can */
    bool is_xfs = image_is_xfs(image_fd);
    /* A long commit interval: what the system does not sync must not be saved by the kernel. */
    int rc = mount(is_mapped ? mapped : device, folder, is_xfs ? "xfs" : "ext4", MS_NOATIME,
                   is_xfs ? NULL : "commit=300");
    if (rc)
        rift_fail_errno(err, RIFT_ERR_IO, "mount '%s' (%s) on '%s'", image, is_xfs ? "xfs" : "ext4",
                        folder);
    if (is_mapped && rift_device_release(mapped, rc ? NULL : err))
        return -1;
    return rc;
}

int rift_volume_bring_back(const char *folder, struct rift_error *err)
{
    char image[RIFT_VOLUME_PATH_SIZE];
    rift_volume_image(folder, image);
    return access(image, F_OK) == 0 ? rift_volume_mount(folder, err) : 0;
}

int rift_volume_unmount(const char *folder, struct rift_error *err)
{
    if (rift_layer_unmount(folder, err))
        return -1;
    int64_t deadline = rift_clock_now() + UNMOUNT_MS * RIFT_MS;
    char name[RIFT_DEVICE_NAME_SIZE];
    bool is_mapped = rift_volume_is_mounted(folder) && rift_device_of(folder, name);
    while (rift_volume_is_mounted(folder)) {
        if (umount2(folder, 0) == 0)
            continue;
        if (errno != EBUSY || rift_clock_now() >= deadline)
            return rift_fail_errno(err, RIFT_ERR_IO, "unmount '%s'", folder);
        rift_clock_sleep_until(rift_clock_now() + 10 * RIFT_MS);
    }
    if (is_mapped)
        rift_device_wait_gone(name);
    return 0;
}

int rift_volume_cut_power(const char *folder, struct rift_error *err)
{
    if (rift_layer_is_mounted(folder)) { /* only its process reaches what it covers */
        json_t *reply = rift_layer_ask(folder, json_pack("{s:s}", "do", "power"), err);
        json_decref(reply);
        return reply ? 0 : rift_wrap(err, "cut the power of '%s'", folder);
    }
    CLEANUP(rift_close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return rift_shut_down(fd, err) ? rift_wrap(err, "cut the power of '%s'", folder) : 0;
}

bool rift_volume_is_writable(const char *folder)
{
    char path[RIFT_VOLUME_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/.rift-try", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOSPC || errno == EDQUOT; /* full, and alive */
    close(fd);
    return unlink(path) == 0;
}
