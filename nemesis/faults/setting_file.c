#include "nemesis/faults/setting_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cgroup.h"
#include "common/memory.h"

enum { PATH_SIZE = RIFT_CGROUP_PATH_SIZE + 64 };

bool rift_setting_read(const char *folder, const char *file, char text[RIFT_SETTING_TEXT_SIZE])
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    CLEANUP(rift_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, RIFT_SETTING_TEXT_SIZE - 1) : -1;
    if (n < 0)
        return false;
    text[n] = 0;
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = 0;
    return true;
}

long long rift_setting_count(const char *folder, const char *file, const char *word)
{
    char path[PATH_SIZE], line[128];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "re");
    long long count = 0;
    size_t length = strlen(word);
    while (stream && fgets(line, sizeof line, stream))
        if (strncmp(line, word, length) == 0 && line[length] == ' ')
            count = strtoll(line + length, NULL, 10);
    if (stream)
        fclose(stream);
    return count;
}

int rift_setting_write_path(const char *path, const char *value, struct rift_error *err)
{
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return rift_fail_errno(err, RIFT_ERR_IO, "write '%s' to '%s'", value, path);
    return 0;
}

int rift_setting_write(const char *folder, const char *file, const char *value,
                       struct rift_error *err)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return rift_setting_write_path(path, value, err);
}
