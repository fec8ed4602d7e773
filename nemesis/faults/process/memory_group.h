/* The memory controller of the system's cgroup, of v1 or v2: its limit, its use, and what the
 * kernel counted in it. */
#ifndef NEMESIS_FAULTS_PROCESS_MEMORY_GROUP_H
#define NEMESIS_FAULTS_PROCESS_MEMORY_GROUP_H

#include "nemesis/faults/driver.h"

struct rift_memory_group {
    const char *folder, *limit, *use; /* files in the folder */
    const char *event;                /* of v2: the word in memory.events for the limit */
    bool is_v2;
};

struct rift_memory_counts {
    long long
        failures;    /* the limit was met: an allocation had to wait for memory to be taken back */
    long long kills; /* processes killed for want of memory */
};

enum rift_memory_by {
    RIFT_MEMORY_LIMIT,    /* past it the kernel kills */
    RIFT_MEMORY_PRESSURE, /* past it processes wait; only v2 has it */
};

/* UNSUPPORTED where no memory controller governs the system, or none that has such a limit. */
int rift_memory_group_find(const struct rift_target *target, enum rift_memory_by by,
                           struct rift_memory_group *group, struct rift_error *err);
long long rift_memory_use(const struct rift_memory_group *group); /* bytes, page cache included */
/* Puts what the kernel has counted so far into undo. */
void rift_memory_count_plan(const struct rift_memory_group *group, json_t *undo);
/* What it has counted since. A unit that systemd starts again has a new group, which counts from 0:
 * then the counts are those of the group above, where v2 adds up all that are below it. */
struct rift_memory_counts rift_memory_counted(const struct rift_memory_group *group,
                                              const json_t *undo);
/* For how long, in us, some process of the system has waited for memory (PSI); -1: not told here.
 */
long long rift_memory_stall_us(const struct rift_target *target);
/* For a probe: sets all of ability. */
void rift_memory_group_probe(const struct rift_target *target, enum rift_memory_by by,
                             struct rift_fault_ability *ability);

#endif
