#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

/* The mode is asked of what was opened, not of what the path may name a moment later. */
static int secret_open(const char *path, bool is_public, struct rift_error *err)
{
    struct stat found;
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) < 0)
        return rift_fail_errno(err, errno == ENOENT ? RIFT_ERR_MISSING : RIFT_ERR_IO, "read '%s'",
                               path);
    if (!S_ISREG(found.st_mode))
        return rift_fail(err, RIFT_ERR_INVALID, "'%s' is not a file", path);
    if (!is_public && found.st_mode & (S_IRWXG | S_IRWXO))
        return rift_fail(err, RIFT_ERR_DENIED, "others may read '%s'; forbid it with: chmod 600 %s",
                         path, path);
    int opened = fd;
    fd = -1;
    return opened;
}

int rift_secret_check(const char *path, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = secret_open(path, false, err);
    return fd < 0 ? -1 : 0;
}

int rift_secret_read_line(const char *path, char line[RIFT_SECRET_LINE_SIZE],
                          struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = secret_open(path, false, err);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, line, RIFT_SECRET_LINE_SIZE);
    if (length < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "read '%s'", path);
    size_t end = 0;
    while (end < (size_t)length && !strchr("\r\n", line[end]))
        end++;
    if (end == 0 || end == RIFT_SECRET_LINE_SIZE) {
        explicit_bzero(line, RIFT_SECRET_LINE_SIZE);
        return rift_fail(err, RIFT_ERR_INVALID,
                         "the first line of '%s' must have 1 to %d characters", path,
                         RIFT_SECRET_LINE_SIZE - 1);
    }
    line[end] = '\0';
    return 0;
}

int rift_secret_read(const char *path, bool is_public, struct rift_text *bytes,
                     struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = secret_open(path, is_public, err);
    char chunk[4096];
    size_t sum = 0;
    ssize_t length = -1;
    while (fd >= 0 && sum <= RIFT_SECRET_BYTES_MAX &&
           (length = read(fd, chunk, sizeof chunk)) > 0) {
        rift_text_append_bytes(bytes, chunk, (size_t)length);
        sum += (size_t)length;
    }
    explicit_bzero(chunk, sizeof chunk);
    if (fd < 0)
        return -1;
    if (length < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "read '%s'", path);
    return sum <= RIFT_SECRET_BYTES_MAX
               ? 0
               : rift_fail(err, RIFT_ERR_LIMIT, "'%s' is larger than %d bytes", path,
                           RIFT_SECRET_BYTES_MAX);
}
