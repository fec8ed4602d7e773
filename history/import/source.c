/* Opens and maps what is to be read. */
#include "history/import/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"

static char *file_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return rift_printf("%s/history.rift", path);
    return rift_strdup(path);
}

int rift_source_open(struct rift_source *source, const char *path, struct rift_error *err)
{
    *source = (struct rift_source){.data = ""};
    char *file CLEANUP(rift_free) = file_of(path);
    CLEANUP(rift_close_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return rift_fail_errno(err, errno == ENOENT ? RIFT_ERR_MISSING : RIFT_ERR_IO, "read %s",
                               file);
    if (!S_ISREG(status.st_mode))
        return rift_fail(err, RIFT_ERR_INVALID, "%s is not a file", file);
    size_t length = (size_t)status.st_size;
    if (length > 0) {
        void *data = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            return rift_fail_errno(err, RIFT_ERR_IO, "map %s", file);
        madvise(data, length, MADV_SEQUENTIAL);
        source->data = data;
    }
    source->length = length;
    source->is_mapped = length > 0;
    source->name = file;
    file = NULL;
    return 0;
}

void rift_source_close(struct rift_source *source)
{
    if (source->is_mapped)
        munmap((void *)(uintptr_t)source->data, source->length);
    free((char *)(uintptr_t)source->name);
    *source = (struct rift_source){0};
}
