/* What of a lab is still on this machine. */
#include "tests/lib/lab_remains.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static size_t note(struct rift_text *found, const char *what, const char *where)
{
    rift_text_printf(found, "%s %s\n", what, where);
    return 1;
}

static size_t groups_below(const char *folder, const char *name, int depth, struct rift_text *found)
{
    char path[512];
    size_t count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= sizeof path)
            continue;
        const char *parent = strrchr(folder, '/') + 1;
        if (strcmp(entry->d_name, name) == 0 && strcmp(parent, "rift-lab") == 0)
            count += note(found, "control group", path);
        else if (depth < 3)
            count += groups_below(path, name, depth + 1, found);
    }
    if (entries)
        closedir(entries);
    return count;
}

static int file_holds(const char *path, const char *needle)
{
    char line[8192];
    int is_found = 0;
    FILE *file = fopen(path, "re");
    while (file && !is_found && fgets(line, sizeof line, file))
        is_found = strstr(line, needle) != NULL;
    if (file)
        fclose(file);
    return is_found;
}

/* A dead process that this machine's PID 1 has not waited for yet holds nothing any more. */
static int is_zombie(const char *pid)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/status", pid);
    return file_holds(path, "State:\tZ");
}

static size_t processes_of(const char *name, struct rift_text *found)
{
    char path[300], group[64], mount[64];
    size_t count = 0;
    snprintf(group, sizeof group, "/rift-lab/%s/", name);
    snprintf(mount, sizeof mount, "/run/rift/lab/%s/", name);
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        if (!isdigit((unsigned char)entry->d_name[0]) || is_zombie(entry->d_name))
            continue;
        snprintf(path, sizeof path, "/proc/%s/cgroup", entry->d_name);
        if (file_holds(path, group))
            count += note(found, "process in its groups", entry->d_name);
        snprintf(path, sizeof path, "/proc/%s/mountinfo", entry->d_name);
        if (file_holds(path, mount))
            count += note(found, "process among its mounts", entry->d_name);
    }
    if (processes)
        closedir(processes);
    return count;
}

size_t lab_remains(const char *name, const char *uplink, struct rift_text *found)
{
    char path[128];
    size_t count = groups_below("/sys/fs/cgroup", name, 0, found) + processes_of(name, found);
    snprintf(path, sizeof path, "/run/rift/lab/%s", name);
    if (access(path, F_OK) == 0)
        count += note(found, "folder", path);
    snprintf(path, sizeof path, "/sys/class/net/%s", uplink ? uplink : "-");
    if (access(path, F_OK) == 0)
        count += note(found, "link", path);
    return count;
}
