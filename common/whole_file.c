/* Written beside its place, synced, renamed, and the folder synced. */
#include "common/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"

static int write_synced(const char *path, const char *text, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "open '%s'", path);
    size_t length = strlen(text), done = 0;
    while (done < length) {
        ssize_t n = write(fd, text + done, length - done);
        if (n < 0)
            return rift_fail_errno(err, RIFT_ERR_IO, "write '%s'", path);
        done += (size_t)n;
    }
    if (fsync(fd))
        return rift_fail_errno(err, RIFT_ERR_IO, "sync '%s'", path);
    return 0;
}

static int sync_folder_of(const char *path, struct rift_error *err)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(rift_free)
    char *folder = slash ? rift_printf("%.*s", slash == path ? 1 : (int)(slash - path), path)
                         : rift_printf(".");
    CLEANUP(rift_close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        return rift_fail_errno(err, RIFT_ERR_IO, "sync '%s'", folder);
    return 0;
}

int rift_whole_file_write(const char *path, const char *text, struct rift_error *err)
{
    CLEANUP(rift_free) char *fresh = rift_printf("%s" RIFT_WHOLE_FILE_UNFINISHED, path);
    int rc = write_synced(fresh, text, err);
    if (rc == 0 && rename(fresh, path))
        rc = rift_fail_errno(err, RIFT_ERR_IO, "rename '%s'", fresh);
    if (rc)
        unlink(fresh);
    return rc ? rc : sync_folder_of(path, err);
}
