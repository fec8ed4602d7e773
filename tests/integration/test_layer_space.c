/* How much of a disk the layer keeps for what was removed and could still come back: looked at by
 * free blocks, above it and below. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/memory.h"
#include "tests/lib/toy_host.h"

enum { LEASE_MS = 60000, DISK_MB = 32, LARGE_DISK_MB = 512 };

static int up(int disk_mb)
{
    bool can = access("/dev/fuse", F_OK) == 0 && access("/dev/loop-control", F_OK) == 0;
    return can ? toy_host_begin_layered("space", LEASE_MS, disk_mb, "ext4") : 0;
}

static int disk_up(void **state)
{
    (void)state;
    return up(DISK_MB);
}

static int large_disk_up(void **state)
{
    (void)state;
    return up(LARGE_DISK_MB);
}

static int drop(const char *file)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    return unlink(path);
}

/* 0, or errno. */
static int put(const char *file, const char *text)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    errno = EIO;
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0
               ? 0
               : errno;
}

static int make_large(const char *file, off_t bytes)
{
    CLEANUP(rift_free) char *path = toy_data_path(file);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    return fd < 0 || posix_fallocate(fd, 0, bytes) ? -1 : 0;
}

/* Free blocks of the disk below, as the kernel counts them, by ustat(2), as its folder is covered.
 */
static int64_t free_below(void)
{
    CLEANUP(rift_free) char *folder = toy_data_path("");
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[4096], point[512];
    unsigned major_number = 0, minor_number = 0, a, b;
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%*d %*d %u:%u %*s %511s", &a, &b, point) == 3 &&
            strcmp(point, folder) == 0 && strstr(line, " - ext4 ")) {
            major_number = a;
            minor_number = b;
        }
    fclose(file);
    struct {
        int32_t blocks;
        unsigned long inodes;
        char names[12], room[64];
    } found = {0};
    assert_int_equal(0, syscall(SYS_ustat, (unsigned)makedev(major_number, minor_number), &found));
    struct statvfs space;
    assert_int_equal(0, statvfs(folder, &space));
    return found.blocks * (int64_t)space.f_frsize;
}

/* A system that makes and removes files and never syncs needs no more disk than its files do. */
static void removed_files_do_not_fill_the_disk(void **state)
{
    (void)state;
    if (!n1 || n1->agent.pid <= 0)
        skip();
    CLEANUP(rift_free) char *folder = toy_data_path("");
    struct statvfs before, after;
    assert_int_equal(0, statvfs(folder, &before));
    for (int i = 0; i < 12; i++) {
        assert_int_equal(0, make_large("large", DISK_MB << 18)); /* a quarter of it */
        assert_int_equal(0, drop("large"));
    }
    assert_int_equal(0, statvfs(folder, &after));
    assert_true((int64_t)(before.f_bavail - after.f_bavail) * (int64_t)before.f_frsize < 2 << 20);
    /* The last one is not lost for good all the same. */
    assert_int_equal(0, put("small", "synced"));
    assert_int_equal(0, drop("small"));
    inject("l", "disk-lose", NULL);
    CLEANUP(rift_free) char *small = toy_data_path("small");
    assert_int_equal(0, access(small, F_OK));
    heal("l");
    inject("d", "disk-full", NULL);
    assert_true(is_observed("d"));
    static char many[1 << 20];
    memset(many, 'x', sizeof many - 1);
    assert_int_equal(ENOSPC, put("more", many));
    heal("d");
}

static void nor_do_they_keep_much_of_a_large_one(void **state)
{
    (void)state;
    if (!n1 || n1->agent.pid <= 0)
        skip();
    int64_t before = free_below();
    for (int i = 0; i < 8; i++) {
        assert_int_equal(0, make_large("large", 32 << 20));
        assert_int_equal(0, drop("large"));
    }
    int64_t kept = before - free_below();
    print_message("%lld MiB are kept of 256 that were removed\n", (long long)(kept >> 20));
    assert_true(kept < 80 << 20);
    assert_true(kept > 16 << 20); /* else they could not come back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removed_files_do_not_fill_the_disk, disk_up,
                                        toy_host_end_wiped),
        cmocka_unit_test_setup_teardown(nor_do_they_keep_much_of_a_large_one, large_disk_up,
                                        toy_host_end_wiped),
    };
    return cmocka_run_group_tests(tests, toy_host_up, toy_host_down);
}
