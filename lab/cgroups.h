/* The control groups of a lab: /rift-lab/LAB/HOST in every hierarchy of the machine, v1, v2 or
 * both.
 *
 * They are what a lab is taken down by: every process of it, whatever it forked and whoever its
 * parent is, is found in them and nowhere else. */
#ifndef LAB_CGROUPS_H
#define LAB_CGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { LAB_HIERARCHIES_MAX = 16, LAB_CGROUP_PATH_SIZE = 512 };

struct lab_hierarchy {
    char mount_point[128];
    char options[128]; /* of mount(2): "cpu,cpuacct" or "none,name=systemd"; "" for v2 */
    bool is_v2;
};

struct lab_cgroups {
    struct lab_hierarchy hierarchies[LAB_HIERARCHIES_MAX];
    size_t count;
};

/* Reads the hierarchies that this machine has mounted. */
int lab_cgroups_find(struct lab_cgroups *cgroups, struct rift_error *err);
/* Makes rift-lab/LAB/MEMBER in each. A member is a host, or "builder". */
int lab_cgroups_make(const struct lab_cgroups *cgroups, const char *lab, const char *member,
                     struct rift_error *err);
/* Moves the calling process into them. */
int lab_cgroups_join(const struct lab_cgroups *cgroups, const char *lab, const char *member,
                     struct rift_error *err);
/* Only in the v2 hierarchies. */
int lab_cgroups_join_v2(const struct lab_cgroups *cgroups, const char *lab, const char *member,
                        struct rift_error *err);
/* Kills every process of the lab, frozen ones too, and removes its groups. None there: success. */
int lab_cgroups_remove(const struct lab_cgroups *cgroups, const char *lab, int64_t deadline_ns,
                       struct rift_error *err);

#endif
