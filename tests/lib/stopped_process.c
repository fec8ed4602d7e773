/* Stopped processes. */
#include "tests/lib/stopped_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

/* State T or t in the third field of stat, behind the name in parentheses. */
static bool is_stopped(int folder, const char *pid)
{
    char path[300], line[512];
    snprintf(path, sizeof path, "%s/stat", pid);
    CLEANUP(rift_close_fd) int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (length <= 0)
        return false;
    line[length] = '\0';
    const char *name_end = strrchr(line, ')');
    return name_end && !strstr(line, "(rift-") && (name_end[2] == 'T' || name_end[2] == 't');
}

bool stopped_process_is_in(const char *folder, const bool passed_over[STOPPED_PID_MAX])
{
    bool is_found = false;
    DIR *processes = opendir(folder);
    for (struct dirent *entry; processes && !is_found && (entry = readdir(processes));) {
        long pid = strtol(entry->d_name, NULL, 10);
        bool is_wanted = pid > 0 && !(passed_over && pid < STOPPED_PID_MAX && passed_over[pid]);
        is_found = is_wanted && is_stopped(dirfd(processes), entry->d_name);
    }
    if (processes)
        closedir(processes);
    return is_found;
}
