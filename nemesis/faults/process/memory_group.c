/* PSI stands in the cgroup's folder of v2, also where v1 has the controller. */
#include "nemesis/faults/process/memory_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nemesis/faults/setting.h"

int rift_memory_group_find(const struct rift_target *target, enum rift_memory_by by,
                           struct rift_memory_group *group, struct rift_error *err)
{
    const char *v1 = rift_cgroup_v1_folder(target->system, "memory");
    const char *v2 = v1 ? NULL : rift_setting_v2_folder(target->system, "memory");
    if (!v1 && !v2)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED, "no memory controller governs the system");
    *group = (struct rift_memory_group){.folder = v1 ? v1 : v2,
                                        .limit = v1 ? "memory.limit_in_bytes" : "memory.max",
                                        .use = v1 ? "memory.usage_in_bytes" : "memory.current",
                                        .event = "max",
                                        .is_v2 = v2 != NULL};
    if (by == RIFT_MEMORY_LIMIT)
        return 0;
    if (v1)
        return rift_fail(err, RIFT_ERR_UNSUPPORTED,
                         "cgroup v1 governs the system's memory, which has no memory.high");
    group->limit = "memory.high";
    group->event = "high";
    return 0;
}

long long rift_memory_use(const struct rift_memory_group *group)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    return rift_setting_read(group->folder, group->use, text) ? strtoll(text, NULL, 10) : 0;
}

static struct rift_memory_counts count_v2(const char *folder, const char *event)
{
    return (struct rift_memory_counts){rift_setting_count(folder, "memory.events", event),
                                       rift_setting_count(folder, "memory.events", "oom_kill")};
}

static struct rift_memory_counts count_own(const struct rift_memory_group *group)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    if (group->is_v2)
        return count_v2(group->folder, group->event);
    return (struct rift_memory_counts){
        rift_setting_read(group->folder, "memory.failcnt", text) ? strtoll(text, NULL, 10) : 0,
        rift_setting_count(group->folder, "memory.oom_control", "oom_kill")};
}

/* The root has no such file: 0. */
static struct rift_memory_counts count_above(const struct rift_memory_group *group)
{
    char above[RIFT_CGROUP_PATH_SIZE];
    snprintf(above, sizeof above, "%s", group->folder);
    *strrchr(above, '/') = 0;
    return count_v2(above, group->event);
}

/* 0: it is not there. */
static json_int_t group_inode(const struct rift_memory_group *group)
{
    struct stat found;
    return stat(group->folder, &found) == 0 ? (json_int_t)found.st_ino : 0;
}

static json_t *counts_to_json(struct rift_memory_counts counts)
{
    return json_pack("[I, I]", (json_int_t)counts.failures, (json_int_t)counts.kills);
}

void rift_memory_count_plan(const struct rift_memory_group *group, json_t *undo)
{
    json_object_set_new(undo, "group", json_integer(group_inode(group)));
    json_object_set_new(undo, "counts", counts_to_json(count_own(group)));
    if (group->is_v2)
        json_object_set_new(undo, "counts_above", counts_to_json(count_above(group)));
}

struct rift_memory_counts rift_memory_counted(const struct rift_memory_group *group,
                                              const json_t *undo)
{
    bool is_same = json_integer_value(json_object_get(undo, "group")) == group_inode(group);
    bool is_above = group->is_v2 && !is_same;
    const json_t *before = json_object_get(undo, is_above ? "counts_above" : "counts");
    struct rift_memory_counts now = is_above ? count_above(group) : count_own(group);
    now.failures -= json_integer_value(json_array_get(before, 0));
    now.kills -= json_integer_value(json_array_get(before, 1));
    return now;
}

long long rift_memory_stall_us(const struct rift_target *target)
{
    char text[RIFT_SETTING_TEXT_SIZE];
    if (!rift_setting_read(target->system->unified, "memory.pressure", text))
        return -1;
    const char *total = strstr(text, "total="); /* of the first line, "some" */
    return total ? strtoll(total + strlen("total="), NULL, 10) : -1;
}

void rift_memory_group_probe(const struct rift_target *target, enum rift_memory_by by,
                             struct rift_fault_ability *ability)
{
    struct rift_memory_group group;
    struct rift_error reason = {0};
    if (rift_memory_group_find(target, by, &group, &reason)) {
        snprintf(ability->why, sizeof ability->why, "%.200s", reason.text);
        return;
    }
    ability->backend = !group.is_v2              ? "cgroup v1, memory.limit_in_bytes"
                       : by == RIFT_MEMORY_LIMIT ? "cgroup v2, memory.max"
                                                 : "cgroup v2, memory.high";
    rift_setting_probe(target->system, group.folder, group.limit, ability);
}
