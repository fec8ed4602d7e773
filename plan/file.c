/* A whole small file in memory. */
#include "plan/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/memory.h"
#include "plan/tree.h"

int rift_plan_file_read(const char *path, char **text, size_t *length, struct rift_error *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return rift_fail_errno(err, RIFT_ERR_MISSING, "cannot read '%s'", path);
    if (!S_ISREG(status.st_mode))
        return rift_fail(err, RIFT_ERR_INVALID, "'%s' is not a file", path);
    if (status.st_size > RIFT_TREE_BYTES_MAX)
        return rift_fail(err, RIFT_ERR_LIMIT, "'%s' is larger than %d bytes", path,
                         RIFT_TREE_BYTES_MAX);
    FILE *file = fopen(path, "re");
    if (!file)
        return rift_fail_errno(err, RIFT_ERR_IO, "cannot read '%s'", path);
    char *buffer = rift_malloc((size_t)RIFT_TREE_BYTES_MAX + 1);
    *length = fread(buffer, 1, RIFT_TREE_BYTES_MAX, file);
    bool is_broken = ferror(file);
    fclose(file);
    if (is_broken) {
        free(buffer);
        return rift_fail(err, RIFT_ERR_IO, "cannot read '%s'", path);
    }
    buffer[*length] = '\0';
    *text = buffer;
    return 0;
}
