/* One control group of ours, the same name in every hierarchy that this machine has: cgroup v2, v1,
 * or both side by side. */
#ifndef COMMON_CGROUP_H
#define COMMON_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"

enum { RIFT_CGROUP_PATH_SIZE = 256, RIFT_CGROUP_V1_MAX = 16, RIFT_CGROUP_PIDS_MAX = 8192 };

struct rift_cgroup {
    char unified[RIFT_CGROUP_PATH_SIZE]; /* our folder in cgroup v2; "" where it is not mounted */
    struct {
        char controllers[64]; /* "cpu,cpuacct" */
        char folder[RIFT_CGROUP_PATH_SIZE];
    } v1[RIFT_CGROUP_V1_MAX];
    size_t v1_count;
    char named[RIFT_CGROUP_PATH_SIZE]; /* in v1's name=systemd, where units are; "": not mounted */
    bool is_foreign;                   /* somebody else's: never made or removed by us */
};

/* name may be a path ("system.slice/etcd.service"). Finds where the group would stand, below the
 * root of each hierarchy; makes nothing. Fails where no hierarchy is mounted. */
int rift_cgroup_open(const char *name, struct rift_cgroup *cgroup, struct rift_error *err);
int rift_cgroup_create(const struct rift_cgroup *cgroup, struct rift_error *err);
bool rift_cgroup_exists(const struct rift_cgroup *cgroup);
/* Moves the calling process in; only async-signal-safe calls, for use between fork and exec. 0, or
 * -1 with errno. */
int rift_cgroup_join(const struct rift_cgroup *cgroup);
/* Moves the calling process to where a process of the group in that folder is: cgroup v2 allows
 * none in a group that hands controllers down to groups below it. 0, or -1. */
int rift_cgroup_join_member(const char *folder);
/* The folder that tells which processes are in it: of the first hierarchy that has the group. */
const char *rift_cgroup_folder(const struct rift_cgroup *cgroup);
/* The folder that governs a v1 controller ("memory", "freezer"); NULL where v1 does not have it. */
const char *rift_cgroup_v1_folder(const struct rift_cgroup *cgroup, const char *controller);
/* Calls work with the folder of the group and of each below it, the lowest first, until one returns
 * false; false then. */
typedef bool rift_cgroup_work(const char *folder, void *context);
bool rift_cgroup_visit(const char *folder, rift_cgroup_work *work, void *context);
/* The processes in it and in the groups below it, which a system may make itself, as one does to
 * which systemd delegates (Delegate=); at most max of them; 0 in a group that does not exist. */
size_t rift_cgroup_pids(const struct rift_cgroup *cgroup, pid_t *pids, size_t max);
/* Sends signal to each process in it until no new ones appear; SIGKILL by cgroup.kill where the
 * kernel has it. *count is how many were hit. */
int rift_cgroup_signal(const struct rift_cgroup *cgroup, int signal, size_t *count,
                       struct rift_error *err);
/* Removes the group, with those below it, where all are empty; one that is not there is a success.
 */
int rift_cgroup_remove(const struct rift_cgroup *cgroup, struct rift_error *err);

#endif
