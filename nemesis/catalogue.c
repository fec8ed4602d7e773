/* The descriptors of every fault, in the order in which people are told of them. */
#include <string.h>

#include "nemesis/catalogue/descriptors.h"

const char *const rift_wait_words[] = {"new-leader", "leader", "healthy", NULL};
const struct rift_fault rift_wait_for = {
    .name = "wait_for",
    .summary = "a step of a sequence waits",
    .effect = "Nothing is done but to ask the nodes.",
    .scope = RIFT_FAULT_ON_MEMBERSHIP,
    .hits_all = true,
};

const struct rift_fault *const rift_faults[] = {
    &rift_fault_partition,    &rift_fault_cut_clients,
    &rift_fault_dns,          &rift_fault_conntrack_full,
    &rift_fault_reset,        &rift_fault_link,
    &rift_fault_wan,          &rift_fault_kill,
    &rift_fault_pause,        &rift_fault_pause_host,
    &rift_fault_hang,         &rift_fault_cpu,
    &rift_fault_cpu_burn,     &rift_fault_memory,
    &rift_fault_oom_kill,     &rift_fault_fd_limit,
    &rift_fault_pid_limit,    &rift_fault_disk_full,
    &rift_fault_power,        &rift_fault_disk_lose,
    &rift_fault_disk_error,   &rift_fault_disk_slow,
    &rift_fault_disk_corrupt, &rift_fault_disk_rate,
    &rift_fault_disk_device,  &rift_fault_file_damage,
    &rift_fault_rollback,     &rift_fault_clock,
    &rift_fault_restart,      &rift_fault_upgrade,
    &rift_fault_membership,   NULL,
};

const struct rift_fault *rift_fault_find(const char *name)
{
    for (size_t i = 0; rift_faults[i]; i++)
        if (strcmp(rift_faults[i]->name, name) == 0)
            return rift_faults[i];
    return NULL;
}
