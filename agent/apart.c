/* Only where processes are told apart: in cgroup v2 and in v1's name=systemd. What of v1's
 * controllers governs a login governs the agent still. */
#include "agent/apart.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cgroup.h"
#include "common/memory.h"

enum { PATH_SIZE = RIFT_CGROUP_PATH_SIZE + 32, HIERARCHIES = 2, NAME_SIZE = 128 };

/* Where the process was, below the root of each hierarchy. */
static char before[HIERARCHIES][RIFT_CGROUP_PATH_SIZE];

static void find(const char *name, char folders[HIERARCHIES][RIFT_CGROUP_PATH_SIZE])
{
    struct rift_cgroup cgroup;
    memset(folders, 0, HIERARCHIES * sizeof *folders);
    if (rift_cgroup_open(name, &cgroup, NULL))
        return;
    memcpy(folders[0], cgroup.unified, sizeof *folders);
    memcpy(folders[1], cgroup.named, sizeof *folders);
}

static void find_own(const char *cgroup_name, char folders[HIERARCHIES][RIFT_CGROUP_PATH_SIZE])
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s-agent", cgroup_name);
    find(name, folders);
}

static bool join(const char *folder)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    CLEANUP(rift_close_fd) int fd = folder[0] ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    return fd >= 0 && write(fd, "0", 1) == 1;
}

/* cgroups(7): "0::/path" is v2's line, "N:name=systemd:/path" that of the other. */
static void remember(void)
{
    char line[1024];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        const char *named = strstr(line, ":name=systemd:/");
        const char *path = strncmp(line, "0::/", 4) == 0 ? line + 4 : named ? named + 15 : NULL;
        if (path)
            snprintf(before[named != NULL], sizeof *before, "%.*s", (int)sizeof *before - 1, path);
    }
    if (file)
        fclose(file);
}

void apart_enter(const char *cgroup_name)
{
    char own[HIERARCHIES][RIFT_CGROUP_PATH_SIZE];
    find_own(cgroup_name, own);
    remember();
    for (int i = 0; i < HIERARCHIES; i++)
        if (own[i][0] && (mkdir(own[i], 0755) == 0 || access(own[i], F_OK) == 0))
            join(own[i]);
}

void apart_leave(const char *cgroup_name)
{
    char back[HIERARCHIES][RIFT_CGROUP_PATH_SIZE], root[HIERARCHIES][RIFT_CGROUP_PATH_SIZE];
    find("", root);
    for (int i = 0; i < HIERARCHIES; i++) {
        find(before[i], back);
        if (!join(back[i])) /* a login's group goes with the login */
            join(root[i]);
    }
    apart_remove(cgroup_name);
}

void apart_remove(const char *cgroup_name)
{
    char own[HIERARCHIES][RIFT_CGROUP_PATH_SIZE];
    find_own(cgroup_name, own);
    for (int i = 0; i < HIERARCHIES; i++)
        if (own[i][0])
            rmdir(own[i]);
}

bool apart_is_left(const char *cgroup_name)
{
    char own[HIERARCHIES][RIFT_CGROUP_PATH_SIZE];
    find_own(cgroup_name, own);
    return (own[0][0] && access(own[0], F_OK) == 0) || (own[1][0] && access(own[1], F_OK) == 0);
}
