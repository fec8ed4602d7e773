#include "nemesis/faults/disk/canary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "nemesis/faults/disk/layer/layer.h"

enum { PATH_SIZE = 512 };

static void canary_path(const char *folder, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%.480s/%s", folder, RIFT_LAYER_CANARY);
}

int rift_canary_write(const char *folder, bool syncs_first, struct rift_error *err)
{
    char path[PATH_SIZE], bytes[RIFT_CANARY_HALF_BYTES];
    canary_path(folder, path);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (int i = 0; i < 2; i++) {
        memset(bytes, i ? 'u' : 's', sizeof bytes);
        if (fd < 0 || pwrite(fd, bytes, sizeof bytes, i * (off_t)sizeof bytes) != sizeof bytes ||
            (i == 0 && syncs_first && fsync(fd)))
            return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
    }
    return 0;
}

int rift_canary_count(const char *folder, size_t count[2], struct rift_error *err)
{
    char path[PATH_SIZE], bytes[2 * RIFT_CANARY_HALF_BYTES];
    canary_path(folder, path);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    ssize_t n = fd < 0 ? -1 : pread(fd, bytes, sizeof bytes, 0);
    if (n < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "read '%s'", path);
    for (ssize_t i = 0; i < n; i++) {
        count[0] += i < RIFT_CANARY_HALF_BYTES && bytes[i] == 's';
        count[1] += i >= RIFT_CANARY_HALF_BYTES && bytes[i] == 'u';
    }
    return 0;
}

void rift_canary_remove(const char *folder)
{
    char path[PATH_SIZE];
    canary_path(folder, path);
    unlink(path);
}
