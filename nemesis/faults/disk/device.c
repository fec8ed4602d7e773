/* The ioctls of linux/dm-ioctl.h. A device is removed right after it was mounted, deferred: the
 * kernel does it at the last close, as it frees a loop device, whoever of us is alive then. */
#include "nemesis/faults/disk/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memory.h"

enum { CONTROL_MAJOR = 10, CONTROL_MINOR = 236, SECTOR = 512, ORDER_SIZE = 16384, GONE_MS = 2000 };

static const char prefix[] = "rift-";
static const char control_folder[] = "/dev/mapper", control_path[] = "/dev/mapper/control";

/* The open of the node is what loads the module. */
static int control_open(struct rift_error *err)
{
    int fd = open(control_path, O_RDWR | O_CLOEXEC), number;
    if (fd >= 0)
        return fd;
    bool is_folder_ours = mkdir(control_folder, 0755) == 0;
    bool is_ours = mknod(control_path, S_IFCHR | 0600, makedev(CONTROL_MAJOR, CONTROL_MINOR)) == 0;
    fd = open(control_path, O_RDWR | O_CLOEXEC);
    number = errno;
    if (fd < 0 && is_ours)
        unlink(control_path);
    if (fd < 0 && is_folder_ours)
        rmdir(control_folder);
    errno = number;
    return fd >= 0 ? fd
                   : rift_fail_errno(err, RIFT_ERR_UNSUPPORTED,
                                     "this kernel has no device mapper: open '%s'", control_path);
}

union order {
    struct dm_ioctl head;
    char bytes[ORDER_SIZE];
};

static void order_fill(union order *order, const char *name, uint32_t flags)
{
    memset(order, 0, sizeof *order);
    order->head.version[0] = DM_VERSION_MAJOR;
    order->head.data_size = sizeof *order;
    order->head.data_start = sizeof order->head;
    order->head.flags = flags;
    if (name)
        snprintf(order->head.name, sizeof order->head.name, "%s", name);
}

/* -1 with errno. */
static int order_give(unsigned long request, union order *order, const char *name, uint32_t flags)
{
    CLEANUP(rift_close_fd) int fd = control_open(NULL);
    order_fill(order, name, flags);
    return fd < 0 ? -1 : ioctl(fd, request, order);
}

int rift_device_check(const char *target, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = control_open(err);
    union order order;
    if (fd < 0)
        return -1;
    order_fill(&order, target, 0);
    if (ioctl(fd, DM_GET_TARGET_VERSION, &order))
        return rift_fail_errno(err, RIFT_ERR_UNSUPPORTED,
                               "this kernel's device mapper has no target '%s'", target);
    return 0;
}

static int load(const char *name, const struct rift_device_table *table, struct rift_error *err)
{
    union order order;
    CLEANUP(rift_close_fd) int fd = control_open(err);
    if (fd < 0)
        return -1;
    order_fill(&order, name, 0);
    order.head.target_count = 1;
    struct dm_target_spec *spec = (void *)(order.bytes + order.head.data_start);
    spec->length = table->sectors;
    spec->next = (uint32_t)(sizeof *spec + RIFT_DEVICE_TABLE_SIZE);
    snprintf(spec->target_type, sizeof spec->target_type, "%s", table->target);
    snprintf((char *)(spec + 1), RIFT_DEVICE_TABLE_SIZE, "%s", table->parameters);
    return ioctl(fd, DM_TABLE_LOAD, &order)
               ? rift_fail_errno(err, RIFT_ERR_IO, "give '%s' the table '%s %s'", name,
                                 table->target, table->parameters)
               : 0;
}

/* A resume with a table loaded suspends, takes it, and resumes. The file system is not frozen for
 * it: that would sync it. */
int rift_device_change(const char *name, const struct rift_device_table *table,
                       struct rift_error *err)
{
    union order order;
    if (load(name, table, err))
        return -1;
    return order_give(DM_DEV_SUSPEND, &order, name, DM_SKIP_LOCKFS_FLAG)
               ? rift_fail_errno(err, RIFT_ERR_IO, "resume '%s' with another table", name)
               : 0;
}

int rift_device_look(const char *name, struct rift_device_table *table, struct rift_error *err)
{
    union order order;
    memset(table, 0, sizeof *table);
    if (order_give(DM_TABLE_STATUS, &order, name, DM_STATUS_TABLE_FLAG))
        return rift_fail_errno(err, errno == ENXIO ? RIFT_ERR_MISSING : RIFT_ERR_IO,
                               "ask '%s' for its table", name);
    if (order.head.target_count != 1)
        return rift_fail(err, RIFT_ERR_INVALID, "'%s' has a table of %u targets", name,
                         order.head.target_count);
    const struct dm_target_spec *spec = (const void *)(order.bytes + order.head.data_start);
    table->sectors = spec->length;
    snprintf(table->target, sizeof table->target, "%.15s", spec->target_type);
    snprintf(table->parameters, sizeof table->parameters, "%s", (const char *)(spec + 1));
    return 0;
}

/* With the node of the device where the host's own /dev does not get it by itself. */
static int node_make(uint64_t number, char path[RIFT_DEVICE_PATH_SIZE], struct rift_error *err)
{
    unsigned major_number = (unsigned)(number & 0xfff00) >> 8;
    unsigned minor_number = (unsigned)((number & 0xff) | ((number >> 12) & 0xfff00));
    snprintf(path, RIFT_DEVICE_PATH_SIZE, "/dev/dm-%u", minor_number);
    if (mknod(path, S_IFBLK | 0600, makedev(major_number, minor_number)) && errno != EEXIST)
        return rift_fail_errno(err, RIFT_ERR_IO, "make '%s'", path);
    return 0;
}

int rift_device_make(const char *below, char path[RIFT_DEVICE_PATH_SIZE], struct rift_error *err)
{
    char name[RIFT_DEVICE_NAME_SIZE];
    union order order;
    struct rift_device_table table = {.target = "linear"};
    struct stat found;
    uint64_t bytes;
    CLEANUP(rift_close_fd) int fd = open(below, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) || ioctl(fd, BLKGETSIZE64, &bytes))
        return rift_fail_errno(err, RIFT_ERR_IO, "look at '%s'", below);
    const char *last = strrchr(below, '/');
    snprintf(name, sizeof name, "%s%.100s", prefix, last ? last + 1 : below);
    table.sectors = bytes / SECTOR;
    snprintf(table.parameters, sizeof table.parameters, "%u:%u 0", major(found.st_rdev),
             minor(found.st_rdev));
    if (order_give(DM_DEV_CREATE, &order, name, 0))
        return rift_fail_errno(err, RIFT_ERR_IO, "make the device '%s'", name);
    if (node_make(order.head.dev, path, err) || rift_device_change(name, &table, err)) {
        order_give(DM_DEV_REMOVE, &order, name, 0);
        return -1;
    }
    return 0;
}

/* What /sys calls the device MAJ:MIN. */
static bool name_of(dev_t number, char name[RIFT_DEVICE_NAME_SIZE])
{
    char path[RIFT_DEVICE_PATH_SIZE];
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/dm/name", major(number), minor(number));
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(name, RIFT_DEVICE_NAME_SIZE, file);
    if (file)
        fclose(file);
    if (is_read)
        name[strcspn(name, "\n")] = '\0';
    return is_read && rift_text_starts_with(name, prefix);
}

bool rift_device_of(const char *folder, char name[RIFT_DEVICE_NAME_SIZE])
{
    struct stat found;
    return stat(folder, &found) == 0 && name_of(found.st_dev, name);
}

static int release(const char *name)
{
    union order order;
    return order_give(DM_DEV_REMOVE, &order, name, DM_DEFERRED_REMOVE) && errno != ENXIO ? -1 : 0;
}

int rift_device_release(const char *path, struct rift_error *err)
{
    char name[RIFT_DEVICE_NAME_SIZE];
    struct stat found;
    if (stat(path, &found) || !name_of(found.st_rdev, name) || release(name))
        return rift_fail_errno(err, RIFT_ERR_IO, "release '%s'", path);
    return 0;
}

void rift_device_wait_gone(const char *name)
{
    union order order;
    int64_t deadline = rift_clock_now() + GONE_MS * RIFT_MS;
    while (order_give(DM_DEV_STATUS, &order, name, 0) == 0 && rift_clock_now() < deadline)
        rift_clock_sleep_until(rift_clock_now() + RIFT_MS);
}

/* Calls visit for each device of ours; their number. */
static int visit_all(int (*visit)(const char *name, void *context), void *context)
{
    union order order;
    int count = 0;
    FILE *file = fopen("/proc/misc", "re"); /* not to load a module for a look */
    char line[64];
    bool is_there = false;
    while (file && fgets(line, sizeof line, file))
        is_there = is_there || strstr(line, "device-mapper");
    if (file)
        fclose(file);
    if (!is_there || order_give(DM_LIST_DEVICES, &order, NULL, 0))
        return 0;
    const char *at = order.bytes + order.head.data_start;
    for (;;) {
        const struct dm_name_list *entry = (const void *)at;
        if (entry->dev != 0 && rift_text_starts_with(entry->name, prefix)) {
            visit(entry->name, context);
            count++;
        }
        if (entry->dev == 0 || entry->next == 0)
            return count;
        at += entry->next;
    }
}

static int list_visit(const char *name, void *context)
{
    rift_text_printf(context, "device: %s\n", name);
    return 0;
}

int rift_device_list(struct rift_text *lines)
{
    return visit_all(list_visit, lines);
}

static int remove_visit(const char *name, void *context)
{
    int *failures = context;
    *failures += release(name) != 0;
    return 0;
}

int rift_device_remove_all(struct rift_error *err)
{
    int failures = 0;
    visit_all(remove_visit, &failures);
    return failures == 0 ? 0 : rift_fail_errno(err, RIFT_ERR_IO, "remove a device of ours");
}
