/* A group of its own would do as well, but for processes that run in real time: where the kernel
 * groups these too (RT_GROUP_SCHED) one outside of the root forbids to hand v2's cpu controller
 * down. What of v1's controllers governs a login governs the agent still. */
#include "agent/apart.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/cgroup.h"
#include "common/memory.h"

enum { PATH_SIZE = RIFT_CGROUP_PATH_SIZE + 32 };

static void join(const char *folder)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    CLEANUP(rift_close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t ignored = fd >= 0 ? write(fd, "0", 1) : 0;
    (void)ignored;
}

/* Only the true root may have both processes and controllers handed down; that of a namespace is
 * a group like others, which has this file (cgroups(7)). */
static bool is_true_root(const char *folder)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/cgroup.events", folder);
    return access(path, F_OK) != 0;
}

void apart_enter(void)
{
    struct rift_cgroup root;
    if (rift_cgroup_open("", &root, NULL))
        return;
    if (root.unified[0] && is_true_root(root.unified))
        join(root.unified);
    if (root.named[0])
        join(root.named);
}
